"""Traces that cannot be sent now: on disk, or in memory if the disk does not take them.

``keep`` puts one away; ``replay`` sends what was put away, the oldest first.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from openlayer_otel.attachments import binaries
from openlayer_otel.diagnostics import warn_once
from openlayer_otel.export.answers import Answer, Verdict
from openlayer_otel.export.claim import Claim
from openlayer_otel.export.spool import Spool, destination_of
from openlayer_otel.export.spool_files import REFUSED, SUFFIX
from openlayer_otel.export.uploads import Data, Memory
from openlayer_otel.settings import Settings


@dataclass(eq=False, slots=True)
class Upload:
    """A trace on its way.

    Attributes:
        ticket: Its number; each trace is settled once, whoever holds it.
        pipeline_id: The inference pipeline that gets it.
        data: The JSON body.
        made_at: When the trace was complete, in nanoseconds since 1970: its age in the spool.
        attachments: MD5 checksums of the data that has to be uploaded before the trace.
        spooled: Its file, if it was put away while its request was still running.
    """

    ticket: int
    pipeline_id: str
    data: bytes
    made_at: int
    attachments: tuple[str, ...] = ()
    spooled: str | None = None


class Kept(Protocol):
    """A trace that was put away: a claimed file, or a trace in memory.

    Attributes:
        attachments: As of :class:`Upload`; the trace itself is the source of their data.
        made_at: As of :class:`Upload`, in seconds.
    """

    pipeline_id: str
    data: bytes
    attachments: tuple[str, ...]
    made_at: float

    def opened(self, checksum: str) -> AbstractContextManager[Data | None]: ...
    def done(self) -> None: ...
    def release(self) -> None: ...
    def set_aside(self) -> None: ...


SendOne = Callable[[Kept], Answer]
"""Tries to send a trace once. Never raises."""
Settle = Callable[[Upload, str], bool]
"""Told what became of an upload, a field of ``DeliveryCounts``. False: it was settled before."""


class Backlog:
    """Keeps what cannot be sent now. Thread-safe.

    Args:
        settings: Whether and where to spool, and how much.
        settle: Told when an upload is on disk, or was sent from memory. Those in memory count
            as waiting, and are bounded with all others that wait.
        on_replayed: Called for each file that was sent.
    """

    def __init__(self, settings: Settings, settle: Settle, on_replayed: Callable[[], None]) -> None:
        self._settings = settings
        self._settle = settle
        self._on_replayed = on_replayed
        self.spool = (
            Spool(settings.spool_directory, settings.max_spool_bytes) if settings.spool else None
        )
        self.destinations: set[str] = set()
        self._served: set[str] = set()
        self._reset()
        if settings.inference_pipeline_id:
            self.serve(settings.inference_pipeline_id)

    def _reset(self) -> None:
        self.pending = False
        self._memory: deque[Upload] = deque()
        self._replaying = threading.Lock()
        # Tickets of what is being written. Reentrant, as all locks around what ends spans.
        self._writing: set[int] = set()
        self._lock = threading.RLock()

    @property
    def is_being_replayed(self) -> bool:
        """Whether a thread is in :meth:`replay`."""
        return self._replaying.locked()

    def serve(self, pipeline_id: str) -> None:
        """This process writes to the pipeline, so it replays what others left for it."""
        if pipeline_id not in self._served:
            self._served.add(pipeline_id)
            self.destinations.add(destination_of(self._settings.base_url, pipeline_id))

    def look(self) -> bool:
        """Whether there is anything for this process to replay; sets ``pending``."""
        if self._memory or (self.spool is not None and self.spool.has_waiting(self.destinations)):
            self.pending = True
        return self.pending

    def keep(self, upload: Upload, *, sync: bool = True, in_memory: bool = True) -> bool:
        """Put a trace away until it can be sent: on disk, or else in memory.

        Args:
            upload: The trace; ``spooled`` is set if it went to disk.
            sync: Wait until the disk has it.
            in_memory: Whether it may wait in memory.

        Returns:
            Whether it is kept; only the disk can refuse, where it may not wait in memory.

        At exit two threads may do so with the same trace; the second leaves it to the first.
        """
        with self._lock:
            if upload.ticket in self._writing or upload.spooled is not None:
                return True
            self._writing.add(upload.ticket)
        try:
            path = self._write(upload, sync=sync, suffix=SUFFIX)
            if path is None:
                if not in_memory:
                    return False
                self._memory.append(upload)
            else:
                upload.spooled = path
                if not self._settle(upload, "spooled"):
                    self.discard(upload)  # it was sent while it was written
        finally:
            self._writing.discard(upload.ticket)
        self.pending = True
        return True

    @property
    def is_writing(self) -> bool:
        """Whether a thread is in :meth:`keep`."""
        return bool(self._writing)

    def discard(self, upload: Upload) -> None:
        """A trace was sent although it had been put away: remove its file."""
        if self.spool is not None and upload.spooled is not None:
            self.spool.discard(upload.spooled)

    def keep_refused(self, upload: Upload) -> None:
        """Put a trace away that will never be accepted, for inspection."""
        self._write(upload, sync=False, suffix=REFUSED)
        self._settle(upload, "refused")

    def _write(self, upload: Upload, *, sync: bool, suffix: str) -> str | None:
        if self.spool is None:
            return None
        held = ((checksum, binaries.get(checksum)) for checksum in upload.attachments)
        try:
            return self.spool.put(
                self._settings.base_url,
                upload.pipeline_id,
                upload.data,
                attachments={name: each.data for name, each in held if each is not None},
                made_at=upload.made_at,
                sync=sync,
                suffix=suffix,
            )
        except (OSError, ValueError) as error:
            warn_once(
                f"spool:{type(error).__name__}",
                "openlayer-otel: cannot write to the spool %s (%s); traces wait in memory. "
                "Check OPENLAYER_OTEL_SPOOL_DIRECTORY and OPENLAYER_OTEL_MAX_SPOOL_BYTES.",
                self.spool.directory,
                error,
            )
            return None

    def replay(self, send: SendOne, *, stop: Callable[[], bool]) -> Answer | None:
        """Send what was put away, the oldest first, until the backend fails.

        Traces for a pipeline that does not accept them (wrong key, unknown pipeline) are
        passed over, and those whose attachments cannot be uploaded.

        Args:
            send: Tries to send one trace once.
            stop: Asked before each trace.

        Returns:
            The answer because of which traces are left; None if there is none.
        """
        if not self._replaying.acquire(blocking=False):
            return None  # another thread is at it
        try:
            self.pending = False
            return self._replay(send, stop)
        finally:
            self._replaying.release()

    def _replay(self, send: SendOne, stop: Callable[[], bool]) -> Answer | None:
        not_accepted: dict[str, Answer] = {}
        held: Answer | None = None
        for kept in self._kept():
            if stop():
                self._give_back(kept)
                return None
            if kept.pipeline_id in not_accepted or (held is not None and kept.attachments):
                self._give_back(kept)
                continue
            answer = send(kept)
            if answer.verdict is Verdict.SENT:
                kept.done()
            elif answer.verdict is Verdict.REFUSED:
                kept.set_aside()
            else:
                self._give_back(kept)
                if answer.verdict is Verdict.MISCONFIGURED:
                    not_accepted[kept.pipeline_id] = answer
                elif answer.verdict is Verdict.HELD:
                    held = answer
                else:
                    return answer
        return held or next(iter(not_accepted.values()), None)

    def _give_back(self, kept: Kept) -> None:
        kept.release()
        self.pending = True

    def _kept(self) -> Iterator[Kept]:
        # Memory first: it would be lost with the process. Each is looked at once.
        for _ in range(len(self._memory)):
            try:
                yield _InMemory(self._memory.popleft(), self)
            except IndexError:
                break
        if self.spool is not None:
            for claim in self.spool.claims(self.destinations):
                yield _OnDisk(claim, self._on_replayed)

    def take_memory(self) -> list[Upload]:
        """Take out what waits in memory (at exit, to try the disk once more)."""
        held, self._memory = list(self._memory), deque()
        return held

    def after_fork(self) -> None:
        """In the child: what waits in memory is the parent's."""
        self._reset()
        if self.spool is not None:
            self.spool.after_fork()


class _InMemory(Memory):
    """A trace that waits in memory, taken out to be sent."""

    # It takes room from those that come, so it does not wait for its attachments.
    made_at = 0.0

    def __init__(self, upload: Upload, backlog: Backlog) -> None:
        self.pipeline_id = upload.pipeline_id
        self.data = upload.data
        self.attachments = upload.attachments
        self._upload = upload
        self._backlog = backlog

    def done(self) -> None:
        self._backlog._settle(self._upload, "sent")

    def release(self) -> None:
        self._backlog._memory.append(self._upload)

    def set_aside(self) -> None:
        self._backlog.keep_refused(self._upload)


class _OnDisk:
    """A file of the spool, claimed to be sent."""

    def __init__(self, claim: Claim, on_replayed: Callable[[], None]) -> None:
        self.pipeline_id = claim.pipeline_id
        self.data = claim.data
        self.attachments = claim.attachments
        self.made_at = claim.made_at
        self.opened = claim.opened
        self.release = claim.release
        self.set_aside = claim.set_aside
        self._claim = claim
        self._on_replayed = on_replayed

    def done(self) -> None:
        self._claim.done()
        self._on_replayed()
