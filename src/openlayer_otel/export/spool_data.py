"""The data of attachments in the spool, beside the traces that refer to it.

Each trace has a file of its own for each attachment, named by the trace and the checksum, so a
trace takes its data with it when it goes. Where the data is in the spool already, the new file
is a hard link: another name for the same bytes on the disk, which are there once and go with
their last name. (Where the file system has no links, it is a copy.)

Who uploads data locks it, and notes where it was stored, so that data that several traces refer
to is uploaded once, whoever replays them.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from openlayer_otel.diagnostics import logger
from openlayer_otel.export.file_lock import try_lock, unlock
from openlayer_otel.export.spool_files import (
    DATA,
    STORED,
    UNREADABLE,
    destination_in,
    open_to_lock,
    read_whole,
    remove,
    rename,
    with_suffix,
    write_whole,
)

_CHECKSUM = re.compile(r"[0-9a-f]{32}")
_KNOWN_LIMIT = 10_000


class BusyError(Exception):
    """Another process is uploading the same data just now."""


class SpooledData:
    """The data of one attachment, which nobody else uploads meanwhile.

    Attributes:
        data: The bytes.
        where: Its ``storageUri``, if it was uploaded already.
    """

    def __init__(self, data: bytes, record: str) -> None:
        self.data = data
        self._record = record
        try:
            with open(record, encoding="utf-8") as file:
                self.where: str | None = file.read() or None
        except (OSError, ValueError):
            self.where = None

    def note(self, where: str) -> None:
        """It was uploaded: say so to those who come next."""
        try:
            write_whole(self._record, where.encode(), sync=False)
        except OSError:
            pass  # they upload it again, to the same name


class DataFiles:
    """The data of attachments in one directory. Safe with several processes.

    Args:
        directory: The spool's.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        # Files to link to, and whether their content was compared with the checksum.
        self._known: dict[str, tuple[str, bool]] = {}
        self._lock = threading.RLock()

    def know(self, files: Iterable[tuple[str, str]]) -> None:
        """Others have written these since: checksums and files."""
        with self._lock:
            compared = {path for path, is_compared in self._known.values() if is_compared}
            self._known = {checksum: (path, path in compared) for checksum, path in files}

    def holds(self, checksum: str) -> bool:
        """Whether data with this checksum seems to be there, so that it needs no room."""
        return checksum in self._known

    def add(self, unit: str, checksum: str, data: bytes, *, sync: bool) -> int:
        """Put data beside the trace that ``unit`` names.

        Returns:
            How many bytes the directory has grown by.

        Raises:
            OSError: It could not be written.
        """
        path = self._path(unit, checksum)
        with self._lock:  # or two threads would write the same data twice
            if self._link(checksum, data, path):
                return 0
            write_whole(path, data, sync=sync)
            while len(self._known) >= _KNOWN_LIMIT:
                self._known.pop(next(iter(self._known)))
            self._known[checksum] = path, True
        return len(data)

    def _link(self, checksum: str, data: bytes, path: str) -> bool:
        """Make ``path`` another name of data that is there already; false if there is none."""
        there, compared = self._known.get(checksum, (None, False))
        if there is None:
            return False
        try:
            if compared or _content_of(there) == data:
                os.link(there, path)
                os.utime(path)  # or its age would be that of the data
                self._known[checksum] = path, True  # it will be there for longer
                return True
        except OSError:
            pass  # gone meanwhile, or there are no links here
        self._known.pop(checksum, None)
        return False

    @contextmanager
    def opened(self, unit: str, checksum: str) -> Iterator[SpooledData | None]:
        """The data of an attachment, for this process alone; None if it is gone or damaged.

        Raises:
            BusyError: Another process has it.
        """
        path = self._path(unit, checksum)
        try:
            descriptor = open_to_lock(path)
        except OSError:
            yield None
            return
        try:
            if not try_lock(descriptor):
                raise BusyError("another process is uploading it")
            try:
                data = _read(descriptor, checksum)
                yield None if data is None else SpooledData(data, self._record(unit, checksum))
            finally:
                unlock(descriptor)
        finally:
            os.close(descriptor)
        if data is None:
            rename(path, with_suffix(path, UNREADABLE))
            logger.warning("openlayer-otel: %s cannot be read; it is set aside.", path)

    def remove(self, unit: str, checksums: Iterable[str]) -> None:
        """The trace is gone: remove its data, and what was noted of it with its last name."""
        for checksum in checksums:
            path = self._path(unit, checksum)
            try:
                last = os.stat(path).st_nlink == 1
            except OSError:
                continue
            remove(path)
            if last:
                remove(self._record(unit, checksum))

    def after_fork(self) -> None:
        """In the child: a thread of the parent may hold the lock."""
        self._lock = threading.RLock()

    def _path(self, unit: str, checksum: str) -> str:
        return os.path.join(self._directory, f"{unit}.{checksum}{DATA}")

    def _record(self, unit: str, checksum: str) -> str:
        return os.path.join(self._directory, f"{STORED}{checksum}-{destination_in(unit)}")


def is_checksum(value: object) -> bool:
    """Whether ``value`` is an MD5 checksum, which is safe in a file name."""
    return isinstance(value, str) and _CHECKSUM.fullmatch(value) is not None


def _content_of(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _read(descriptor: int, checksum: str) -> bytes | None:
    """The open file's content; None if it is not what its checksum says."""
    try:
        data = read_whole(descriptor)
    except OSError:
        return None
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return data if found == checksum else None
