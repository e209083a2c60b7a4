"""What calls leave in the metrics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from tests.support.chat_clients import ChatClient
from tests.support.child_process import run_python
from tests.support.signals import measurements
from tests.support.span_log import SpanLog

pytestmark = pytest.mark.matrix

DURATION = "gen_ai.client.inference.duration"
USAGE = "gen_ai.client.inference.usage."
FIRST_CHUNK = "gen_ai.client.inference.time_to_first_chunk"
PER_CHUNK = "gen_ai.client.inference.time_per_output_chunk"
BOUNDARIES = tuple(0.01 * 2**power for power in range(14))


def sums(reader: InMemoryMetricReader) -> dict[str, int]:
    """The total of each token counter, by the end of its name."""
    return {
        name.removeprefix(USAGE): sum(point.value for point in points)
        for name, points in measurements(reader).items()
        if name.startswith(USAGE)
    }


def test_a_call_is_timed(
    instrumented: SpanLog, chat: ChatClient, metric_reader: InMemoryMetricReader
) -> None:
    chat.ask(model="model-1")
    (point,) = measurements(metric_reader)[DURATION]
    span = instrumented.only()
    assert dict(point.attributes) == {
        name: (span.attributes or {})[name]
        for name in (
            "gen_ai.operation.name",
            "gen_ai.provider.name",
            "gen_ai.request.model",
            "gen_ai.response.model",
            "openai.response.service_tier",
            "openai.response.system_fingerprint",
            "server.address",
            "server.port",
        )
        if name in (span.attributes or {})
    }
    assert len(point.attributes) >= 6
    assert point.count == 1
    assert point.explicit_bounds == BOUNDARIES
    assert point.sum > 0


def test_tokens_of_all_calls_are_added_up(
    instrumented: SpanLog, chat: ChatClient, metric_reader: InMemoryMetricReader
) -> None:
    chat.ask()
    chat.ask()
    expected: dict[str, int] = {}
    for span in instrumented.ended:
        for name, value in (span.attributes or {}).items():
            short = name.removeprefix("gen_ai.usage.")
            if short != name and isinstance(value, int) and value:
                expected[short] = expected.get(short, 0) + value
    assert expected["output_tokens"] == 10
    assert sums(metric_reader) == expected


def test_an_exemplar_leads_from_a_slow_call_to_its_span(
    instrumented: SpanLog, chat: ChatClient, metric_reader: InMemoryMetricReader
) -> None:
    chat.ask()
    (point,) = measurements(metric_reader)[DURATION]
    context = instrumented.only().get_span_context()
    assert context is not None
    assert [exemplar.span_id for exemplar in point.exemplars] == [context.span_id]


def test_a_stream_is_timed_to_its_first_chunk_and_to_its_end(
    instrumented: SpanLog, chat: ChatClient, metric_reader: InMemoryMetricReader
) -> None:
    chat.drain()
    found = measurements(metric_reader)
    (first,) = found[FIRST_CHUNK]
    (whole,) = found[DURATION]
    attribute = (instrumented.only().attributes or {})["gen_ai.response.time_to_first_chunk"]
    assert first.sum == attribute
    assert 0 < first.sum <= whole.sum
    assert first.explicit_bounds == BOUNDARIES


def test_chunks_are_not_measured_unless_asked_for(
    instrumented: SpanLog, chat: ChatClient, metric_reader: InMemoryMetricReader
) -> None:
    chat.drain()
    assert PER_CHUNK not in measurements(metric_reader)


def test_chunk_metrics_measure_every_chunk_after_the_first(
    instrument: Callable[..., None], chat: ChatClient, metric_reader: InMemoryMetricReader
) -> None:
    instrument(chunk_metrics=True)
    chunks = len(chat.drain())
    (point,) = measurements(metric_reader)[PER_CHUNK]
    assert point.count >= chunks - 1 > 3


def test_a_failed_call_has_its_error_type_on_the_duration_only(
    instrumented: SpanLog, chat: ChatClient, metric_reader: InMemoryMetricReader
) -> None:
    with pytest.raises(chat.error):
        chat.ask(model="m;error=400")
    found = measurements(metric_reader)
    assert list(found) == [DURATION]
    (point,) = found[DURATION]
    assert point.attributes["error.type"] == "invalid_request_error"


def test_embeddings_have_metrics_of_their_own(
    instrumented: SpanLog, openai_chat: ChatClient, metric_reader: InMemoryMetricReader
) -> None:
    openai_chat.client.embeddings.create(model="e", input=["one", "two"])
    found = measurements(metric_reader)
    tokens = (instrumented.only().attributes or {})["gen_ai.usage.input_tokens"]
    assert sorted(found) == [
        "gen_ai.client.embeddings.duration",
        "gen_ai.client.embeddings.operation.input_tokens",
    ]
    (point,) = found["gen_ai.client.embeddings.operation.input_tokens"]
    assert (point.count, point.sum) == (1, tokens)
    assert point.explicit_bounds == tuple(4.0**power for power in range(14))


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_calls_that_a_sampler_drops_are_counted_in_full(
    instrument: Callable[..., None],
    chat: ChatClient,
    metric_reader: InMemoryMetricReader,
    streamed: bool,
) -> None:
    instrument(tracer_provider=TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False))
    options: dict[str, Any] = {}
    if streamed and chat.sdk == "openai":
        options["stream_options"] = {"include_usage": True}
    (chat.drain if streamed else chat.ask)(**options)
    with pytest.raises(chat.error):
        chat.ask(model="m;error=400")
    points = measurements(metric_reader)[DURATION]
    assert sorted(str(point.attributes.get("error.type")) for point in points) == [
        "None",
        "invalid_request_error",
    ]
    assert sums(metric_reader)["output_tokens"] == 5


def test_a_suppressed_call_is_not_measured(
    instrumented: SpanLog, chat: ChatClient, metric_reader: InMemoryMetricReader
) -> None:
    with suppress_instrumentation():
        chat.ask()
    assert measurements(metric_reader) == {}


def test_metrics_can_be_switched_off(
    instrument: Callable[..., None],
    spans: SpanLog,
    chat: ChatClient,
    metric_reader: InMemoryMetricReader,
) -> None:
    instrument(metrics=False)
    chat.ask()
    assert spans.only().name == "chat m"
    assert measurements(metric_reader) == {}


class _Broken(MeterProvider):
    """A meter provider whose instruments fail."""

    def get_meter(self, *args: Any, **kwargs: Any) -> Any:
        meter = super().get_meter(*args, **kwargs)
        create = meter.create_histogram

        def create_broken(*args: Any, **kwargs: Any) -> Any:
            histogram = create(*args, **kwargs)
            histogram.record = lambda *args, **kwargs: 1 / 0
            return histogram

        meter.create_histogram = create_broken
        return meter


def test_a_broken_meter_provider_costs_neither_the_call_nor_its_span(
    instrument: Callable[..., None],
    spans: SpanLog,
    chat: ChatClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    instrument(meter_provider=_Broken(shutdown_on_exit=False))
    chat.ask()
    chat.ask()
    assert [span.name for span in spans.ended] == ["chat m", "chat m"]
    assert "gen_ai.output.messages" in (spans.ended[0].attributes or {})
    assert [r.levelname for r in caplog.records if "ZeroDivisionError" in r.getMessage()] == [
        "WARNING"
    ]


LATE_PROVIDER = """
import openai
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from openlayer_otel import OpenlayerInstrumentor

OpenlayerInstrumentor().instrument()
client = openai.OpenAI()
ask = lambda: client.chat.completions.create(model="m", messages=[])
ask()
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
ask()
found = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
(duration,) = [each for each in found if each.name == "gen_ai.client.inference.duration"]
print([point.count for point in duration.data.data_points])
"""


def test_a_meter_provider_that_is_set_later_gets_the_calls_from_then_on(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    done = run_python(LATE_PROVIDER, environment=child_environment, directory=tmp_path)
    assert done.succeeded().output.strip() == "[1]"
