"""Chat completions as OpenAI and the servers that are compatible with it really answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.support.span_log import SpanLog, json_attribute

pytestmark = pytest.mark.matrix

MESSAGES: Any = [{"role": "user", "content": "hi"}]


def _completion(message: dict[str, Any], **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        **fields,
    }


def _chunk(choices: list[Any], **fields: Any) -> dict[str, Any]:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**head, "choices": choices, **fields}


def _piece(reason: str | None = None, index: Any = 0, **delta: Any) -> dict[str, Any]:
    return _chunk([{"index": index, "delta": delta, "finish_reason": reason}])


def _call(index: Any, call_id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return _piece(tool_calls=[{"index": index, "id": call_id, "function": function}])


def _parts(spans: SpanLog) -> list[Any]:
    (message,) = json_attribute(spans.only(), "gen_ai.output.messages")
    return list(message["parts"])


def _ask(client: Any, **arguments: Any) -> list[Any]:
    given = client.chat.completions.create(model="m", messages=MESSAGES, **arguments)
    return list(given) if arguments.get("stream") else [given]


_A = {"type": "tool_call", "id": "a", "name": "f", "arguments": {"x": 1}}
_B = {"type": "tool_call", "id": "b", "name": "g", "arguments": {"y": 2}}


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(
            [
                _call(0, "a", "f", '{"x"'),
                _call(0, None, None, ":1}"),
                _call(1, "b", "g", '{"y":2}'),
            ],
            id="one after the other",
        ),
        pytest.param(
            [
                _call(0, "a", "f", '{"x"'),
                _call(1, "b", "g", '{"y"'),
                _call(0, None, None, ":1}"),
                _call(1, None, None, ":2}"),
            ],
            id="interleaved",
        ),
        pytest.param(
            [
                _call(None, "a", "f", '{"x":'),
                _call(None, None, None, "1}"),
                _call(None, "b", "g", '{"y":2}'),
            ],
            id="no index",
        ),
        pytest.param(
            [_call(0, "a", "f", '{"x":1}'), _call(0, "b", "g", '{"y":2}')],
            id="every call numbered 0",
        ),
        pytest.param(
            [_call(0, "a", "f", '{"x":'), _call(0, "a", "f", "1}"), _call(1, "b", "g", '{"y":2}')],
            id="id and name repeated",
        ),
        pytest.param(
            [_call(0, "a", "f", '{"x":'), _call(0, "", "", "1}"), _call(1, "b", "g", '{"y":2}')],
            id="empty id and name",
        ),
    ],
)
def test_tool_calls_are_put_together_however_their_pieces_come(
    pieces: list[Any], transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    _ask(transport([*pieces, _piece("tool_calls")]), stream=True)
    assert _parts(instrumented) == [_A, _B]
    reasons = (instrumented.only().attributes or {})["gen_ai.response.finish_reasons"]
    assert reasons == ("tool_call",)


def test_a_custom_tool_gets_its_text_unread(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    call = {"id": "a", "type": "custom", "custom": {"name": "calc", "input": "1"}}
    _ask(transport(_completion({"content": None, "tool_calls": [call]})))
    assert _parts(instrumented) == [
        {"type": "tool_call", "id": "a", "name": "calc", "arguments": "1"}
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
    ],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_reasoning_is_recorded_once_whatever_the_server_calls_it(
    fields: dict[str, Any], streamed: bool, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    thought = {"type": "reasoning", "content": "hm"}
    if streamed:
        pieces = [_piece(role="assistant"), _piece(**fields), _piece(content="hi"), _piece("stop")]
        _ask(transport(pieces), stream=True)
        parts = _parts(instrumented)
        assert parts == [thought, {"type": "text", "content": "hi"}]
    else:
        _ask(transport(_completion({"content": "hi", **fields})))
        assert _parts(instrumented)[0] == thought


def test_each_choice_is_a_message_of_its_own(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    pieces = [
        _piece(index=1, content="b"),
        _piece(index=0, content="a"),
        _piece(index=1, content="B"),
        _piece("stop", index=0),
        _piece("length", index=1),
    ]
    _ask(transport(pieces), stream=True, n=2)
    span = instrumented.only()
    messages = json_attribute(span, "gen_ai.output.messages")
    assert [message["parts"][0]["content"] for message in messages] == ["a", "bB"]
    assert (span.attributes or {})["gen_ai.response.finish_reasons"] == ("stop", "length")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "prompt_cache_hit_tokens": 4},
            (5, 2, 4, None),
        ),
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "total_tokens": 10,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            (5, 5, None, 3),
        ),
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 4,
                "total_tokens": 9,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            (5, 4, None, 3),
        ),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "input_tokens": 50, "output_tokens": 20},
            (5, 2, None, None),
        ),
        (
            {
                "prompt_tokens": 5,
                "output_tokens": 2,
                "output_tokens_details": {"reasoning_tokens": 1},
            },
            (5, 2, None, 1),
        ),
        ({"input_tokens": 5, "output_tokens": 2}, (5, 2, None, None)),
        ({"prompt_tokens": None, "completion_tokens": "2"}, (None, None, None, None)),
        (None, (None, None, None, None)),
    ],
    ids=[
        "DeepSeek's cache",
        "reasoning beside the output",
        "reasoning in it",
        "names of both APIs",
        "names of either API",
        "names of the other API",
        "no numbers",
        "none",
    ],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_tokens_are_counted_as_the_conventions_say(
    usage: Any,
    expected: tuple[Any, ...],
    streamed: bool,
    transport: Callable[..., Any],
    instrumented: SpanLog,
) -> None:
    if streamed:
        pieces = [_piece(content="hi"), _piece("stop"), _chunk([], usage=usage)]
        _ask(transport(pieces), stream=True)
    else:
        _ask(transport(_completion({"content": "hi"}, usage=usage)))
    attributes = instrumented.only().attributes or {}
    names = ("input_tokens", "output_tokens", "cache_read.input_tokens", "reasoning.output_tokens")
    assert tuple(attributes.get(f"gen_ai.usage.{name}") for name in names) == expected


def test_chunks_as_azure_and_groq_send_them_are_read(
    transport: Callable[..., Any], instrumented: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    chunks = [
        {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
        _piece(role="assistant", content=""),
        _piece(content="hel"),
        {**_piece(content="lo"), "id": None, "usage": None},
        _chunk([{"index": 0, "delta": None, "finish_reason": None, "content_filter_results": {}}]),
        {**_piece("stop"), "x_groq": {"id": "r", "usage": {"prompt_tokens": 9}}},
        {"id": "c", "choices": None},
    ]
    with caplog.at_level(logging.WARNING):
        assert len(_ask(transport(chunks), stream=True)) == len(chunks)
    span = instrumented.only()
    attributes = span.attributes or {}
    assert _parts(instrumented) == [{"type": "text", "content": "hello"}]
    assert attributes["gen_ai.response.id"] == "c"
    assert attributes["gen_ai.usage.input_tokens"] == 9
    assert caplog.records == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": 429, "message": "slow down"}, "429"),
        ({"code": "server_error", "message": "oh"}, "server_error"),
        ({"type": "overloaded", "message": "oh"}, "overloaded"),
        ({"message": "a sentence"}, "_OTHER"),
        ("a sentence", "_OTHER"),
    ],
)
def test_an_error_in_an_answer_with_status_200_is_an_error(
    error: Any, code: str, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    _ask(transport({"id": "c", "object": "x", "error": error}))
    span = instrumented.only()
    assert not span.status.is_ok
    assert not span.status.is_unset
    assert (span.attributes or {})["error.type"] == code
    assert (span.attributes or {})["gen_ai.response.finish_reasons"] == ("error",)


def test_an_error_in_a_stream_is_an_error_that_keeps_what_came_before(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    error = {"error": {"message": "oh", "type": "server_error", "code": "overloaded"}}
    with pytest.raises(openai.APIError):
        _ask(transport([_piece(content="par"), error]), stream=True)
    span = instrumented.only()
    assert (span.attributes or {})["error.type"] == "overloaded"
    assert (span.attributes or {})["gen_ai.response.finish_reasons"] == ("error",)
    assert _parts(instrumented) == [{"type": "text", "content": "par"}]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, {"error": {"message": "x", "code": "invalid_api_key"}}, "invalid_api_key"),
        (404, {"error": {"message": "x", "type": "not_found", "code": None}}, "not_found"),
        (429, {"error": {"message": "x", "code": 429}}, "429"),
        (500, b"<html>oops</html>", "openai.InternalServerError"),
    ],
)
def test_a_refused_request_is_an_error_with_the_providers_code(
    status: int, body: Any, code: str, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    with pytest.raises(openai.APIStatusError):
        _ask(transport(body, status=status))
    span = instrumented.only()
    assert (span.attributes or {})["error.type"] == code
    assert not span.status.is_unset


def test_audio_is_named_by_checksum_and_its_words_are_kept(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    pieces = [
        _piece(role="assistant", audio={"id": "audio_1", "transcript": "hel"}),
        _piece(audio={"transcript": "lo"}),
        _piece(audio={"data": "QUJD"}),
        _piece(audio={"data": "REVG"}),
        _piece("stop"),
    ]
    _ask(transport(pieces), stream=True)
    (part,) = _parts(instrumented)
    assert (part["modality"], part["size_bytes"], part["transcript"]) == ("audio", 6, "hello")
    assert "QUJD" not in str(instrumented.only().attributes)


def test_a_parsed_answer_is_json_and_a_refusal_is_kept(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    client = transport(_completion({"content": None, "refusal": "I cannot"}))
    chat = client.chat.completions if hasattr(client.chat.completions, "parse") else None
    parse = (chat or client.beta.chat.completions).parse
    schema = {"type": "json_schema", "json_schema": {"name": "s", "schema": {}, "strict": True}}
    parse(model="m", messages=MESSAGES, response_format=schema)
    assert (instrumented.only().attributes or {})["gen_ai.output.type"] == "json"
    assert _parts(instrumented) == [{"type": "refusal", "content": "I cannot"}]
