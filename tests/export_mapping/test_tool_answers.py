"""What tools answered reaches Openlayer as it was, and whether it was an error."""

from __future__ import annotations

from typing import Any

import pytest

from tests.export_mapping.traces import Traces, chat_attributes, said


def answers(traces: Traces, *parts: Any) -> list[dict[str, Any]]:
    """The messages of a prompt that holds these parts of one message."""
    messages = said(("tool", parts))
    with traces.span("chat", chat_attributes(**{"gen_ai.input.messages": messages})):
        pass
    found: list[dict[str, Any]] = traces.step()["inputs"]["prompt"]
    return found


def test_a_tool_that_failed_is_told_from_one_that_did_not(traces: Traces) -> None:
    failed = {"type": "tool_call_response", "id": "a", "response": "no city", "is_error": True}
    assert answers(traces, failed) == [
        {"role": "tool", "tool_call_id": "a", "content": "no city", "is_error": True}
    ]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "tool_result", "tool_use_id": "a", "is_error": True,
         "content": [{"type": "text", "text": "no city"}]},
        {"toolResult": {"toolUseId": "a", "status": "error", "content": [{"text": "no city"}]}},
        {"type": "tool-result", "toolCallId": "a",
         "output": {"type": "error-text", "value": "no city"}},
        {"type": "tool_call_response", "id": "a", "is_error": True,
         "response": [{"type": "text", "text": "no city"}]},
    ],
)  # fmt: skip
def test_a_failed_tool_is_told_in_any_packages_shape(traces: Traces, block: Any) -> None:
    assert answers(traces, block) == [
        {"role": "tool", "tool_call_id": "a", "content": "no city", "is_error": True}
    ]


@pytest.mark.parametrize(
    ("response", "content"),
    [
        ([1, 2, 3], "[1,2,3]"),
        (["a", "b"], '["a","b"]'),
        ([{"text": "Paris", "score": 0.5}], '[{"text":"Paris","score":0.5}]'),
        ([{"type": "file", "content": "import os"}], '[{"type":"file","content":"import os"}]'),
        ([{"image": "cat.png"}, {}], '[{"image":"cat.png"},{}]'),
        ([{"type": "text", "text": "a"}, {"n": 1}], '[{"type":"text","text":"a"},{"n":1}]'),
        ([{"type": ["a"]}], '[{"type":["a"]}]'),
        ([{"page": {"source": "web"}}], '[{"page":{"source":"web"}}]'),
        ([{"type": "uri", "uri": "a", "n": 1}], '[{"type":"uri","uri":"a","n":1}]'),
        ({"type": "image", "url": "a"}, '{"type":"image","url":"a"}'),
        ([{"type": "text", "text": "a"}, {"text": "b"}], "ab"),
        ([], "[]"),
    ],
)
def test_a_list_that_a_tool_answers_is_not_glued_together(
    traces: Traces, response: Any, content: str
) -> None:
    answer = {"type": "tool_call_response", "id": "a", "response": response}
    assert answers(traces, answer)[0]["content"] == content
