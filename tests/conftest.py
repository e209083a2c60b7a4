"""Fixtures of all tests: stand-in servers, spans in memory, and no network but loopback."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel import attachments, diagnostics, telemetry
from openlayer_otel.standin.llm_server import LLMServer
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.support import network_guard
from tests.support.span_log import SpanLog

# Nothing that a developer has set may change what a test sees.
_FOREIGN_VARIABLES = ("OPENLAYER_", "OTEL_", "OPENAI_", "ANTHROPIC_", "AZURE_OPENAI_")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")

network_guard.install()


@pytest.fixture(autouse=True)
def _loopback_only() -> Iterator[None]:
    network_guard.take_attempts()
    yield
    attempts = network_guard.take_attempts()
    if attempts:
        pytest.fail("reached for the network: " + ", ".join(attempts))


@pytest.fixture(autouse=True)
def _clean_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No settings from outside, no warnings said before, no spool in the home directory."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN_VARIABLES) or name in _PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("OPENLAYER_OTEL_SPOOL_DIRECTORY", str(tmp_path / "spool"))
    # An exporter that another test made wants these until it is shut down.
    monkeypatch.setattr(attachments.raw_outputs, "wanted", False)
    monkeypatch.setattr(attachments.binaries, "wanted", False)
    diagnostics.forget_warnings()
    yield
    telemetry.activate(None)


@pytest.fixture(scope="session")
def _running_llm_server() -> Iterator[LLMServer]:
    with LLMServer() as server:
        yield server


@pytest.fixture
def llm_server(_running_llm_server: LLMServer) -> LLMServer:
    """A stand-in for OpenAI and Anthropic that has seen no request yet."""
    _running_llm_server.reset()
    return _running_llm_server


@pytest.fixture
def openlayer_server() -> Iterator[OpenlayerServer]:
    """A stand-in for Openlayer of the test's own: a late upload of another test cannot reach it."""
    with OpenlayerServer() as server:
        yield server


@pytest.fixture
def spans() -> SpanLog:
    """The spans of ``tracer_provider``."""
    return SpanLog()


@pytest.fixture
def tracer_provider(spans: SpanLog) -> Iterator[TracerProvider]:
    """A tracer provider of the test's own; the global one stays untouched."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(spans)
    yield provider
    provider.shutdown()


@pytest.fixture
def metric_reader() -> InMemoryMetricReader:
    """The metrics of ``meter_provider``."""
    return InMemoryMetricReader()


@pytest.fixture
def meter_provider(metric_reader: InMemoryMetricReader) -> Iterator[MeterProvider]:
    """A meter provider of the test's own."""
    provider = MeterProvider([metric_reader], shutdown_on_exit=False)
    yield provider
    provider.shutdown()


@pytest.fixture
def instrument(
    tracer_provider: TracerProvider, meter_provider: MeterProvider
) -> Iterator[Callable[..., None]]:
    """Call it to instrument the SDKs for this test, with any setting by name."""
    from openlayer_otel import OpenlayerInstrumentor

    instrumentor = OpenlayerInstrumentor()

    def start(**settings: Any) -> None:
        providers = {"tracer_provider": tracer_provider, "meter_provider": meter_provider}
        instrumentor.instrument(**{**providers, **settings})

    yield start
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


@pytest.fixture
def instrumented(instrument: Callable[..., None], spans: SpanLog) -> SpanLog:
    """The SDKs instrumented with the default settings; its value is the log of their spans."""
    instrument()
    return spans


@pytest.fixture
def child_environment(
    llm_server: LLMServer, openlayer_server: OpenlayerServer, tmp_path: Path
) -> dict[str, str]:
    """Variables for a process of its own: everything it can reach is a stand-in."""
    return {
        "OPENAI_BASE_URL": llm_server.url + "/v1",
        "OPENAI_API_KEY": "k",
        "ANTHROPIC_BASE_URL": llm_server.url,
        "ANTHROPIC_API_KEY": "k",
        "OPENLAYER_BASE_URL": openlayer_server.url,
        "OPENLAYER_API_KEY": "test-key",
        "OPENLAYER_INFERENCE_PIPELINE_ID": "test-pipeline",
        "OPENLAYER_OTEL_SPOOL_DIRECTORY": str(tmp_path / "spool"),
    }
