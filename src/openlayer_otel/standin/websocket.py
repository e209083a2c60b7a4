"""The WebSocket side of the LLM stand-in: OpenAI's Realtime API and Responses over a WebSocket.

Only what these need of RFC 6455: text frames from and to the client, ping and close. A
``response.create`` event is answered with the events of one response.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import struct
from collections.abc import Callable, Iterator

from openlayer_otel.standin import openai_realtime, openai_responses
from openlayer_otel.standin.exchange import EVERY_REQUEST, Json, RecordedRequest, Request, Steering

_KEY_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA


def accepts(headers: dict[str, str]) -> bool:
    """Whether a request asks for a WebSocket."""
    return headers.get("upgrade", "").lower() == "websocket"


async def converse(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    request: Request,
    count: Callable[[str], int],
    record: Callable[[RecordedRequest], None],
) -> None:
    """Accept the WebSocket and answer its events until the client closes it.

    Args:
        request: The one that opened the WebSocket.
        count: Counts requests by the steering key ``key``.
        record: Called with every event of the client, as a request of method ``WS``.
    """
    key = request.headers["sec-websocket-key"].encode()
    accepted = base64.b64encode(hashlib.sha1(key + _KEY_SUFFIX).digest()).decode()
    writer.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accepted}\r\n\r\n".encode()
    )
    realtime = request.path.startswith("/realtime")
    request.model = request.steering.update_from_name(request.query.get("model") or request.model)
    if realtime:
        _write(writer, _TEXT, json.dumps(openai_realtime.session_created(request)).encode())
    await writer.drain()
    while True:
        kind, payload = await _read(reader)
        if kind == _CLOSE:
            _write(writer, _CLOSE, payload)
            await writer.drain()
            return
        if kind == _PING:
            _write(writer, _PONG, payload)
        elif kind == _TEXT:
            event = json.loads(payload)
            recorded: RecordedRequest = {
                "method": "WS",
                "path": request.path,
                "query": request.query,
                "headers": request.headers,
                "body": event,
            }
            record(recorded)
            turn = _turn(request, event, count)
            answers = (
                openai_realtime.answers(turn, event) if realtime else _response_events(turn, event)
            )
            if not await _send_all(writer, answers, turn.steering):
                return
        await writer.drain()


def _turn(request: Request, event: Json, count: Callable[[str], int]) -> Request:
    """One client event as a request of its own, steered as its connection and by itself."""
    body = event.get("response")
    if not isinstance(body, dict):
        body = event
    steering = Steering(count)
    steering.update(request.steering.values())
    model = steering.update_from_name(str(body.get("model") or request.model))
    if isinstance(body.get("stub"), dict):
        steering.update(body["stub"])
    return Request(
        "WS", request.path, {}, request.headers, body, model, steering, count(EVERY_REQUEST)
    )


def _response_events(turn: Request, event: Json) -> Iterator[Json]:
    if event.get("type") == "response.create":
        yield from (data for _, data in openai_responses.response_events(turn))


async def _send_all(
    writer: asyncio.StreamWriter, events: Iterator[Json], steering: Steering
) -> bool:
    """Send every event; returns whether the connection is still open."""
    drop, fail = steering.whole("drop"), steering.whole("sse_error")
    for position, event in enumerate(events):
        if drop is not None and position >= drop:
            writer.transport.abort()
            return False
        if fail is not None and position >= fail:
            error = {"type": "server_error", "code": "server_error", "message": "stub failure"}
            _write(writer, _TEXT, json.dumps({"type": "error", "error": error}).encode())
            return True
        _write(writer, _TEXT, json.dumps(event).encode())
        await writer.drain()
        await asyncio.sleep(steering.seconds("delay"))
    return True


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The kind and the payload of the next frame; the pieces of a message are put together."""
    kind, whole = 0, b""
    while True:
        first, second = await reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await reader.readexactly(8))
        mask = await reader.readexactly(4) if second & 0x80 else b"\0\0\0\0"
        payload = await reader.readexactly(size)
        whole += bytes(byte ^ mask[k % 4] for k, byte in enumerate(payload))
        kind = first & 0x0F or kind
        if first & 0x80:
            return kind, whole


def _write(writer: asyncio.StreamWriter, kind: int, payload: bytes) -> None:
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | kind, size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | kind, 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | kind, 127, size)
    writer.write(head + payload)
