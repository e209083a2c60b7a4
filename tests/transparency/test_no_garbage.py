"""What a call made goes when the application drops it, as without tracing: no cycle is left."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from typing import Any

import pytest

from openlayer_otel.standin.llm_server import LLMServer
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog

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


def _garbage(call: Callable[[], None]) -> int:
    """How many objects a call leaves to the garbage collector."""
    call()
    gc.collect()
    gc.disable()
    try:
        call()
        return gc.collect()
    finally:
        gc.enable()


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_a_call_leaves_as_little_to_the_collector_as_without_tracing(
    sdk: str, stream: bool, llm_server: LLMServer, instrument: Callable[..., None], spans: SpanLog
) -> None:
    client = make_client(sdk, False, llm_server.url)
    bare = _garbage(lambda: _call(client, sdk, stream))
    instrument()
    assert _garbage(lambda: _call(client, sdk, stream)) <= bare
    assert len(spans.ended) == 2


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio itself leaves more or less")
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_an_asynchronous_call_does_so_too(
    sdk: str, stream: bool, llm_server: LLMServer, instrument: Callable[..., None], spans: SpanLog
) -> None:
    async def counted() -> int:
        client = make_client(sdk, True, llm_server.url)
        await _call_async(client, sdk, stream)
        gc.collect()
        gc.disable()
        try:
            await _call_async(client, sdk, stream)
            return gc.collect()
        finally:
            gc.enable()

    bare = asyncio.run(counted())
    instrument()
    assert asyncio.run(counted()) <= bare
    assert len(spans.ended) == 2
