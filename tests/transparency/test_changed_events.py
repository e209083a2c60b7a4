"""What the application does to what it gets is not recorded: the span has what was received."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from openlayer_otel.standin.llm_server import LLMServer
from tests.endings.application import run, settle
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog

MESSAGES = [{"role": "user", "content": "Hi"}]


def _change(event: Any) -> str:
    """Change everything in an event, as applications that mask texts do; returns its text."""
    said = ""
    for choice in getattr(event, "choices", None) or ():
        said += choice.delta.content or ""
        choice.delta.content = "changed"
        choice.finish_reason = "length"
    delta = getattr(event, "delta", None)
    if isinstance(getattr(delta, "text", None), str):
        said += delta.text
        delta.text = "changed"
    if getattr(delta, "stop_reason", None):
        delta.stop_reason = "max_tokens"
    for usage in filter(None, [getattr(event, "usage", None)]):
        for name in ("prompt_tokens", "completion_tokens", "output_tokens"):
            if hasattr(usage, name):
                setattr(usage, name, 123_456)
    for owner in filter(None, [event, getattr(event, "message", None)]):
        for name in ("id", "model"):
            if hasattr(owner, name):
                setattr(owner, name, "changed")
    return said


async def _read(sdk: str, asynchronous: bool, url: str) -> str:
    client = make_client(sdk, asynchronous, url)
    create = client.messages.create if sdk == "anthropic" else client.chat.completions.create
    limit = {"max_tokens": 9} if sdk == "anthropic" else {}
    stream = await settle(create(model="m", messages=MESSAGES, stream=True, **limit))
    if asynchronous:
        return "".join([_change(event) async for event in stream])
    return "".join([_change(event) for event in stream])


@pytest.mark.matrix
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_events_that_the_application_changes_are_recorded_as_they_came(
    sdk: str,
    asynchronous: bool,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    spans: SpanLog,
) -> None:
    instrument()
    text = run(asynchronous, _read(sdk, asynchronous, llm_server.url))
    attributes = spans.only().attributes or {}
    assert text
    (message,) = json.loads(str(attributes["gen_ai.output.messages"]))
    assert message["parts"] == [{"type": "text", "content": text}]
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert "changed" not in json.dumps(dict(attributes), default=str)
    assert 123_456 not in attributes.values()
