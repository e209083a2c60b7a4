"""``messages.create`` and its kin: what the span of a call says of its request."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest

from openlayer_otel import semconv
from tests.providers_anthropic.conftest import CALL, PROMPT, Wire
from tests.providers_anthropic.messages import IMAGE, IMAGE_PART, OnWire, stream_of
from tests.support.span_log import SpanLog, json_attribute

pytestmark = pytest.mark.matrix


def test_a_conversation_may_be_given_as_models_and_iterators(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    client = on_wire(anthropic.Anthropic, api_key="k")
    first = client.messages.create(**CALL)
    instrumented.clear()

    def conversation() -> Iterator[Any]:
        yield from PROMPT
        yield {"role": "assistant", "content": first.content}
        yield {"role": "user", "content": iter([{"type": "text", "text": "more"}])}

    client.messages.create(**{**CALL, "messages": conversation()})

    texts = [each["content"][0]["text"] for each in wire.sent()["messages"][1:]]
    assert texts == ["hello", "more"], "the model must get all of it"
    assert json_attribute(instrumented.only(), semconv.INPUT_MESSAGES) == [
        {"role": "user", "parts": [{"type": "text", "content": "hi"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "hello"}]},
        {"role": "user", "parts": [{"type": "text", "content": "more"}]},
    ]


async def test_a_conversation_may_be_given_as_models_to_an_async_client(
    instrumented: SpanLog, on_wire: OnWire
) -> None:
    client = on_wire(anthropic.AsyncAnthropic, api_key="k")
    first = await client.messages.create(**CALL)
    instrumented.clear()
    messages = (each for each in [*PROMPT, {"role": "assistant", "content": first.content}])
    await client.messages.create(**{**CALL, "messages": messages})
    said = json_attribute(instrumented.only(), semconv.INPUT_MESSAGES)
    assert said[1] == {"role": "assistant", "parts": [{"type": "text", "content": "hello"}]}


def test_the_arguments_of_the_caller_are_left_alone(instrumented: SpanLog, on_wire: OnWire) -> None:
    arguments = {**CALL, "system": [{"type": "text", "text": "be brief"}], "stop_sequences": ["x"]}
    before = copy.deepcopy(arguments)
    on_wire(anthropic.Anthropic, api_key="k").messages.create(**arguments)
    assert arguments == before


def test_request_parameters_are_recorded(instrumented: SpanLog, on_wire: OnWire) -> None:
    tool = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
    on_wire(anthropic.Anthropic, api_key="k").messages.create(
        **CALL,
        system="be brief",
        stop_sequences=["end"],
        tools=[tool],
        tool_choice={"type": "any"},
        metadata={"user_id": "somebody"},
        # Newer versions of the SDK have no arguments for these.
        extra_body={
            "temperature": 0,
            "top_p": 0.5,
            "top_k": 4,
            "output_config": {"effort": "low", "format": {"type": "json_schema"}},
        },
    )
    span = instrumented.only()
    said = dict(span.attributes or {})
    assert span.name == "chat claude-x"
    assert said[semconv.REQUEST_TEMPERATURE] == 0.0
    assert said[semconv.REQUEST_TOP_P] == 0.5
    assert said[semconv.REQUEST_TOP_K] == 4
    assert said[semconv.REQUEST_STOP_SEQUENCES] == ("end",)
    assert said[semconv.REQUEST_REASONING_LEVEL] == "low"
    assert said[semconv.OUTPUT_TYPE] == "json"
    assert json_attribute(span, semconv.REQUEST_PARAMETERS) == {"tool_choice": {"type": "any"}}
    assert json_attribute(span, semconv.SYSTEM_INSTRUCTIONS) == [
        {"type": "text", "content": "be brief"}
    ]
    assert json_attribute(span, semconv.TOOL_DEFINITIONS) == [
        {
            "type": "function",
            "name": "look",
            "description": "Looks.",
            "parameters": {"type": "object"},
        }
    ]
    assert "somebody" not in json.dumps(said)


def test_a_turn_of_a_thread_says_what_it_continues(instrumented: SpanLog, on_wire: OnWire) -> None:
    messages = on_wire(anthropic.Anthropic, api_key="k").beta.messages
    for thread in (
        {"type": "create"},
        {"type": "continue", "previous_message_id": "msg_1"},
        "continue",  # not as the API has it
    ):
        messages.create(**CALL, extra_body={"thread": thread})
    continued = semconv.REQUEST_PREVIOUS_RESPONSE_ID
    said = [(span.attributes or {}).get(continued) for span in instrumented.ended]
    assert said == [None, "msg_1", None]


def test_nothing_that_was_not_given_is_recorded(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    """The SDK's stream helper sends sentinels down to where the request is read."""
    wire.reply = stream_of({"type": "text", "text": "hello"})
    with on_wire(anthropic.Anthropic, api_key="k").messages.stream(**CALL) as stream:
        stream.get_final_message()
    said = instrumented.only().attributes or {}
    assert {name for name in said if name.startswith("gen_ai.request.")} == {
        semconv.REQUEST_MODEL,
        semconv.REQUEST_MAX_TOKENS,
        semconv.REQUEST_STREAM,
    }
    assert "Omit" not in str(dict(said)) and "NotGiven" not in str(dict(said))
    assert caplog.records == []


def test_what_a_summary_shall_say_is_no_parameter(
    instrument: Callable[..., None], spans: SpanLog, on_wire: OnWire
) -> None:
    instrument(capture_content=False)
    edit = {"type": "compact_20260112", "instructions": "Keep what Ada said", "trigger": None}
    on_wire(anthropic.Anthropic, api_key="k").messages.create(
        **CALL, extra_body={"context_management": {"edits": [edit]}}
    )
    attributes = spans.only().attributes or {}
    parameters = json.loads(str(attributes[semconv.REQUEST_PARAMETERS]))
    (kept,) = parameters["context_management"]["edits"]
    assert kept == {"type": "compact_20260112", "trigger": None}


def test_files_and_tool_results_of_the_request_are_references(
    instrumented: SpanLog, on_wire: OnWire
) -> None:
    content = [
        {"type": "image", "source": IMAGE},
        {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
        {"type": "document", "title": "T", "source": {"type": "text", "data": "words"}},
        {
            "type": "tool_result",
            "tool_use_id": "t1",
            "is_error": True,
            "content": [{"type": "text", "text": "seen"}, {"type": "image", "source": IMAGE}],
        },
    ]
    messages = [{"role": "user", "content": content}]
    on_wire(anthropic.Anthropic, api_key="k").messages.create(**{**CALL, "messages": messages})
    [said] = json_attribute(instrumented.only(), semconv.INPUT_MESSAGES)
    assert said["parts"] == [
        IMAGE_PART,
        {"type": "uri", "modality": "image", "uri": "https://x.example/a.png"},
        {"type": "text", "content": "words", "title": "T"},
        {
            "type": "tool_call_response",
            "id": "t1",
            "is_error": True,
            "response": [{"type": "text", "content": "seen"}, IMAGE_PART],
        },
    ]
