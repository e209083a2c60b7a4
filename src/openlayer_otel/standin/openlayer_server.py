"""A stand-in for Openlayer: takes traces in as Openlayer does, and keeps them.

::

    with OpenlayerServer() as server:
        init(api_key="k", inference_pipeline_id="p", base_url=server.url)
        ...
        server.traces[0].row["steps"]

A *trace* is one row sent to ``POST /inference-pipelines/{id}/data-stream``. Attachments go to
``POST /storage/presigned-url`` and from there to the stand-in's own storage.

Faults: ``server.fail(503, times=2)`` refuses the next two requests, ``server.fail_always(401)``
all of them until ``server.reset()``.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import zlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from openlayer_otel.standin.exchange import Json
from openlayer_otel.standin.server_thread import ServerThread

_PRESIGNED = "/storage/presigned-url"
_STORAGE = "/stand-in-storage"
_REASONS = {200: "OK", 204: "No Content", 404: "Not Found"}


@dataclass(frozen=True)
class OpenlayerRequest:
    """One request as it arrived.

    Attributes:
        path: The path with its query.
        headers: By lower-case name.
        content: The body as it was sent, maybe compressed.
        body: The body as JSON, decompressed; ``None`` if it is not JSON.
        status: What the stand-in answered.
    """

    method: str
    path: str
    headers: dict[str, str]
    content: bytes
    body: Any
    status: int


@dataclass(frozen=True)
class UploadedTrace:
    """One trace that was taken in.

    Attributes:
        pipeline: The inference pipeline that it was sent to.
        config: Which column of the row means what.
        row: The trace; ``row["steps"]`` holds its root step.
    """

    pipeline: str
    config: Json
    row: Json


@dataclass
class _Faults:
    statuses: list[int] = field(default_factory=list)
    always: int | None = None
    delay: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)

    def next_status(self) -> int | None:
        return self.statuses.pop(0) if self.statuses else self.always


class OpenlayerServer(ServerThread):
    """The stand-in for Openlayer; a context manager that serves while it is open.

    Args:
        port: The port to listen on; 0 picks a free one.

    Attributes:
        url: The value for ``OPENLAYER_BASE_URL``.
        requests: Every request so far, refused ones included, oldest first.
        traces: Every trace that was taken in, oldest first.
        attachments: The stored files by object name.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.requests: list[OpenlayerRequest] = []
        self.traces: list[UploadedTrace] = []
        self.attachments: dict[str, bytes] = {}
        self._faults = _Faults()
        self._changed = threading.Condition()

    def fail(self, status: int, *, times: int = 1, headers: dict[str, str] | None = None) -> None:
        """Answer the next ``times`` requests with HTTP ``status`` (and ``headers``)."""
        self._faults.statuses += [status] * times
        self._faults.headers = headers or {}

    def fail_always(self, status: int) -> None:
        """Answer every request with HTTP ``status`` until :meth:`reset`."""
        self._faults.always = status

    def answer_after(self, seconds: float) -> None:
        """Wait so many seconds before each answer until :meth:`reset`."""
        self._faults.delay = seconds

    def reset(self) -> None:
        """Forget everything that arrived, and all faults."""
        with self._changed:
            self.requests.clear()
            self.traces.clear()
            self.attachments.clear()
            self._faults = _Faults()

    def wait_for_traces(self, count: int, timeout: float = 30.0) -> list[UploadedTrace]:
        """The traces so far, once there are at least ``count``.

        Args:
            timeout: Longest wait in seconds.

        Raises:
            TimeoutError: Fewer arrived in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.traces) >= count, timeout):
                raise TimeoutError(f"{len(self.traces)} of {count} traces arrived")
            return list(self.traces)

    async def serve_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer the requests of one client connection."""
        try:
            while True:
                await self._serve_one(reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass  # The server stops, or the client left.
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin1")
        first, *lines = text.split("\r\n")
        method, path, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        content = await reader.readexactly(int(headers.get("content-length") or 0))
        await asyncio.sleep(self._faults.delay)
        body = _json(headers, content)
        status = self._faults.next_status()
        answer: Any = {"error": f"stand-in: asked to fail with {status}"}
        with self._changed:
            if status is None:
                status, answer = self._take_in(path, headers, content, body)
            self.requests.append(OpenlayerRequest(method, path, headers, content, body, status))
            self._changed.notify_all()
        encoded = json.dumps(answer).encode()
        extra = self._faults.headers if status >= 400 else {}
        fields = {"content-type": "application/json", "content-length": str(len(encoded)), **extra}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        reason = _REASONS.get(status, "Refused")
        writer.write(f"HTTP/1.1 {status} {reason}\r\n{head}\r\n".encode() + encoded)
        await writer.drain()

    def _take_in(
        self, path: str, headers: dict[str, str], content: bytes, body: Any
    ) -> tuple[int, Json]:
        """Keep what a request brought; returns the status and the answer."""
        url = urlsplit(path)
        if url.path.endswith("/data-stream") and isinstance(body, dict):
            pipeline = url.path.split("/")[-2]
            for row in body.get("rows", []):
                self.traces.append(UploadedTrace(pipeline, body.get("config", {}), row))
            return 200, {"success": True}
        if url.path.endswith(_PRESIGNED):
            name = parse_qs(url.query).get("objectName", [""])[0]
            target = {"url": self.url + _STORAGE, "fields": {"key": name, "policy": "P"}}
            return 200, {**target, "storageUri": f"stand-in://storage/{name}"}
        if url.path == _STORAGE:
            name, stored = _form(headers, content)
            self.attachments[name] = stored
            return 204, {}
        return 404, {"error": f"stand-in: no such endpoint: {url.path}"}


def _json(headers: dict[str, str], content: bytes) -> Any:
    encoding = headers.get("content-encoding", "")
    try:
        if encoding == "gzip":
            content = gzip.decompress(content)
        elif encoding == "deflate":
            content = zlib.decompress(content)
        return json.loads(content)
    except (ValueError, OSError, zlib.error):
        return None


def _form(headers: dict[str, str], content: bytes) -> tuple[str, bytes]:
    """The object name and the file of a multipart upload."""
    boundary = headers.get("content-type", "").partition("boundary=")[2].strip('"')
    name, stored = "", b""
    for part in content.split(b"--" + boundary.encode()):
        head, _, value = part.partition(b"\r\n\r\n")
        value = value.removesuffix(b"\r\n")
        if b'name="key"' in head:
            name = value.decode()
        elif b'name="file"' in head:
            stored = value
    return name, stored
