"""Several rows in one request: what waits goes together, and nothing else changes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.export_delivery.conftest import Processing, run
from tests.support.openlayer_server import HANG, OK, FaultyServer, wait_until

NAMES = [f"trace-{number}" for number in range(60)]
Make = Callable[..., Processing]


def _rows_of(server: FaultyServer) -> list[list[dict[str, Any]]]:
    return [json.loads(each["body"])["rows"] for each in server.requests]


def test_what_waits_goes_together_and_a_single_trace_alone(
    server: FaultyServer, processing: Make
) -> None:
    provider, _ = processing()
    run(provider, "alone")
    assert provider.force_flush(10_000)
    server.delay = 0.2
    run(provider, *NAMES)
    assert provider.force_flush(10_000)
    assert server.names() == Counter(["alone", *NAMES])
    sizes = [len(rows) for rows in _rows_of(server)]
    assert sizes[0] == 1
    assert 1 < max(sizes) <= 32
    assert len(sizes) < len(NAMES) / 2


def test_max_rows_of_one_sends_every_trace_alone(server: FaultyServer, processing: Make) -> None:
    server.delay = 0.02
    provider, _ = processing(max_rows=1)
    run(provider, *NAMES)
    assert provider.force_flush(10_000)
    assert server.names() == Counter(NAMES)
    assert {len(rows) for rows in _rows_of(server)} == {1}


def _variable(number: int) -> str:
    return "question" if number // 10 in (1, 2) else "prompt"


def test_rows_with_another_config_or_pipeline_go_in_a_request_of_their_own(
    server: FaultyServer, processing: Make
) -> None:
    server.delay = 0.1
    provider, _ = processing()
    tracer = provider.get_tracer("test")
    for number in range(40):
        # The config changes first, then the pipeline alone, then the config again.
        attributes = {
            "openlayer.step.type": "user_call",
            "openlayer.step.inputs": json.dumps({_variable(number): number}),
            "openlayer.inference_pipeline.id": f"pipeline-{number // 20}",
        }
        with tracer.start_as_current_span(f"trace-{number}", attributes=attributes):
            pass
    assert provider.force_flush(10_000)
    assert server.names() == Counter(f"trace-{number}" for number in range(40))
    assert len(server.requests) < 40
    for request in server.requests:
        body = json.loads(request["body"])
        for row in body["rows"]:
            number = int(row["steps"][0]["name"].removeprefix("trace-"))
            assert f"/pipeline-{number // 20}/" in request["path"]
            assert body["config"]["inputVariableNames"] == [_variable(number)]


def test_too_large_together_is_sent_one_by_one_and_uncut(
    server: FaultyServer, processing: Make
) -> None:
    server.delay = 0.1
    server.max_bytes = 14_000
    provider, processor = processing()
    run(provider, *NAMES[:20], output="o" * 5_000)
    assert provider.force_flush(20_000)
    assert server.names() == Counter(NAMES[:20])
    assert all(row["output"] == "o" * 5_000 for row in server.rows)
    assert processor.counts().lost == 0


def test_one_refused_row_does_not_cost_the_others(server: FaultyServer, processing: Make) -> None:
    server.delay = 0.1
    provider, processor = processing(spool=False)
    run(provider, "first")
    wait_until(lambda: server.requests)  # it went alone, and the others wait for it
    server.next_modes = [422] * 4
    run(provider, *NAMES[:20])
    assert provider.force_flush(20_000)
    # Whatever was refused together was sent again one by one.
    refused = [
        rows
        for rows, each in zip(_rows_of(server), server.requests, strict=True)
        if each["mode"] == 422
    ]
    lost = Counter(rows[0]["steps"][0]["name"] for rows in refused if len(rows) == 1)
    assert any(len(rows) > 1 for rows in refused)
    assert server.names() == Counter(["first", *NAMES[:20]]) - lost
    assert processor.counts().refused == sum(lost.values())


def test_a_failure_on_the_way_loses_none_of_them(server: FaultyServer, processing: Make) -> None:
    server.delay = 0.05
    server.next_modes = [500, "cut", 503, 429, 500, "cut"]
    provider, processor = processing()
    run(provider, *NAMES)
    assert provider.force_flush(20_000)
    server.wait_for(len(NAMES))
    assert server.names() == Counter(NAMES)
    assert processor.counts().lost == 0


def test_a_burst_that_a_backend_does_not_answer_is_sent_by_all_threads(
    server: FaultyServer, processing: Make
) -> None:
    server.mode = HANG
    provider, _ = processing(max_rows=1)
    run(provider, *NAMES[:20])
    wait_until(lambda: len(server.requests) == 4)
    server.mode = OK
    server.released.set()
    assert provider.force_flush(20_000)
