"""What a call made goes when the application drops it, as without tracing: no cycle is left."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from openlayer_otel.genai.record import Endpoint, Identity
from openlayer_otel.standin.llm_server import LLMServer
from tests.support.sdk_clients import http_library, make_client
from tests.support.span_log import SpanLog

# Connections of other tests are closed by the server's thread in between: of several calls, the
# one that leaves the least tells.
_CALLS = 4
_MESSAGES: Any = [{"role": "user", "content": "Hi"}]


def _arguments(sdk: str, stream: bool) -> dict[str, Any]:
    limit = {"max_tokens": 9} if sdk == "anthropic" else {}
    return {"model": "m", "messages": _MESSAGES, "stream": stream, **limit}


def _method(client: Any, sdk: str) -> Any:
    return client.messages.create if sdk == "anthropic" else client.chat.completions.create


def _call(client: Any, sdk: str, stream: bool) -> None:
    answer = _method(client, sdk)(**_arguments(sdk, stream))
    if stream:
        for _ in answer:
            pass


async def _call_async(client: Any, sdk: str, stream: bool) -> None:
    answer = await _method(client, sdk)(**_arguments(sdk, stream))
    if stream:
        async for _ in answer:
            pass


def _client(sdk: str, asynchronous: bool, llm_server: LLMServer, stream: bool) -> Any:
    """A client that gets the stand-in's answer from memory: a server leaves garbage, too."""
    library = http_library(sdk)
    path = "/v1/chat/completions" if sdk == "openai" else "/v1/messages"
    answer = library.post(llm_server.url + path, json=_arguments(sdk, stream)).content
    kind = "text/event-stream" if stream else "application/json"

    async def pieces() -> AsyncIterator[bytes]:
        yield answer

    def respond(request: Any) -> Any:
        body = pieces() if asynchronous else iter([answer])
        return library.Response(200, headers={"content-type": kind}, content=body)

    transport = library.MockTransport(respond)
    return make_client(sdk, asynchronous, llm_server.url, transport)


def _garbage(call: Callable[[], None]) -> int:
    """How many objects a call leaves to the garbage collector."""
    call()
    found = []
    gc.disable()
    gc.freeze()  # what was there before need not be looked at each time
    try:
        for _ in range(_CALLS):
            gc.collect()
            call()
            found.append(gc.collect())
    finally:
        gc.unfreeze()
        gc.enable()
    return min(found)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_a_call_leaves_as_little_to_the_collector_as_without_tracing(
    sdk: str, stream: bool, llm_server: LLMServer, instrument: Callable[..., None], spans: SpanLog
) -> None:
    client = _client(sdk, False, llm_server, stream)
    bare = _garbage(lambda: _call(client, sdk, stream))
    instrument()
    assert _garbage(lambda: _call(client, sdk, stream)) <= bare
    assert len(spans.ended) == 1 + _CALLS


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio itself leaves more or less")
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_an_asynchronous_call_does_so_too(
    sdk: str, stream: bool, llm_server: LLMServer, instrument: Callable[..., None], spans: SpanLog
) -> None:
    async def counted() -> int:
        client = _client(sdk, True, llm_server, stream)
        await _call_async(client, sdk, stream)
        found = []
        gc.disable()
        gc.freeze()
        try:
            for _ in range(_CALLS):
                gc.collect()
                await _call_async(client, sdk, stream)
                found.append(gc.collect())
        finally:
            gc.unfreeze()
            gc.enable()
        return min(found)

    bare = asyncio.run(counted())
    instrument()
    assert asyncio.run(counted()) <= bare
    assert len(spans.ended) == 1 + _CALLS


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_an_open_stream_that_its_client_can_reach_goes_with_it(
    sdk: str, llm_server: LLMServer, instrument: Callable[..., None], spans: SpanLog
) -> None:
    """As in an application whose object has client and stream, and a method as an HTTP hook."""

    def forget() -> Any:
        client = _client(sdk, False, llm_server, True)
        client.open = _method(client, sdk)(**_arguments(sdk, True))
        next(client.open)
        return weakref.ref(client)

    instrument()
    client = forget()
    gc.collect()
    assert client() is None
    (span,) = spans.ended
    assert (span.attributes or {})["openlayer.operation.outcome"] == "dropped"


def test_what_is_remembered_of_models_is_bounded() -> None:
    """An application may let its users name the model."""
    identity = Identity("openai")
    endpoint = Endpoint(operation="chat", request=lambda *_: None, response=lambda *_: None)
    for number in range(1_000):
        name, attributes = identity.opening(endpoint, f"model-{number}")
        assert (name, attributes["gen_ai.request.model"]) == (
            f"chat model-{number}",
            f"model-{number}",
        )
    assert len(identity._openings) <= 64
