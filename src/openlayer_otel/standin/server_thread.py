"""A server on loopback, run by an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import TypeVar

_Server = TypeVar("_Server", bound="ServerThread")

_START_TIMEOUT = 10.0  # seconds; a loopback socket binds at once or not at all
_LARGEST_LINE = 2**24


class ServerThread:
    """Base of the stand-in servers; a context manager that serves while it is open.

    Args:
        port: The port to listen on; 0 picks a free one.
    """

    def __init__(self, port: int = 0) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """The server's address, without a path and without a slash at its end."""
        return f"http://{self.host}:{self.port}"

    async def serve_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one client connection; subclasses say how."""
        raise NotImplementedError

    def start(self) -> None:
        """Start serving.

        Raises:
            OSError: The port is taken.
            TimeoutError: The server did not come up.
        """
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)
        self._thread.start()
        if not self._ready.wait(_START_TIMEOUT):
            raise TimeoutError(f"{type(self).__name__} did not start")
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Stop serving and cut all connections. Does nothing if it is not running."""
        if self._loop is not None and self._stop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_START_TIMEOUT)
            self._thread = self._loop = None

    def __enter__(self: _Server) -> _Server:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        server = await asyncio.start_server(
            self.serve_connection, self.host, self.port, limit=_LARGEST_LINE, backlog=512
        )
        self.port = server.sockets[0].getsockname()[1]
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        await self._stop.wait()
        server.close()
        # Connections still open are cancelled when the loop ends.
