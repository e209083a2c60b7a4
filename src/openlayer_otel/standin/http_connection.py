"""One client connection of the LLM stand-in: HTTP/1.1 with keep-alive, chunked event streams.

The faults that concern the wire (cut connections, broken JSON, odd chunk sizes) are made here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from openlayer_otel.standin import anthropic_api, openai_api, routing
from openlayer_otel.standin.amazon_bedrock_api import event_message
from openlayer_otel.standin.exchange import (
    EVERY_REQUEST,
    Event,
    Json,
    RecordedRequest,
    Reply,
    Request,
    Steering,
)
from openlayer_otel.standin.websocket import accepts as is_websocket
from openlayer_otel.standin.websocket import converse

_HEADERS = {
    "date": "Sun, 22 Nov 2026 00:00:00 GMT",
    "x-request-id": "req_stub",
    "request-id": "req_stub",
    "openai-organization": "org-stub",
    "openai-processing-ms": "5",
    "anthropic-organization-id": "org_stub",
    "x-ratelimit-remaining-requests": "99",
}
_LAST_CHUNK = b"0\r\n\r\n"


@dataclass
class Head:
    """The first part of an HTTP request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Connection:
    """Serves the requests of one client connection, one after the other.

    Args:
        record: Called with every request.
        count: Counts requests by the steering key ``key``.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        record: Callable[[RecordedRequest], None],
        count: Callable[[str], int],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._record = record
        self._count = count

    async def serve(self) -> None:
        """Serve until the client goes away or the server stops."""
        try:
            while await self._serve_one():
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # The client left, as clients do.
        finally:
            self._writer.close()
            # Asked for what the client's leaving was: nobody else does, and asyncio would log it.
            with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
                await asyncio.wait_for(self._writer.wait_closed(), 1.0)

    async def _serve_one(self) -> bool:
        """Answer one request; returns whether the connection stays open."""
        head = await self._read_head()
        body = _read_body(head.headers, await self._read_payload(head.headers))
        recorded: RecordedRequest = {
            "method": head.method,
            "path": head.path,
            "query": head.query,
            "headers": head.headers,
            "body": body,
        }
        self._record(recorded)
        request = routing.read_request(
            head.method,
            head.path,
            head.query,
            head.headers,
            body,
            Steering(self._count),
            self._count(EVERY_REQUEST),
        )
        if is_websocket(head.headers):
            await converse(self._reader, self._writer, request, self._count, self._record)
            return False
        reply = routing.reply_to(request)
        await asyncio.sleep(
            request.steering.seconds("hang") or request.steering.seconds("first_delay")
        )
        if reply.events is None:
            await self._send_whole(reply, request)
            return head.headers.get("connection", "").lower() != "close"
        return await self._send_events(reply, reply.events, request)

    async def _read_head(self) -> Head:
        text = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin1")
        first, *lines = text.split("\r\n")
        method, target, _ = first.split(" ", 2)
        url = urlsplit(target)
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        return Head(method, url.path, dict(parse_qsl(url.query)), headers)

    async def _read_payload(self, headers: dict[str, str]) -> bytes:
        if "chunked" not in headers.get("transfer-encoding", ""):
            return await self._reader.readexactly(int(headers.get("content-length") or 0))
        payload = b""
        while True:
            size = int((await self._reader.readline()).split(b";")[0], 16)
            payload += await self._reader.readexactly(size)
            await self._reader.readline()
            if not size:
                return payload

    async def _send_head(self, status: int, headers: dict[str, str]) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**_HEADERS, **headers}.items())
        self._writer.write(f"HTTP/1.1 {status} Stand-in\r\n{lines}\r\n".encode())
        await self._writer.drain()

    async def _send_whole(self, reply: Reply, request: Request) -> None:
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        if request.steering.switch("nonjson"):
            content = b'{"broken": '
        headers = {"content-type": reply.content_type, "content-length": str(len(content))}
        await self._send_head(reply.status, {**headers, **reply.headers})
        self._writer.write(content)
        await self._writer.drain()

    async def _send_events(self, reply: Reply, events: Iterator[Event], request: Request) -> bool:
        """Send an event stream with the faults asked for; returns whether to go on."""
        steering = request.steering
        sse = reply.framing == "sse"
        content_type = "text/event-stream; charset=utf-8" if sse else reply.content_type
        headers = {"content-type": content_type, "cache-control": "no-cache"}
        await self._send_head(200, {**headers, "transfer-encoding": "chunked", **reply.headers})
        await asyncio.sleep(steering.seconds("ttft"))
        done = reply.done and not steering.switch("nodone")
        for position, (name, data) in enumerate(events):
            fault = _fault_at(position, steering)
            if fault == "drop":
                self._writer.transport.abort()
                return False
            if fault is not None:
                done = False
                await self._send_chunk(_faulty_event(fault, name, request), steering)
                break
            encoded = _sse(name, data) if sse else event_message(name or "", data)
            await self._send_chunk(encoded, steering)
            await asyncio.sleep(steering.seconds("delay"))
        if done:
            await self._send_chunk(b"data: [DONE]\n\n", steering)
        self._writer.write(_LAST_CHUNK)
        await self._writer.drain()
        return True

    async def _send_chunk(self, content: bytes, steering: Steering) -> None:
        size = steering.whole("split") or len(content)
        for start in range(0, len(content), size or 1):
            piece = content[start : start + size]
            self._writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await self._writer.drain()


def _read_body(headers: dict[str, str], payload: bytes) -> Json:
    """The JSON object of a request, or the text fields of a form; empty for anything else."""
    if "multipart" in headers.get("content-type", ""):
        return _form_fields(payload)
    try:
        body = json.loads(payload)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _form_fields(payload: bytes) -> Json:
    """Those form fields that steer an answer; files are left out."""
    fields: Json = {}
    for name in ("model", "stream", "prompt", "response_format"):
        start = payload.find(f'name="{name}"'.encode())
        if start >= 0:
            value = payload[payload.find(b"\r\n\r\n", start) + 4 :].split(b"\r\n", 1)[0].decode()
            fields[name] = value == "true" if name == "stream" else value
    return fields


def _fault_at(position: int, steering: Steering) -> str | None:
    """The fault to make instead of sending the event at ``position``."""
    for fault in ("drop", "trunc", "malformed", "sse_error"):
        after = steering.whole(fault)
        if after is not None and position >= after:
            return fault
    return None


def _faulty_event(fault: str, name: str | None, request: Request) -> bytes:
    """What a stream ends with instead of its own events."""
    if fault == "malformed":
        return (f"event: {name}\n" if name else "").encode() + b'data: {"broken": \n\n'
    if fault == "sse_error":
        if routing.speaks_anthropic(request):
            return anthropic_api.STREAM_FAILURE.encode()
        return openai_api.stream_failure(named_events=name is not None).encode()
    return b""  # trunc: nothing more


def _sse(name: str | None, data: Json) -> bytes:
    event = f"event: {name}\n" if name else ""
    return f"{event}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
