"""An Openlayer that misbehaves on purpose: a plain threading HTTP server on loopback.

Unlike the stand-in that the package ships it fails below HTTP, too. A row is *accepted* when
it was answered with success; ``received`` counts every body that arrived whole.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OK = "ok"
HANG = "hang"
CUT = "cut"  # reads the request, then closes the connection without an answer
GARBAGE = "garbage"  # status 200 and the page of somebody else
NOT_HTTP = "not http"


@dataclass
class FaultyServer:
    """The server's address, how it behaves, and what it saw.

    Attributes:
        url: The value for ``OPENLAYER_BASE_URL``.
        mode: ``OK``, one of the other modes above, or an HTTP status.
        mode_of: The mode for a path and a body, where it is not ``mode``.
        next_modes: Modes of the next requests, before ``mode`` applies again.
        delay: Seconds before each answer.
        headers: Added to answers that are no success.
        max_bytes: Larger bodies are answered with 413.
    """

    port: int = 0
    mode: str | int = OK
    mode_of: Callable[[str, bytes], str | int | None] | None = None
    next_modes: list[str | int] = field(default_factory=list)
    delay: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    max_bytes: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def names(self) -> Counter[str]:
        """How often the trace with this root step was accepted."""
        return Counter(row["steps"][0]["name"] for row in list(self.rows))

    def in_order(self) -> list[str]:
        """The names of the root steps, in the order of acceptance."""
        return [row["steps"][0]["name"] for row in list(self.rows)]

    def wait_for(self, count: int, timeout: float = 30.0) -> list[dict[str, Any]]:
        """The accepted rows, once there are ``count``."""
        wait_until(lambda: len(self.rows) >= count, timeout)
        return list(self.rows)


def wait_until(condition: Any, timeout: float = 30.0) -> None:
    """Return once ``condition()`` is true; fail after ``timeout`` seconds."""
    ends = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.01)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.state.connections += 1

    @property
    def state(self) -> FaultyServer:
        return self.server.state  # type: ignore[attr-defined]

    def do_POST(self) -> None:
        state = self.state
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mode = state.next_modes.pop(0) if state.next_modes else state.mode
        if state.mode_of is not None:
            mode = state.mode_of(self.path, body) or mode
        if state.max_bytes and len(body) > state.max_bytes:
            mode = 413
        state.requests.append(
            {
                "path": self.path,
                "headers": dict(self.headers),
                "bytes": len(body),
                "body": body,
                "mode": mode,
                "at": time.monotonic(),
            }
        )
        if state.delay:
            time.sleep(state.delay)
        if mode == HANG:
            state.released.wait(60)
            self.close_connection = True
        elif mode == CUT:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif mode == NOT_HTTP:
            self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
            self.close_connection = True
        elif mode == GARBAGE:
            self._answer(200, b"<html>Please sign in to the hotel</html>", "text/html")
        elif mode == OK:
            state.rows.extend(json.loads(body)["rows"])
            self._answer(200, b'{"success": true}')
        else:
            self._answer(int(mode), b'{"error": "as told"}', headers=state.headers)

    def _answer(
        self,
        status: int,
        body: bytes,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that went away are part of the tests


@contextmanager
def faulty_server(port: int = 0) -> Iterator[FaultyServer]:
    """A server for the length of the block."""
    server = _Server(("127.0.0.1", port), _Handler)
    state = FaultyServer(port=server.server_address[1])
    server.state = state  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
