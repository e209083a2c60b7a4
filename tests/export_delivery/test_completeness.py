"""When a trace is complete: it is sent once, whole, and what comes late names it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from openlayer_otel import OpenlayerSpanExporter, OpenlayerSpanProcessor, using_session
from openlayer_otel.export.assembly import Assembly
from openlayer_otel.export.completed import Remembered
from tests.export_delivery.conftest import Processing, numbered, run
from tests.support.openlayer_server import FaultyServer, wait_until

Make = Callable[..., Processing]
STEP = {"openlayer.step.type": "agent"}


@pytest.fixture(params=["processor", "exporter"])
def way(
    request: pytest.FixtureRequest, server: FaultyServer, processing: Make
) -> Iterator[TracerProvider]:
    """A tracer provider that sends to Openlayer, in either way."""
    if request.param == "processor":
        yield processing()[0]
        return
    exporter = OpenlayerSpanExporter(
        api_key="k",
        inference_pipeline_id="p",
        base_url=server.url,
        exporter_grace=0.2,
        exit_timeout=2,
    )
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=50))
    yield provider
    provider.shutdown()


def _tracer(provider: TracerProvider) -> Tracer:
    return provider.get_tracer("test")


def _names(step: dict[str, Any]) -> Any:
    return {step["name"]: [_names(each) for each in step["steps"]]}


def _remote_parent() -> tuple[Context, int]:
    trace_id = 0x0AF7651916CD43DD8448EB211C80319C
    parent = SpanContext(trace_id, 0xB7AD6B7169203331, True, TraceFlags(TraceFlags.SAMPLED))
    return set_span_in_context(NonRecordingSpan(parent), Context()), trace_id


def test_a_trace_is_one_row_with_everything_below_its_root(
    way: TracerProvider, server: FaultyServer
) -> None:
    tracer = _tracer(way)
    with (
        tracer.start_as_current_span("root", attributes=STEP),
        tracer.start_as_current_span("middle", attributes=STEP),
        tracer.start_as_current_span("leaf", attributes=STEP),
    ):
        pass
    (row,) = server.wait_for(1)
    assert _names(row["steps"][0]) == {"root": [{"middle": [{"leaf": []}]}]}
    assert "late" not in row


def test_traces_that_run_at_the_same_time_do_not_mix(
    way: TracerProvider, server: FaultyServer
) -> None:
    tracer = _tracer(way)
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        barrier.wait()
        for round_ in range(25):
            with tracer.start_as_current_span(f"root-{number}-{round_}", attributes=STEP):
                for child in range(3):
                    name = f"child-{number}-{round_}-{child}"
                    with tracer.start_as_current_span(name, attributes=STEP):
                        pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    rows = server.wait_for(200)
    assert set(server.names().values()) == {1}
    for row in rows:
        (root,) = row["steps"]
        mark = root["name"].removeprefix("root-")
        assert [each["name"] for each in root["steps"]] == [f"child-{mark}-{n}" for n in range(3)]


def test_a_child_that_ends_after_its_root_is_in_the_trace(
    way: TracerProvider, server: FaultyServer
) -> None:
    tracer = _tracer(way)
    with tracer.start_as_current_span("root", attributes=STEP):
        child = tracer.start_span("child", attributes=STEP)
    child.end()
    (row,) = server.wait_for(1)
    assert _names(row["steps"][0]) == {"root": [{"child": []}]}


def test_a_child_that_starts_after_its_trace_was_sent_is_a_row_that_names_it(
    way: TracerProvider, server: FaultyServer
) -> None:
    tracer = _tracer(way)
    with tracer.start_as_current_span("root", attributes=STEP) as root:
        context = set_span_in_context(root)
    (first,) = server.wait_for(1)
    late = tracer.start_span("late", context, attributes=STEP)
    with trace.use_span(late, end_on_exit=True):
        tracer.start_span("below", attributes=STEP).end()
    rows = server.wait_for(2)
    row = rows[1]
    assert row["late"] is True
    assert row["trace_id"] == f"{root.get_span_context().trace_id:032x}"
    assert row["parent_step_id"] == first["steps"][0]["id"]
    assert _names(row["steps"][0]) == {"late": [{"below": []}]}


def test_each_service_sends_its_own_part_and_names_the_trace(
    way: TracerProvider, server: FaultyServer
) -> None:
    tracer = _tracer(way)
    context, trace_id = _remote_parent()
    for name in ("first request", "second request"):
        with tracer.start_as_current_span(name, context, attributes=STEP):
            tracer.start_span("inside", attributes=STEP).end()
    rows = server.wait_for(2)
    assert sorted(row["steps"][0]["name"] for row in rows) == ["first request", "second request"]
    for row in rows:
        assert row["trace_id"] == f"{trace_id:032x}"
        assert "late" not in row
        assert len(row["steps"][0]["steps"]) == 1


def test_a_request_of_a_process_to_itself_is_a_part_of_its_trace(
    processing: Make, server: FaultyServer
) -> None:
    provider, _ = processing()
    tracer = _tracer(provider)
    with tracer.start_as_current_span("caller", attributes=STEP):
        headers: dict[str, str] = {}
        inject(headers)
        with tracer.start_as_current_span("called", extract(headers, Context()), attributes=STEP):
            tracer.start_span("inside", attributes=STEP).end()
    (row,) = server.wait_for(1)
    assert provider.force_flush(10_000)
    assert len(server.rows) == 1
    assert _names(row["steps"][0]) == {"caller": [{"called": [{"inside": []}]}]}
    assert "trace_id" not in row


def test_traces_without_anything_for_openlayer_are_not_sent(
    way: TracerProvider, server: FaultyServer
) -> None:
    tracer = _tracer(way)
    with tracer.start_as_current_span("GET /health"):
        tracer.start_span("SELECT").end()
    run(way, "of interest")
    server.wait_for(1)
    assert list(server.names()) == ["of interest"]


def test_all_traces_are_sent_if_asked_for(processing: Make, server: FaultyServer) -> None:
    provider, _ = processing(upload_all=True)
    _tracer(provider).start_span("GET /health").end()
    server.wait_for(1)
    assert list(server.names()) == ["GET /health"]


def test_unsampled_traces_are_not_sent(server: FaultyServer, processing: Make) -> None:
    processor = processing()[1]
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    run(provider, "unsampled")
    assert provider.force_flush(5_000)
    assert not server.requests


def test_a_sampled_trace_below_an_unsampled_parent_of_this_process_is_sent(
    server: FaultyServer, processing: Make
) -> None:
    provider, _ = processing()
    parent = SpanContext(7, 9, False, TraceFlags(TraceFlags.DEFAULT))
    context = set_span_in_context(NonRecordingSpan(parent), Context())
    provider.sampler = ParentBased(
        TraceIdRatioBased(1.0), local_parent_not_sampled=TraceIdRatioBased(1.0)
    )
    for name in ("one", "two"):
        provider.get_tracer("fresh").start_span(name, context, attributes=STEP).end()
    rows = server.wait_for(2)
    assert not any(row.get("late") for row in rows)


def test_a_span_that_never_ends_holds_its_trace_back_no_longer_than_set(
    server: FaultyServer, processing: Make
) -> None:
    provider, _ = processing(max_trace_age=0.3)
    tracer = _tracer(provider)
    with tracer.start_as_current_span("root", attributes=STEP):
        forgotten = tracer.start_span("forgotten", attributes=STEP)
        tracer.start_span("done", attributes=STEP).end()
    (row,) = server.wait_for(1)
    assert _names(row["steps"][0]) == {"root": [{"done": []}]}
    assert row["open_spans"] == 1
    forgotten.end()
    row = server.wait_for(2)[1]
    assert row["late"] is True
    assert row["steps"][0]["name"] == "forgotten"


def test_spans_whose_parent_never_comes_are_sent_by_the_exporter_in_the_end(
    server: FaultyServer,
) -> None:
    exporter = OpenlayerSpanExporter(
        api_key="k", inference_pipeline_id="p", base_url=server.url, max_trace_age=0.3
    )
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=20))
    tracer = _tracer(provider)
    parent = tracer.start_span("never ends", attributes=STEP)
    tracer.start_span("child", set_span_in_context(parent), attributes=STEP).end()
    (row,) = server.wait_for(1)
    assert row["steps"][0]["name"] == "child"
    provider.shutdown()


def test_a_span_that_is_its_own_parent_does_not_hang_the_exporter(server: FaultyServer) -> None:
    exporter = OpenlayerSpanExporter(api_key="k", inference_pipeline_id="p", base_url=server.url)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = _tracer(provider)
    state = random.getstate()
    try:
        with tracer.start_as_current_span("root", attributes=STEP):
            random.seed(1)
            with tracer.start_as_current_span("outer", attributes=STEP) as outer:
                random.seed(1)  # as a program does that wants the same answers each time
                with tracer.start_as_current_span("inner", attributes=STEP) as inner:
                    assert inner.get_span_context() == outer.get_span_context()
    finally:
        random.setstate(state)
    provider.force_flush()
    ended = threading.Thread(target=provider.shutdown, daemon=True)
    ended.start()
    ended.join(20)
    assert not ended.is_alive()
    assert sorted(server.names()) == ["inner", "root"]


def test_two_processors_for_the_same_destination_send_each_trace_once(
    server: FaultyServer, processing: Make
) -> None:
    provider, processor = processing()
    other = OpenlayerSpanProcessor(settings=processor._settings)
    provider.add_span_processor(other)
    run(provider, *numbered(10))
    assert provider.force_flush(10_000)
    assert server.names() == dict.fromkeys(numbered(10), 1)


def test_processor_and_exporter_by_name_together_send_each_trace_once(
    server: FaultyServer, processing: Make
) -> None:
    provider, processor = processing()
    exporter = OpenlayerSpanExporter(settings=processor._settings)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=20))
    run(provider, *numbered(10))
    assert provider.force_flush(10_000)
    assert exporter.force_flush(10_000)
    assert server.names() == dict.fromkeys(numbered(10), 1)


def test_a_trace_over_two_tracer_providers_is_one_row(
    server: FaultyServer, processing: Make
) -> None:
    (first, processor) = processing()
    second = TracerProvider(shutdown_on_exit=False)
    second.add_span_processor(OpenlayerSpanProcessor(settings=processor._settings))
    with _tracer(first).start_as_current_span("root", attributes=STEP):
        _tracer(second).start_span("from the other", attributes=STEP).end()
    server.wait_for(1)
    second.shutdown()
    (row,) = server.rows
    assert _names(row["steps"][0]) == {"root": [{"from the other": []}]}


def test_two_destinations_get_the_trace_each(server: FaultyServer, processing: Make) -> None:
    provider, _ = processing()
    other = OpenlayerSpanProcessor(
        api_key="k", inference_pipeline_id="pipeline-2", base_url=server.url
    )
    provider.add_span_processor(other)
    run(provider, "both")
    server.wait_for(2)
    assert {each["path"].split("/")[3] for each in server.requests} == {
        "pipeline-1",
        "pipeline-2",
    }


def test_too_many_open_traces_go_early_and_are_not_lost(
    server: FaultyServer, processing: Make
) -> None:
    provider, processor = processing(max_open_traces=5)
    tracer = _tracer(provider)
    roots = []
    for name in numbered(20):
        root = tracer.start_span(name, attributes=STEP)
        tracer.start_span(f"child of {name}", set_span_in_context(root), attributes=STEP).end()
        roots.append(root)
    for root in roots:
        root.end()
    assert provider.force_flush(10_000)

    def steps(step: dict[str, Any]) -> list[str]:
        return [step["name"], *(name for each in step["steps"] for name in steps(each))]

    ids = {row["steps"][0]["name"]: row["steps"][0]["id"] for row in server.rows}
    early = [row for row in server.rows if row["steps"][0]["name"].startswith("child")]
    assert early
    for row in early:
        assert row["open_spans"] == 1
        assert row["parent_step_id"] == ids[row["steps"][0]["name"].removeprefix("child of ")]
    seen = sorted(name for row in server.rows for name in steps(row["steps"][0]))
    assert seen == sorted([*numbered(20), *(f"child of {name}" for name in numbered(20))])
    assert processor.counts().lost == 0


def test_one_huge_trace_does_not_break_up_the_small_ones_that_are_open(
    server: FaultyServer, processing: Make
) -> None:
    provider, processor = processing(max_open_bytes=1_000_000)
    tracer = _tracer(provider)
    small = []
    for name in numbered(5):
        root = tracer.start_span(name, attributes=STEP)
        context = set_span_in_context(root)
        tracer.start_span("first", context, attributes=STEP).end()
        small.append((root, tracer.start_span("second", context, attributes=STEP)))
    huge = tracer.start_span("huge", attributes=STEP)
    large = {**STEP, "openlayer.step.output": "y" * 1_100_000}
    tracer.start_span("large", set_span_in_context(huge), attributes=large).end()
    for root, second in small:
        second.end()
        root.end()
    huge.end()
    assert provider.force_flush(10_000)
    sent = [_names(row["steps"][0]) for row in server.rows]
    whole = [{name: [{"first": []}, {"second": []}]} for name in numbered(5)]
    assert all(each in sent for each in whole)
    rest = [each for each in sent if each not in whole]
    assert sorted(rest, key=str) == [{"huge": []}, {"large": []}]
    assert processor.counts().lost == 0


@pytest.mark.parametrize(
    "value",
    [
        ["x" * 11_000] * 100,
        [0.5] * 50_000,
        "\u65e5" * 600_000,
        [1] * 50_000,
        {"a": {"b": "x" * 1_100_000}},
        [{"content": ["x" * 110_000]}] * 10,
    ],
    ids=["texts", "numbers", "wide characters", "integers", "an object", "objects"],
)
@pytest.mark.parametrize("in_event", [False, True])
def test_what_large_attributes_take_of_the_memory_is_counted(
    value: Any, in_event: bool, server: FaultyServer, processing: Make
) -> None:
    provider, _ = processing(max_open_bytes=1_000_000)
    tracer = _tracer(provider)
    root = tracer.start_span("root", attributes=STEP)
    child = tracer.start_span("child", set_span_in_context(root), attributes=STEP)
    if in_event:
        child.add_event("large", {"value": value})
    else:
        child.set_attribute("value", value)
    child.end()
    server.wait_for(1)  # though its root is open
    root.end()


def test_what_a_grandparent_process_had_open_is_sent_by_it_alone() -> None:
    handed: list[Any] = []
    assembly = Assembly(lambda completed, _: handed.append(completed))
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("x")
    spans: list[Any] = []
    for name in ("of the grandparent", "of the parent"):
        spans.append(tracer.start_span(name, attributes=STEP))
        assembly.start(spans[-1])
        assembly.after_fork()
    for span in spans:
        span.end()
        assembly.end(span)
    assert not handed


def test_what_is_open_is_sent_at_shutdown(server: FaultyServer, processing: Make) -> None:
    provider, _ = processing()
    tracer = _tracer(provider)
    with tracer.start_as_current_span("root", attributes=STEP):
        tracer.start_span("done", attributes=STEP).end()
        provider.shutdown()
    (row,) = server.rows
    assert row["steps"][0]["name"] == "done"
    assert row["open_spans"] == 1


def test_session_and_user_reach_the_spans_of_everybody(
    server: FaultyServer, processing: Make
) -> None:
    provider, _ = processing()
    ended = []

    class Listener:
        def on_start(self, span: Any, parent_context: Any = None) -> None: ...
        def on_end(self, span: Any) -> None:
            ended.append(dict(span.attributes))

        def _on_ending(self, span: Any) -> None: ...
        def shutdown(self) -> None: ...
        def force_flush(self, timeout_millis: int = 0) -> bool:
            return True

    provider.add_span_processor(Listener())  # type: ignore[arg-type]
    with using_session(session_id="s-1", user_id="u-1"):
        _tracer(provider).start_span("foreign").end()
        _tracer(provider).start_span("own", attributes={"session.id": "mine"}).end()
    assert ended[0]["session.id"] == "s-1"
    assert ended[0]["user.id"] == "u-1"
    assert ended[1]["session.id"] == "mine"


def test_a_span_that_the_garbage_collector_ends_inside_the_assembly_does_no_harm() -> None:
    """A dropped stream ends its span wherever the collector happens to run."""
    handed = []
    assembly = Assembly(lambda completed, _: handed.append(completed), upload_all=True)
    inner = TracerProvider(shutdown_on_exit=False).get_tracer("x")
    other: Any = inner.start_span("other")

    class EndsAnother(dict[int, Any]):
        def __setitem__(self, key: int, value: Any) -> None:
            super().__setitem__(key, value)
            nonlocal other
            ending, other = other, None
            if ending is not None:
                ending.end()
                assembly.end(ending)

    assembly.start(other)
    assembly._part_of = EndsAnother(assembly._part_of)
    span: Any = inner.start_span("one")
    assembly.start(span)
    span.end()
    assembly.end(span)
    assert sorted(each.root.name for each in handed) == ["one", "other"]
    assert assembly.open_traces == 0


def test_nothing_is_remembered_of_traces_that_are_gone(
    server: FaultyServer, processing: Make
) -> None:
    provider, processor = processing()
    run(provider, *numbered(100))
    assert provider.force_flush(10_000)
    assembly = processor._destination.assembly
    assert assembly.open_traces == 0
    assert not assembly._part_of
    wait_until(lambda: not processor._destination._delivery._senders.in_hand)


def test_the_newest_spans_are_remembered_and_the_oldest_forgotten() -> None:
    remembered = Remembered(10)
    for key in range(100):
        remembered.add([key], still_open=key % 2 == 0)
    assert all(key in remembered for key in range(90, 100))
    assert not any(key in remembered for key in range(78))
    assert remembered.was_handed_over(99)
    assert not remembered.was_handed_over(98)
    remembered.add([98])  # it has ended after all
    assert remembered.was_handed_over(98)
