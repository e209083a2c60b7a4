"""Events that cannot be looked into reach the application all the same, and say so once."""

from __future__ import annotations

import importlib
import logging
from typing import Any

import pytest

from openlayer_otel.standin.llm_server import LLMServer
from tests.endings.application import run, settle
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog


async def _read(sdk: str, asynchronous: bool, url: str) -> list[str]:
    module = importlib.import_module(sdk)

    class Hostile(module.BaseModel):  # type: ignore[misc, name-defined]
        """A class of the application's own, for a request that it makes by path."""

        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

    client = make_client(sdk, asynchronous, url)
    stream_class = module.AsyncStream if asynchronous else module.Stream
    stream = await settle(
        client.post(
            "/chat/completions" if sdk == "openai" else "/v1/messages",
            cast_to=Hostile,
            body={"model": "m", "messages": [], "stream": True, "max_tokens": 9},
            stream=True,
            stream_cls=stream_class[Hostile],
        )
    )
    if asynchronous:
        return [type(event).__name__ async for event in stream]
    return [type(event).__name__ for event in stream]


@pytest.mark.matrix
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_events_that_cannot_be_read_are_delivered_with_one_warning(
    sdk: str,
    asynchronous: bool,
    llm_server: LLMServer,
    instrumented: SpanLog,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    events = run(asynchronous, _read(sdk, asynchronous, llm_server.url))
    assert len(events) > 3
    assert set(events) == {"Hostile"}
    (record,) = caplog.records
    assert "reading a stream event failed with RuntimeError" in record.getMessage()
    assert instrumented.only().name == "chat m"
