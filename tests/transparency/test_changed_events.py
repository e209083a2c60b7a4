"""What the application does to what it gets is not recorded: the span has what was received."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from openlayer_otel.standin.llm_server import LLMServer
from tests.endings.application import run, settle
from tests.support.sdk_clients import http_library, make_client
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


def _images(*numbers: int) -> list[dict[str, int]]:
    return [{"n": number} for number in numbers]


@pytest.mark.matrix
@pytest.mark.parametrize("clear", [False, True], ids=["kept", "cleared"])
def test_lists_of_an_event_are_the_applications(
    clear: bool, instrument: Callable[..., None], spans: SpanLog
) -> None:
    """Compatible servers send lists that the SDK's types do not know, and passes on as they are."""
    instrument()
    library = http_library("openai")

    def answer(request: Any) -> Any:
        deltas: list[Any] = [{"content": str(n), "images": _images(n)} for n in (1, 2)]
        chunks = [
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": d, "finish_reason": None}]}
            for d in [*deltas, {"content": ""}]
        ]
        body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
        return library.Response(200, headers={"content-type": "text/event-stream"}, text=body)

    client = make_client("openai", False, "http://test", library.MockTransport(answer))
    kept = []
    for event in client.chat.completions.create(model="m", messages=MESSAGES, stream=True):
        kept.append(getattr(event.choices[0].delta, "images", None))
        if clear and kept[-1]:
            kept[-1].clear()
    assert kept == ([[], [], None] if clear else [_images(1), _images(2), None])
    (message,) = json.loads(str((spans.only().attributes or {})["gen_ai.output.messages"]))
    assert [part["n"] for part in message["parts"] if "n" in part] == [1, 2]
