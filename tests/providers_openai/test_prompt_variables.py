"""What a stored prompt is filled with: the variables are content, each an attribute."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.signals import EventLog
from tests.support.span_log import SpanLog

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.skipif(
        importlib.util.find_spec("openai.resources.responses") is None,
        reason="an SDK without the Responses API",
    ),
]

PIXELS = "iVBORw0KGgoAAAANSUhEUg=="
VARIABLES = {
    "city": "Paris",
    "number": "42",
    "question": {"type": "input_text", "text": "What is it like?"},
    "picture": {"type": "input_image", "image_url": f"data:image/png;base64,{PIXELS}"},
    "paper": {"type": "input_file", "file_id": "file-1"},
    "nothing": None,
}
PREFIX = "gen_ai.prompt.variable."


def _recorded(transport: Callable[..., Any], spans: SpanLog, variables: Any) -> dict[str, Any]:
    """The span's attributes for the variables, by the variables' names."""
    answer = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": []}
    prompt = {"id": "pmpt_1", "version": "2", "variables": variables}
    # Earlier SDKs have no argument for it.
    transport(answer).responses.create(model="m", input="hi", extra_body={"prompt": prompt})
    attributes = spans.only().attributes or {}
    assert attributes["gen_ai.prompt.name"] == "pmpt_1"
    assert attributes["gen_ai.prompt.version"] == "2"
    return {
        name.removeprefix(PREFIX): value
        for name, value in attributes.items()
        if name.startswith(PREFIX)
    }


def test_variables_are_texts_and_pictures_are_references(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    found = _recorded(transport, instrumented, VARIABLES)
    assert list(found) == ["city", "number", "question", "picture", "paper"]
    assert (found["city"], found["number"]) == ("Paris", "42")
    assert found["question"] == "What is it like?"
    picture = json.loads(found["picture"])
    assert (picture["type"], picture["mime_type"]) == ("uri", "image/png")
    assert json.loads(found["paper"])["file_id"] == "file-1"
    assert PIXELS not in str(instrumented.only().attributes)


def test_without_content_no_variable_is_recorded(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument(capture_content=False)
    assert _recorded(transport, spans, VARIABLES) == {}


def test_variables_are_redacted(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument(redact=lambda text: text.replace("Paris", "[city]").replace("like", "[word]"))
    found = _recorded(transport, spans, VARIABLES)
    assert found["city"] == "[city]"
    assert found["question"] == "What is it [word]?"


@pytest.mark.parametrize("variables", [None, {}, "city", ["Paris"]])
def test_variables_that_are_none_set_nothing(
    variables: Any, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    assert _recorded(transport, instrumented, variables) == {}


def test_in_an_event_a_variable_is_a_text_too_though_it_looks_like_a_number(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    log = EventLog()
    instrument(capture_content="SPAN_AND_EVENT", logger_provider=log.provider)
    on_span = _recorded(transport, spans, {"number": "42", "list": "[1]"})
    event = log.named("gen_ai.client.inference.operation.details")
    assert on_span == {name: event.attributes[PREFIX + name] for name in on_span}
    assert on_span == {"number": "42", "list": "[1]"}
    log.provider.shutdown()


def test_many_variables_push_nothing_else_off_the_span(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    found = _recorded(transport, instrumented, {f"v{n}": str(n) for n in range(300)})
    attributes = instrumented.only().attributes or {}
    assert found["v0"] == "0"
    assert len(attributes) < 100
    assert attributes["openlayer.content.truncated"] == (f"{PREFIX}*",)
