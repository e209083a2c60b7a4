"""The Responses API: items in and out, every way a response ends, and re-attached streams."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.support.span_log import SpanLog, json_attribute

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.skipif(
        importlib.util.find_spec("openai.resources.responses") is None,
        reason="an SDK without the Responses API",
    ),
]

USAGE = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "hello", "annotations": []}],
}


def _response(**fields: Any) -> dict[str, Any]:
    head = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "tools": []}
    rest = {"status": "completed", "output": [MESSAGE], "usage": USAGE, "error": None}
    return {**head, "parallel_tool_calls": True, "tool_choice": "auto", **rest, **fields}


def _event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "sequence_number": 1, **fields}


def _said(spans: SpanLog) -> list[Any]:
    (message,) = json_attribute(spans.only(), "gen_ai.output.messages")
    return list(message["parts"])


@pytest.mark.parametrize(
    ("fields", "reasons", "error"),
    [
        ({}, ("stop",), None),
        ({"status": "complete"}, ("stop",), None),
        ({"status": None}, ("stop",), None),
        (
            {"output": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]},
            ("tool_call",),
            None,
        ),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            ("length",),
            None,
        ),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            ("content_filter",),
            None,
        ),
        (
            {"status": "failed", "error": {"code": "server_error", "message": "oh"}, "output": []},
            ("error",),
            "server_error",
        ),
        ({"status": "cancelled", "output": []}, ("cancelled",), None),
        ({"status": "queued", "output": [], "usage": None}, None, None),
    ],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_the_status_says_why_the_model_stopped(
    fields: dict[str, Any],
    reasons: Any,
    error: str | None,
    streamed: bool,
    transport: Callable[..., Any],
    instrumented: SpanLog,
) -> None:
    answer: Any = _response(**fields)
    if streamed:
        if answer["status"] == "queued":
            pytest.skip("a stream that ends without a reason was cut")
        ended = answer["status"] if answer["status"] in ("failed", "incomplete") else "completed"
        created = _event("created", response=_response(status="in_progress", output=[]))
        answer = [created, _event(ended, response=answer)]
    given = transport(answer).responses.create(model="m", input="hi", stream=streamed)
    if streamed:
        list(given)
    span = instrumented.only()
    attributes = span.attributes or {}
    assert attributes.get("gen_ai.response.finish_reasons") == reasons
    assert attributes.get("error.type") == error
    assert span.status.is_unset is (error is None)


def test_a_stream_that_is_cut_keeps_the_items_as_far_as_they_came(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    at = {"item_id": "x", "output_index": 0}
    events = [
        _event("created", response=_response(status="in_progress", output=[], usage=None)),
        _event("output_item.added", output_index=0, item={"type": "reasoning", "summary": []}),
        _event("reasoning_summary_text.delta", **at, summary_index=0, delta="h"),
        _event("reasoning_summary_text.delta", **at, summary_index=0, delta="m"),
        _event("output_item.added", output_index=1, item={**MESSAGE, "content": []}),
        _event("output_text.delta", output_index=1, content_index=0, delta="hel"),
        _event("output_text.delta", output_index=1, content_index=0, delta="lo"),
        _event("output_text.delta", output_index=1, content_index=1, delta="!"),
        _event(
            "output_item.added",
            output_index=2,
            item={"type": "function_call", "call_id": "c", "name": "f", "arguments": ""},
        ),
        _event("function_call_arguments.delta", output_index=2, delta='{"a":'),
        _event("function_call_arguments.delta", output_index=2, delta="1}"),
        _event("something_new", output_index=2, delta="?"),
    ]
    list(transport(events).responses.create(model="m", input="hi", stream=True))
    assert _said(instrumented) == [
        {"type": "reasoning", "content": "hm"},
        {"type": "text", "content": "hello"},
        {"type": "text", "content": "!"},
        {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}},
    ]
    attributes = instrumented.only().attributes or {}
    assert attributes["gen_ai.response.id"] == "resp_1"
    assert attributes["gen_ai.response.finish_reasons"] == ("error",)


def test_a_stream_that_is_cut_keeps_the_commands_of_a_shell_as_far_as_they_came(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    action = {"commands": [], "timeout_ms": 9}
    item = {"type": "shell_call", "call_id": "c", "action": action, "status": "in_progress"}
    events = [
        _event("output_item.added", output_index=0, item=item),
        _event("shell_call_command.added", output_index=0, command_index=0, command=""),
        _event("shell_call_command.delta", output_index=0, command_index=0, delta="ls "),
        _event("shell_call_command.delta", output_index=0, command_index=0, delta="-l"),
        _event("shell_call_command.delta", output_index=0, command_index=1, delta="pw"),
    ]
    list(transport(events).responses.create(model="m", input="hi", stream=True))
    (part,) = _said(instrumented)
    assert (part["name"], part["id"]) == ("shell", "c")
    assert part["arguments"] == {"commands": ["ls -l", "pw"], "timeout_ms": 9}


def test_hosted_tools_and_unknown_items_are_kept_without_secrets_or_pixels(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    picture = "iVBORw0KGgoAAAANSUhEUg=="
    items = [
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "gAAAA"},
        {"type": "web_search_call", "id": "w", "action": {"type": "search", "query": "q"}},
        {"type": "code_interpreter_call", "id": "k", "code": "1+1", "outputs": None},
        {"type": "image_generation_call", "id": "i", "result": picture, "output_format": "webp"},
        {"type": "mcp_call", "id": "m", "name": "t", "server_label": "s", "output": "done"},
        {"type": "something_new", "id": "n", "value": 1, "encrypted_content": "gAAAA"},
    ]
    transport(_response(output=items)).responses.create(model="m", input="hi")
    parts = _said(instrumented)
    assert [part["type"] for part in parts] == [
        "server_tool_call",
        "server_tool_call",
        "server_tool_call",
        "uri",
        "server_tool_call",
        "server_tool_call_response",
        "something_new",
    ]
    assert parts[0]["server_tool_call"]["action"] == {"type": "search", "query": "q"}
    assert parts[3]["mime_type"] == "image/webp"
    told = str(instrumented.only().attributes)
    assert picture not in told
    assert "gAAAA" not in told


def test_what_the_model_made_in_one_go_is_one_message_of_the_conversation(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    given: Any = [
        {"role": "user", "content": "what is 1+1?"},
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "function_call", "call_id": "c", "name": "add", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c", "output": "2"},
    ]
    transport(_response()).responses.create(model="m", input=given, instructions="be brief")
    span = instrumented.only()
    messages = json_attribute(span, "gen_ai.input.messages")
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    assert [part["type"] for part in messages[1]["parts"]] == ["reasoning", "tool_call"]
    assert json_attribute(span, "gen_ai.system_instructions") == [
        {"type": "text", "content": "be brief"}
    ]


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_fetching_a_response_counts_no_tokens_again(
    streamed: bool, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    answer: Any = [_event("completed", response=_response())] if streamed else _response()
    options = {"stream": True} if streamed else {}
    try:
        given = transport(answer).responses.retrieve("resp_1", **options)
    except TypeError:
        pytest.skip("an SDK that cannot re-attach")
    if streamed:
        list(given)
    span = instrumented.only()
    attributes = dict(span.attributes or {})
    assert span.name == "fetch_response"
    assert attributes["gen_ai.operation.name"] == "fetch_response"
    assert attributes["gen_ai.response.id"] == "resp_1"
    assert not [name for name in attributes if "usage" in name]
    assert _said(instrumented) == [{"type": "text", "content": "hello"}]


@pytest.mark.skipif(
    openai.VERSION.startswith("1.66."), reason="that version's helper fails on these events"
)
def test_the_stream_helper_gives_one_span_with_the_whole_answer(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    events = [
        _event("created", response=_response(status="in_progress", output=[])),
        _event("output_item.added", output_index=0, item={**MESSAGE, "content": []}),
        _event(
            "content_part.added",
            output_index=0,
            content_index=0,
            item_id="msg_1",
            part={"type": "output_text", "text": "", "annotations": []},
        ),
        _event("output_text.delta", output_index=0, content_index=0, item_id="m", delta="hello"),
        _event("completed", response=_response()),
    ]
    with transport(events).responses.stream(model="m", input="hi") as stream:
        final = stream.get_final_response()
    assert final.output_text == "hello"
    assert _said(instrumented) == [{"type": "text", "content": "hello"}]
    assert (instrumented.only().attributes or {})["gen_ai.usage.input_tokens"] == 3


def test_the_tools_of_a_namespace_are_defined_within_it(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    tool = {"type": "function", "name": "find", "parameters": {"type": "object"}}
    namespace = {"type": "namespace", "name": "crm", "description": "Customers", "tools": [tool]}
    tools: Any = [namespace]
    transport(_response()).responses.create(model="m", input="hi", tools=tools)
    assert json_attribute(spans.only(), "gen_ai.tool.definitions") == [namespace]


TEXT_EVENTS = [
    _event("created", response=_response(status="in_progress", output=[], usage=None)),
    _event("output_item.added", output_index=0, item={**MESSAGE, "content": []}),
    _event("output_text.delta", output_index=0, content_index=0, delta="hel"),
    _event("output_text.delta", output_index=0, content_index=0, delta="lo"),
]


@pytest.mark.parametrize(
    ("last", "fields", "reason"),
    [
        ("failed", {"status": "failed", "error": {"code": "server_error"}}, "error"),
        (
            "incomplete",
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            "length",
        ),
        ("completed", {"status": "completed"}, "stop"),
    ],
)
def test_what_was_streamed_stands_where_the_last_event_holds_no_items(
    last: str,
    fields: dict[str, Any],
    reason: str,
    transport: Callable[..., Any],
    instrumented: SpanLog,
) -> None:
    ended = _event(last, response=_response(**fields, output=[]))
    list(transport([*TEXT_EVENTS, ended]).responses.create(model="m", input="hi", stream=True))
    assert _said(instrumented) == [{"type": "text", "content": "hello"}]
    attributes = instrumented.only().attributes or {}
    assert attributes["gen_ai.response.finish_reasons"] == (reason,)
    assert attributes["gen_ai.usage.output_tokens"] == 2


@pytest.mark.parametrize("response", [{"id": "resp_1", "usage": USAGE}, None])
def test_a_last_event_of_few_words_completes_what_was_streamed(
    response: Any, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    events = [*TEXT_EVENTS, _event("completed", response=response)]
    list(transport(events).responses.create(model="m", input="hi", stream=True))
    assert _said(instrumented) == [{"type": "text", "content": "hello"}]
    attributes = instrumented.only().attributes or {}
    assert attributes["gen_ai.response.model"] == "m"
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
