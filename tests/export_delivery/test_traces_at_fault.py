"""A trace, or a pipeline, that never gets through does not keep the others, nor does bad luck."""

from __future__ import annotations

import queue
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openlayer_otel.cli.main import main
from openlayer_otel.export.answers import Answer, Verdict
from openlayer_otel.export.availability import Availability
from openlayer_otel.export.spool import Spool
from tests.export_delivery.conftest import Processing, numbered, run
from tests.support.openlayer_server import CUT, GARBAGE, FaultyServer, wait_until

Make = Callable[..., Processing]


@pytest.fixture
def poisoned(server: FaultyServer) -> Callable[[int | str], None]:
    """Have the server answer so to each request with a row that says poison."""

    def answer(status: int | str) -> None:
        server.mode_of = lambda _, body: status if b"poison" in body else None

    return answer


def _row(name: str) -> bytes:
    return b'{"config":{},"rows":[{"steps":[{"name":"%s"}]}]}' % name.encode()


@pytest.mark.parametrize("status", [500, 503, 409, 408, 429, CUT, GARBAGE])
def test_one_trace_that_always_draws_an_error_keeps_no_other(
    status: int | str, poisoned: Callable[[int | str], None], processing: Make, server: FaultyServer
) -> None:
    poisoned(status)
    provider, processor = processing(max_retries=0, max_rows=1)
    run(provider, "good", "poison")
    wait_until(lambda: processor.counts().spooled >= 1)
    names = numbered(30)
    for name in names:
        run(provider, name)
    server.wait_for(31, 20)
    assert server.names() == Counter(["good", *names])
    assert processor.counts().lost == 0


@pytest.mark.parametrize("count", [1, 5])
def test_a_new_process_sends_what_is_younger_than_the_traces_at_fault(
    count: int,
    poisoned: Callable[[int | str], None],
    processing: Make,
    server: FaultyServer,
    tmp_path: Path,
) -> None:
    poisoned(500)
    spool = Spool(tmp_path / "spool", 10**6)
    for number in range(count):
        spool.put(server.url, "pipeline-1", _row(f"poison {number}"), made_at=1 + number)
    for number, name in enumerate(numbered(10)):
        spool.put(server.url, "pipeline-1", _row(name), made_at=100 + number)
    processing()
    server.wait_for(10, 20)
    assert server.in_order() == numbered(10)


def test_a_trace_that_fails_again_and_again_while_others_do_not_is_set_aside(
    poisoned: Callable[[int | str], None],
    processing: Make,
    server: FaultyServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("openlayer_otel.export.suspects.HOPELESS", 3)
    poisoned(500)
    provider, processor = processing(max_retries=0)
    run(provider, "poison")
    wait_until(lambda: processor.counts().spooled == 1)

    def is_set_aside() -> bool:
        run(provider, "good")
        return bool(list((tmp_path / "spool").glob("*.refused")))

    wait_until(is_set_aside, 20)
    wait_until(lambda: "does not take a trace (status 500)" in caplog.text)
    assert provider.force_flush(10_000)
    assert processor.counts().lost == 0
    # The spool keeps it, and it can be sent once the backend has been mended.
    server.mode_of = None
    processor.shutdown()
    (file,) = (tmp_path / "spool").glob("*.refused")
    assert b"poison" in file.read_bytes()


def test_a_trace_that_fails_while_all_do_is_not_set_aside(
    processing: Make, server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openlayer_otel.export.suspects.HOPELESS", 3)
    server.mode = 500
    provider, processor = processing(max_retries=0)
    run(provider, "good")
    wait_until(lambda: len(server.requests) >= 6, 20)
    assert not list((tmp_path / "spool").glob("*.refused"))
    server.mode = "ok"
    server.wait_for(1, 20)
    wait_until(lambda: processor.counts().replayed == 1)


@pytest.mark.parametrize("fault", [503, CUT])
def test_a_backend_that_is_down_is_not_asked_more_than_a_few_times_a_round(
    fault: str | int, processing: Make, server: FaultyServer, tmp_path: Path
) -> None:
    spool = Spool(tmp_path / "spool", 10**6)
    for number, name in enumerate(numbered(50)):
        spool.put(server.url, "pipeline-1", _row(name), made_at=1 + number)
    server.mode = fault
    _, processor = processing()
    wait_until(lambda: len(server.requests) >= 10)
    times = [each["at"] for each in server.requests]
    each_round = 3 if fault == 503 else 1
    # Between rounds there are pauses of 0.1 s and more, here.
    assert times[each_round] - times[0] > 0.05
    assert times[2 * each_round] - times[each_round] > 0.05
    server.mode = "ok"
    server.wait_for(50)
    assert set(server.names().values()) == {1}
    wait_until(lambda: processor.counts().replayed == 50)


@pytest.mark.parametrize(("fault", "reason"), [(409, "status 409"), (CUT, "ProtocolError")])
def test_the_command_goes_on_after_a_trace_that_fails(
    fault: int | str,
    reason: str,
    poisoned: Callable[[int | str], None],
    server: FaultyServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENLAYER_BASE_URL", server.url)
    monkeypatch.setenv("OPENLAYER_API_KEY", "secret-key")
    monkeypatch.setattr("openlayer_otel.export.client.FIRST_PAUSE", 0.02)
    poisoned(fault)
    spool = Spool(tmp_path / "spool", 10**6)
    for name in ["poison", *numbered(5)]:
        spool.put(server.url, "pipeline-1", _row(name))
    assert main(["spool", "replay"]) == 1
    output = capsys.readouterr().out
    assert f"1 not sent ({reason})" in output
    assert "5 sent" in output
    assert "1 left" in output


def test_a_wrong_pipeline_does_not_put_off_what_waits_for_others(
    processing: Make, server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openlayer_otel.export.availability.MISCONFIGURED_PROBE", 0.2)
    server.mode_of = lambda path, _: 404 if "/bad/" in path else None
    provider, processor = processing()
    bad = {"openlayer.step.type": "agent", "openlayer.inference_pipeline.id": "bad"}
    tracer = provider.get_tracer("test")
    tracer.start_span("bad", attributes=bad).end()
    wait_until(lambda: processor.counts().spooled == 1)
    spool = Spool(tmp_path / "spool", 10**6)
    for number, name in enumerate(numbered(10)):
        spool.put(server.url, "pipeline-1", _row(name), made_at=1 + number)
    processor._destination._delivery.look_at_spool()

    def all_are_sent() -> bool:
        tracer.start_span("bad", attributes=bad).end()
        time.sleep(0.05)
        return len(server.rows) == 10

    wait_until(all_are_sent, 20)
    assert server.in_order() == numbered(10)
    asked = Counter(each["path"].split("/")[3] for each in server.requests)
    waiting = processor.counts().handed_over
    assert asked["bad"] <= waiting, "what waits for the wrong pipeline is not tried all the time"


def test_an_outage_is_not_forgotten_because_of_a_wrong_pipeline() -> None:
    availability = Availability()
    availability.failed(Answer(Verdict.LATER, "status 503"))
    probe_at = availability.probe_at
    availability.failed(Answer(Verdict.MISCONFIGURED, "status 404"))
    assert availability.down
    assert availability.probe_at == probe_at


@pytest.mark.may_warn
def test_a_trace_that_cannot_be_handled_is_given_back_and_others_are_sent(
    processing: Make, server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "spool", 10**6)
    spool.put(server.url, "pipeline-1", b'{"config":{},"rows":0}' + b" " * 50_000, made_at=1)
    for number, name in enumerate(numbered(3)):
        spool.put(server.url, "pipeline-1", _row(name), made_at=2 + number)
    server.max_bytes = 40_000  # so it is to be cut, which is not possible
    _, processor = processing()
    server.wait_for(3)
    assert server.in_order() == numbered(3)
    processor.shutdown()
    (claim,) = spool.claims()
    claim.release()


class _OfferedAtTheLastMoment(queue.SimpleQueue[Any]):
    """An outbox that is filled just when a thread has waited in vain."""

    offer: Callable[[], None] | None = None

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        try:
            return super().get(block, timeout)
        except queue.Empty:
            offer, self.offer = self.offer, None
            if offer is not None:
                offer()
            raise


def test_a_trace_that_comes_when_the_last_thread_goes_home_is_sent(
    processing: Make, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openlayer_otel.export.senders._IDLE", 0.2)
    provider, processor = processing()
    senders = processor._destination._delivery._senders
    senders._outbox = outbox = _OfferedAtTheLastMoment()
    run(provider, "first")
    server.wait_for(1)

    def offer() -> None:
        run(provider, "second")
        wait_until(lambda: not outbox.empty(), 5)

    outbox.offer = offer
    server.wait_for(2, 10)
    assert server.in_order() == ["first", "second"]
