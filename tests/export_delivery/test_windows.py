"""The spool as it runs on Windows, as far as that can be had elsewhere.

What Windows does differently is imitated: ``msvcrt.locking`` by locks of the same kind (a range
of bytes, at the file's position, of one open file), and that no open file is removed or renamed.
The code under test is the code that runs there.
"""

from __future__ import annotations

import importlib.util
import os
import struct
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openlayer_otel.export import claim as claims
from openlayer_otel.export import spool_data
from openlayer_otel.export.file_lock import __file__ as FILE_LOCK  # noqa: N812
from openlayer_otel.export.spool import Spool
from openlayer_otel.export.spool_data import BusyError
from tests.export_delivery.attachment_data import md5

fcntl = pytest.importorskip("fcntl")
pytestmark = pytest.mark.skipif(
    not hasattr(fcntl, "F_OFD_SETLK") or not os.path.isdir("/proc/self/fd"),
    reason="needs locks of open files, and a list of them",
)
URL = "http://127.0.0.1:1/v1"
DATA = b"data"


def imitated_msvcrt() -> types.ModuleType:
    """``msvcrt`` with its file locks."""
    made: Any = types.ModuleType("msvcrt")
    made.LK_UNLCK, made.LK_NBLCK = 0, 2
    locked: set[tuple[int, int]] = set()

    def locking(descriptor: int, mode: int, size: int) -> None:
        place = os.lseek(descriptor, 0, os.SEEK_CUR)
        if mode == made.LK_UNLCK:
            if (descriptor, place) not in locked:
                raise PermissionError("this range was not locked")
            locked.discard((descriptor, place))
        kind = fcntl.F_UNLCK if mode == made.LK_UNLCK else fcntl.F_WRLCK
        request = struct.pack("hhqqi4x", kind, os.SEEK_SET, place, size, 0)
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, request)
        if mode != made.LK_UNLCK:
            locked.add((descriptor, place))

    made.locking = locking
    return made


def is_open(path: Any) -> bool:
    """Whether this process has the file open."""
    for number in os.listdir("/proc/self/fd"):
        try:
            if os.path.samestat(os.stat(path), os.fstat(int(number))):
                return True
        except OSError:
            pass
    return False


@pytest.fixture(autouse=True)
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, files are locked, removed and renamed as on Windows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "msvcrt", imitated_msvcrt())
        patch.setattr(sys, "platform", "win32")
        spec = importlib.util.spec_from_file_location("file_lock_of_windows", FILE_LOCK)
        assert spec is not None
        assert spec.loader is not None
        file_lock = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(file_lock)
    for module in (claims, spool_data):
        monkeypatch.setattr(module, "try_lock", file_lock.try_lock)
        monkeypatch.setattr(module, "unlock", file_lock.unlock)

    def closed_only(function: Callable[..., None]) -> Callable[..., None]:
        def guarded(*paths: Any) -> None:
            if any(os.path.exists(path) and is_open(path) for path in paths):
                raise PermissionError("another program is using this file")
            function(*paths)

        return guarded

    monkeypatch.setattr(os, "unlink", closed_only(os.unlink))
    monkeypatch.setattr(os, "replace", closed_only(os.replace))


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A spool with one trace and its attachment."""
    made = Spool(tmp_path / "spool", 100_000)
    made.put(URL, "p", b"{}", attachments={md5(DATA): DATA})
    return made


def names(spool: Spool) -> list[str]:
    return sorted(each.rpartition(".")[2] for each in os.listdir(spool.directory))


def test_what_one_replayer_holds_no_other_gets_until_it_is_given_back(spool: Spool) -> None:
    other = Spool(spool.directory, 100_000)
    (held,) = spool.claims()
    assert list(other.claims()) == []
    held.release()
    (again,) = other.claims()
    assert again.data == b"{}"
    assert list(spool.claims()) == []


def test_what_was_sent_is_gone_with_its_attachments(spool: Spool) -> None:
    (held,) = spool.claims()
    held.done()
    assert names(spool) == []


def test_what_was_sent_is_not_sent_again_even_if_it_cannot_be_removed(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program (a virus scanner) has the file open just then."""
    (held,) = spool.claims()
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", lambda path: (_ for _ in ()).throw(PermissionError()))
        held.done()
    assert "trace" in names(spool)
    assert list(spool.claims()) == []
    assert names(spool) == []


def test_what_is_refused_is_set_aside(spool: Spool) -> None:
    (held,) = spool.claims()
    held.set_aside()
    assert names(spool) == ["data", "refused"]
    (again,) = spool.claims(refused=True)
    again.done()
    assert names(spool) == []


def test_what_cannot_be_read_is_set_aside(spool: Spool) -> None:
    (path,) = spool.directory.glob("*.trace")
    path.write_bytes(b"no trace")
    assert list(spool.claims()) == []
    assert names(spool) == ["data", "unreadable"]


def test_attachments_that_cannot_be_read_are_set_aside(spool: Spool) -> None:
    (path,) = spool.directory.glob("*.data")
    path.write_bytes(b"other")
    (held,) = spool.claims()
    with held.opened(md5(DATA)) as found:
        assert found is None
    assert names(spool) == ["trace", "unreadable"]


def test_what_one_process_uploads_no_other_does(spool: Spool) -> None:
    spool.put(URL, "p", b"{}", attachments={md5(DATA): DATA})
    one, other = spool.claims()
    with one.opened(md5(DATA)) as held:
        assert held is not None
        assert held.data == DATA
        with pytest.raises(BusyError), other.opened(md5(DATA)):
            pass
        held.note("somewhere")
    with other.opened(md5(DATA)) as held:
        assert held is not None
        assert held.where == "somewhere"


def test_all_that_nobody_holds_is_cleared(spool: Spool) -> None:
    spool.put(URL, "p", b'{"second": 1}')
    first = next(spool.claims())
    assert spool.clear() == 1
    first.release()
    assert spool.clear() == 1
    assert names(spool) == []
