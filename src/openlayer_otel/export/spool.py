"""What could not be sent, on disk: one file per trace, in one directory for all processes.

A file is written under another name, synchronised and renamed, so it is whole or absent.
Its name sorts by age: ``<nanoseconds>-<process>-<number>-<destination>.trace``. Its first
line is a JSON header (address, pipeline, length and CRC of the body; never a key), the rest
is the body as it is sent. The *destination* is a hash of address and pipeline: a process
replays the files of the pipelines that it writes to itself, whatever key they were
meant for.

Who replays a file *claims* it first, with a lock that the operating system releases when
the claimer dies. A file that cannot be read, or that Openlayer refuses, is set aside under
another suffix; it counts towards the size of the spool and goes when it is the oldest.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from openlayer_otel.diagnostics import logger, warn_once
from openlayer_otel.export.file_lock import try_lock, unlock

SUFFIX = ".trace"
UNREADABLE = ".unreadable"
REFUSED = ".refused"
_UNFINISHED = ".part"
# Files that a dead process left half-written are removed after this many seconds.
_UNFINISHED_AGE = 3600
# The size of the directory is counted anew after so many writes: other processes write, too.
_COUNT_EVERY = 100
_FORMAT = 1


def destination_of(base_url: str, pipeline_id: str) -> str:
    """The name that files for this pipeline carry."""
    return hashlib.sha256(f"{base_url}\0{pipeline_id}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """What is in a spool.

    Attributes:
        files: Traces that wait.
        size: Bytes of all files, those set aside included.
        unreadable: Files that could not be read, set aside.
        refused: Traces that Openlayer refused, set aside.
        oldest: When the oldest waiting trace was written, in seconds since 1970.
        newest: Likewise, the newest.
    """

    files: int
    size: int
    unreadable: int
    refused: int
    oldest: float | None
    newest: float | None


class Claim:
    """A spooled trace that only this process handles until it is ended in one of three ways."""

    def __init__(self, path: Path, descriptor: int, header: dict[str, Any], data: bytes) -> None:
        self._path = path
        self._descriptor = descriptor
        self.base_url: str = header["base_url"]
        self.pipeline_id: str = header["pipeline_id"]
        self.data = data

    def done(self) -> None:
        """It was sent: remove the file."""
        self._path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """It was not sent: leave the file to whoever comes next."""
        # A forked child shares the lock, so closing alone would not give it back.
        unlock(self._descriptor)
        os.close(self._descriptor)

    def set_aside(self) -> None:
        """It will never be accepted: keep the file, replay it no more."""
        _rename(self._path, self._path.with_suffix(REFUSED))
        self.release()


class Spool:
    """The spool in one directory.

    Args:
        directory: Made when the first file is written, for this user alone.
        max_bytes: Size of all files; the oldest go first.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self.directory = directory
        self.max_bytes = max_bytes
        self.evicted = 0
        self._lock = threading.Lock()
        self._size = 0
        self._writes_until_count = 0
        self._number = 0

    def put(
        self,
        base_url: str,
        pipeline_id: str,
        data: bytes,
        *,
        made_at: int | None = None,
        sync: bool = True,
        suffix: str = SUFFIX,
    ) -> Path:
        """Write one trace.

        Args:
            base_url: The Openlayer address that it is for.
            pipeline_id: The inference pipeline that it is for.
            data: The JSON body.
            made_at: When the trace was complete, in nanoseconds since 1970; now by default.
            sync: Wait until the disk has it, so that it survives a power failure.
            suffix: ``REFUSED`` for a trace that is to be kept, but not replayed.

        Returns:
            The file.

        Raises:
            OSError: It could not be written: disk full, no permission.
            ValueError: It is larger than the whole spool may be.
        """
        header = {
            "format": _FORMAT,
            "base_url": base_url,
            "pipeline_id": pipeline_id,
            "bytes": len(data),
            "crc32": zlib.crc32(data),
        }
        content = orjson.dumps(header) + b"\n" + data
        if len(content) > self.max_bytes:
            raise ValueError("larger than the spool")
        self._make_room(len(content))
        path = self.directory / (self._new_name(base_url, pipeline_id, made_at) + suffix)
        unfinished = path.with_suffix(_UNFINISHED)
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            unfinished.rename(path)
        except OSError:
            # The directory may be gone, too: the next write makes it anew.
            self._writes_until_count = 0
            unfinished.unlink(missing_ok=True)
            raise
        with self._lock:
            self._size += len(content)
        return path

    def _new_name(self, base_url: str, pipeline_id: str, made_at: int | None) -> str:
        destination = destination_of(base_url, pipeline_id)
        with self._lock:
            self._number += 1
            number = self._number
        return f"{made_at or time.time_ns():020d}-{os.getpid()}-{number}-{destination}"

    def _make_room(self, size: int) -> None:
        """Make the directory, and remove the oldest files until ``size`` more bytes fit."""
        with self._lock:
            self._writes_until_count -= 1
            if self._writes_until_count > 0 and self._size + size <= self.max_bytes:
                return
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._writes_until_count = _COUNT_EVERY
            files = self._sizes()
            self._size = sum(size for _, size in files)
            # A tenth more than needed goes, or each write at the limit would list the directory.
            spare = 0 if self._size + size <= self.max_bytes else self.max_bytes // 10
            for path, file_size in files:
                if self._size + size + spare <= self.max_bytes:
                    break
                try:
                    path.unlink()
                except OSError:
                    continue
                self._size -= file_size
                self._report_evicted()

    def _report_evicted(self) -> None:
        self.evicted += 1
        warn_once(
            "spool:evicted",
            "openlayer-otel: the spool %s is full (OPENLAYER_OTEL_MAX_SPOOL_BYTES); its oldest "
            "traces are removed.",
            self.directory,
        )

    def _sizes(self) -> list[tuple[Path, int]]:
        """All finished files and their sizes, the oldest first."""
        found = []
        for entry in self._entries():
            try:
                size = entry.stat().st_size
                if entry.name.endswith(_UNFINISHED):
                    if time.time() - entry.stat().st_mtime > _UNFINISHED_AGE:
                        os.unlink(entry.path)
                    continue
            except OSError:
                continue  # another process was faster
            found.append((Path(entry.path), size))
        return sorted(found, key=lambda each: each[0].name)

    def _entries(self) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.directory) as entries:
                return [each for each in entries if each.name[:20].isdigit()]
        except OSError:
            return []

    def waiting(
        self, destinations: Collection[str] | None = None, *, refused: bool = False
    ) -> list[Path]:
        """The files to be replayed, the oldest first.

        Args:
            destinations: Only those for these (:func:`destination_of`); all by default.
            refused: With those that Openlayer refused before.
        """
        suffixes = (SUFFIX, REFUSED) if refused else (SUFFIX,)
        names = [
            entry.name
            for entry in self._entries()
            if entry.name.endswith(suffixes)
            and (
                destinations is None
                or entry.name.rpartition(".")[0].rpartition("-")[2] in destinations
            )
        ]
        return [self.directory / name for name in sorted(names)]

    def claims(
        self, destinations: Collection[str] | None = None, *, refused: bool = False
    ) -> Iterator[Claim]:
        """Claim the waiting files one after the other, the oldest first.

        Files that others have claimed are passed over; unreadable ones are set aside.
        """
        for path in self.waiting(destinations, refused=refused):
            claim = self.claim(path)
            if claim is not None:
                yield claim

    def claim(self, path: Path) -> Claim | None:
        """Claim one file; None if it is gone, claimed by another, or unreadable."""
        try:
            # Writable, because network file systems demand it for an exclusive lock.
            descriptor = os.open(path, os.O_RDWR)
        except OSError:
            return None
        if try_lock(descriptor) and _is_still(path, descriptor):
            try:
                with os.fdopen(os.dup(descriptor), "rb") as file:
                    header, data = _parse(file.read())
                return Claim(path, descriptor, header, data)
            except (ValueError, KeyError, TypeError, OSError):
                _rename(path, path.with_suffix(UNREADABLE))
                logger.warning("openlayer-otel: %s cannot be read; it is set aside.", path)
        os.close(descriptor)
        return None

    def status(self) -> SpoolStatus:
        """Count what is there."""
        files = self._sizes()
        times = [int(path.name[:20]) / 1e9 for path, _ in files if path.suffix == SUFFIX]
        return SpoolStatus(
            files=len(times),
            size=sum(size for _, size in files),
            unreadable=sum(path.suffix == UNREADABLE for path, _ in files),
            refused=sum(path.suffix == REFUSED for path, _ in files),
            oldest=times[0] if times else None,
            newest=times[-1] if times else None,
        )

    def clear(self) -> int:
        """Remove all files but those that are being replayed right now.

        Returns:
            How many were removed.
        """
        removed = 0
        for path, _ in self._sizes():
            try:
                descriptor = os.open(path, os.O_RDWR)
            except OSError:
                continue
            if try_lock(descriptor):
                path.unlink(missing_ok=True)
                unlock(descriptor)
                removed += 1
            os.close(descriptor)
        return removed

    def after_fork(self) -> None:
        """In the child: fresh locks; claims of the parent stay the parent's."""
        self._lock = threading.Lock()


def _parse(content: bytes) -> tuple[dict[str, Any], bytes]:
    first, newline, data = content.partition(b"\n")
    header = orjson.loads(first)
    if not newline or header["format"] != _FORMAT or header["bytes"] != len(data):
        raise ValueError("not whole")
    if header["crc32"] != zlib.crc32(data):
        raise ValueError("damaged")
    return header, data


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether ``path`` is the open file: another replayer may have sent and removed it."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


def _rename(path: Path, target: Path) -> None:
    try:
        path.rename(target)
    except OSError:
        pass  # gone, or a file system that has become read-only: nothing to be set aside
