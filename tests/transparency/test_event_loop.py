"""An event loop is told of the generators of the SDK, as without tracing, and of none of ours."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from typing import Any

import pytest

from openlayer_otel import semconv
from openlayer_otel.standin.llm_server import LLMServer
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog

pytestmark = pytest.mark.matrix
EACH_SDK = pytest.mark.parametrize("sdk", ["openai", "anthropic"])


async def _stream(sdk: str, server: LLMServer) -> Any:
    client = make_client(sdk, True, server.url)
    resource = client.chat.completions if sdk == "openai" else client.messages
    more = {} if sdk == "openai" else {"max_tokens": 9}
    return await resource.create(model="m", messages=[], stream=True, **more)


@EACH_SDK
def test_it_is_told_of_no_generator_more(
    sdk: str, llm_server: LLMServer, spans: SpanLog, instrument: Callable[..., None]
) -> None:
    async def generators() -> list[str]:
        told: list[str] = []
        loops_own, finalizer = sys.get_asyncgen_hooks()

        def first_asked(generator: Any) -> None:
            told.append(generator.__qualname__)
            if loops_own is not None:
                loops_own(generator)

        sys.set_asyncgen_hooks(first_asked, finalizer)
        async for _ in await _stream(sdk, llm_server):
            pass
        assert sys.get_asyncgen_hooks() == (first_asked, finalizer)
        return told

    bare = asyncio.run(generators())
    assert any(name.endswith("__stream__") for name in bare)
    instrument()
    assert asyncio.run(generators()) == bare
    assert len(spans.ended) == 1


@EACH_SDK
def test_a_dropped_stream_ends_at_once_and_needs_no_loop(
    sdk: str, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    async def begin() -> Any:
        stream = await _stream(sdk, llm_server)
        await stream.__anext__()
        return stream

    loop = asyncio.new_event_loop()
    try:
        stream = loop.run_until_complete(begin())
        assert instrumented.ended == []
        del stream
        gc.collect()
        assert [(span.attributes or {}).get(semconv.OUTCOME) for span in instrumented.ended] == [
            "dropped"
        ]
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@EACH_SDK
def test_a_stream_of_a_closed_loop_can_be_dropped(
    sdk: str, llm_server: LLMServer, instrumented: SpanLog, recwarn: pytest.WarningsRecorder
) -> None:
    async def begin() -> Any:
        stream = await _stream(sdk, llm_server)
        await stream.__anext__()
        return stream

    loop = asyncio.new_event_loop()
    stream = loop.run_until_complete(begin())
    loop.close()
    del stream
    gc.collect()
    assert len(instrumented.ended) == 1
    assert [str(each.message) for each in recwarn if "_events_async" in str(each.message)] == []
