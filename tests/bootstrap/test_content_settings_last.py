"""What ``init()`` and ``instrument()`` are told to record holds, in whatever order they come."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

import openlayer_otel
from openlayer_otel import OpenlayerInstrumentor, OpenlayerSpanExporter, OpenlayerSpanProcessor
from tests.support.span_log import SpanLog


@openlayer_otel.trace
def _answer(question: str) -> str:
    return "SECRET"


def _recorded(spans: SpanLog) -> str:
    return " ".join(str(dict(span.attributes or {})) for span in spans.ended)


def _init(provider: TracerProvider, **settings: object) -> None:
    openlayer_otel.init(tracer_provider=provider, disable_publish=True, **settings)


def test_after_uninstrument_what_init_said_of_content_holds(
    tracer_provider: TracerProvider, spans: SpanLog
) -> None:
    _init(tracer_provider, capture_content=False)
    OpenlayerInstrumentor().uninstrument()
    _answer("SECRET")
    assert spans.only().name == "_answer"
    assert "SECRET" not in _recorded(spans)


def test_init_after_uninstrument_traces_the_sdks_again(
    tracer_provider: TracerProvider, spans: SpanLog, call_model: Callable[..., None]
) -> None:
    _init(tracer_provider, capture_content=False)
    OpenlayerInstrumentor().uninstrument()
    _init(tracer_provider, capture_content=False)
    call_model("SECRET")
    assert spans.only().name == "chat gpt-x"
    assert "SECRET" not in _recorded(spans)


def test_init_after_a_bare_instrument_says_what_is_recorded(
    tracer_provider: TracerProvider, spans: SpanLog, call_model: Callable[..., None]
) -> None:
    OpenlayerInstrumentor().instrument()
    _init(tracer_provider, redact=lambda text: text.replace("SECRET", "…"))
    call_model("SECRET")
    _answer("SECRET")
    assert [span.name for span in spans.ended] == ["chat gpt-x", "_answer"]
    assert "SECRET" not in _recorded(spans)
    assert "…" in _recorded(spans)


def test_init_after_instrument_with_settings_warns_of_those_that_do_nothing(
    tracer_provider: TracerProvider,
    spans: SpanLog,
    call_model: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    OpenlayerInstrumentor().instrument(tracer_provider=tracer_provider, capture_content=False)
    _init(tracer_provider, metrics=False)
    call_model("SECRET")
    assert "SECRET" not in _recorded(spans)
    (record,) = caplog.records
    assert "those of init() for metrics do nothing" in record.getMessage()


def test_init_that_says_nothing_of_content_says_nothing_about_what_instrument_said(
    tracer_provider: TracerProvider,
    spans: SpanLog,
    call_model: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    OpenlayerInstrumentor().instrument(redact=_masked)
    _init(tracer_provider)
    call_model("SECRET")
    assert "SECRET" not in _recorded(spans)
    assert "…" in _recorded(spans)
    assert [record.getMessage() for record in caplog.records] == []


def test_a_bare_instrument_after_init_records_what_init_said(
    tracer_provider: TracerProvider, spans: SpanLog, call_model: Callable[..., None]
) -> None:
    _init(tracer_provider, capture_content=False, instrument=False)
    OpenlayerInstrumentor().instrument(tracer_provider=tracer_provider)
    call_model("SECRET")
    assert spans.only().name == "chat gpt-x"
    assert "SECRET" not in _recorded(spans)


def _masked(text: str) -> str:
    return text.replace("SECRET", "…")


@pytest.mark.parametrize("said", [{"redact": _masked}, {"capture_content": "NO_CONTENT"}])
@pytest.mark.parametrize("first", ["init", "instrument"])
def test_what_a_later_instrument_says_of_content_holds(
    first: str,
    said: dict[str, Any],
    tracer_provider: TracerProvider,
    spans: SpanLog,
    call_model: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    if first == "init":
        _init(tracer_provider)
    else:  # as opentelemetry-instrument does
        OpenlayerInstrumentor().instrument(skip_dep_check=True)
        said = {**said, "tracer_provider": tracer_provider}
    for _ in range(2):
        OpenlayerInstrumentor().instrument(**said)
        call_model("SECRET")
        _answer("SECRET")
    assert [span.name for span in spans.ended] == ["chat gpt-x", "_answer"] * 2
    assert "SECRET" not in _recorded(spans)
    assert [each for each in caplog.records if each.name == "openlayer_otel"] == []


def test_a_later_instrument_does_not_overrule_what_was_said_before(
    tracer_provider: TracerProvider,
    spans: SpanLog,
    call_model: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    _init(tracer_provider, capture_content="NO_CONTENT")
    other = TracerProvider(shutdown_on_exit=False)
    for _ in range(2):
        OpenlayerInstrumentor().instrument(
            tracer_provider=other, capture_content=True, redact=_masked, providers=["openai"]
        )
    call_model("SECRET")
    assert spans.only().name == "chat gpt-x"
    assert "SECRET" not in _recorded(spans)
    (record,) = [each for each in caplog.records if each.name == "openlayer_otel"]
    assert "by what was said before of capture_content, tracer_provider;" in record.getMessage()


def test_what_a_later_instrument_says_of_content_holds_after_another_init(
    tracer_provider: TracerProvider, spans: SpanLog, call_model: Callable[..., None]
) -> None:
    _init(tracer_provider)
    OpenlayerInstrumentor().instrument(redact=_masked)
    for pipeline in ("one", "two"):
        _init(tracer_provider, inference_pipeline_id=pipeline)
        call_model("SECRET")
        _answer("SECRET")
    assert [span.name for span in spans.ended] == ["chat gpt-x", "_answer"] * 2
    assert "SECRET" not in _recorded(spans)


def test_each_init_after_a_bare_instrument_says_what_is_recorded_and_where(
    tracer_provider: TracerProvider, spans: SpanLog, call_model: Callable[..., None]
) -> None:
    OpenlayerInstrumentor().instrument()  # as opentelemetry-instrument does
    _init(TracerProvider(shutdown_on_exit=False))
    _init(tracer_provider, capture_content=False)
    call_model("SECRET")
    assert spans.only().name == "chat gpt-x"
    assert "SECRET" not in _recorded(spans)
    openlayer_otel.shutdown(5)
    call_model("SECRET")
    assert len(spans.ended) == 1
    assert OpenlayerInstrumentor().is_instrumented_by_opentelemetry


def test_an_init_after_instrument_says_where_spans_go_if_that_did_not(
    tracer_provider: TracerProvider, spans: SpanLog, call_model: Callable[..., None]
) -> None:
    OpenlayerInstrumentor().instrument(redact=_masked)
    _init(tracer_provider)
    call_model("SECRET")
    assert spans.only().name == "chat gpt-x"
    assert "SECRET" not in _recorded(spans)


@pytest.mark.parametrize("kind", [OpenlayerSpanProcessor, OpenlayerSpanExporter])
def test_a_setting_that_does_nothing_there_is_named(
    kind: type, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")

    class Redact:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, text: str) -> str:
            return text

    kind(disable_publish=True, redact=Redact()).shutdown()
    (record,) = caplog.records
    assert "redact= does nothing as an argument of " + kind.__name__ in record.getMessage()


def test_instrument_names_a_setting_of_the_upload(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    OpenlayerInstrumentor().instrument(api_key="k")
    (record,) = caplog.records
    assert "api_key= does nothing as an argument of instrument(); give it to init()" in (
        record.getMessage()
    )


def test_nothing_is_said_of_the_environment_where_arguments_overrule_it(
    tracer_provider: TracerProvider,
    spans: SpanLog,
    call_model: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "junk")
    monkeypatch.setenv("OPENLAYER_BASE_URL", "junk")
    _init(tracer_provider, capture_content=True, base_url="http://127.0.0.1:9")
    call_model("SECRET")
    assert "SECRET" in _recorded(spans)
    assert not caplog.records
