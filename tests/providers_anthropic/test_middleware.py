"""A client's middleware: the span holds what the application gets, whatever came before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import pytest
from anthropic import _base_client

from openlayer_otel import semconv
from tests.providers_anthropic.conftest import CALL, Wire, message, server_sent
from tests.support.span_log import SpanLog, json_attribute

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.skipif(
        not hasattr(_base_client.SyncAPIClient, "_finalize_middleware_result"),
        reason="this version of the SDK has no middleware",
    ),
]

OnWire = Callable[..., Any]
Next = Callable[[Any], Any]
SECOND = message({"type": "text", "text": "second"}, id="msg_2", stop_reason="max_tokens")


class TwoAnswers(Wire):
    """Answers the first request otherwise than the next ones."""

    def answer(self, request: Any) -> Any:
        """Answer one request."""
        first = not self.requests
        given = message({"type": "text", "text": "first"}) if first else SECOND
        self.reply = given
        if b'"stream":true' in request.content.replace(b" ", b""):
            self.reply = server_sent(_events(given))
        return super().answer(request)


def _events(given: dict[str, Any]) -> list[dict[str, Any]]:
    text = given["content"][0]["text"]
    delta = {"stop_reason": given["stop_reason"], "stop_sequence": None}
    return [
        {"type": "message_start", "message": {**given, "content": [], "stop_reason": None}},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": text},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": delta, "usage": given["usage"]},
        {"type": "message_stop"},
    ]


@pytest.fixture
def wire() -> Wire:
    return TwoAnswers()


def _look(response: Any) -> Any:
    parsed = response.parse()
    return list(parsed) if hasattr(parsed, "__next__") else parsed


def asks_again(request: Any, following: Next) -> Any:
    """Reads the first answer and asks once more."""
    _look(following(request))
    return following(request)


def reads_both(request: Any, following: Next) -> Any:
    """Reads two answers and returns the second."""
    _look(following(request))
    second = following(request)
    second.parse()
    return second


def thinks_better_of_it(request: Any, following: Next) -> Any:
    """Reads two answers and returns the first."""
    first = following(request)
    _look(first)
    _look(following(request))
    return first


def looks(request: Any, following: Next) -> Any:
    """Looks at the beginning of the answer and returns it."""
    answer = following(request)
    parsed = answer.parse()
    if request.stream:
        next(iter(parsed))
    return answer


def unwraps(request: Any, following: Next) -> Any:
    """Returns what the answer parses to."""
    return following(request).parse()


def answers_itself(request: Any, following: Next) -> Any:
    """Reads an answer and returns a message of its own."""
    _look(following(request))
    return anthropic.types.Message.construct(**SECOND)


def _read(answer: Any) -> None:
    for _ in answer if hasattr(answer, "__next__") else ():
        pass


CASES = [
    (asks_again, "second", "length"),
    (reads_both, "second", "length"),
    (thinks_better_of_it, "first", "stop"),
    (looks, "first", "stop"),
    (unwraps, "first", "stop"),
    (answers_itself, "second", "length"),
]
EACH = pytest.mark.parametrize(
    ("middleware", "text", "reason"), CASES, ids=[case[0].__name__ for case in CASES]
)


def _check(spans: SpanLog, text: str, reason: str) -> None:
    span = spans.only()
    said = span.attributes or {}
    assert json_attribute(span, semconv.OUTPUT_MESSAGES)[0]["parts"] == [
        {"type": "text", "content": text}
    ]
    assert said[semconv.RESPONSE_FINISH_REASONS] == (reason,)
    assert said[semconv.RESPONSE_ID] == ("msg_1" if text == "first" else "msg_2")
    assert semconv.OUTCOME not in said


@EACH
def test_the_answer_that_the_application_gets_is_recorded(
    middleware: Any, text: str, reason: str, instrumented: SpanLog, on_wire: OnWire
) -> None:
    client = on_wire(anthropic.Anthropic, api_key="k", middleware=[middleware])
    client.messages.create(**CALL)
    _check(instrumented, text, reason)


@EACH
def test_the_raw_answer_that_the_application_gets_is_recorded(
    middleware: Any, text: str, reason: str, instrumented: SpanLog, on_wire: OnWire
) -> None:
    client = on_wire(anthropic.Anthropic, api_key="k", middleware=[middleware])
    client.messages.with_raw_response.create(**CALL)
    _check(instrumented, text, reason)


@EACH
def test_the_stream_that_the_application_gets_is_recorded(
    middleware: Any, text: str, reason: str, instrumented: SpanLog, on_wire: OnWire
) -> None:
    client = on_wire(anthropic.Anthropic, api_key="k", middleware=[middleware])
    answer = client.messages.create(**CALL, stream=True)
    assert instrumented.ended == [] or middleware in (thinks_better_of_it, answers_itself)
    _read(answer)
    _check(instrumented, text, reason)


async def test_the_stream_that_an_async_client_gets_is_recorded(
    instrumented: SpanLog, on_wire: OnWire
) -> None:
    async def asks_again(request: Any, following: Next) -> Any:
        first = await following(request)
        async for _ in await first.parse():
            pass
        return await following(request)

    client = on_wire(anthropic.AsyncAnthropic, api_key="k", middleware=[asks_again])
    async for _ in await client.messages.create(**CALL, stream=True):
        pass
    _check(instrumented, "second", "length")


def test_a_middleware_that_raises_fails_the_call(instrumented: SpanLog, on_wire: OnWire) -> None:
    def raises(request: Any, following: Next) -> Any:
        _look(following(request))
        raise LookupError("not good enough")

    client = on_wire(anthropic.Anthropic, api_key="k", middleware=[raises])
    with pytest.raises(LookupError):
        client.messages.create(**CALL, stream=True)
    said = instrumented.only().attributes or {}
    assert said["error.type"] == "LookupError"
    assert said[semconv.RESPONSE_FINISH_REASONS] == ("error",)
