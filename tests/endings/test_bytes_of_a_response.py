"""What the application reads as bytes or lines, however they come over the wire."""

from __future__ import annotations

import gzip
import importlib
import json
import logging
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from openlayer_otel import semconv
from openlayer_otel.standin.llm_server import LLMServer
from tests.endings.application import Application, Case, run
from tests.endings.endpoints import ENDPOINTS, Endpoint
from tests.endings.test_endings import recorded_text
from tests.support.sdk_clients import http_library, make_client
from tests.support.span_log import SpanLog

MAIN = [endpoint for endpoint in ENDPOINTS if endpoint.main]


@pytest.mark.parametrize("endpoint", MAIN, ids=[each.name for each in MAIN])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("way", ["lines", "bytes", "raw"])
def test_the_response_of_a_stream_may_be_read_in_the_place_of_the_stream(
    endpoint: Endpoint, asynchronous: bool, way: str, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    """As a proxy does that passes an answer on as it is."""

    async def scenario() -> None:
        client = make_client(endpoint.sdk, asynchronous, llm_server.url)
        app = Application(Case(endpoint, "create", asynchronous), client, {})
        await app.open()
        assert app.stream is not None
        if asynchronous:
            async for _ in getattr(app.stream.response, f"aiter_{way}")():
                pass
        else:
            for _ in getattr(app.stream.response, f"iter_{way}")():
                pass

    run(asynchronous, scenario())
    span = instrumented.only()
    attributes = span.attributes or {}
    assert recorded_text(span) == "lorem ipsum dolor sit amet con"
    assert semconv.OUTCOME not in attributes
    assert attributes[semconv.RESPONSE_FINISH_REASONS] == ("stop",)


class _Turned:
    """An encoding that Python does not know: each byte turned round."""

    def decode(self, data: bytes) -> bytes:
        return bytes(255 - each for each in data)

    def flush(self) -> bytes:
        return b""


class _TurnedInPieces(_Turned):
    """The same as newer libraries have it."""

    def decode(self, data: bytes) -> Iterator[bytes]:  # type: ignore[override]
        yield super().decode(data)

    def flush(self) -> Iterator[bytes]:  # type: ignore[override]
        yield b""


def _without_header(data: bytes) -> bytes:
    encoder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return encoder.compress(data) + encoder.flush()


# What the header says, and what the server does.
ENCODINGS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", _without_header),
    ("deflate, gzip", lambda data: gzip.compress(zlib.compress(data))),
    ("turned", _Turned().decode),
    ("utf-8", bytes),
    ("gzip, utf-8", gzip.compress),
]


def _encoded(answer: Any) -> bytes:
    if isinstance(answer, list):
        return "".join(f"data: {json.dumps(each)}\n\n" for each in answer).encode()
    return json.dumps(answer).encode()


def _answering(headers: dict[str, str], body: list[bytes]) -> Any:
    """A client of a server that answers with ``body``, chunk by chunk."""
    http = http_library("openai")

    def answered(request: Any) -> Any:
        return http.Response(200, headers=headers, content=iter(body))

    return make_client("openai", False, "http://127.0.0.1", http.MockTransport(answered))


def _asking(client: Any, stream: bool) -> Any:
    create = client.chat.completions.with_streaming_response.create
    return create(model="m", messages=[{"role": "user", "content": "Hi"}], stream=stream)


@pytest.mark.parametrize(("encoding", "encode"), ENCODINGS)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_what_is_read_is_recorded_however_it_is_encoded(
    encoding: str,
    encode: Callable[[bytes], bytes],
    stream: bool,
    monkeypatch: pytest.MonkeyPatch,
    instrumented: SpanLog,
) -> None:
    http = http_library("openai")
    decoders = importlib.import_module(f"{http.__name__}._decoders")
    returns_bytes = isinstance(decoders.IdentityDecoder().decode(b""), bytes)
    turned = _Turned if returns_bytes else _TurnedInPieces
    monkeypatch.setitem(decoders.SUPPORTED_DECODERS, "turned", turned)
    head = {"id": "c-1", "object": "chat.completion", "created": 1, "model": "m"}
    said = {"role": "assistant", "content": "Hello"}
    choice = {"index": 0, "finish_reason": "stop", "delta" if stream else "message": said}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    whole = {**head, "choices": [choice], "usage": usage}
    body = encode(_encoded([whole] if stream else whole))
    client = _answering({"content-encoding": encoding}, [body])
    with _asking(client, stream) as response:
        assert "Hello" in "".join(response.iter_lines())
    span = instrumented.only()
    attributes = span.attributes or {}
    assert attributes[semconv.USAGE_OUTPUT_TOKENS] == 2
    assert attributes[semconv.RESPONSE_FINISH_REASONS] == ("stop",)
    assert "Hello" in str(attributes[semconv.OUTPUT_MESSAGES])


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_body_that_is_not_encoded_as_its_header_says_is_no_fault_of_ours(
    stream: bool, instrumented: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    with _asking(_answering({"content-encoding": "gzip"}, [b"data: {}\n\n"]), stream) as response:
        # As a proxy does that passes the bytes on; who reads them decoded gets the library's error.
        assert b"".join(response.http_response.iter_raw()) == b"data: {}\n\n"
    assert not caplog.records
    assert instrumented.only().name == "chat m"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_events_in_several_lines_are_recorded_wherever_the_bytes_are_cut(
    end: str, instrumented: SpanLog
) -> None:
    choice = {"index": 0, "finish_reason": "stop", "delta": {"content": "Hello"}}
    event = json.dumps({"id": "c-1", "model": "m", "choices": [choice]}, indent=1)
    lines = [f"data: {line}" for line in event.split("\n")]
    body = (end.join(lines) + end + end).encode()
    chunks = [body[place : place + 1] for place in range(len(body))]
    with _asking(_answering({}, chunks), True) as response:
        assert b"".join(response.iter_bytes()) == body
    attributes = instrumented.only().attributes or {}
    assert attributes[semconv.RESPONSE_FINISH_REASONS] == ("stop",)
    assert "Hello" in str(attributes[semconv.OUTPUT_MESSAGES])
