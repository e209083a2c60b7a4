"""Fixtures of the delivery tests: a server that misbehaves, and processors that are closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel import OpenlayerSpanProcessor
from tests.export_delivery.applications import Applications
from tests.support.openlayer_server import FaultyServer, faulty_server

Processing = tuple[TracerProvider, OpenlayerSpanProcessor]


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    """An Openlayer of the test's own that misbehaves as told."""
    with faulty_server() as running:
        yield running


@pytest.fixture
def processing(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Processing]]:
    """Call it for a tracer provider with a processor; settings by name."""
    # Pauses as short as tests like them; their growth is tested by itself.
    monkeypatch.setattr("openlayer_otel.export.client.FIRST_PAUSE", 0.02)
    monkeypatch.setattr("openlayer_otel.export.availability.FIRST_PROBE", 0.1)
    monkeypatch.setattr("openlayer_otel.export.availability.LONGEST_PROBE", 0.2)
    made: list[TracerProvider] = []

    def make(**settings: Any) -> Processing:
        wanted = {
            "api_key": "secret-key",
            "inference_pipeline_id": "pipeline-1",
            "base_url": server.url,
            "max_retries": 2,
            "timeout": 2,
            "exit_timeout": 2,
        }
        processor = OpenlayerSpanProcessor(**{**wanted, **settings})
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(processor)
        made.append(provider)
        return provider, processor

    yield make
    server.mode = "ok"
    server.released.set()
    for provider in made:
        provider.shutdown()


@pytest.fixture
def applications(server: FaultyServer, tmp_path: Path) -> Iterator[Applications]:
    """Programs that are killed at the end of the test."""
    starter = Applications(server, tmp_path / "spool")
    yield starter
    starter.stop()


def run(provider: TracerProvider, *names: str, output: str = "") -> None:
    """One trace per name: a step and a call inside it."""
    tracer = provider.get_tracer("test")
    for name in names:
        attributes = {"openlayer.step.type": "agent", "openlayer.step.output": output or name}
        with (
            tracer.start_as_current_span(name, attributes=attributes),
            tracer.start_as_current_span("chat m", attributes={"gen_ai.operation.name": "chat"}),
        ):
            pass


def numbered(count: int) -> list[str]:
    """So many names of traces."""
    return [f"trace-{number}" for number in range(count)]
