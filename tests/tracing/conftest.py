"""Fixtures of the tracing tests: steps in memory, and silence in the logs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel import telemetry
from openlayer_otel.settings import Settings
from tests.support.span_log import SpanLog

_LOGGERS = ("opentelemetry", "openlayer_otel", "asyncio")


@pytest.fixture
def settings_of_test(tracer_provider: TracerProvider) -> Callable[..., None]:
    """Call it to trace with settings of the test's own, by name."""

    def use(**settings: Any) -> None:
        telemetry.activate(
            telemetry.Telemetry(Settings.resolve(**settings), tracer_provider=tracer_provider)
        )

    return use


@pytest.fixture
def steps(settings_of_test: Callable[..., None], spans: SpanLog) -> SpanLog:
    """The steps that the test makes, as spans."""
    settings_of_test()
    return spans


@pytest.fixture(autouse=True)
def _nothing_is_logged(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """No ending may log a warning; a test that expects one has the marker ``may_warn``."""
    yield
    if request.node.get_closest_marker("may_warn") is not None:
        return
    said = [
        f"{record.name}: {record.getMessage()}"
        for when in ("setup", "call")
        for record in caplog.get_records(when)  # type: ignore[arg-type]
        if record.levelno >= logging.WARNING and record.name.startswith(_LOGGERS)
    ]
    assert said == []
