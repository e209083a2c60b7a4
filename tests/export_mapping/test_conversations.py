"""What was said reaches Openlayer in its own shapes, with tool calls and media."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from openlayer_otel.attachments import binaries
from openlayer_otel.settings import Settings
from tests.export_mapping.traces import Traces, chat_attributes, said

CALL = {
    "type": "tool_call",
    "id": "call_1",
    "name": "get_weather",
    "arguments": {"city": "Paris"},
}
OTHER_CALL = {"type": "tool_call", "id": "call_2", "name": "get_time", "arguments": {"tz": "CET"}}
PNG = b"\x89PNG\r\n\x1a\n"
PNG_MD5 = hashlib.md5(PNG).hexdigest()
IMAGE = {
    "type": "uri",
    "modality": "image",
    "mime_type": "image/png",
    "uri": f"urn:md5:{PNG_MD5}",
    "checksum_md5": PNG_MD5,
    "size_bytes": 8,
}


def prompt(traces: Traces, *messages: Any) -> list[dict[str, Any]]:
    with traces.span("chat", chat_attributes(**{"gen_ai.input.messages": said(*messages)})):
        pass
    inputs: dict[str, Any] = traces.step()["inputs"]
    return inputs["prompt"]


def output(traces: Traces, *parts: Any) -> Any:
    messages = said(("assistant", parts))
    with traces.span("chat", chat_attributes(**{"gen_ai.output.messages": messages})):
        pass
    return traces.step()["output"]


def text(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


def test_an_agents_loop_keeps_its_tool_calls_and_their_ids(traces: Traces) -> None:
    answer = {"type": "tool_call_response", "id": "call_1", "response": {"temp": 20}}
    assert prompt(traces, ("user", "weather?"), ("assistant", [CALL]), ("tool", [answer])) == [
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": '{"temp":20}'},
    ]


def test_several_tool_results_in_one_message_each_stand_alone(traces: Traces) -> None:
    parts = [
        {"type": "tool_call_response", "id": "a", "response": "1"},
        {"type": "tool_call_response", "id": "b", "response": "2"},
        text("go on"),
    ]
    assert prompt(traces, ("user", parts)) == [
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "user", "content": "go on"},
    ]


def test_reasoning_in_the_history_is_kept_apart_from_the_answer(traces: Traces) -> None:
    parts = [{"type": "reasoning", "content": "hm"}, text("4")]
    assert prompt(traces, ("assistant", parts)) == [
        {"role": "assistant", "content": "4", "reasoning_content": "hm"}
    ]


def test_names_and_several_texts_survive(traces: Traces) -> None:
    message = {"role": "user", "name": "ann", "parts": [text("a"), text("b")]}
    with traces.span("chat", chat_attributes(**{"gen_ai.input.messages": json.dumps([message])})):
        pass
    assert traces.step()["inputs"]["prompt"] == [
        {
            "role": "user",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            "name": "ann",
        }
    ]


def test_one_tool_call_is_the_output_as_captured(traces: Traces) -> None:
    assert output(traces, CALL) == {"name": "get_weather", "arguments": {"city": "Paris"}}


def test_parallel_tool_calls_are_all_in_the_output(traces: Traces) -> None:
    assert output(traces, CALL, OTHER_CALL) == [
        {"name": "get_weather", "arguments": {"city": "Paris"}},
        {"name": "get_time", "arguments": {"tz": "CET"}},
    ]


def test_text_before_a_tool_call_does_not_hide_it(traces: Traces) -> None:
    assert output(traces, text("Let me check."), CALL) == {
        "content": "Let me check.",
        "tool_calls": [{"name": "get_weather", "arguments": {"city": "Paris"}}],
    }


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("42", "42"),
        ("null", "null"),
        ('"a"', '"a"'),
        ("SELECT 1", "SELECT 1"),
        ('{"a":1}', {"a": 1}),
        ("[1]", [1]),
        (42, 42),
    ],
)
def test_free_text_for_a_tool_stays_a_text(traces: Traces, given: Any, shown: Any) -> None:
    call = {"type": "tool_call", "id": "c", "name": "sql", "arguments": given}
    assert output(traces, call) == {"name": "sql", "arguments": shown}


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_1", "type": "custom", "custom": {"name": "sql", "input": "42"}}]},
        {"role": "assistant", "content": [
            {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "sql",
             "input": "42"}]},
    ],
)  # fmt: skip
def test_a_custom_tools_call_is_known_in_openais_own_shapes(traces: Traces, message: Any) -> None:
    with traces.span("chat", chat_attributes(**{"gen_ai.input.messages": json.dumps([message])})):
        pass
    (call,) = traces.step()["inputs"]["prompt"][0]["tool_calls"]
    assert (call["id"], call["function"]) == ("call_1", {"name": "sql", "arguments": "42"})


def test_a_refusal_is_the_answer(traces: Traces) -> None:
    assert output(traces, {"type": "refusal", "content": "No."}) == "No."


def test_thinking_is_not_part_of_the_answer(traces: Traces) -> None:
    assert output(traces, {"type": "reasoning", "content": "hm"}, text("4")) == "4"


def test_several_choices_are_a_list(traces: Traces) -> None:
    messages = said(("assistant", "a"), ("assistant", "b"))
    with traces.span("chat", chat_attributes(**{"gen_ai.output.messages": messages})):
        pass
    assert traces.step()["output"] == ["a", "b"]


def test_the_output_of_an_agents_run_is_its_last_word(traces: Traces) -> None:
    answer = {"type": "tool_call_response", "id": "call_1", "response": "20 C"}
    run = said(("assistant", [CALL]), ("tool", [answer]), ("assistant", "It is warm."))
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.output.messages": run}
    with traces.span("invoke_agent helper", agent):
        pass
    assert traces.row()["output"] == "It is warm."


def test_a_run_that_was_stopped_after_a_tool_has_the_tools_call_as_output(
    traces: Traces,
) -> None:
    answer = {"type": "tool_call_response", "id": "call_1", "response": "20 C"}
    run = said(("assistant", [CALL]), ("tool", [answer]))
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.output.messages": run}
    with traces.span("invoke_agent helper", agent):
        pass
    assert traces.row()["output"]["name"] == CALL["name"]


def test_an_image_is_referred_to_and_not_inlined(traces: Traces) -> None:
    (message,) = prompt(traces, ("user", [text("what is it"), IMAGE]))
    assert message["content"][0] == {"type": "text", "text": "what is it"}
    attachment = message["content"][1]["attachment"]
    assert message["content"][1]["type"] == "image"
    assert {**attachment, "id": "?"} == {
        "id": "?",
        "name": "image.png",
        "mediaType": "image/png",
        "sizeBytes": 8,
        "checksumMd5": PNG_MD5,
    }
    body = traces.body()
    assert body is not None and body.checksums == (PNG_MD5,)


@pytest.mark.parametrize(
    ("part", "kind", "expected"),
    [
        (
            {"type": "uri", "modality": "image", "uri": "https://example.com/a.jpg"},
            "image",
            {"name": "image", "mediaType": "image/jpeg", "url": "https://example.com/a.jpg"},
        ),
        (
            {"type": "uri", "modality": "audio", "mime_type": "audio/wav", "checksum_md5": "c",
             "size_bytes": 3, "uri": "urn:md5:c"},
            "audio",
            {"name": "audio.wav", "mediaType": "audio/wav", "sizeBytes": 3, "checksumMd5": "c"},
        ),
        (
            {"type": "uri", "modality": "document", "mime_type": "application/pdf",
             "checksum_md5": "c", "size_bytes": 5, "uri": "urn:md5:c", "filename": "a.pdf"},
            "file",
            {"name": "a.pdf", "mediaType": "application/pdf", "sizeBytes": 5, "checksumMd5": "c"},
        ),
        (
            {"type": "file", "modality": "document", "file_id": "file-1"},
            "file",
            {"name": "file", "mediaType": "application/pdf", "metadata": {"fileId": "file-1"}},
        ),
    ],
)  # fmt: skip
def test_media_become_content_items(
    traces: Traces, part: dict[str, Any], kind: str, expected: dict[str, Any]
) -> None:
    (message,) = prompt(traces, ("user", [part, text("?")]))
    item = message["content"][0]
    item["attachment"].pop("id")
    assert (item["type"], item["attachment"]) == (kind, expected)


def test_binary_data_of_other_instrumentations_is_taken_off_the_trace(
    traces: Traces, kept_content: None
) -> None:
    encoded = base64.b64encode(PNG).decode()
    blob = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": encoded}
    (message,) = prompt(traces, ("user", [blob, text("?")]))
    assert message["content"][0]["attachment"]["checksumMd5"] == PNG_MD5
    assert encoded not in json.dumps(traces.content())
    held = binaries.get(PNG_MD5)
    assert held is not None and held.data == PNG


def test_binary_data_is_inlined_when_the_user_asks_for_it(
    traces: Traces, kept_content: None
) -> None:
    binaries.keep(PNG, "image/png")
    with traces.span(
        "chat", chat_attributes(**{"gen_ai.input.messages": said(("user", [IMAGE, text("?")]))})
    ):
        pass
    row = traces.row(Settings(inline_attachments=True))
    attachment = row["prompt"][0]["content"][0]["attachment"]
    assert list(attachment) == [
        "id", "name", "mediaType", "dataBase64", "sizeBytes", "checksumMd5",
    ]  # fmt: skip
    assert base64.b64decode(attachment["dataBase64"]) == PNG
