"""Content is where the switch says and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from openlayer_otel.tracing import capture_content
from tests.privacy.canaries import CANARY, RECORDED, at
from tests.privacy.conftest import Traces, call

pytestmark = pytest.mark.matrix


@pytest.mark.parametrize("written", ["NO_CONTENT", "no_content", "false", False])
def test_without_content_nothing_that_was_said_survives_anywhere(
    record: Callable[..., None], traces: Traces, sdk: str, how: str, written: str | bool
) -> None:
    record(capture_content=written)
    call(sdk, how)
    assert traces.spans.only().name == "chat m"
    assert CANARY not in traces.everywhere()


def test_the_variable_switches_content_off(
    record: Callable[..., None],
    traces: Traces,
    monkeypatch: pytest.MonkeyPatch,
    sdk: str,
    how: str,
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "NO_CONTENT")
    record()
    call(sdk, how)
    assert traces.spans.only().name == "chat m"
    assert CANARY not in traces.everywhere()


def test_content_for_events_only_is_on_no_span(
    record: Callable[..., None], traces: Traces, sdk: str, how: str
) -> None:
    record(capture_content="EVENT_ONLY")
    call(sdk, how)
    assert CANARY not in traces.on_spans()
    assert at("prompt") in traces.in_events()


def test_content_for_spans_only_is_in_no_event(
    record: Callable[..., None], traces: Traces, sdk: str, how: str
) -> None:
    record(capture_content="SPAN_ONLY")
    call(sdk, how)
    assert at("prompt") in traces.on_spans()
    assert traces.events.events == []


@pytest.mark.parametrize("streaming", ["plain", "streamed"])
def test_with_content_every_place_is_recorded(
    record: Callable[..., None], traces: Traces, sdk: str, streaming: str
) -> None:
    record(capture_content="SPAN_AND_EVENT")
    call(sdk, streaming)
    assert [place for place in RECORDED[sdk] if at(place) not in traces.on_spans()] == []
    assert [place for place in RECORDED[sdk] if at(place) not in traces.in_events()] == []


def test_an_error_message_is_content(record: Callable[..., None], traces: Traces, sdk: str) -> None:
    record()
    call(sdk, "refused")
    assert at("error message") in str(traces.spans.only().status.description)
    # What is no code is no error type, whatever the server calls it.
    assert CANARY not in str((traces.spans.only().attributes or {})["error.type"])


def test_one_block_can_be_kept_out(
    record: Callable[..., None], traces: Traces, sdk: str, how: str
) -> None:
    record(capture_content="SPAN_AND_EVENT")
    with capture_content(False):
        call(sdk, how)
    assert CANARY not in traces.everywhere()
    call(sdk, how)
    assert at("prompt") in traces.on_spans()


def test_one_block_can_be_let_in(
    record: Callable[..., None], traces: Traces, sdk: str, how: str
) -> None:
    record(capture_content=False)
    with capture_content("EVENT_ONLY"):
        call(sdk, how)
    assert at("prompt") in traces.in_events()
    assert CANARY not in traces.on_spans()


@pytest.mark.parametrize("content", [True, False], ids=["content", "no content"])
def test_keys_headers_and_passwords_are_never_recorded(
    record: Callable[..., None], traces: Traces, sdk: str, how: str, content: bool
) -> None:
    record(capture_content="SPAN_AND_EVENT" if content else "NO_CONTENT")
    call(
        sdk,
        how,
        default_headers={"x-secret": "canary-header", "authorization": "Bearer canary-token"},
        default_query={"api-key": "canary-query"},
    )
    found = traces.everywhere()
    assert traces.spans.only().name == "chat m"
    for secret in ("canary-header", "canary-token", "canary-query", "canary-password", "sk-test"):
        assert secret not in found
