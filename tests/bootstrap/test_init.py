"""``init()``, ``flush()`` and ``shutdown()``, inside one process."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import openlayer_otel
from openlayer_otel import (
    OpenlayerInstrumentor,
    OpenlayerSpanExporter,
    OpenlayerSpanProcessor,
    bootstrap,
)
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.support.span_log import SpanLog

TEXT = "lorem ipsum dolor sit amet con"


def test_one_call_traces_the_sdks_and_uploads(
    destination: dict[str, Any],
    tracer_provider: TracerProvider,
    call_model: Callable[..., None],
    openlayer_server: OpenlayerServer,
) -> None:
    assert openlayer_otel.init(**destination, tracer_provider=tracer_provider) is tracer_provider
    call_model()
    assert openlayer_otel.flush(30)
    (uploaded,) = openlayer_server.traces
    assert uploaded.pipeline == "pipeline-1"
    assert uploaded.row["output"] == TEXT
    assert uploaded.row["steps"][0]["model"] == "gpt-x"


def test_calling_it_again_changes_nothing(
    destination: dict[str, Any],
    tracer_provider: TracerProvider,
    call_model: Callable[..., None],
    openlayer_server: OpenlayerServer,
    spans: SpanLog,
) -> None:
    for _ in range(3):
        openlayer_otel.init(**destination, tracer_provider=tracer_provider)
    call_model()
    assert openlayer_otel.flush(30)
    spans.only()
    assert len(openlayer_server.traces) == 1


def test_calling_it_with_other_settings_replaces_the_first_call(
    destination: dict[str, Any],
    tracer_provider: TracerProvider,
    call_model: Callable[..., None],
    openlayer_server: OpenlayerServer,
) -> None:
    openlayer_otel.init(**destination, tracer_provider=tracer_provider)
    call_model()
    openlayer_otel.init(
        **{**destination, "inference_pipeline_id": "pipeline-2"}, tracer_provider=tracer_provider
    )
    call_model()
    assert openlayer_otel.flush(30)
    assert [each.pipeline for each in openlayer_server.traces] == ["pipeline-1", "pipeline-2"]


def test_init_works_again_after_shutdown(
    destination: dict[str, Any],
    tracer_provider: TracerProvider,
    call_model: Callable[..., None],
    openlayer_server: OpenlayerServer,
    spans: SpanLog,
) -> None:
    openlayer_otel.init(**destination, tracer_provider=tracer_provider)
    assert openlayer_otel.shutdown(30)
    call_model()
    assert spans.started == []
    openlayer_otel.init(**destination, tracer_provider=tracer_provider)
    call_model()
    assert openlayer_otel.flush(30)
    assert len(openlayer_server.traces) == 1


def test_init_works_again_after_the_provider_was_shut_down(
    destination: dict[str, Any], call_model: Callable[..., None], openlayer_server: OpenlayerServer
) -> None:
    provider = TracerProvider()
    openlayer_otel.init(**destination, tracer_provider=provider)
    call_model()
    provider.shutdown()
    assert len(openlayer_server.traces) == 1
    openlayer_otel.init(**destination, tracer_provider=provider)
    call_model()
    assert openlayer_otel.flush(30)
    assert len(openlayer_server.traces) == 2


def test_without_instrument_only_the_users_own_spans_are_traced(
    destination: dict[str, Any],
    tracer_provider: TracerProvider,
    call_model: Callable[..., None],
    spans: SpanLog,
) -> None:
    openlayer_otel.init(**destination, tracer_provider=tracer_provider, instrument=False)
    call_model()
    assert spans.started == []


def test_the_applications_own_instrument_call_keeps_its_settings(
    destination: dict[str, Any],
    tracer_provider: TracerProvider,
    call_model: Callable[..., None],
    spans: SpanLog,
) -> None:
    OpenlayerInstrumentor().instrument(tracer_provider=tracer_provider, redact=lambda text: "***")
    openlayer_otel.init(**destination, tracer_provider=tracer_provider)
    call_model()
    assert "***" in str((spans.only().attributes or {})["gen_ai.input.messages"])
    openlayer_otel.shutdown(30)
    assert OpenlayerInstrumentor().is_instrumented_by_opentelemetry


def test_a_provider_that_exports_to_openlayer_already_does_not_upload_twice(
    destination: dict[str, Any],
    tracer_provider: TracerProvider,
    call_model: Callable[..., None],
    openlayer_server: OpenlayerServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    exporter = OpenlayerSpanExporter(**destination, exporter_grace=0.1)
    tracer_provider.add_span_processor(BatchSpanProcessor(exporter))
    # Other settings, but the same place to send to.
    openlayer_otel.init(**destination, tracer_provider=tracer_provider, timeout=7)
    call_model()
    assert openlayer_otel.flush(30)
    assert len(openlayer_server.wait_for_traces(1)) == 1
    assert "OTEL_TRACES_EXPORTER" in caplog.text


def test_an_exporter_that_was_shut_down_does_not_count(
    destination: dict[str, Any], call_model: Callable[..., None], openlayer_server: OpenlayerServer
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OpenlayerSpanExporter(**destination)))
    provider.shutdown()
    openlayer_otel.init(**destination, tracer_provider=provider)
    call_model()
    openlayer_otel.flush(30)
    assert len(openlayer_server.traces) == 1


def test_init_starts_anew_when_what_it_relied_on_was_shut_down(
    destination: dict[str, Any], call_model: Callable[..., None], openlayer_server: OpenlayerServer
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OpenlayerSpanExporter(**destination)))
    openlayer_otel.init(**destination, tracer_provider=provider)
    provider.shutdown()
    openlayer_otel.init(**destination, tracer_provider=provider)
    call_model()
    openlayer_otel.flush(30)
    assert len(openlayer_server.traces) == 1


def test_a_blank_key_in_the_environment_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLAYER_API_KEY", "  ")
    bootstrap.init_from_environment()
    assert not bootstrap.is_started()


def test_without_a_key_one_warning_names_the_variable_and_the_call_works(
    tracer_provider: TracerProvider,
    call_model: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    openlayer_otel.init(tracer_provider=tracer_provider)
    openlayer_otel.init(tracer_provider=tracer_provider)
    call_model()
    warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len([each for each in warnings if "OPENLAYER_API_KEY" in each]) == 1


def test_an_argument_that_does_not_exist_is_named_and_ignored(
    destination: dict[str, Any], tracer_provider: TracerProvider, caplog: pytest.LogCaptureFixture
) -> None:
    openlayer_otel.init(**destination, tracer_provider=tracer_provider, pipeline="p")
    assert "'pipeline'" in caplog.text


class _Hanging(SpanProcessor):
    """Somebody else's processor that does not keep its deadline."""

    def on_end(self, span: ReadableSpan) -> None:
        """Do nothing."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Hang for longer than anybody waits."""
        time.sleep(20)
        return True


def test_flush_keeps_its_deadline_whatever_a_processor_does(
    destination: dict[str, Any], call_model: Callable[..., None]
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(_Hanging())
    openlayer_otel.init(**destination, tracer_provider=provider)
    started = time.monotonic()
    assert not openlayer_otel.flush(0.2)
    assert time.monotonic() - started < 15


def test_flush_sends_what_goes_to_another_place_too(
    destination: dict[str, Any],
    tracer_provider: TracerProvider,
    openlayer_server: OpenlayerServer,
) -> None:
    openlayer_otel.init(**destination, instrument=False, tracer_provider=tracer_provider)
    other = TracerProvider(shutdown_on_exit=False)
    elsewhere = {**destination, "inference_pipeline_id": "pipeline-2"}
    other.add_span_processor(OpenlayerSpanProcessor(**elsewhere))
    step = {"openlayer.step.type": "tool"}
    other.get_tracer("test").start_span("work", attributes=step).end()
    assert openlayer_otel.flush(30)
    assert [each.pipeline for each in openlayer_server.traces] == ["pipeline-2"]
    other.shutdown()


def test_flush_and_shutdown_without_init_do_nothing() -> None:
    assert openlayer_otel.flush(1)
    assert openlayer_otel.shutdown(1)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("way", ["shutdown", "another init"])
@pytest.mark.parametrize("backend", ["silent", "dead"])
def test_what_cannot_be_sent_before_the_end_is_in_the_spool(
    way: str,
    backend: str,
    destination: dict[str, Any],
    silent_server: str,
    tracer_provider: TracerProvider,
    tmp_path: Path,
) -> None:
    address = silent_server if backend == "silent" else "http://127.0.0.1:9"
    given = {**destination, "base_url": address, "spool_directory": str(tmp_path / "kept")}
    openlayer_otel.init(**given, tracer_provider=tracer_provider)
    for number in range(5):
        with openlayer_otel.start_step(f"step {number}"):
            pass
    begun = time.monotonic()
    if way == "shutdown":
        assert not openlayer_otel.shutdown(1.5)
        assert time.monotonic() - begun < 5  # it keeps its time, with room for a busy machine
    else:
        openlayer_otel.init(
            **destination, tracer_provider=tracer_provider, exit_timeout=1.5, spool=False
        )
    kept = [each.name for each in (tmp_path / "kept").iterdir()]
    assert [name.rpartition(".")[2] for name in kept] == ["trace"] * 5


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENLAYER_OTEL_SPOOL_DIRECTORY", "~nobody-of-this-name/spool"),
        ("OPENLAYER_CUSTOM_HEADERS", ": nameless"),
        ("OPENLAYER_CUSTOM_HEADERS", "X-Team: \N{SNOWMAN}"),
        ("OPENLAYER_OTEL_PROVIDERS", "opnai"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_and_nothing_is_lost(
    variable: str,
    value: str,
    destination: dict[str, Any],
    tracer_provider: TracerProvider,
    call_model: Callable[..., None],
    openlayer_server: OpenlayerServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("HOME", "/nowhere")
    openlayer_otel.init(**destination, tracer_provider=tracer_provider, spool=False)
    call_model()
    assert openlayer_otel.flush(30)
    assert len(openlayer_server.traces) == 1
    (record,) = [each for each in caplog.records if each.name == "openlayer_otel"]
    assert variable in record.getMessage()


def test_a_key_that_no_header_can_hold_is_named_and_the_traces_are_kept(
    destination: dict[str, Any],
    tracer_provider: TracerProvider,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = {**destination, "api_key": "\N{LEFT DOUBLE QUOTATION MARK}k", "max_retries": 0}
    openlayer_otel.init(
        **given, tracer_provider=tracer_provider, spool_directory=str(tmp_path / "kept")
    )
    with openlayer_otel.start_step("step"):
        pass
    openlayer_otel.shutdown(5)
    assert "OPENLAYER_API_KEY" in caplog.records[0].getMessage()
    assert [each.suffix for each in (tmp_path / "kept").iterdir()] == [".trace"]
