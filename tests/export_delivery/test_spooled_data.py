"""The data of attachments in the spool: once on disk, within its size, as long as it is needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openlayer_otel.export import spool_files
from openlayer_otel.export.spool import Spool
from openlayer_otel.export.spool_data import BusyError
from tests.export_delivery.attachment_data import files, md5

URL = "http://127.0.0.1:1/v1"


def test_the_command_clears_attachments_as_well(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 100_000)
    spool.put(URL, "p", b"{}", attachments={md5(b"data"): b"data"})
    (claim,) = spool.claims()
    with claim.opened(md5(b"data")) as held:
        assert held is not None
        held.note("somewhere")
    claim.release()
    assert spool.clear() == 1
    assert os.listdir(spool.directory) == []


def test_the_spool_stays_within_its_size_with_attachments(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 20_000)
    shared = b"s" * 3_000
    for number in range(20):
        own = b"%d" % number * 1_000
        spool.put(URL, "p", b"{}", attachments={md5(own): own, md5(shared): shared})
        on_disk = {path.stat().st_ino: path.stat().st_size for path in files(spool.directory)}
        assert sum(on_disk.values()) <= 20_000
        assert spool.status().size == sum(on_disk.values())
    assert spool.evicted > 0
    claims = list(spool.claims())
    assert len(claims) == 20 - spool.evicted
    assert len(files(spool.directory, ".data")) == 2 * len(claims), "data goes with its trace"
    for claim in claims:
        for checksum in claim.attachments:
            with claim.opened(checksum) as held:
                assert held is not None
                assert md5(held.data) == checksum


def test_data_goes_with_the_last_trace_that_refers_to_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 100_000)
    for _ in range(3):
        spool.put(URL, "p", b"{}", attachments={md5(b"data"): b"data"})
        spool = Spool(spool.directory, 100_000)  # another process
    for claim in spool.claims():
        with claim.opened(md5(b"data")) as held:
            assert held is not None
            assert held.data == b"data"
            held.note("somewhere")
        claim.done()
    assert files(spool.directory) == []


def test_attachments_that_have_no_room_do_not_cost_the_trace(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path / "spool", 10_000)
    spool.put(URL, "p", b"{}", attachments={md5(b"data"): b"x" * 20_000})
    (claim,) = spool.claims()
    assert claim.attachments == ()
    assert "OPENLAYER_OTEL_MAX_SPOOL_BYTES" in caplog.text


def test_what_one_process_uploads_no_other_does(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 100_000)
    for _ in range(2):
        spool.put(URL, "p", b"{}", attachments={md5(b"data"): b"data"})
    one, other = spool.claims()
    with one.opened(md5(b"data")) as held:
        assert held is not None
        with pytest.raises(BusyError), other.opened(md5(b"data")):
            pass
        held.note("somewhere")
    with other.opened(md5(b"data")) as held:
        assert held is not None
        assert held.where == "somewhere"


def test_data_of_a_trace_that_was_never_written_is_removed_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash between the two."""
    spool = Spool(tmp_path / "spool", 100_000)
    Path(spool.put(URL, "p", b"{}", attachments={md5(b"data"): b"data"})).unlink()
    assert spool.status().attachments == 1, "somebody may be about to write the trace"
    monkeypatch.setattr(spool_files, "_UNFINISHED_AGE", -1)
    assert spool.status().attachments == 0
    assert files(spool.directory) == []


def test_a_file_system_without_links_gets_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    spool = Spool(tmp_path / "spool", 100_000)
    for _ in range(2):
        spool.put(URL, "p", b"{}", attachments={md5(b"data"): b"data"})
    for claim in spool.claims():
        with claim.opened(md5(b"data")) as held:
            assert held is not None
            assert held.data == b"data"
        claim.done()
    assert files(spool.directory) == []
