"""The spool as files, and the command that looks after it."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from openlayer_otel.cli.main import main
from openlayer_otel.export.spool import Spool
from tests.export_delivery.conftest import Processing, numbered, run
from tests.support.openlayer_server import FaultyServer, wait_until

Make = Callable[..., Processing]
URL = "http://127.0.0.1:1/v1"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """An empty spool."""
    return Spool(tmp_path / "spool", 10_000)


@pytest.fixture
def kept(
    processing: Make, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], None]:
    """Leaves so many traces in the spool, and the variables with which they can be sent."""

    def leave(count: int) -> None:
        server.mode = 503
        provider, processor = processing(max_retries=0)
        run(provider, *numbered(count))
        wait_until(lambda: processor.counts().spooled == count)
        provider.shutdown()
        server.mode = "ok"
        monkeypatch.setenv("OPENLAYER_BASE_URL", server.url)
        monkeypatch.setenv("OPENLAYER_API_KEY", "secret-key")

    return leave


def test_only_the_user_can_read_it_and_no_key_is_in_it(
    kept: Callable[[int], None], tmp_path: Path
) -> None:
    kept(2)
    directory = tmp_path / "spool"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    files = list(directory.iterdir())
    assert len(files) == 2
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert b"secret-key" not in file.read_bytes()


def test_a_program_that_changes_its_directory_finds_its_spool_again(
    processing: Make, server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    server.mode = 503
    provider, processor = processing(max_retries=0, spool_directory="mine")
    monkeypatch.chdir("elsewhere")
    run(provider, "kept")
    wait_until(lambda: processor.counts().spooled == 1)
    provider.shutdown()
    assert Spool(tmp_path / "mine", 10**6).status().files == 1


def test_it_stays_within_its_size_and_the_oldest_go(spool: Spool) -> None:
    for number in range(30):
        spool.put(URL, "p", b"%d" % number + b"x" * 1_000)
    status = spool.status()
    assert status.size <= 10_000
    assert spool.evicted == 30 - status.files > 0
    first, *_, last = [claim.data[:2] for claim in spool.claims()]
    assert int(first) == 30 - status.files
    assert last == b"29"


def test_a_spool_with_many_traces_is_not_counted_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "spool", 10**9)
    counted = []
    scandir = os.scandir

    def counting(path: str) -> object:
        counted.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counting)
    for _ in range(6000):
        spool.put(URL, "p", b"{}", sync=False)
    assert len(counted) < 30
    assert spool.status().files == 6000


def test_several_processes_keep_the_size_together(tmp_path: Path) -> None:
    processes = [Spool(tmp_path / "spool", 1_000_000) for _ in range(4)]
    for _ in range(60):
        for process in processes:
            process.put(URL, "p", b"x" * 20_000)
            assert processes[0].status().size <= 1_200_000


def test_a_trace_larger_than_the_spool_is_not_taken(spool: Spool) -> None:
    with pytest.raises(ValueError, match="larger"):
        spool.put(URL, "p", b"x" * 20_000)


@pytest.mark.parametrize("size", [10_000, 0])
def test_a_trace_larger_than_the_spool_pushes_no_other_out(size: int, spool: Spool) -> None:
    for _ in range(5):
        spool.put(URL, "p", b"small")
    full = Spool(spool.directory, size)
    with pytest.raises(ValueError, match="larger"):
        full.put(URL, "p", b"x" * 9_990)
    assert (spool.status().files, full.evicted) == (5, 0)


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "foreign"])
def test_a_file_that_cannot_be_read_is_set_aside_and_the_others_are_sent(
    damage: str, spool: Spool
) -> None:
    bad = Path(spool.put(URL, "p", b"bad" * 100))
    spool.put(URL, "p", b"good")
    content = bad.read_bytes()
    bad.write_bytes(
        {
            "cut": content[:-10],
            "changed": content[:-1] + b"!",
            "empty": b"",
            "foreign": b"\x80\x81 no trace of ours",
        }[damage]
    )
    assert [claim.data for claim in spool.claims()] == [b"good"]
    assert spool.status().unreadable == 1
    assert bad.with_suffix(".unreadable").exists()


def test_what_one_replayer_holds_no_other_gets(spool: Spool) -> None:
    spool.put(URL, "p", b"one")
    other = Spool(spool.directory, 10_000)
    (held,) = spool.claims()
    assert list(other.claims()) == []
    held.release()
    (again,) = other.claims()
    again.done()
    assert list(spool.claims()) == []


def test_a_half_written_file_is_no_trace(spool: Spool) -> None:
    path = Path(spool.put(URL, "p", b"one"))
    path.rename(path.with_suffix(".part"))
    assert list(spool.claims()) == []
    assert spool.status().files == 0


def test_files_of_others_in_the_directory_are_left_alone(spool: Spool) -> None:
    path = Path(spool.put(URL, "p", b"one"))
    foreign = ["20240101", "stored-procedures.sql", "20240101000000000000.part", "notes.trace"]
    foreign.append("01700000000000000000-backup.trace")
    for name in foreign:
        (spool.directory / name).write_text("mine")
        os.utime(spool.directory / name, (1, 1))
    with pytest.MonkeyPatch.context() as later:
        later.setattr("time.time", lambda: 4e9)
        assert spool.status().files == 1
        (claim,) = spool.claims()
        claim.release()
        assert spool.clear() == 1
    assert sorted(os.listdir(spool.directory)) == sorted(foreign)
    assert not path.exists()


def test_the_oldest_trace_is_sent_first_whenever_it_was_written(spool: Spool) -> None:
    spool.put(URL, "p", b"second", made_at=2_000)
    spool.put(URL, "p", b"first", made_at=1_000)
    assert [claim.data for claim in spool.claims()] == [b"first", b"second"]


def test_traces_for_other_pipelines_are_left_alone(
    processing: Make, server: FaultyServer, tmp_path: Path
) -> None:
    Spool(tmp_path / "spool", 10_000).put(server.url, "somebody-else", b'{"rows":[]}')
    provider, _ = processing()
    run(provider, "mine")
    assert provider.force_flush(10_000)
    provider.shutdown()
    assert {each["path"].split("/")[3] for each in server.requests} == {"pipeline-1"}


def test_the_command_replays_what_waits(
    kept: Callable[[int], None], server: FaultyServer, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(5)
    assert main(["spool", "status"]) == 0
    assert "traces      5" in capsys.readouterr().out
    assert main(["spool", "replay"]) == 0
    assert "5 sent\nnothing left" in capsys.readouterr().out
    assert server.in_order() == numbered(5)
    assert main(["spool", "status"]) == 0
    assert "traces      0" in capsys.readouterr().out


def test_the_command_says_what_it_could_not_send_and_leaves_it(
    kept: Callable[[int], None], server: FaultyServer, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(3)
    server.mode = 401
    assert main(["spool", "replay"]) == 1
    output = capsys.readouterr().out
    assert "3 not sent (status 401)" in output
    assert "3 left" in output
    server.mode = "ok"
    assert main(["spool", "replay"]) == 0
    assert server.names() == Counter(numbered(3))


def test_the_command_says_which_setting_may_keep_it_from_sending(
    kept: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept(3)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert main(["spool", "replay"]) == 1
    output, errors = capsys.readouterr()
    assert "not sent (ProxyError)" in output
    assert errors.count("Check HTTPS_PROXY and HTTP_PROXY.") == 1


def test_the_command_sends_no_key_to_the_address_that_a_file_names(
    kept: Callable[[int], None],
    server: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept(1)
    before = len(server.requests)
    monkeypatch.setenv("OPENLAYER_BASE_URL", "http://127.0.0.1:1/other")
    assert main(["spool", "replay"]) == 1
    assert "another address" in capsys.readouterr().out
    assert len(server.requests) == before


def test_the_command_replays_refused_traces_only_when_asked(
    kept: Callable[[int], None], server: FaultyServer
) -> None:
    kept(2)
    server.mode = 422
    assert main(["spool", "replay"]) == 1
    server.mode = "ok"
    assert main(["spool", "replay"]) == 0
    assert not server.rows
    assert main(["spool", "replay", "--refused"]) == 0
    assert server.names() == Counter(numbered(2))


def test_the_command_clears_the_spool(
    kept: Callable[[int], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(4)
    assert main(["spool", "clear"]) == 0
    assert "4 removed" in capsys.readouterr().out
    assert os.listdir(tmp_path / "spool") == []


def test_the_command_needs_a_key_to_replay(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spool", "replay"]) == 2
    assert "OPENLAYER_API_KEY" in capsys.readouterr().err


def test_the_command_knows_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("openlayer-otel ")
