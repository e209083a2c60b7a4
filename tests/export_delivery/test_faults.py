"""The backend misbehaves: every trace arrives once in the end, or is on disk, or is counted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from openlayer_otel.diagnostics import logger
from openlayer_otel.export.answers import Answer, Verdict
from openlayer_otel.export.availability import Availability
from tests.export_delivery.conftest import Processing, numbered, run
from tests.support.openlayer_server import (
    CUT,
    GARBAGE,
    HANG,
    NOT_HTTP,
    FaultyServer,
    faulty_server,
    free_port,
    wait_until,
)

Make = Callable[..., Processing]


def _once(names: list[str]) -> Counter[str]:
    return Counter(names)


@pytest.mark.parametrize("fault", [500, 503, 429, 408, 409, CUT, GARBAGE, NOT_HTTP])
def test_a_passing_fault_costs_no_trace(
    fault: str | int, processing: Make, server: FaultyServer
) -> None:
    server.next_modes = [fault, fault]
    provider, processor = processing()
    run(provider, *numbered(5))
    assert provider.force_flush(20_000)
    assert server.names() == _once(numbered(5))
    assert processor.counts().sent == 5
    assert processor.counts().lost == 0


@pytest.mark.parametrize("fault", [500, 429, CUT, GARBAGE, NOT_HTTP, HANG])
def test_what_a_long_fault_keeps_back_is_sent_once_when_it_is_over(
    fault: str | int, processing: Make, server: FaultyServer
) -> None:
    server.mode = fault
    provider, processor = processing(max_retries=1, timeout=0.3)
    run(provider, *numbered(20))
    wait_until(lambda: processor.counts().spooled == 20)
    server.mode = "ok"
    server.released.set()
    server.wait_for(20)
    assert provider.force_flush(10_000)
    wait_until(lambda: processor.counts().replayed == 20)
    assert server.names() == _once(numbered(20))
    assert processor.counts().lost == 0
    assert len({row["inferenceId"] for row in server.rows}) == 20


def test_a_backend_that_refuses_connections_is_waited_for(
    processing: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    provider, processor = processing(base_url=f"http://127.0.0.1:{port}/v1")
    run(provider, *numbered(10))
    assert provider.force_flush(20_000)
    assert processor.counts().spooled == 10
    assert len(list((tmp_path / "spool").glob("*.trace"))) == 10
    with faulty_server(port) as back:
        back.wait_for(10)
        run(provider, "later")
        back.wait_for(11)
        wait_until(lambda: processor.counts().replayed == 10)
    assert back.names() == _once([*numbered(10), "later"])
    assert not list((tmp_path / "spool").iterdir())
    assert caplog.text.count("cannot be reached") == 1


def test_threads_that_fail_at_the_same_time_say_so_once(caplog: pytest.LogCaptureFixture) -> None:
    availability = Availability()

    class AnotherThread(logging.Handler):
        """Fails, or succeeds, while the first one is still at its warning."""

        def emit(self, record: logging.LogRecord) -> None:
            if "answers again" in record.getMessage():
                availability.succeeded()
            else:
                availability.failed(Answer(Verdict.LATER, "status 503"))

    handler = AnotherThread()
    logger.addHandler(handler)
    try:
        availability.failed(Answer(Verdict.LATER, "status 503"))
        availability.succeeded()
    finally:
        logger.removeHandler(handler)
    assert caplog.text.count("cannot be reached") == 1
    assert caplog.text.count("answers again") == 1


def test_kept_traces_are_sent_in_the_order_in_which_they_were_made(
    processing: Make, server: FaultyServer
) -> None:
    server.mode = 503
    provider, processor = processing(max_retries=0)
    for name in numbered(8):
        run(provider, name)
        assert provider.force_flush(10_000)
    assert processor.counts().spooled == 8
    server.mode = "ok"
    server.wait_for(8)
    assert server.in_order() == numbered(8)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_key_or_pipeline_is_said_once_and_the_traces_are_kept(
    status: int, processing: Make, server: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.mode = status
    provider, processor = processing()
    run(provider, *numbered(3))
    assert provider.force_flush(10_000)
    assert [each["mode"] for each in server.requests] == [status] * len(server.requests)
    assert len(server.requests) <= 4, "each is tried once, and the spool once"
    assert processor.counts().spooled == 3
    assert caplog.text.count(f"Openlayer answered status {status}") == 1
    assert "OPENLAYER_" in caplog.text
    assert "secret-key" not in caplog.text


def test_a_trace_of_the_wrong_shape_is_set_aside_and_not_sent_again(
    processing: Make, server: FaultyServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.next_modes = [422]
    provider, processor = processing()
    run(provider, "odd")
    assert provider.force_flush(10_000)
    run(provider, "fine")
    assert provider.force_flush(10_000)
    assert server.names() == _once(["fine"])
    assert len(server.requests) == 2
    counts = processor.counts()
    assert (counts.sent, counts.refused, counts.lost) == (1, 1, 0)
    assert len(list((tmp_path / "spool").glob("*.refused"))) == 1
    assert caplog.text.count("status 422") == 1


def test_the_pause_that_the_backend_asks_for_is_kept(
    processing: Make, server: FaultyServer
) -> None:
    server.next_modes = [429]
    server.headers = {"Retry-After": "1"}
    provider, _ = processing()
    run(provider, "patient")
    assert provider.force_flush(10_000)
    first, second = server.requests
    assert second["at"] - first["at"] >= 0.9
    assert server.names() == _once(["patient"])


def test_a_body_over_the_limit_loses_content_and_says_so(
    processing: Make, server: FaultyServer
) -> None:
    provider, processor = processing(max_body_bytes=50_000)
    run(provider, "large", output="x" * 400_000)
    assert provider.force_flush(10_000)
    (row,) = server.rows
    assert server.requests[0]["bytes"] <= 50_000
    assert row["truncated"]["texts"] >= 1
    assert row["steps"][0]["metadata"]["truncated"]["bytes"] > 400_000
    assert row["output"].startswith("xxx")
    assert "cut: 400,000 characters" in row["output"]
    assert row["steps"][0]["steps"][0]["name"] == "chat m"
    assert processor.counts().sent == 1


def test_a_body_that_the_backend_finds_too_large_is_cut_until_it_fits(
    processing: Make, server: FaultyServer
) -> None:
    server.max_bytes = 100_000
    provider, processor = processing()
    run(provider, "large", output="x" * 900_000)
    assert provider.force_flush(10_000)
    assert server.names() == _once(["large"])
    assert server.rows[0]["truncated"]
    assert processor.counts().sent == 1
    assert len(server.requests) > 1


def test_a_body_that_is_never_small_enough_is_refused_not_retried_for_ever(
    processing: Make, server: FaultyServer
) -> None:
    server.mode = 413
    provider, processor = processing()
    run(provider, "large", output="x" * 900_000)
    assert provider.force_flush(20_000)
    assert processor.counts().refused == 1
    assert len(server.requests) < 12


def test_a_redirect_is_not_followed(
    processing: Make, server: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.mode = 302
    server.headers = {"Location": "http://127.0.0.1:1/elsewhere"}
    provider, processor = processing()
    run(provider, "stays")
    assert provider.force_flush(10_000)
    assert processor.counts().spooled == 1
    assert "OPENLAYER_BASE_URL" in caplog.text


def test_a_hanging_backend_does_not_hold_flush_beyond_its_deadline(
    processing: Make, server: FaultyServer
) -> None:
    server.mode = HANG
    provider, processor = processing(timeout=30)
    run(provider, *numbered(3))
    assert provider.force_flush(300) is False
    assert processor.counts().waiting == 3


def test_without_a_disk_traces_wait_in_memory_and_arrive(
    processing: Make, server: FaultyServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_text("a file where the directory should be")
    server.mode = 500
    provider, processor = processing(spool_directory=str(occupied), max_retries=0)
    run(provider, *numbered(5))
    wait_until(lambda: "cannot write to the spool" in caplog.text)
    server.mode = "ok"
    server.wait_for(5)
    assert provider.force_flush(10_000)
    assert server.names() == _once(numbered(5))
    assert processor.counts().sent == 5
    assert processor.counts().lost == 0


def test_without_a_spool_what_is_too_much_for_the_memory_is_counted(
    processing: Make, server: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.mode = 503
    provider, processor = processing(spool=False, max_queue_size=10, max_retries=0)
    for name in numbered(30):
        run(provider, name)
    counts = processor.counts()
    assert counts.handed_over == 30
    assert counts.waiting == 10
    assert counts.lost == 20
    wait_until(lambda: "20 traces were lost" in caplog.text or "traces were lost" in caplog.text)
    assert "OPENLAYER_OTEL_MAX_QUEUE_SIZE" in caplog.text
    server.mode = "ok"
    server.wait_for(10)
    assert provider.force_flush(10_000)
    assert processor.counts().sent == 10


def test_a_flood_that_the_backend_cannot_follow_goes_to_disk_and_arrives(
    processing: Make, server: FaultyServer
) -> None:
    server.delay = 0.05
    provider, processor = processing(max_queue_size=200)
    names = numbered(400)
    for name in names:
        run(provider, name)
        wait_until(lambda: processor.counts().waiting < 190)
    assert processor.counts().spooled > 0
    server.delay = 0
    server.wait_for(400)
    assert server.names() == _once(names)
    assert processor.counts().lost == 0


@pytest.mark.parametrize("mode", ["ok", 503])
def test_a_burst_for_which_the_queue_has_no_room_goes_to_disk_and_arrives(
    mode: Any, processing: Make, server: FaultyServer
) -> None:
    server.mode = mode
    provider, processor = processing(max_queue_size=10, max_retries=0)
    names = numbered(300)
    for name in names:
        run(provider, name)
    assert processor.counts().lost == 0
    server.mode = "ok"
    server.wait_for(300)
    assert provider.force_flush(10_000)
    assert server.names() == _once(names)
    assert processor.counts().lost == 0
    assert processor.counts().spooled > 0


def test_a_burst_is_lost_only_where_the_disk_does_not_take_it_either(
    processing: Make, server: FaultyServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_text("a file where the directory should be")
    server.mode = 503
    provider, processor = processing(
        max_queue_size=10, max_retries=0, spool_directory=str(occupied)
    )
    for name in numbered(30):
        run(provider, name)
    counts = processor.counts()
    assert (counts.handed_over, counts.waiting, counts.lost) == (30, 10, 20)
    wait_until(lambda: "traces were lost" in caplog.text)
    assert "OPENLAYER_OTEL_MAX_QUEUE_SIZE" in caplog.text
    assert "cannot write to the spool" in caplog.text


def test_uploads_carry_the_headers_that_openlayer_expects(
    processing: Make, server: FaultyServer
) -> None:
    provider, _ = processing(custom_headers={"X-Team": "search"})
    run(provider, *numbered(3))
    assert provider.force_flush(10_000)
    request = server.requests[0]
    assert request["path"] == "/v1/inference-pipelines/pipeline-1/data-stream"
    headers = request["headers"]
    assert headers["Authorization"] == "Bearer secret-key"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("openlayer-otel/")
    assert headers["X-Team"] == "search"


def test_connections_are_used_again(processing: Make, server: FaultyServer) -> None:
    provider, _ = processing()
    for name in numbered(50):
        run(provider, name)
        assert provider.force_flush(10_000)
    assert len(server.requests) == 50
    assert server.connections <= 4


def test_a_netrc_entry_does_not_replace_the_key(
    processing: Make, server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    provider, _ = processing()
    run(provider, "one")
    assert provider.force_flush(10_000)
    assert server.requests[0]["headers"]["Authorization"] == "Bearer secret-key"


def test_the_application_runs_on_without_a_key(
    processing: Make, server: FaultyServer, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    provider, processor = processing(api_key=None)
    run(provider, *numbered(3))
    assert provider.force_flush(1_000)
    assert not server.requests
    assert caplog.text.count("OPENLAYER_API_KEY") == 1
    assert not (tmp_path / "spool").exists()
    assert processor.counts().handed_over == 0


def test_a_span_that_names_a_pipeline_finds_it_without_a_default_one(
    processing: Make, server: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    provider, processor = processing(inference_pipeline_id=None)
    tracer = provider.get_tracer("test")
    attributes = {
        "openlayer.inference_pipeline.id": "other",
        "openlayer.step.type": "agent",
    }
    with tracer.start_as_current_span("named", attributes=attributes):
        pass
    run(provider, "nameless")
    assert provider.force_flush(10_000)
    assert [each["path"] for each in server.requests] == [
        "/v1/inference-pipelines/other/data-stream"
    ]
    assert processor.counts().lost == 1
    assert "OPENLAYER_INFERENCE_PIPELINE_ID" in caplog.text


def test_nothing_is_uploaded_when_publishing_is_disabled(
    processing: Make, server: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    provider, _ = processing(disable_publish=True)
    run(provider, "secret")
    assert provider.force_flush(1_000)
    assert not server.requests
    assert not caplog.records


def test_a_proxy_of_the_environment_is_used(
    processing: Make, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
    provider, _ = processing(base_url="http://openlayer.example/v1")
    run(provider, "one")
    assert provider.force_flush(10_000)
    assert server.requests[0]["path"] == (
        "http://openlayer.example/v1/inference-pipelines/pipeline-1/data-stream"
    )
    assert server.names() == _once(["one"])


@pytest.mark.may_warn
def test_a_trace_of_which_no_row_can_be_made_is_counted_and_said_once(
    server: FaultyServer, processing: Make, caplog: pytest.LogCaptureFixture
) -> None:
    provider, processor = processing()
    odd: Any = "yesterday"  # the SDK takes any start
    step = {"openlayer.step.type": "agent"}
    provider.get_tracer("test").start_span("odd", start_time=odd, attributes=step).end()
    run(provider, "good")
    assert provider.force_flush(30_000)
    assert server.names() == Counter(["good"])
    assert processor.counts().lost == 1
    warnings = [each.getMessage() for each in caplog.records if "row" in each.getMessage()]
    assert len(warnings) == 1
    assert "1 traces were lost: their rows could not be made (TypeError)" in warnings[0]


@pytest.mark.may_warn
def test_the_log_quotes_nothing_of_a_trace_of_which_no_row_can_be_made(
    processing: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "what the user said"  # the log shows the line that raised, so it stands here

    def fails(*_: object) -> NoReturn:
        raise ValueError(said)

    monkeypatch.setattr("openlayer_otel.export.delivery.upload_of", fails)
    caplog.set_level(logging.DEBUG)
    provider, _ = processing()
    run(provider, "one")
    assert provider.force_flush(30_000)
    assert "making the row of a trace failed with ValueError at" in caplog.text
    assert said not in caplog.text
