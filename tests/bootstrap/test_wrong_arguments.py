"""Arguments that cannot be used: one warning that names them, and tracing goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

import openlayer_otel
from openlayer_otel import OpenlayerInstrumentor, OpenlayerSpanProcessor
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from openlayer_otel.tracer_providers import new_provider
from tests.support.child_process import run_python
from tests.support.span_log import SpanLog


@pytest.mark.parametrize("timeout", [float("inf"), 1e10, None, "5", -1, float("nan"), object()])
@pytest.mark.parametrize("wait", [openlayer_otel.flush, openlayer_otel.shutdown])
def test_a_timeout_of_any_kind_raises_nothing(
    timeout: Any, wait: Callable[[Any], bool], tracer_provider: TracerProvider
) -> None:
    openlayer_otel.init(tracer_provider=tracer_provider, disable_publish=True)
    assert wait(timeout) in (True, False)


def test_an_instrument_with_a_wrong_provider_uses_the_global_one(
    tracer_provider: TracerProvider,
    spans: SpanLog,
    call_model: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    OpenlayerInstrumentor().instrument(tracer_provider=tracer_provider, meter_provider="oops")
    call_model()
    assert spans.only().name == "chat gpt-x"
    (record,) = caplog.records
    assert "meter_provider= is str, which has no get_meter()" in record.getMessage()


def test_an_init_with_a_wrong_provider_uses_the_global_one(
    child_environment: dict[str, str], openlayer_server: OpenlayerServer, tmp_path: Path
) -> None:
    done = run_python(
        dedent(
            """
            import openlayer_otel

            openlayer_otel.init(tracer_provider="oops")

            @openlayer_otel.trace
            def answer():
                return "yes"

            answer()
            """
        ),
        environment=child_environment,
        directory=tmp_path,
    ).succeeded()
    assert "tracer_provider= is str, to which no span processor can be added" in done.errors
    (uploaded,) = openlayer_server.traces
    assert uploaded.row["output"] == "yes"


def test_a_processor_with_a_key_for_settings_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    OpenlayerSpanProcessor("my-key").shutdown()  # type: ignore[arg-type]
    messages = [record.getMessage() for record in caplog.records]
    assert "settings= of OpenlayerSpanProcessor is str, no Settings" in messages[0]
    assert not any("my-key" in message for message in messages)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "-1"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "abc"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "x"),
    ],
)
def test_a_provider_is_made_though_the_sdk_refuses_the_environment(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    monkeypatch.setenv(variable, value)
    log = SpanLog()
    provider = new_provider()
    provider.add_span_processor(log)
    provider.get_tracer("t").start_span("s").end()
    assert log.only().name == "s"
    (record,) = caplog.records
    assert variable in record.getMessage()


def test_a_log_handler_that_raises_reaches_no_caller() -> None:
    class Raising(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("handler")

    handler = Raising()
    logger = logging.getLogger("openlayer_otel")
    logger.addHandler(handler)
    try:
        OpenlayerSpanProcessor(no_such_setting=1, disable_publish=True).shutdown()
    finally:
        logger.removeHandler(handler)
