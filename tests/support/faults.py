"""A small proxy between a client and a store that does to answers what networks and servers do."""

from __future__ import annotations

import http.client
import socket
import struct
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping


_PIECE_BYTES = 1 << 16
_CONDITION_FAILED = {304, 409, 412}


@dataclass(frozen=True)
class Fault:
    """What happens to one request or its answer; by default nothing.

    Attributes:
        method: To which requests.
        path: Only where it stands in what is asked for.
        status: Answer with this status, and do not ask the store.
        location: With a `Location` header that says this.
        cut_after_bytes: Reset the connection after so much of the body.
        keep_bytes: Answer with this much of the body as if it were the whole.
        lost: Ask the store, and reset the connection before its answer.
        etag: Say this etag, in the place of the store's.
        ahead_seconds: Say a time that is so much ahead.
        pause_seconds: Wait so long between pieces of the body.
        unconditional: Say that it was done where the store refused it because of its condition.
    """

    method: str = "GET"
    path: str = ""
    status: int = 0
    location: str = ""
    cut_after_bytes: int | None = None
    keep_bytes: int | None = None
    lost: bool = False
    etag: str = ""
    ahead_seconds: float = 0.0
    pause_seconds: float = 0.0
    unconditional: bool = False


@dataclass
class Proxy:
    """What the proxy will do, and what it has seen.

    Attributes:
        endpoint: Where it listens.
        always: Faults of every request of their method.
        once: Faults that each happen once, to the next requests of their method.
        seen: Method, target and the `Range` of each request.
    """

    endpoint: str
    always: list[Fault] = field(default_factory=list[Fault])
    once: list[Fault] = field(default_factory=list[Fault])
    seen: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    _lock: Lock = field(default_factory=Lock)

    def fault(self, method: str, path: str) -> Fault:
        """Return what happens to the next request of a method, for a path."""
        with self._lock:
            for queue, taken in ((self.once, True), (self.always, False)):
                for fault in queue:
                    if fault.method == method and fault.path in path:
                        if taken:
                            queue.remove(fault)
                        return fault
        return Fault()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        parts = urlsplit(upstream)
        self.upstream = parts.netloc
        self.proxy = Proxy(f"http://127.0.0.1:{self.server_port}{parts.path}")

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: the faults break connections."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _own(self) -> _Server:
        assert isinstance(self.server, _Server)
        return self.server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self._own.proxy.seen.append((self.command, self.path, self.headers.get("range", "")))
        fault = self._own.proxy.fault(self.command, self.path)
        if fault.status:
            said = {"etag": fault.etag, "location": fault.location, "content-length": "0"}
            self._answer(fault.status, {name: value for name, value in said.items() if value}, b"", fault)
            return
        status, headers, answer = self._ask(body)
        if fault.lost:
            self._reset()
            return
        if fault.unconditional and status in _CONDITION_FAILED:
            status, headers, answer = 201, {"etag": '"made"', "content-length": "0"}, b""
        answer = answer[: fault.keep_bytes]
        if self.command != "HEAD":
            headers["content-length"] = str(len(answer))
        if fault.etag:
            headers["etag"] = fault.etag
        if fault.ahead_seconds:
            headers["date"] = formatdate(time.time() + fault.ahead_seconds, usegmt=True)
        self._answer(status, headers, answer, fault)

    do_PUT = do_HEAD = do_DELETE = do_POST = do_GET  # noqa: N815  # the names that the base class asks for

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self._own.upstream, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        answer = response.read()
        connection.close()
        for name in ("connection", "transfer-encoding"):
            headers.pop(name, None)
        return response.status, headers, answer

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes, fault: Fault) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        body = body[: fault.cut_after_bytes]
        for start in range(0, len(body), _PIECE_BYTES):
            self.wfile.write(body[start : start + _PIECE_BYTES])
            time.sleep(fault.pause_seconds)
        if fault.cut_after_bytes is not None:
            time.sleep(0.05)  # what was written is on its way
            self._reset()

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Say nothing."""


@contextmanager
def between(endpoint: str) -> Generator[Proxy]:
    """Run a proxy in front of a store for the length of the block."""
    with _Server(endpoint) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.proxy
        server.shutdown()
        thread.join()
