"""A span processor of somebody's that raises costs its owner's spans, never a call."""

from __future__ import annotations

import gc
import logging
import sys
from typing import Any

import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from openlayer_otel import start_step, trace
from openlayer_otel.standin.llm_server import LLMServer
from tests.endings.application import run, settle
from tests.support.sdk_clients import make_client


class Failing(SpanProcessor):
    """Raises at one moment in the life of each span."""

    def __init__(self, moment: str) -> None:
        setattr(self, moment, self._fail)

    def _fail(self, *_: Any, **__: Any) -> None:
        raise ValueError("a processor of somebody's")


@pytest.fixture(params=["on_start", "on_end"])
def failing(
    request: pytest.FixtureRequest, tracer_provider: TracerProvider, instrument: Any
) -> str:
    tracer_provider.add_span_processor(Failing(request.param))
    instrument()
    moment: str = request.param
    return moment


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
@pytest.mark.parametrize("way", ["plain", "refused", "exhausted", "closed", "dropped"])
def test_a_call_gets_its_answer(
    way: str,
    sdk: str,
    asynchronous: bool,
    failing: str,
    llm_server: LLMServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    caplog.set_level(logging.WARNING, logger="openlayer_otel")

    async def work() -> None:
        client = make_client(sdk, asynchronous, llm_server.url)
        create = (client.chat.completions if sdk == "openai" else client.messages).create
        more = {} if sdk == "openai" else {"max_tokens": 9}
        if way == "refused":
            with pytest.raises(Exception, match="404") as caught:
                await settle(create(model="m;error=404", messages=[], **more))
            assert type(caught.value).__name__ == "NotFoundError"
            return
        stream = way != "plain"
        answer = await settle(create(model="m", messages=[], stream=stream, **more))
        if not stream:
            assert answer.id
            return
        if way == "exhausted":
            events = [each async for each in answer] if asynchronous else list(answer)
            assert len(events) > 3
            return
        await settle(answer.__anext__() if asynchronous else next(answer))
        if way == "closed":
            await settle(answer.close())
        del answer
        gc.collect()

    run(asynchronous, work())
    assert [str(each.exc_value) for each in unraisable] == []
    (record,) = caplog.records
    assert "failed with ValueError" in record.getMessage()


def test_a_step_runs(failing: str) -> None:
    @trace
    def answer() -> int:
        with start_step("block") as step:
            step.log(output="x")
        return 42

    assert answer() == 42
