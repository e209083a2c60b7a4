"""What is recorded is the sampler's decision, however it is asked."""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.context import Context, attach, detach
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    ParentBasedTraceIdRatio,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    set_span_in_context,
)

from openlayer_otel.standin.llm_server import LLMServer
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog


class _ModelCallsOnly(Sampler):
    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        return _model_call(args, kwargs)

    def get_description(self) -> str:
        return "model calls only"


class _ModelCallsWhateverTheParent(ParentBased):
    """Derived from a sampler whose decision can be told without asking."""

    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        return _model_call(args, kwargs)


def _model_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> SamplingResult:
    attributes = kwargs.get("attributes") or args[4]
    wanted = "gen_ai.operation.name" in (attributes or {})
    return SamplingResult(Decision.RECORD_AND_SAMPLE if wanted else Decision.DROP, attributes)


_SAMPLERS: dict[str, Sampler] = {
    "always on": ALWAYS_ON,
    "always off": ALWAYS_OFF,
    "parent, else on": ParentBased(ALWAYS_ON),
    "parent, else off": ParentBased(ALWAYS_OFF),
    "parent, on where it is not sampled": ParentBased(
        ALWAYS_OFF, local_parent_not_sampled=ALWAYS_ON, remote_parent_not_sampled=ALWAYS_ON
    ),
    "parent, off where it is sampled": ParentBased(
        ALWAYS_ON, local_parent_sampled=ALWAYS_OFF, remote_parent_sampled=ALWAYS_OFF
    ),
    "parent, else all of them": ParentBasedTraceIdRatio(1.0),
    "parent, else none of them": ParentBasedTraceIdRatio(0.0),
    "none of them": TraceIdRatioBased(0.0),
    "one's own": _ModelCallsOnly(),
    "one's own, derived": _ModelCallsWhateverTheParent(ALWAYS_OFF),
}


def _below(remote: bool, sampled: bool) -> Context:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return set_span_in_context(NonRecordingSpan(SpanContext(1, 2, remote, flags)), Context())


_CONTEXTS = {
    "no parent": Context(),
    "local, sampled": _below(remote=False, sampled=True),
    "local, dropped": _below(remote=False, sampled=False),
    "remote, sampled": _below(remote=True, sampled=True),
    "remote, dropped": _below(remote=True, sampled=False),
}


@pytest.mark.matrix
@pytest.mark.parametrize("parent", _CONTEXTS)
@pytest.mark.parametrize("sampler", _SAMPLERS)
def test_a_call_is_recorded_if_a_span_by_hand_would_be(
    sampler: str, parent: str, llm_server: LLMServer, instrument: Callable[..., None]
) -> None:
    spans, by_hand = SpanLog(), SpanLog()
    provider, other = (TracerProvider(_SAMPLERS[sampler], shutdown_on_exit=False) for _ in "12")
    provider.add_span_processor(spans)
    other.add_span_processor(by_hand)
    tracer = other.get_tracer("by hand")
    attributes = {"gen_ai.operation.name": "chat"}
    tracer.start_span("chat m", _CONTEXTS[parent], SpanKind.CLIENT, attributes).end()
    # Metrics would count the calls that are not recorded, too, and so have each span started.
    instrument(tracer_provider=provider, meter_provider=NoOpMeterProvider())
    client = make_client("openai", False, llm_server.url)
    token = attach(_CONTEXTS[parent])
    try:
        client.chat.completions.create(model="m", messages=[])
    finally:
        detach(token)
    assert [each.name for each in spans.ended] == [each.name for each in by_hand.ended]
    assert [each.parent for each in spans.ended] == [each.parent for each in by_hand.ended]


@pytest.mark.matrix
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_a_call_that_nobody_records_passes_one_hook(
    sdk: str, llm_server: LLMServer, instrument: Callable[..., None]
) -> None:
    base = importlib.import_module(f"{sdk}._base_client")
    within = vars(base.BaseClient)["_process_response_data"]
    dropped = TracerProvider(ALWAYS_OFF, shutdown_on_exit=False)
    instrument(tracer_provider=dropped, meter_provider=NoOpMeterProvider())
    client = make_client(sdk, False, llm_server.url)
    _ask(client)
    assert vars(base.BaseClient)["_process_response_data"] is within


@pytest.mark.matrix
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_the_first_calls_of_many_threads_are_recorded_whole(
    sdk: str, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    clients = [make_client(sdk, False, llm_server.url) for _ in range(8)]
    together = threading.Barrier(len(clients))

    def first_call(client: Any) -> None:
        together.wait(10)
        _ask(client)

    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(first_call, clients))
    assert len(instrumented.ended) == len(clients)
    for span in instrumented.ended:
        found = span.attributes or {}
        for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
            assert len(json.loads(str(found[name]))) == 1
        assert found["gen_ai.usage.output_tokens"]


def _ask(client: Any) -> None:
    messages = [{"role": "user", "content": "Hi"}]
    if hasattr(client, "chat"):
        client.chat.completions.create(model="m", messages=messages)
    else:
        client.messages.create(model="m", max_tokens=9, messages=messages)
