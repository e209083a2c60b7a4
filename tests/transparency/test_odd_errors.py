"""Errors that are no ordinary ones: that cannot say what they are, or that end a greenlet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from openlayer_otel.genai.errors import is_cancellation
from tests.support.sdk_clients import http_library, make_client
from tests.support.signals import EventLog
from tests.support.span_log import SpanLog


class Speechless(BaseException):
    """Raises where it is asked what it says."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def _fails_with(error: BaseException) -> Any:
    def respond(request: Any) -> Any:
        raise error

    return make_client(
        "openai", False, "http://test", http_library("openai").MockTransport(respond)
    )


def test_a_call_fails_whose_error_cannot_say_what_it_is(
    instrument: Callable[..., None], spans: SpanLog
) -> None:
    log = EventLog()
    instrument(capture_content="SPAN_AND_EVENT", logger_provider=log.provider)
    with pytest.raises(Speechless):
        _fails_with(Speechless()).chat.completions.create(model="m", messages=[])
    span = spans.only()
    assert (span.attributes or {})["error.type"] == f"{__name__}.Speechless"
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "Speechless")
    event = log.named("gen_ai.client.operation.exception")
    assert event.attributes["exception.message"] == "Speechless"
    log.provider.shutdown()


def _foreign(module: str, name: str) -> type[BaseException]:
    return type(name, (BaseException,), {"__module__": module})


@pytest.mark.parametrize(
    "kind",
    [
        _foreign("greenlet", "GreenletExit"),
        _foreign("gevent.timeout", "Timeout"),
        type("OwnTimeout", (_foreign("gevent.timeout", "Timeout"),), {}),
    ],
    ids=["killed", "timeout", "own timeout"],
)
def test_a_greenlet_that_is_killed_or_out_of_time_is_no_failure(
    kind: type[BaseException], instrumented: SpanLog
) -> None:
    with pytest.raises(kind):
        _fails_with(kind()).chat.completions.create(model="m", messages=[])
    span = instrumented.only()
    assert span.status.status_code is StatusCode.UNSET
    assert (span.attributes or {})["openlayer.operation.outcome"] == "cancelled"


def test_gevents_own_exceptions_are_known() -> None:
    gevent = pytest.importorskip("gevent")
    assert is_cancellation(gevent.GreenletExit())
    assert is_cancellation(gevent.Timeout(1))


def test_an_answer_that_says_no_more_than_error_has_the_exceptions_type(
    instrumented: SpanLog,
) -> None:
    library = http_library("anthropic")

    def gateway(request: Any) -> Any:
        return library.Response(500, json={"type": "error", "message": "out of order"})

    client = make_client("anthropic", False, "http://test", library.MockTransport(gateway))
    with pytest.raises(Exception, match="out of order"):
        client.messages.create(model="m", max_tokens=9, messages=[])
    attributes = instrumented.only().attributes or {}
    assert attributes["error.type"] == "anthropic.InternalServerError"
