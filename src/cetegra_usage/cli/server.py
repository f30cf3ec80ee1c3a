"""A Prefect server of the command's own, begun before it is asked: it takes seconds, in which other things can be done.

Prefect would start the same by itself once its client asks, but for that the client loads the whole server, too.
Threads, processes and workers of Dask find this one by its address.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from threading import Thread

from cetegra_usage.quiet import silence

_ADDRESS, _HOST = "PREFECT_API_URL", "127.0.0.1"
# As Prefect's own: no pages, and nothing that outlives the command.
_OF_THE_SERVER = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}


class Server:
    """A server that was begun, or one that the settings of Prefect name.

    Args:
        process: The process that serves; None where another server is used.
        port: Where it will answer, on this machine.
    """

    def __init__(self, process: subprocess.Popen[bytes] | None, port: int = 0) -> None:
        self._process = process
        self._place = _HOST, port
        self._answers = False
        self._waiting = Thread(target=self._wait, daemon=True)
        self._waiting.start()

    @property
    def is_awaited(self) -> bool:
        """Whether it does not answer yet."""
        return self._waiting.is_alive()

    def use(self) -> None:
        """Wait until it answers, and have Prefect use it. If it never does, Prefect starts one, and says what fails."""
        from prefect.context import refresh_global_settings_context  # noqa: PLC0415  # heavy

        self._waiting.join()
        if self._answers:
            os.environ[_ADDRESS] = "http://{}:{}/api".format(*self._place)
            refresh_global_settings_context()

    def stop(self) -> None:
        """End it, with the command."""
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _wait(self) -> None:
        until = time.monotonic() + float(os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"])
        while self._process and self._process.poll() is None and not self._answers and time.monotonic() < until:
            with suppress(OSError), socket.create_connection(self._place, timeout=1) as asked:
                asked.sendall(b"GET /api/health HTTP/1.0\r\n\r\n")
                self._answers = asked.recv(64).startswith(b"HTTP/1.1 200")
            if not self._answers:
                time.sleep(0.05)


@cache
def begin() -> Server:
    """Begin to start the server, unless the settings of Prefect name one."""
    silence()
    from prefect.settings import (  # noqa: PLC0415  # heavy
        PREFECT_API_URL,
        PREFECT_SERVER_ALLOW_EPHEMERAL_MODE,
        get_current_settings,
    )

    if PREFECT_API_URL.value() or not PREFECT_SERVER_ALLOW_EPHEMERAL_MODE.value():
        return Server(None)
    with socket.create_server((_HOST, 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603  # our own words
        [
            *(sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"),
            *("--host", _HOST, "--port", str(port), "--log-level", "error", "--lifespan", "on"),
        ],
        env=os.environ | _OF_THE_SERVER | get_current_settings().to_environment_variables(exclude_unset=True),
    )
    server = Server(process, port)
    atexit.register(server.stop)
    return server
