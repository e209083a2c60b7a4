"""Rarer items of the Responses API: who has to answer them, whose they are, what they hold."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.span_log import SpanLog, json_attribute

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.skipif(
        importlib.util.find_spec("openai.resources.responses") is None,
        reason="an SDK without the Responses API",
    ),
]

COMMANDS = {"commands": ["ls"]}
CONTAINER = {"type": "container_reference", "container_id": "cntr_1"}
SECRET = "never-recorded"
TOOLS = [
    {"type": "function", "name": "get_weather", "description": "d", "parameters": {}},
    {
        "type": "mcp",
        "server_label": "crm",
        "server_url": "https://crm.example",
        "authorization": SECRET,
        "headers": {"X-Key": SECRET},
    },
    {
        "type": "namespace",
        "name": "sales",
        "description": "d",
        "tools": [{"type": "custom", "name": "quote", "description": "d"}],
    },
    {"type": "web_search"},
]
NAMED_TOOLS = [
    {"type": "function", "name": "get_weather"},
    {"type": "mcp", "name": "crm"},
    {"type": "namespace", "name": "sales", "tools": [{"type": "custom", "name": "quote"}]},
    {"type": "web_search", "name": "web_search"},
]


def _answer(*items: Any) -> dict[str, Any]:
    head = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "tools": []}
    rest = {"status": "completed", "output": list(items), "error": None}
    return {**head, "parallel_tool_calls": True, "tool_choice": "auto", **rest}


def _search_call(execution: str | None, call_id: str | None) -> dict[str, Any]:
    item = {"type": "tool_search_call", "id": "ts", "call_id": call_id, "execution": execution}
    return {**item, "arguments": {"query": "weather"}, "status": "completed"}


def _search_output(execution: str | None, call_id: str | None) -> dict[str, Any]:
    item = {"type": "tool_search_output", "id": "tso", "call_id": call_id, "execution": execution}
    return {**item, "tools": TOOLS, "status": "completed"}


def _shell_call(**fields: Any) -> dict[str, Any]:
    item = {"type": "shell_call", "id": "sh", "call_id": "c", "status": "completed"}
    return {**item, "action": COMMANDS, **fields}


APPROVAL = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1"}
APPROVAL_REQUEST = {
    "type": "mcp_approval_request",
    "id": "mcpr_1",
    "name": "delete",
    "server_label": "crm",
    "arguments": "{}",
}


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("content", [True, False], ids=["with content", "without"])
@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (_shell_call(environment={"type": "local"}), "tool_call"),
        (_shell_call(environment=None), "tool_call"),
        (_shell_call(environment=CONTAINER), "stop"),
        (_search_call("client", "c"), "tool_call"),
        (_search_call("server", None), "stop"),
        (APPROVAL_REQUEST, "tool_call"),
    ],
    ids=["local shell", "some shell", "container", "own search", "hosted search", "approval"],
)
def test_a_response_ends_with_a_tool_call_if_the_application_has_to_answer(
    item: dict[str, Any],
    reason: str,
    content: bool,
    streamed: bool,
    transport: Callable[..., Any],
    instrument: Callable[..., None],
    spans: SpanLog,
) -> None:
    instrument(capture_content=content)
    answer: Any = _answer({"type": "reasoning", "id": "r", "summary": []}, item)
    if streamed:
        done = {"type": "response.output_item.done", "output_index": 0, "item": item}
        answer = [done, {"type": "response.completed", "sequence_number": 1, "response": answer}]
    given = transport(answer).responses.create(model="m", input="hi", stream=streamed)
    if streamed:
        list(given)
    assert (spans.only().attributes or {})["gen_ai.response.finish_reasons"] == (reason,)


@pytest.mark.parametrize(
    ("item", "part"),
    [
        (
            _shell_call(environment={"type": "local"}),
            {"type": "tool_call", "id": "c", "name": "shell", "arguments": COMMANDS},
        ),
        (
            _shell_call(environment=CONTAINER),
            {
                "type": "server_tool_call",
                "id": "c",
                "name": "shell",
                "server_tool_call": {
                    "type": "shell",
                    "action": COMMANDS,
                    "environment": CONTAINER,
                },
            },
        ),
        (
            _search_call("client", "c"),
            {
                "type": "tool_call",
                "id": "c",
                "name": "tool_search",
                "arguments": {"query": "weather"},
            },
        ),
        (
            _search_call("server", None),
            {
                "type": "server_tool_call",
                "id": "ts",
                "name": "tool_search",
                "server_tool_call": {
                    "type": "tool_search",
                    "execution": "server",
                    "arguments": {"query": "weather"},
                },
            },
        ),
        (
            _search_output("server", None),
            {
                "type": "server_tool_call_response",
                "id": "tso",
                "server_tool_call_response": {"type": "tool_search", "tools": NAMED_TOOLS},
            },
        ),
        (
            {"type": "additional_tools", "id": "at", "role": "developer", "tools": TOOLS},
            {"type": "additional_tools", "tools": NAMED_TOOLS},
        ),
    ],
    ids=["local shell", "container", "own search", "hosted search", "found tools", "more tools"],
)
def test_what_the_provider_runs_is_told_from_what_the_application_runs(
    item: dict[str, Any], part: dict[str, Any], transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    client = transport(_answer(item))
    client.responses.create(model="m", input=[item])
    span = instrumented.only()
    (said,) = json_attribute(span, "gen_ai.output.messages")
    assert said["parts"] == [part]
    (given,) = json_attribute(span, "gen_ai.input.messages")
    assert given["parts"] == [part]
    assert SECRET not in str(span.attributes)


@pytest.mark.parametrize("told", [True, False], ids=["told", "untold"])
def test_a_search_for_tools_and_its_answer_belong_to_the_same_side(
    told: bool, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    client = transport(_answer())
    own, hosted = ("client", "server") if told else (None, None)
    given = [
        _search_call(hosted, None),
        _search_output(hosted, None),
        _search_call(own, "c"),
        _search_output(own, "c"),
    ]
    client.responses.create(model="m", input=given)
    model, application = json_attribute(instrumented.only(), "gen_ai.input.messages")
    assert model["role"] == "assistant"
    assert [part["type"] for part in model["parts"]] == [
        "server_tool_call",
        "server_tool_call_response",
        "tool_call",
    ]
    answer = {"type": "tool_call_response", "id": "c", "response": NAMED_TOOLS}
    assert application == {"role": "tool", "parts": [answer]}


_FUNCTION_CALL = {
    "type": "function_call",
    "id": "f",
    "call_id": "c1",
    "name": "f",
    "arguments": "{}",
}
_SHELL_CALL = {"type": "shell_call", "id": "s", "call_id": "c2", "action": COMMANDS}


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([_FUNCTION_CALL, {"type": "function_call_output", "call_id": "c1"}], "stop"),
        ([_SHELL_CALL, {"type": "shell_call_output", "call_id": "c2", "output": []}], "stop"),
        ([APPROVAL_REQUEST, {**APPROVAL, "approve": True}], "stop"),
        (
            [_SHELL_CALL, _FUNCTION_CALL, {"type": "shell_call_output", "call_id": "c2"}],
            "tool_call",
        ),
        ([_FUNCTION_CALL, {"type": "function_call_output", "output": "?"}], "tool_call"),
    ],
    ids=["function", "shell", "approval", "one of two", "somebody's"],
)
def test_a_call_that_was_answered_within_the_response_asks_nothing_of_the_application(
    items: list[Any],
    reason: str,
    streamed: bool,
    transport: Callable[..., Any],
    instrumented: SpanLog,
) -> None:
    """As of an agent that got its answer while the response went on."""
    answer: Any = _answer(*items)
    if streamed:
        answer = [{"type": "response.completed", "sequence_number": 1, "response": answer}]
    given = transport(answer).responses.create(model="m", input="hi", stream=streamed)
    if streamed:
        list(given)
    attributes = instrumented.only().attributes or {}
    assert attributes["gen_ai.response.finish_reasons"] == (reason,)


def test_what_the_provider_answers_itself_stays_in_the_models_turn(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    """Programs, and agents that work for the one that was asked."""
    agent = {"agent_name": "lead"}
    text = {"type": "output_text", "text": "started", "annotations": []}
    items = [
        {"type": "program", "id": "p", "call_id": "c1", "code": "f()", "fingerprint": SECRET},
        {
            "type": "program_output",
            "id": "o",
            "call_id": "c1",
            "result": "3",
            "status": "completed",
        },
        {
            "type": "multi_agent_call",
            "id": "m",
            "call_id": "c2",
            "action": "spawn_agent",
            "arguments": '{"task": "look"}',
            "agent": agent,
        },
        {
            "type": "multi_agent_call_output",
            "id": "n",
            "call_id": "c2",
            "action": "spawn_agent",
            "output": [text],
        },
    ]
    transport(_answer(*items)).responses.create(model="m", input=items)
    span = instrumented.only()
    (said,) = json_attribute(span, "gen_ai.output.messages")
    (given,) = json_attribute(span, "gen_ai.input.messages")
    assert (said["role"], said["finish_reason"]) == ("assistant", "stop")
    assert given == {"role": "assistant", "parts": said["parts"]}
    call, answer = "server_tool_call", "server_tool_call_response"
    assert [(part["type"], part["id"], part[part["type"]]) for part in said["parts"]] == [
        (call, "c1", {"type": "program", "code": "f()"}),
        (answer, "c1", {"type": "program", "result": "3", "status": "completed"}),
        (
            call,
            "c2",
            {
                "type": "multi_agent",
                "action": "spawn_agent",
                "arguments": {"task": "look"},
                "agent": agent,
            },
        ),
        (answer, "c2", {"type": "multi_agent", "action": "spawn_agent", "output": "started"}),
    ]
    assert SECRET not in str(span.attributes)


@pytest.mark.parametrize(
    "item",
    [
        {"type": "agent_message", "id": "a", "author": "x", "recipient": "y"},
        {"type": "send_subagent_input_call", "id": "s", "recipient_agent_id": "y"},
        {"type": "message", "id": "m", "role": "assistant", "status": "completed"},
    ],
    ids=lambda item: item["type"],
)
def test_what_agents_tell_each_other_is_recorded_unless_it_is_encrypted(
    item: dict[str, Any], transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    text = {"type": "output_text", "text": "what was found", "annotations": []}
    encrypted = {"type": "encrypted_content", "encrypted_content": SECRET}
    item = {**item, "content": [text, encrypted]}
    transport(_answer(item)).responses.create(model="m", input=[item])
    span = instrumented.only()
    for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
        assert "what was found" in str((span.attributes or {})[name])
    assert SECRET not in str(span.attributes)


def test_tools_given_in_between_are_the_giver_s(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    given = [
        {"role": "user", "content": "hi"},
        {"type": "additional_tools", "role": "developer", "tools": [None, {"name": "f"}]},
        {"type": "additional_tools", "role": None, "tools": None},
    ]
    transport(_answer()).responses.create(model="m", input=given)
    messages = json_attribute(instrumented.only(), "gen_ai.input.messages")
    assert [message["role"] for message in messages] == ["user", "developer", "developer"]
    assert messages[1]["parts"] == [
        {"type": "additional_tools", "tools": [{"type": "function", "name": "f"}]}
    ]
    assert messages[2]["parts"] == [{"type": "additional_tools", "tools": []}]


@pytest.mark.parametrize(
    ("fields", "response"),
    [
        ({"status": "failed"}, "failed"),
        ({"status": "completed", "output": None}, "completed"),
        ({"status": "failed", "output": "no such file"}, "no such file"),
    ],
)
def test_a_patch_without_a_text_says_whether_it_could_be_applied(
    fields: dict[str, Any], response: str, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    item = {"type": "apply_patch_call_output", "call_id": "p", **fields}
    transport(_answer()).responses.create(model="m", input=[item])
    (message,) = json_attribute(instrumented.only(), "gen_ai.input.messages")
    part = {"type": "tool_call_response", "id": "p", "response": response}
    assert message == {"role": "tool", "parts": [part]}


@pytest.mark.parametrize(
    "item",
    [
        {**APPROVAL, "approve": False},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "configuration_update", "reasoning": {"effort": "low"}},
        {"type": "compaction_trigger"},
    ],
    ids=lambda item: item["type"],
)
def test_what_only_the_application_makes_is_not_the_model_s(
    item: dict[str, Any], transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    transport(_answer()).responses.create(model="m", input=[APPROVAL_REQUEST, item])
    model, application = json_attribute(instrumented.only(), "gen_ai.input.messages")
    assert model == {"role": "assistant", "parts": [APPROVAL_REQUEST]}
    assert application == {"role": "user", "parts": [item]}


@pytest.mark.parametrize(
    ("form", "media_type"),
    [
        ("svg", "image/svg+xml"),
        ("jpg", "image/jpeg"),
        ("jpeg", "image/jpeg"),
        ("gif", "image/gif"),
        (None, "image/png"),
    ],
)
def test_an_image_has_the_media_type_of_its_format(
    form: str | None, media_type: str, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    item = {"type": "image_generation_call", "id": "i", "result": "PHN2Zz4=", "status": "completed"}
    client = transport(_answer({**item, "output_format": form}))
    client.responses.create(model="m", input="draw")
    (message,) = json_attribute(instrumented.only(), "gen_ai.output.messages")
    assert message["parts"][1]["mime_type"] == media_type


@pytest.mark.parametrize(
    ("file", "media_type"),
    [
        ({"filename": "table.csv", "file_data": "YSxi"}, "text/csv"),
        ({"filename": "paper.pdf", "file_data": "JVBERi0="}, "application/pdf"),
        ({"filename": "unknown", "file_data": "SGVsbG8="}, "application/octet-stream"),
        ({"file_data": "SGVsbG8="}, "application/octet-stream"),
        ({"filename": "a.csv", "file_data": "data:text/plain;base64,SGVsbG8="}, "text/plain"),
    ],
)
def test_a_file_has_the_media_type_that_its_name_says(
    file: dict[str, Any], media_type: str, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    given: Any = [{"role": "user", "content": [{"type": "input_file", **file}]}]
    transport(_answer()).responses.create(model="m", input=given)
    (message,) = json_attribute(instrumented.only(), "gen_ai.input.messages")
    assert message["parts"][0]["mime_type"] == media_type
