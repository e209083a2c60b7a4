"""Traces that cannot be sent now: on disk, or in memory if the disk does not take them.

``keep`` puts one away; ``replay`` sends what was put away, the oldest first.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from openlayer_otel.attachments import binaries
from openlayer_otel.diagnostics import warn_once
from openlayer_otel.export.answers import Answer, Verdict
from openlayer_otel.export.kept import Kept, OnDisk, SendOne
from openlayer_otel.export.spool import Spool, destination_of
from openlayer_otel.export.spool_files import REFUSED, SUFFIX
from openlayer_otel.export.suspects import Round, Suspects
from openlayer_otel.export.uploads import Memory
from openlayer_otel.settings import Settings

# A wrong key or pipeline is mended by a person, so what waits for it is tried rarely.
NOT_ACCEPTED_PAUSE = 300.0


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
        self._suspects = Suspects()
        # Pipelines that do not accept traces, until when they are not tried (monotonic).
        self._paused: dict[str, float] = {}
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

    def pause(self, pipeline_id: str) -> None:
        """A pipeline does not accept traces (wrong key, unknown pipeline): try it rarely."""
        if not self._is_paused(pipeline_id):
            self._paused[pipeline_id] = time.monotonic() + NOT_ACCEPTED_PAUSE

    def _is_paused(self, pipeline_id: str) -> bool:
        return self._paused.get(pipeline_id, 0.0) > time.monotonic()

    def replay(
        self, send: SendOne, *, stop: Callable[[], bool], accepted: Callable[[], int]
    ) -> Answer | None:
        """Send what was put away, the oldest first, until the backend fails.

        Passed over are traces for a pipeline that does not accept them, those whose attachments
        cannot be uploaded, and those that fail while others do not; a trace that does so again
        and again is set aside.

        Args:
            send: Tries to send one trace once.
            stop: Asked before each trace.
            accepted: How many were accepted so far, those that did not wait included.

        Returns:
            The answer because of which traces are left; None if there is none.
        """
        if not self._replaying.acquire(blocking=False):
            return None  # another thread is at it
        try:
            self.pending = False
            return self._replay(send, stop, accepted)
        finally:
            self._replaying.release()

    def _replay(
        self, send: SendOne, stop: Callable[[], bool], accepted: Callable[[], int]
    ) -> Answer | None:
        now = Round(self._suspects, accepted)
        held: Answer | None = None
        for kept in self._kept():
            if stop():
                self._give_back(kept)
                return None
            no_data = held is not None and kept.attachments
            if no_data or self._is_paused(kept.pipeline_id) or not now.wants(kept.key):
                self._give_back(kept)
                continue
            answer = send(kept)
            if answer.verdict is Verdict.HELD:
                held = answer
            self._settle_one(kept, answer, now)
            if now.is_over:
                self.pending = True
                break
        return now.outcome() or held or self._answer_for_paused()

    def _settle_one(self, kept: Kept, answer: Answer, now: Round) -> None:
        """What becomes of a trace after an attempt."""
        if answer.verdict is Verdict.SENT:
            now.sent(kept.key)
            kept.done()
        elif answer.verdict is Verdict.REFUSED:
            now.forget(kept.key)
            kept.set_aside()
        elif answer.verdict is Verdict.LATER and now.failed(kept.key, answer) and kept.is_on_disk:
            now.forget(kept.key)
            kept.set_aside()
            warn_once(
                f"fault:{answer.reason}",
                "openlayer-otel: Openlayer does not take a trace (%s) while it takes others; it "
                "is set aside in the spool (openlayer-otel spool replay --refused).",
                answer.reason,
            )
        else:
            if answer.verdict is Verdict.MISCONFIGURED:
                self.pause(kept.pipeline_id)
            self._give_back(kept)

    def _answer_for_paused(self) -> Answer | None:
        """Whether traces of paused pipelines may be left, which nobody has looked at."""
        self._paused = {
            name: until for name, until in list(self._paused.items()) if self._is_paused(name)
        }
        if not self._paused:
            return None
        self.pending = True
        return Answer(Verdict.MISCONFIGURED, "a pipeline that does not accept traces")

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
            paused = {name for name in list(self._paused) if self._is_paused(name)}
            gone = {destination_of(self._settings.base_url, name) for name in paused}
            for claim in self.spool.claims(self.destinations - gone):
                yield OnDisk(claim, self._on_replayed)

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
    is_on_disk = False

    def __init__(self, upload: Upload, backlog: Backlog) -> None:
        self.key = str(upload.ticket)
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
