"""Views that return a web framework's streaming response: the body is the view's own work.

Each response is read the way the framework's server reads it.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import flask
import pytest
import quart
from django.conf import settings as django_settings
from django.http import FileResponse, HttpResponse, StreamingHttpResponse

from openlayer_otel import start_step, trace
from openlayer_otel.tracing import GuardrailBlockedException
from tests.support.span_log import SpanLog, json_attribute
from tests.tracing.guarded_kinds import Words

if not django_settings.configured:
    django_settings.configure()


def pieces(last: str) -> Iterator[str]:
    with start_step("inside"):
        yield "one "
    yield last


async def async_pieces() -> AsyncIterator[str]:
    with start_step("inside"):
        yield "one "
    yield "two"


def read_wsgi(response: Any) -> Iterator[bytes]:
    try:
        yield from response.iter_encoded() if isinstance(response, flask.Response) else response
    finally:
        response.close()


async def read_django(response: Any) -> AsyncIterator[bytes]:
    parts = aiter(response)
    try:
        async for part in parts:
            yield part
    finally:
        await parts.aclose()
        response.close()


async def read_quart(response: Any) -> AsyncIterator[bytes]:
    async with response.response as body:
        async for part in body:
            yield part.encode() if isinstance(part, str) else part


SYNC = {"flask": flask.Response, "django": StreamingHttpResponse}
ASYNC = {"django": (StreamingHttpResponse, read_django), "quart": (quart.Response, read_quart)}
frameworks = pytest.mark.parametrize("framework", SYNC)
async_frameworks = pytest.mark.parametrize("framework", ASYNC)


def view(make: Callable[[Any], Any], last: str = "two", **wishes: Any) -> tuple[Any, Any]:
    """What a traced view returns, and what the view itself has returned."""
    made = []

    @trace(name="view", **wishes)
    def view() -> Any:
        made.append(make(pieces(last)))
        return made[0]

    return view(), made[0]


async def async_view(make: Callable[[Any], Any], **wishes: Any) -> Any:
    @trace(name="view", **wishes)
    async def view() -> Any:
        return make(async_pieces())

    return await view()


def check(steps: SpanLog, output: str, outcome: str | None = None) -> None:
    assert steps.open == []
    assert steps.tree() == [["view", ["inside"]]]
    said = steps.named("view").attributes or {}
    assert json_attribute(steps.named("view"), "openlayer.step.output") == output
    assert said.get("openlayer.operation.outcome") == outcome


@frameworks
def test_the_step_lasts_until_the_body_has_been_sent(framework: str, steps: SpanLog) -> None:
    response, made = view(SYNC[framework])
    assert response is made
    assert steps.ended == []
    assert b"".join(read_wsgi(response)) == b"one two"
    check(steps, "one two")


@async_frameworks
async def test_the_step_lasts_until_an_async_body_has_been_sent(
    framework: str, steps: SpanLog
) -> None:
    make, read = ASYNC[framework]
    response = await async_view(make)
    assert steps.ended == []
    assert b"".join([part async for part in read(response)]) == b"one two"
    check(steps, "one two")


@frameworks
def test_a_client_that_goes_away_closes_the_step(framework: str, steps: SpanLog) -> None:
    response, _ = view(SYNC[framework])
    parts = read_wsgi(response)
    assert next(parts) == b"one "
    parts.close()  # type: ignore[attr-defined]
    check(steps, "one ", "closed")


@frameworks
def test_what_the_body_does_when_it_is_closed_is_in_the_step(
    framework: str, steps: SpanLog
) -> None:
    def saved() -> Iterator[str]:
        try:
            yield "one "
        finally:
            with start_step("save"):
                pass

    parts = read_wsgi(trace(name="view")(lambda: SYNC[framework](saved()))())
    assert next(parts) == b"one "
    parts.close()  # type: ignore[attr-defined]
    assert steps.tree() == [["view", ["save"]]]


@frameworks
def test_a_body_that_nobody_reads_is_dropped(framework: str, steps: SpanLog) -> None:
    response, _ = view(SYNC[framework])
    response.close()
    (span,) = steps.ended
    assert (span.attributes or {})["openlayer.operation.outcome"] == "dropped"


@frameworks
@pytest.mark.parametrize(
    ("last", "expected"), [("two", b"one two"), ("secret", b"one REDACTED"), ("forbidden", None)]
)
def test_the_body_passes_guardrails(
    framework: str, last: str, expected: bytes | None, steps: SpanLog
) -> None:
    guard = Words()
    response, made = view(SYNC[framework], last, guardrails=[guard])
    assert response is made
    if expected is None:
        with pytest.raises(GuardrailBlockedException):
            next(read_wsgi(response))
    else:
        assert b"".join(read_wsgi(response)) == expected
    assert guard.asked == [{}, f"one {last}"]
    assert steps.open == []


@async_frameworks
async def test_an_async_body_passes_guardrails(framework: str, steps: SpanLog) -> None:
    make, read = ASYNC[framework]
    guard = Words()
    response = await async_view(make, guardrails=[guard])
    assert b"".join([part async for part in read(response)]) == b"one two"
    assert guard.asked == [{}, "one two"]
    assert steps.open == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: flask.Response("text"),
        lambda: flask.Response(io.BytesIO(b"text"), direct_passthrough=True),
        lambda: HttpResponse("text"),
        lambda: FileResponse(io.BytesIO(b"text")),
        lambda: quart.Response("text"),
    ],
)
def test_a_response_that_needs_no_more_work_ends_the_step(
    make: Callable[[], Any], steps: SpanLog
) -> None:
    trace(make)()
    assert "openlayer.operation.outcome" not in (steps.only().attributes or {})
