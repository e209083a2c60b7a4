"""An event loop is told of the generators of the SDK, as without tracing, and of none of ours."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import sys
from collections.abc import Callable
from typing import Any

import pytest

from openlayer_otel import semconv
from openlayer_otel.standin.llm_server import LLMServer
from tests.support.sdk_clients import http_library, make_client
from tests.support.span_log import SpanLog

pytestmark = pytest.mark.matrix
EACH_SDK = pytest.mark.parametrize("sdk", ["openai", "anthropic"])


async def _stream(sdk: str, server: LLMServer) -> Any:
    client = make_client(sdk, True, server.url)
    resource = client.chat.completions if sdk == "openai" else client.messages
    more = {} if sdk == "openai" else {"max_tokens": 9}
    return await resource.create(model="m", messages=[], stream=True, **more)


async def _half_read(sdk: str, server: LLMServer) -> Any:
    stream = await _stream(sdk, server)
    await stream.__anext__()
    return stream


def _collect() -> None:
    """Collect garbage; of the oldest SDKs' streams only the second time, traced or not."""
    gc.collect()
    gc.collect()


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
    loop = asyncio.new_event_loop()
    try:
        stream = loop.run_until_complete(_half_read(sdk, llm_server))
        assert instrumented.ended == []
        del stream
        _collect()
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
    loop = asyncio.new_event_loop()
    stream = loop.run_until_complete(_half_read(sdk, llm_server))
    loop.close()
    del stream
    _collect()
    assert len(instrumented.ended) == 1
    assert [str(each.message) for each in recwarn if "_events_async" in str(each.message)] == []


class _InFreshContexts:
    """Runs each step of a coroutine in a context of its own, as some servers do."""

    def __init__(self, coroutine: Any) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Any:
        value = None
        while True:
            try:
                waits_for = contextvars.copy_context().run(self._coroutine.send, value)
            except StopIteration as done:
                return done.value
            value = yield waits_for


@EACH_SDK
def test_each_step_of_a_read_may_run_in_a_context_of_its_own(
    sdk: str, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    async def work() -> int:
        stream = await _stream(sdk, llm_server)
        count = 0
        with contextlib.suppress(StopAsyncIteration):
            while True:
                await _InFreshContexts(stream.__anext__())
                count += 1
        return count

    assert asyncio.run(work()) > 3
    assert "lorem ipsum" in str((instrumented.only().attributes or {})[semconv.OUTPUT_MESSAGES])


@EACH_SDK
@pytest.mark.parametrize("traced", [False, True], ids=["bare", "traced"])
def test_a_body_that_is_left_early_is_cleaned_up_when_and_where_it_was(
    sdk: str, traced: bool, spans: SpanLog, instrument: Callable[..., None]
) -> None:
    if traced:
        instrument()
    library = http_library(sdk)
    happened: list[str] = []

    class Body(library.AsyncByteStream):  # type: ignore[misc, name-defined]
        async def __aiter__(self) -> Any:
            task = asyncio.current_task()
            try:
                for _ in range(9):
                    yield b'data: {"type": "x"}\n\n'
            finally:
                happened.append(f"cleaned up here: {asyncio.current_task() is task}")

        async def aclose(self) -> None:
            happened.append("closed")

    def answer(request: Any) -> Any:
        kind = {"content-type": "text/event-stream"}
        return library.Response(200, headers=kind, stream=Body())

    async def work() -> None:
        client = make_client(
            sdk, True, "http://127.0.0.1:9", transport=library.MockTransport(answer)
        )
        resource = client.chat.completions if sdk == "openai" else client.messages
        more = {} if sdk == "openai" else {"max_tokens": 9}
        create = resource.with_streaming_response.create
        async with create(model="m", messages=[], stream=True, **more) as response:
            async with contextlib.aclosing(response.http_response.aiter_raw()) as pieces:
                async for _ in pieces:
                    break
            happened.append("left")

    asyncio.run(work())
    if library.__name__ == "httpx2":  # the older library leaves it to the loop
        assert happened[0] == "cleaned up here: True"
    assert "closed" in happened
    assert len(spans.ended) == traced


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@EACH_SDK
def test_a_cancellation_of_trio_is_one(
    sdk: str, streamed: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    trio = pytest.importorskip("trio")

    async def work() -> None:
        client = make_client(sdk, True, llm_server.url)
        resource = client.chat.completions if sdk == "openai" else client.messages
        more = {} if sdk == "openai" else {"max_tokens": 9}
        model = "m;delay=5" if streamed else "m;first_delay=5"
        with trio.move_on_after(0.5) as scope:
            answer = await resource.create(model=model, messages=[], stream=streamed, **more)
            if streamed:
                async for _ in answer:
                    pass
        assert scope.cancelled_caught

    trio.run(work)
    span = instrumented.only()
    assert span.status.is_unset
    assert (span.attributes or {})[semconv.OUTCOME] == "cancelled"
