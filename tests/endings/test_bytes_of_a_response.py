"""What the application reads as bytes or lines, however they come over the wire."""

from __future__ import annotations

import gzip
import importlib
import json
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


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate, gzip": lambda data: gzip.compress(zlib.compress(data)),
    "turned": _Turned().decode,
}


def _encoded(answer: Any) -> bytes:
    if isinstance(answer, list):
        return "".join(f"data: {json.dumps(each)}\n\n" for each in answer).encode()
    return json.dumps(answer).encode()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_what_is_read_is_recorded_however_it_is_encoded(
    encoding: str, stream: bool, monkeypatch: pytest.MonkeyPatch, instrumented: SpanLog
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
    body = ENCODINGS[encoding](_encoded([whole] if stream else whole))

    def answered(request: Any) -> Any:
        return http.Response(200, headers={"content-encoding": encoding}, content=iter([body]))

    client = make_client("openai", False, "http://127.0.0.1", http.MockTransport(answered))
    create = client.chat.completions.with_streaming_response.create
    with create(model="m", messages=[{"role": "user", "content": "Hi"}], stream=stream) as response:
        assert "Hello" in "".join(response.iter_lines())
    span = instrumented.only()
    attributes = span.attributes or {}
    assert attributes[semconv.USAGE_OUTPUT_TOKENS] == 2
    assert attributes[semconv.RESPONSE_FINISH_REASONS] == ("stop",)
    assert "Hello" in str(attributes[semconv.OUTPUT_MESSAGES])
