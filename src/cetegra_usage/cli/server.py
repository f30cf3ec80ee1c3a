"""Prefect's own server, begun before it is asked: it takes seconds to start, in which other things can be done."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from threading import Thread

from cetegra_usage.quiet import silence


@cache
def begin() -> Thread:
    """Begin to start the server, unless the settings of Prefect name one; the thread ends when it answers.

    Nothing is imported in the thread: two that import the same packages at once can find them half made.
    """
    silence()
    from prefect.server.api.server import SubprocessASGIServer  # noqa: PLC0415  # heavy
    from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE  # noqa: PLC0415  # heavy

    def start() -> None:
        with suppress(Exception):  # the flow asks for it again, and says what is wrong
            SubprocessASGIServer().start()

    is_own = not PREFECT_API_URL.value() and PREFECT_SERVER_ALLOW_EPHEMERAL_MODE.value()
    thread = Thread(target=start if is_own else lambda: None)
    thread.start()
    return thread
