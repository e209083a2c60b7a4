"""A spooled trace that one process sends: nobody else does, and nobody does so again."""

from __future__ import annotations

import os
import zlib
from contextlib import AbstractContextManager
from typing import Any

import orjson

from openlayer_otel.diagnostics import logger
from openlayer_otel.export.file_lock import try_lock, unlock
from openlayer_otel.export.spool_data import DataFiles, SpooledData, is_checksum
from openlayer_otel.export.spool_files import (
    REFUSED,
    UNREADABLE,
    Listing,
    name_of,
    open_to_lock,
    read_whole,
    remove,
    rename,
    unit_of,
    with_suffix,
)

FORMAT = 1
# A file that begins with this was sent, and only has to be removed.
_SENT = b"sent"


def _mark_sent(descriptor: int) -> None:
    """Have nobody send the open, locked file again, whatever happens before it is removed.

    Windows does not remove an open file, and a lock ends with the file's closing.
    """
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, _SENT)


class Claim:
    """A spooled trace that only this process handles until it is ended in one of three ways.

    Attributes:
        key: The name of its file.
        base_url: The Openlayer address that it is for.
        pipeline_id: The inference pipeline that gets it.
        data: The JSON body.
        attachments: MD5 checksums of the data that has to be uploaded before.
        made_at: When the trace was complete, in seconds since 1970.
    """

    is_on_disk = True

    def __init__(
        self, path: str, descriptor: int, header: dict[str, Any], data: bytes, files: DataFiles
    ) -> None:
        self._path = path
        self.key = name_of(path)
        self._descriptor = descriptor
        self._files = files
        self.base_url: str = header["base_url"]
        self.pipeline_id: str = header["pipeline_id"]
        self.data = data
        self.attachments = tuple(filter(is_checksum, header.get("attachments", ())))
        self.made_at = int(self.key[:20]) / 1e9

    def opened(self, checksum: str) -> AbstractContextManager[SpooledData | None]:
        """The data of an attachment; see :meth:`DataFiles.opened`."""
        return self._files.opened(unit_of(self._path), checksum)

    def done(self) -> None:
        """It was sent: remove the file, and the data of its attachments."""
        _mark_sent(self._descriptor)
        self._files.remove(unit_of(self._path), self.attachments)
        remove(self._path)
        self.release()
        remove(self._path)  # where an open file cannot be removed

    def release(self) -> None:
        """It was not sent: leave the file to whoever comes next."""
        # A forked child shares the lock, so closing alone would not give it back.
        unlock(self._descriptor)
        os.close(self._descriptor)

    def set_aside(self) -> None:
        """It will never be accepted: keep the file, replay it no more."""
        target = with_suffix(self._path, REFUSED)
        renamed = rename(self._path, target)
        self.release()
        if not renamed:
            rename(self._path, target)


def claim_of(path: str, files: DataFiles) -> Claim | None:
    """Claim one file; None if it is gone, claimed by another, or unreadable (then set aside)."""
    descriptor = _locked(path)
    if descriptor is None:
        return None
    content = b""
    try:
        content = read_whole(descriptor)
        return Claim(path, descriptor, *_parse(content), files)
    except (ValueError, KeyError, TypeError, OSError):
        pass
    # Windows removes and renames closed files only.
    unlock(descriptor)
    os.close(descriptor)
    if content.startswith(_SENT):
        Listing(os.path.dirname(path)).remove(unit_of(path))
    else:
        rename(path, with_suffix(path, UNREADABLE))
        logger.warning("openlayer-otel: %s cannot be read; it is set aside.", path)
    return None


def kill(path: str) -> bool:
    """Have nobody send a trace any more; false if somebody is sending it right now."""
    descriptor = _locked(path)
    if descriptor is None:
        return False
    _mark_sent(descriptor)
    unlock(descriptor)
    os.close(descriptor)
    return True


def _locked(path: str) -> int | None:
    """The file, open and locked; None if it is gone or somebody else's."""
    try:
        descriptor = open_to_lock(path)
    except OSError:
        return None
    if try_lock(descriptor):
        if _is_still(path, descriptor):
            return descriptor
        unlock(descriptor)
    os.close(descriptor)
    return None


def _is_still(path: str, descriptor: int) -> bool:
    """Whether ``path`` is the open file: another replayer may have sent and removed it."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


def _parse(content: bytes) -> tuple[dict[str, Any], bytes]:
    first, newline, data = content.partition(b"\n")
    header = orjson.loads(first)
    if not newline or header["format"] != FORMAT or header["bytes"] != len(data):
        raise ValueError("not whole")
    if header["crc32"] != zlib.crc32(data):
        raise ValueError("damaged")
    return header, data
