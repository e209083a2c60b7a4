"""The offline buffer of Openlayer's SDK by its names in ``openlayer_otel.lib``: it is the spool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel import bootstrap, lib
from openlayer_otel.cli.main import main
from openlayer_otel.export.spool import Spool
from tests.export_delivery.conftest import numbered, run
from tests.support.openlayer_server import FaultyServer

Start = Callable[..., None]


@pytest.fixture
def start(server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """``init()`` as users of the SDK call it, and so many traces that cannot be sent now."""
    # What waits is left to the test for as long as it takes.
    monkeypatch.setattr("openlayer_otel.export.availability.FIRST_PROBE", 60.0)
    provider = TracerProvider(shutdown_on_exit=False)

    def init(traces: int, **arguments: Any) -> None:
        given: dict[str, Any] = {
            "api_key": "secret-key",
            "inference_pipeline_id": "pipeline-1",
            "base_url": server.url,
            "max_retries": 0,
            "offline_buffer_enabled": True,
            "offline_buffer_path": tmp_path / "buffer",
            "auto_instrument": False,
            "tracer_provider": provider,
        }
        lib.init(**{**given, **arguments})
        if traces:
            server.mode = 503
            run(provider, *numbered(traces))
            assert bootstrap.flush(60)
            server.requests.clear()
            server.mode = "ok"

    yield init
    bootstrap.shutdown(5)


def test_what_waits_is_sent_on_demand(start: Start, server: FaultyServer, tmp_path: Path) -> None:
    start(3)
    status = lib.get_buffer_status()
    assert (status["enabled"], status["total_traces"]) == (True, 3)
    assert status["buffer_path"] == str(tmp_path / "buffer")
    assert status["oldest_trace"] < status["newest_trace"]
    sent: list[Any] = []
    result = lib.replay_buffered_traces(
        on_replay_success=lambda row, config: sent.append((row["output"], config))
    )
    assert result == {
        "total_traces": 3,
        "success_count": 3,
        "failure_count": 0,
        "failed_traces": [],
    }
    assert [output for output, _ in sent] == numbered(3)
    assert sent[0][1]["outputColumnName"] == "output"
    assert server.names() == Counter(numbered(3))
    assert lib.get_buffer_status()["total_traces"] == 0
    assert lib.replay_buffered_traces()["total_traces"] == 0


def test_what_cannot_be_sent_stays(start: Start, server: FaultyServer) -> None:
    start(5)
    server.mode = 503
    failed: list[Any] = []
    result = lib.replay_buffered_traces(
        max_retries=0, on_replay_failure=lambda row, config, error: failed.append((row, error))
    )
    # After three in a row, Openlayer is known to be in trouble.
    assert len(server.requests) == 3
    assert (result["total_traces"], result["failure_count"]) == (5, 5)
    assert result["failed_traces"] == [
        {"trace_id": row["inferenceId"], "error": "status 503"} for row, _ in failed
    ]
    assert [str(error) for _, error in failed] == ["status 503"] * 3
    server.mode = "ok"
    assert lib.replay_buffered_traces()["success_count"] == 5


def test_what_is_refused_is_a_failure_and_not_tried_again(
    start: Start, server: FaultyServer
) -> None:
    start(2)
    server.mode = 422
    assert lib.replay_buffered_traces()["failure_count"] == 2
    server.mode = "ok"
    assert lib.replay_buffered_traces()["total_traces"] == 0
    assert not server.rows


def test_what_is_for_another_address_is_not_sent_with_this_key(
    start: Start, server: FaultyServer, tmp_path: Path
) -> None:
    body = b'{"config":{},"rows":[{"inferenceId":"i"}]}'
    Spool(tmp_path / "buffer", 10_000).put("http://127.0.0.1:1/v1", "pipeline-1", body)
    start(0)
    result = lib.replay_buffered_traces()
    assert (result["success_count"], result["failure_count"]) == (0, 1)
    assert result["failed_traces"] == [{"trace_id": "i", "error": "it is for another address"}]
    assert not server.requests


def test_a_callback_that_raises_stops_nothing(
    start: Start, server: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(row: Any, config: Any) -> None:
        raise LookupError

    start(2)
    assert lib.replay_buffered_traces(on_replay_success=broken)["success_count"] == 2
    assert caplog.text.count("LookupError") == 1


def test_the_buffer_can_be_emptied(start: Start, server: FaultyServer) -> None:
    start(2)
    assert lib.clear_offline_buffer() == {"traces_removed": 2}
    assert lib.replay_buffered_traces()["total_traces"] == 0


def test_without_buffer_or_key_nothing_is_sent_and_the_answer_says_why(
    start: Start, server: FaultyServer
) -> None:
    start(0, offline_buffer_enabled=False)
    assert lib.get_buffer_status()["enabled"] is False
    assert lib.replay_buffered_traces()["error"] == "Offline buffer not enabled"
    assert lib.clear_offline_buffer()["traces_removed"] == 0
    start(0, api_key=None)
    assert "OPENLAYER_API_KEY" in lib.replay_buffered_traces()["error"]


def test_where_publishing_is_off_nothing_is_replayed(
    start: Start,
    server: FaultyServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    start(2)
    bootstrap.shutdown(5)
    monkeypatch.setenv("OPENLAYER_DISABLE_PUBLISH", "true")
    start(0)
    assert "OPENLAYER_DISABLE_PUBLISH" in lib.replay_buffered_traces()["error"]
    monkeypatch.setenv("OPENLAYER_API_KEY", "secret-key")
    monkeypatch.setenv("OPENLAYER_BASE_URL", server.url)
    assert main(["spool", "replay", "--directory", str(tmp_path / "buffer")]) == 2
    assert "OPENLAYER_DISABLE_PUBLISH" in capsys.readouterr().err
    assert not server.requests
    assert lib.get_buffer_status()["total_traces"] == 2
