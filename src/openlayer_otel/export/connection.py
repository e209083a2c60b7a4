"""One request over a connection that is open: what remains when nothing is looked up again.

urllib3 opens connections (through proxies, with certificates); each is *taken over* from it after
its first request, and :func:`exchange` writes to the socket and reads the answer itself. A request
costs 60 us of processor time this way, 680 through urllib3's pool, 1350 through ``requests``; and
each trace is a request.

Most answers are *plain*: 2xx, with headers in one piece and a known length. All others are read
by the standard library's :class:`http.client.HTTPResponse`.
"""

from __future__ import annotations

import http.client
import io
import re
import threading
import time
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

# More of an answer is not read: nobody needs it.
LARGEST_ANSWER = 65_536
_PIECE = 16_384
_PLAIN = re.compile(rb"HTTP/1\.1 2\d\d[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n")
_NOT_PLAIN = re.compile(rb"\r\n(?:transfer-encoding|content-encoding|connection:[ \t]*close)")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
# Bodies up to this size go out with their headers in one piece.
_JOINED = 262_144


class Response(NamedTuple):
    """An answer.

    Attributes:
        status: The HTTP status.
        body: The beginning of the body, at most about :data:`LARGEST_ANSWER` bytes.
        retry_after: The header of this name, if there is one.
    """

    status: int
    body: bytes
    retry_after: str | None = None


def head_of(address: str, target: str, headers: Mapping[str, str]) -> bytes:
    """The part of a POST request that is always the same: all up to the length of the body.

    Args:
        address: The URL, which names the host.
        target: What the request line names: a path, or the whole URL for a proxy.
        headers: Without ``Host`` and ``Content-Length``.
    """
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2].removesuffix(_DEFAULT_PORTS.get(parts.scheme, "\0"))
    lines = [f"POST {target} HTTP/1.1"]
    if not any(name.lower() == "host" for name in headers):
        lines.append(f"Host: {host}")
    lines.extend(f"{name}: {value}" for name, value in headers.items())
    return "\r\n".join([*lines, "Content-Length: "]).encode("latin-1")


class Connection:
    """A connection that is ours alone.

    Left with urllib3, it would be closed with all that stand idle there when the process ends,
    in the midst of a request of ours.

    Attributes:
        sock: Its socket; None once it is closed.
        in_use: Held while a request is on its way.
    """

    __slots__ = ("in_use", "sock")

    def __init__(self, sock: Any) -> None:
        self.sock = sock
        self.in_use = threading.Lock()

    def close(self) -> None:
        """Close it, for good."""
        sock, self.sock = self.sock, None
        if sock is not None:
            sock.close()

    def __del__(self) -> None:
        self.close()


def taken_over(opened: Any) -> Connection | None:
    """The connection that urllib3 has opened, if it still is open; urllib3 opens its next anew."""
    sock = getattr(opened, "sock", None)
    if sock is None:
        return None
    opened.sock = None
    return Connection(sock)


def is_open(connection: Connection) -> bool:
    """Whether an idle connection can take a request: the server has not closed it.

    A server that says something unasked (408, that it waited too long) will close it as well.
    """
    sock = connection.sock
    if sock is None:
        return False
    try:
        sock.settimeout(0)
        sock.recv(1)
    except OSError as error:
        if isinstance(error, BlockingIOError) or type(error).__name__ == "SSLWantReadError":
            return True  # nothing was said, as it should be
    connection.close()
    return False


def exchange(connection: Connection, head: bytes, body: bytes, timeout: float) -> Response:
    """Send a request on an open connection, and read the answer.

    Args:
        connection: An idle one; it is closed where it cannot be used again.
        head: From :func:`head_of`.
        body: The JSON body.
        timeout: Seconds until the socket takes or gives the next bytes, and for the answer.

    Raises:
        OSError: The connection broke, or the server was too slow.
        http.client.HTTPException: The answer is no HTTP.
    """
    sock = connection.sock
    whole = False
    try:
        sock.settimeout(timeout)
        start = b"%s%d\r\n\r\n" % (head, len(body))
        try:
            if len(body) <= _JOINED:
                sock.sendall(start + body)
            else:
                sock.sendall(start)
                sock.sendall(body)
        except ConnectionError:
            pass  # a server that finds the body too large may answer and close before it has it
        until = time.monotonic() + timeout
        data = sock.recv(_PIECE)
        missing = _missing(data)
        while missing > 0 and time.monotonic() < until:
            part = sock.recv(missing)
            if not part:
                break
            data += part
            missing -= len(part)
        if missing == 0:
            whole = True
            return Response(int(data[9:12]), data[data.index(b"\r\n\r\n") + 4 :])
        response, whole = _any_answer(sock, data, until)
        return response
    finally:
        if not whole:
            connection.close()


def _missing(data: bytes) -> int:
    """How many bytes of a plain answer have yet to come; -1 if this is no plain answer."""
    end = data.find(b"\r\n\r\n")
    if end < 0 or not _PLAIN.match(data):
        return -1
    head = data[: end + 2].lower()
    length = _LENGTH.search(head)
    if length is None or _NOT_PLAIN.search(head):
        return -1
    missing = end + 4 + int(length[1]) - len(data)
    return missing if missing <= LARGEST_ANSWER else -1


class _Received(io.RawIOBase):
    """What came already, then what comes from a socket; read as a file, closed without it."""

    def __init__(self, data: bytes, sock: Any) -> None:
        self._data = data
        self._sock = sock

    def makefile(self, mode: str) -> io.BufferedReader:
        """As of a socket, for :class:`http.client.HTTPResponse`."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._data:
            return int(self._sock.recv_into(buffer))
        part, self._data = self._data[: len(buffer)], self._data[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def _any_answer(sock: Any, data: bytes, until: float) -> tuple[Response, bool]:
    """An answer of any form, and whether the connection is as it was before the request."""
    if not data:
        raise http.client.RemoteDisconnected("the connection was closed without an answer")
    answer: Any = http.client.HTTPResponse(_Received(data, sock), method="POST")  # type: ignore[arg-type]
    answer.begin()
    body = b""
    while part := answer.read1(_PIECE):
        body += part
        if len(body) > LARGEST_ANSWER or time.monotonic() > until:
            break
    whole = not part and not answer.will_close
    if answer.headers.get("Content-Encoding", "").lower() in ("gzip", "deflate"):
        body = zlib.decompressobj(47).decompress(body, LARGEST_ANSWER)
    return Response(answer.status, body, answer.headers.get("Retry-After")), whole
