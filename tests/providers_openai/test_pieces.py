"""Chunks that look like mere pieces of a text, and say something else as well."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.providers_openai.conftest import HTTP
from tests.support.span_log import SpanLog

pytestmark = pytest.mark.matrix

MESSAGES: Any = [{"role": "user", "content": "hi"}]


def _chunk(text: str, chunk_id: str = "chatcmpl-1", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    head = {"id": chunk_id, "object": "chat.completion.chunk", "created": 1, "model": "m-1"}
    return {**head, "choices": [choice], **more}


def _cut(transport: Callable[..., Any], spans: SpanLog, *chunks: dict[str, Any]) -> dict[str, Any]:
    """What is recorded of a stream that ends after these chunks, without a last one."""
    client = transport(list(chunks))
    list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))
    return dict(spans.only().attributes or {})


def _text(attributes: dict[str, Any]) -> str:
    (message,) = json.loads(attributes["gen_ai.output.messages"])
    return str(message["parts"][0]["content"])


def test_an_id_that_comes_with_a_later_piece_is_recorded(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    first = {**_chunk("", "", model=""), "choices": []}  # as Azure begins
    attributes = _cut(transport, spans, first, _chunk("one "), _chunk("two "), _chunk("three"))
    assert attributes["gen_ai.response.id"] == "chatcmpl-1"
    assert attributes["gen_ai.response.model"] == "m-1"
    assert _text(attributes) == "one two three"


def test_the_model_is_recorded_where_no_chunk_has_an_id(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    chunks = [_chunk("one "), _chunk("two")]
    for chunk in chunks:
        del chunk["id"]
    attributes = _cut(transport, spans, *chunks)
    assert attributes["gen_ai.response.model"] == "m-1"
    assert _text(attributes) == "one two"


@pytest.mark.parametrize("chunk_id", ["chatcmpl-1", ""], ids=["ids", "no ids"])
def test_a_first_choice_that_comes_second_is_recorded_though_it_is_cut(
    chunk_id: str,
    transport: Callable[..., Any],
    instrument: Callable[..., None],
    spans: SpanLog,
) -> None:
    instrument()
    chunks = [_chunk("b", chunk_id), _chunk("", chunk_id)]
    chunks[0]["choices"][0]["index"] = 1
    chunks[1]["choices"][0]["delta"]["role"] = "assistant"
    attributes = _cut(transport, spans, *chunks)
    assert attributes["gen_ai.response.finish_reasons"] == ("error", "error")
    first, second = json.loads(attributes["gen_ai.output.messages"])
    assert first["parts"] == []
    assert second["parts"] == [{"type": "text", "content": "b"}]


def test_usage_that_comes_with_every_piece_is_recorded_as_it_last_was(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    chunks = [
        _chunk(text, usage={"prompt_tokens": 7, "completion_tokens": n, "total_tokens": 7 + n})
        for n, text in enumerate(("a", "b", "c"), 1)
    ]
    attributes = _cut(transport, spans, *chunks)
    assert attributes["gen_ai.usage.output_tokens"] == 3
    assert _text(attributes) == "abc"


def test_reasoning_beside_the_text_of_a_piece_is_recorded(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    chunks = [_chunk(text) for text in ("a", "b", "c")]
    for chunk, thought in zip(chunks, ("x", "y", "z"), strict=True):
        chunk["choices"][0]["delta"]["reasoning_content"] = thought
    attributes = _cut(transport, spans, *chunks)
    (message,) = json.loads(attributes["gen_ai.output.messages"])
    assert {part["type"]: part["content"] for part in message["parts"]} == {
        "reasoning": "xyz",
        "text": "abc",
    }


def test_pieces_of_two_choices_are_kept_apart(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    chunks = [_chunk(text) for text in ("a", "x", "b", "y")]
    for index, chunk in enumerate(chunks):
        chunk["choices"][0]["index"] = index % 2
    attributes = _cut(transport, spans, *chunks)
    messages = json.loads(attributes["gen_ai.output.messages"])
    assert [message["parts"][0]["content"] for message in messages] == ["ab", "xy"]


def test_what_another_client_asks_meanwhile_is_not_taken_for_the_answer(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    other = transport({"object": "list", "data": [], "id": "wrong", "model": "wrong"})
    client = transport(
        {
            "id": "right",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "yes"}}],
        }
    )
    # Within the call, when its answer has arrived: where the SDK asks what the response says.
    client._client.event_hooks = {"response": [lambda response: other.models.list()]}
    client.chat.completions.create(model="m", messages=MESSAGES)
    attributes = dict(spans.only().attributes or {})
    assert attributes["gen_ai.response.id"] == "right"
    assert _text(attributes) == "yes"
    raw = client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES)
    assert isinstance(raw.http_response, HTTP.Response)
    assert [dict(each.attributes or {})["gen_ai.response.id"] for each in spans.ended] == [
        "right",
        "right",
    ]


def test_an_empty_usage_takes_nothing_away(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    attributes = _cut(transport, spans, _chunk("a", usage=usage), _chunk("b", usage={}))
    assert attributes["gen_ai.usage.input_tokens"] == 3
    assert attributes["gen_ai.usage.output_tokens"] == 4
    assert _text(attributes) == "ab"


def test_tool_calls_stand_in_the_order_of_their_numbers(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()

    def begin(index: int, name: str) -> dict[str, Any]:
        call = {"index": index, "id": f"c{index}", "type": "function"}
        delta = {"tool_calls": [{**call, "function": {"name": name, "arguments": "{}"}}]}
        return {**_chunk(""), "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}

    attributes = _cut(transport, spans, begin(1, "second"), begin(0, "first"))
    (message,) = json.loads(attributes["gen_ai.output.messages"])
    assert [part["name"] for part in message["parts"]] == ["first", "second"]


@pytest.mark.parametrize("role", ["assistant", "tool"])
def test_the_role_may_come_with_every_piece(
    role: str, transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    chunks = [_chunk(text) for text in ("a", "b", "c")]
    for chunk in chunks:
        chunk["choices"][0]["delta"]["role"] = role
    attributes = _cut(transport, spans, *chunks)
    assert _text(attributes) == "abc"
    (message,) = json.loads(attributes["gen_ai.output.messages"])
    assert message["role"] == role


@pytest.mark.parametrize("answer", [[], b"", b'{"id": "c-1", "choices": []}'])
def test_a_stream_without_a_single_piece_is_told_from_a_whole_one(
    answer: Any, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    """A gateway that gives up, or a server that does not stream: the application gets nothing."""
    client = transport(answer)
    assert not list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))
    attributes = instrumented.only().attributes or {}
    assert attributes["gen_ai.response.finish_reasons"] == ("error",)
    assert "openlayer.operation.outcome" not in attributes
