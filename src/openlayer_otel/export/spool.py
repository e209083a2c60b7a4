"""What could not be sent, on disk: one file per trace, in one directory for all processes.

A file is written under another name, synchronised and renamed, so it is whole or absent. Its
name says its age and its *destination*, a hash of address and pipeline: a process replays the
files of the pipelines that it writes to itself, whatever key they were meant for. Its first line
is a JSON header (address, pipeline, length and CRC of the body, attachments; never a key), the
rest is the body as it is sent. ``spool_files`` knows the names, ``spool_data`` keeps the data of
attachments.

Who replays a file *claims* it first, with a lock that the operating system releases when the
claimer dies. A file that cannot be read, or that Openlayer refuses, is set aside under another
suffix; it counts towards the size of the spool and goes when it is the oldest.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import os
import threading
import time
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import orjson

from openlayer_otel.diagnostics import warn_once
from openlayer_otel.export.claim import FORMAT, Claim, claim_of, kill
from openlayer_otel.export.spool_data import DataFiles
from openlayer_otel.export.spool_files import (
    REFUSED,
    SUFFIX,
    Listing,
    SpoolStatus,
    destination_in,
    entries_of,
    remove,
    unit_of,
    write_whole,
)

# The size of the directory is counted anew after so many writes, or when this part of it was
# written: other processes write, too. Where there are many files, after a part of their number, or
# each write would cost the more the longer an outage lasts.
_COUNT_EVERY = 100
_COUNT_EVERY_PART = 20
_COUNT_EVERY_PART_OF_FILES = 4
# What a header takes, generously.
_ROOM_FOR_HEADER = 1_000
# Waiting files are listed so many at a time.
_AT_ONCE = 1_000
_NOTHING: Mapping[str, bytes] = MappingProxyType({})


def destination_of(base_url: str, pipeline_id: str) -> str:
    """The name that files for this pipeline carry."""
    return hashlib.sha256(f"{base_url}\0{pipeline_id}".encode()).hexdigest()[:16]


def _header(
    base_url: str, pipeline_id: str, data: bytes, attachments: Mapping[str, bytes]
) -> bytes:
    """The first line of a trace's file."""
    header: dict[str, object] = {
        "format": FORMAT,
        "base_url": base_url,
        "pipeline_id": pipeline_id,
        "bytes": len(data),
        "crc32": zlib.crc32(data),
    }
    if attachments:
        header["attachments"] = list(attachments)
    return orjson.dumps(header)


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
        self._path = os.fspath(directory)
        self._data = DataFiles(self._path)
        # Reentrant: the garbage collector may end a span, and put its trace away, at any point.
        self._lock = threading.RLock()
        self._size = 0
        self._writes_until_count = 0
        self._bytes_until_count = 0
        self._numbers = itertools.count(1)

    def put(
        self,
        base_url: str,
        pipeline_id: str,
        data: bytes,
        *,
        attachments: Mapping[str, bytes] = _NOTHING,
        made_at: int | None = None,
        sync: bool = True,
        suffix: str = SUFFIX,
    ) -> str:
        """Write one trace.

        Args:
            base_url: The Openlayer address that it is for.
            pipeline_id: The inference pipeline that it is for.
            data: The JSON body.
            attachments: Data that has to be uploaded before, by MD5 checksum. Left out, with a
                warning, where only the trace has room.
            made_at: When the trace was complete, in nanoseconds since 1970; now by default.
            sync: Wait until the disk has it, so that it survives a power failure.
            suffix: ``REFUSED`` for a trace that is to be kept, but not replayed.

        Returns:
            The file.

        Raises:
            OSError: It could not be written: disk full, no permission.
            ValueError: It is larger than the whole spool may be.
        """
        if len(data) + sum(map(len, attachments.values())) > self.max_bytes - _ROOM_FOR_HEADER:
            self._say_without(attachments)
            attachments = _NOTHING
        # Before room is made for it, or one that is too large would empty the spool.
        if len(data) > self.max_bytes - _ROOM_FOR_HEADER:
            raise ValueError("larger than the spool")
        unit = self._new_unit(base_url, pipeline_id, made_at)
        path = os.path.join(self._path, unit + suffix)
        new = sum(len(each) for name, each in attachments.items() if not self._data.holds(name))
        self._make_room(len(data) + _ROOM_FOR_HEADER + new)
        # Before the trace, so that a trace never lacks them. Without it they are removed in time.
        grown = self._put_attachments(unit, attachments, sync=sync)
        if grown is None:
            attachments, grown = _NOTHING, 0
        content = _header(base_url, pipeline_id, data, attachments) + b"\n" + data
        try:
            if len(content) > self.max_bytes:
                raise ValueError("larger than the spool")
            write_whole(path, content, sync=sync)
        except (OSError, ValueError):
            # The directory may be gone, too: the next write makes it anew.
            self._writes_until_count = 0
            self._data.remove(unit, attachments)
            raise
        with self._lock:
            self._size += len(content) + grown
        return path

    def _put_attachments(
        self, unit: str, attachments: Mapping[str, bytes], *, sync: bool
    ) -> int | None:
        """By how many bytes the spool has grown; None if there is no room for all of them."""
        grown = 0
        try:
            for checksum, data in attachments.items():
                grown += self._data.add(unit, checksum, data, sync=sync)
        except OSError:
            self._data.remove(unit, attachments)
            self._say_without(attachments)
            return None
        return grown

    def _say_without(self, attachments: Mapping[str, bytes]) -> None:
        if attachments:
            warn_once(
                "spool:attachments",
                "openlayer-otel: the spool %s has no room for attachments; what is kept of them is "
                "their checksum and size (OPENLAYER_OTEL_MAX_SPOOL_BYTES).",
                self.directory,
            )

    def _new_unit(self, base_url: str, pipeline_id: str, made_at: int | None) -> str:
        destination = destination_of(base_url, pipeline_id)
        number = next(self._numbers)
        return f"{made_at or time.time_ns():020d}-{os.getpid()}-{number}-{destination}"

    def _make_room(self, size: int) -> None:
        """Make the directory, and remove the oldest traces until ``size`` more bytes fit."""
        with self._lock:
            self._writes_until_count -= 1
            self._bytes_until_count -= size
            fits = self._size + size <= self.max_bytes
            if fits and self._writes_until_count > 0 and self._bytes_until_count > 0:
                return
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._bytes_until_count = self.max_bytes // _COUNT_EVERY_PART
            listing = Listing(self._path)
            some = len(listing.units) // _COUNT_EVERY_PART_OF_FILES
            self._writes_until_count = max(_COUNT_EVERY, some)
            # A tenth more than needed goes, or each write at the limit would list the directory.
            spare = 0 if listing.size + size <= self.max_bytes else self.max_bytes // 10
            for unit in list(listing.units):
                if listing.size + size + spare <= self.max_bytes:
                    break
                # Data without its trace: somebody is writing both just now.
                if listing.units[unit][0].stays and listing.remove(unit):
                    self._report_evicted()
            self._size = listing.size
            self._data.know((file.checksum, file.path) for file in listing.data())

    def _report_evicted(self) -> None:
        self.evicted += 1
        warn_once(
            "spool:evicted",
            "openlayer-otel: the spool %s is full (OPENLAYER_OTEL_MAX_SPOOL_BYTES); its oldest "
            "traces are removed.",
            self.directory,
        )

    def has_waiting(self, destinations: Collection[str]) -> bool:
        """Whether there is anything to be replayed for these (:func:`destination_of`)."""
        return any(True for _ in self._waiting(destinations, (SUFFIX,)))

    def _waiting(
        self, destinations: Collection[str] | None, suffixes: tuple[str, ...]
    ) -> Iterator[str]:
        for entry in entries_of(self._path):
            unit, _, _ = entry.name.partition(".")
            if entry.name.endswith(suffixes) and (
                destinations is None or destination_in(unit) in destinations
            ):
                yield entry.name

    def claims(
        self, destinations: Collection[str] | None = None, *, refused: bool = False
    ) -> Iterator[Claim]:
        """Claim the waiting files one after the other, the oldest first.

        Files that others have claimed are passed over; unreadable ones are set aside.

        Args:
            destinations: Only those for these (:func:`destination_of`); all by default.
            refused: With those that Openlayer refused before.
        """
        suffixes = (SUFFIX, REFUSED) if refused else (SUFFIX,)
        last = ""
        while True:
            waiting = self._waiting(destinations, suffixes)
            names = heapq.nsmallest(_AT_ONCE, (name for name in waiting if name > last))
            for name in names:
                claim = claim_of(os.path.join(self._path, name), self._data)
                if claim is not None:
                    yield claim
            if len(names) < _AT_ONCE:
                return
            last = names[-1]

    def discard(self, path: str) -> None:
        """Remove a trace that was sent after all, with its attachments."""
        try:
            with open(path, "rb") as file:
                attachments = orjson.loads(file.readline()).get("attachments", ())
        except (OSError, ValueError, AttributeError):
            attachments = ()
        remove(path)
        self._data.remove(unit_of(path), attachments)

    def status(self) -> SpoolStatus:
        """Count what is there."""
        return Listing(self._path).status()

    def clear(self) -> int:
        """Remove everything but the traces that are being replayed right now.

        Returns:
            How many traces were removed.
        """
        removed = 0
        listing = Listing(self._path)
        for unit, (first, *_) in list(listing.units.items()):
            if not first.is_trace or kill(first.path):
                removed += listing.remove(unit) and first.is_trace
        listing.remove_records()
        return removed

    def after_fork(self) -> None:
        """In the child: fresh locks; claims of the parent stay the parent's."""
        self._lock = threading.RLock()
        self._data.after_fork()
