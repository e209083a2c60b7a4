"""The way to a pipeline: found once for each thread, since that costs more than a request."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from openlayer_otel.export.connection import (
    LARGEST_ANSWER,
    Connection,
    Response,
    exchange,
    is_open,
    taken_over,
)
from openlayer_otel.export.http_libraries import import_urllib3

_LONGEST_CONNECT = 5.0


class Way:
    """How a thread reaches a pipeline: its connections, the URL in the request, the headers.

    Attributes:
        connection: The connection of the last request; it may have been closed since.
    """

    __slots__ = ("__weakref__", "connection", "head", "headers", "pool", "url")

    def __init__(self, pool: Any, url: str, headers: dict[str, str], head: bytes) -> None:
        self.pool = pool
        self.url = url
        self.headers = headers
        self.head = head
        self.connection: Connection | None = None

    def send(self, data: bytes, timeout: float) -> Response:
        """One request over the open connection, or else over one that urllib3 opens."""
        connection = self.connection
        if connection is not None:
            with connection.in_use:
                if is_open(connection):
                    return exchange(connection, self.head, data, timeout)
        response = self.pool.urlopen(
            "POST",
            self.url,
            body=data,
            headers=self.headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            timeout=import_urllib3().Timeout(min(timeout, _LONGEST_CONNECT), timeout),
        )
        opened = response.connection  # known until the answer is read
        body = _read(response, time.monotonic() + timeout)
        self.connection = taken_over(opened)
        return Response(int(response.status), body, response.headers.get("Retry-After"))


def _read(response: Any, until: float) -> bytes:
    """The answer, as far as anyone needs it; the connection stays open if that was all."""
    parts = []
    size = 0
    for part in _as_it_comes(response):
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER or time.monotonic() > until:
            response.close()
            break
    response.release_conn()
    return b"".join(parts)


def _as_it_comes(response: Any) -> Iterable[bytes]:
    """The body in pieces. A server that sends a byte now and then keeps nobody until it is done."""
    read = getattr(response, "read1", None)
    if read is None:  # urllib3 before 2.1
        pieces: Iterable[bytes] = response.stream(8192)
        return pieces
    return iter(lambda: read(8192), b"")
