"""The files of the spool: their names, their sizes, and which go when there are too many.

All files of one trace are a *unit*: their names begin with the same stem, which sorts by age,
``<nanoseconds>-<process>-<number>-<destination>``. Behind it:

``.trace``
    The trace, waiting. ``.refused`` and ``.unreadable``: set aside.
``.<checksum>.data``
    The data of an attachment (``spool_data``).
``.part``
    Being written.

``stored-<checksum>-<destination>`` belongs to no trace: it says where data was uploaded to.

Paths are texts here, for ``pathlib`` has the interpreter keep every name that it parses.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

SUFFIX = ".trace"
UNREADABLE = ".unreadable"
REFUSED = ".refused"
DATA = ".data"
UNFINISHED = ".part"
STORED = "stored-"
# The names of all files that are ours: others may be in the directory.
_OURS = re.compile(
    r"(\d{20}-\d+-\d+-[0-9a-f]{16}(\.[0-9a-f]{32})?(\.(trace|refused|unreadable|data|part))+"
    r"|stored-[0-9a-f]{32}-[0-9a-f]{16}(\.part)?)"
)
_OF_A_TRACE = (SUFFIX, REFUSED, UNREADABLE)
# What a dead process left half-written is removed after this many seconds.
_UNFINISHED_AGE = 3600


class SpoolFile(NamedTuple):
    """A file of the spool.

    Attributes:
        size: Its size in bytes.
        content: What files that share their content on the disk have in common: data of the same
            attachment is there once. None if it shares nothing.
        changed: When it was made or linked, in seconds since 1970.
    """

    path: str
    size: int
    content: tuple[int, int] | None
    changed: float

    @property
    def checksum(self) -> str:
        """The checksum in its name (of ``.data`` and ``stored-`` files)."""
        name = name_of(self.path)
        return name.split("-")[1] if name.startswith(STORED) else name.split(".")[1]

    @property
    def is_trace(self) -> bool:
        """Whether it is a trace, waiting or set aside, and no data of one."""
        return self.stays and not _is_data(self.path)

    @property
    def stays(self) -> bool:
        """Whether it stays by itself: a trace, or something that was set aside."""
        return self.path.endswith(_OF_A_TRACE)


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """What is in a spool.

    Attributes:
        files: Traces that wait.
        attachments: Files of attachments that wait with them.
        size: Bytes of all files, those set aside included.
        unreadable: Files that could not be read, set aside.
        refused: Traces that Openlayer refused, set aside.
        oldest: When the oldest waiting trace was written, in seconds since 1970.
        newest: Likewise, the newest.
    """

    files: int
    attachments: int
    size: int
    unreadable: int
    refused: int
    oldest: float | None
    newest: float | None


class Listing:
    """What is in a spool directory now. What dead processes left unfinished is removed.

    Attributes:
        units: The files of each trace, the oldest trace first; the trace itself comes first.
        size: Bytes of all files.
    """

    def __init__(self, directory: str) -> None:
        files = list(_files(directory))
        self.units: dict[str, list[SpoolFile]] = {}
        self._stored: list[SpoolFile] = []
        self._shared = Counter(file.content for file in files if file.content is not None)
        counted = set()
        self.size = 0
        for file in sorted(files, key=lambda each: (not each.is_trace, each.path)):
            if name_of(file.path).startswith(STORED):
                self._stored.append(file)
            else:
                self.units.setdefault(unit_of(file.path), []).append(file)
            if file.content is None or file.content not in counted:
                self.size += file.size
                counted.add(file.content)
        self._remove_leftovers()
        self.units = dict(sorted(self.units.items()))

    def _remove_leftovers(self) -> None:
        """What was written for a trace that never came, and where unneeded data was stored."""
        before = time.time() - _UNFINISHED_AGE
        for unit, files in list(self.units.items()):
            if not any(file.stays for file in files) and files[0].changed < before:
                self.remove(unit)
        needed = {file.checksum for file in self.data()}
        for file in self._stored:
            if file.checksum not in needed and file.changed < before:
                remove(file.path)
                self.size -= file.size

    def data(self) -> Iterator[SpoolFile]:
        """The data of attachments."""
        for files in self.units.values():
            yield from (file for file in files if file.path.endswith(DATA))

    def files(self) -> Iterator[SpoolFile]:
        """The traces, and what was set aside, the oldest first."""
        for files in self.units.values():
            yield from (file for file in files if file.stays)

    def status(self) -> SpoolStatus:
        """How many traces there are, and so on."""
        files = [file.path for file in self.files()]
        times = [int(name_of(path)[:20]) / 1e9 for path in files if path.endswith(SUFFIX)]
        return SpoolStatus(
            files=len(times),
            attachments=len({file.content for file in self.data()}),
            size=self.size,
            unreadable=sum(path.endswith(UNREADABLE) for path in files),
            refused=sum(path.endswith(REFUSED) for path in files),
            oldest=times[0] if times else None,
            newest=times[-1] if times else None,
        )

    def remove(self, unit: str) -> bool:
        """Remove a trace and its data; false if the system does not let go of it now."""
        if not remove(self.units[unit][0].path):
            return False
        for file in self.units.pop(unit):
            remove(file.path)
            if file.content is not None:
                self._shared[file.content] -= 1
                if self._shared[file.content] > 0:
                    continue  # other traces have the same data
            self.size -= file.size
        return True

    def remove_records(self) -> None:
        """Remove the ``stored-`` files of data that no trace needs."""
        needed = {file.checksum for file in self.data()}
        for file in self._stored:
            if file.checksum not in needed:
                remove(file.path)


def name_of(path: str) -> str:
    """A path's last part."""
    return os.path.basename(path)


def unit_of(path: str) -> str:
    """The stem that all files of the same trace share."""
    return name_of(path).partition(".")[0]


def with_suffix(path: str, suffix: str) -> str:
    """``path`` with another suffix instead of its last one."""
    return os.path.splitext(path)[0] + suffix


def _is_data(path: str) -> bool:
    return name_of(path).count(".") == 2  # the trace, the checksum, the suffix


def destination_in(unit: str) -> str:
    """The destination that a unit's name ends in."""
    return unit.rpartition("-")[2]


def entries_of(directory: str) -> Iterator[os.DirEntry[str]]:
    """What is in the directory and ours, in no order."""
    try:
        with os.scandir(directory) as entries:
            for each in entries:
                if _OURS.fullmatch(each.name):
                    yield each
    except OSError:
        return  # there is none yet


def _files(directory: str) -> Iterator[SpoolFile]:
    """The finished files; unfinished ones of dead processes are removed."""
    for entry in entries_of(directory):
        path = entry.path
        try:
            # On Windows, an entry does not know what it shares its content with.
            found = os.stat(path) if _is_data(path) else entry.stat()
        except OSError:
            continue  # another process was faster
        changed = max(found.st_mtime, found.st_ctime)
        if not path.endswith(UNFINISHED):
            content = (found.st_dev, found.st_ino) if _is_data(path) else None
            yield SpoolFile(path, found.st_size, content, changed)
        elif time.time() - changed > _UNFINISHED_AGE:
            remove(path)


def write_whole(path: str, content: bytes, *, sync: bool) -> None:
    """Write a file that is whole or absent, whatever happens, and readable by this user alone.

    Raises:
        OSError: It could not be written.
    """
    unfinished = path + UNFINISHED
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError:
        remove(unfinished)
        raise


def open_to_lock(path: str) -> int:
    """Open a file that is there; returns its descriptor.

    Raises:
        OSError: It is gone, or somebody holds it.
    """
    # Writable, because network file systems demand it for an exclusive lock; and bytes as they
    # are, because Windows would change ends of lines.
    return os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))


def read_whole(descriptor: int) -> bytes:
    """All bytes of an open file; it stays open."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read()


def remove(path: str) -> bool:
    """Remove a file; false if somebody holds it (on Windows)."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def rename(path: str, target: str) -> bool:
    """Rename a file; false if it is gone, held by somebody (on Windows), or read-only."""
    try:
        os.replace(path, target)
    except OSError:
        return False
    return True
