"""The threads that send: up to four, each with its own connection, started when needed.

While the backend is *down* (see ``availability``), new traces are put away without an attempt,
and one thread tries the oldest of the backlog after growing pauses.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from opentelemetry.instrumentation.utils import suppress_instrumentation

from openlayer_otel.diagnostics import report_failure
from openlayer_otel.export.answers import Answer, Verdict
from openlayer_otel.export.availability import Availability
from openlayer_otel.export.backlog import Backlog, Upload
from openlayer_otel.export.client import Client, pause_after
from openlayer_otel.export.kept import Kept, send_kept
from openlayer_otel.export.together import Together, joined
from openlayer_otel.export.uploads import AttachmentUploads, Memory

THREADS = 4
# Uploads between the worker and the senders; small, since all that wait are bounded elsewhere.
ROOM = 64
_IDLE = 30.0
# While a thread gets an answer every so many seconds, a second one would not be faster: both
# would wait for the interpreter. Threads that take turns cost a tenth of processor time more.
_BRISK = 0.01


SettleAll = Callable[[list[Upload], str], list[Upload]]
"""Told what became of uploads, a field of ``DeliveryCounts``; returns those settled before."""


class Senders:
    """Sends uploads on threads of its own.

    Args:
        client: Does the HTTP.
        backlog: Takes what cannot be sent now.
        settle: Told what became of uploads.
    """

    def __init__(self, client: Client, backlog: Backlog, settle: SettleAll) -> None:
        self._client = client
        self._backlog = backlog
        self._settle = settle
        self._reset()

    def _reset(self) -> None:
        # SimpleQueue, because it needs no lock that a forked child could inherit in use.
        self._outbox: queue.SimpleQueue[Upload | None] = queue.SimpleQueue()
        self._lock = threading.RLock()
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._answered_at = 0.0
        self._looked_at = 0.0
        # What left the queue and is not settled; whoever wants to put it away finds it here.
        self.in_hand: dict[int, Upload] = {}
        self.availability = Availability()
        self._uploads = AttachmentUploads(self._client)
        self.give_up = threading.Event()
        self.stopped = False

    @property
    def backend_is_down(self) -> bool:
        """Whether to put traces away without an attempt. Somebody must be left to probe."""
        return self.availability.down and self._backlog.pending

    def offer(self, upload: Upload) -> bool:
        """Take an upload over.

        Returns:
            False if there is no room now.
        """
        if self._outbox.qsize() >= ROOM:
            return False
        self._outbox.put(upload)
        # Not for each of many: whoever takes the one before this looks, too.
        first = self._outbox.qsize() == 1
        late = time.monotonic() - self._looked_at >= _BRISK
        if (first or late) and not self.start_if_needed():
            # The interpreter is shutting down, or the system has no thread left.
            self.work_off()
        return True

    def wake(self) -> None:
        """Have somebody look at the backlog."""
        if self._outbox.empty():  # else somebody will, with what is in it
            self._outbox.put(None)
        self.start_if_needed()

    def start_if_needed(self) -> bool:
        """Have enough threads; returns whether one is there that will empty the outbox."""
        self._looked_at = time.monotonic()
        if self._looked_at - self._answered_at < _BRISK and any(
            thread.is_alive() for thread in tuple(self._threads)
        ):
            return True
        with self._lock:
            self._threads = {each for each in self._threads if each.is_alive()}
            if self._idle >= self._outbox.qsize() or len(self._threads) >= THREADS:
                return bool(self._threads)
            thread = threading.Thread(
                target=self._run, name=f"openlayer-sender-{len(self._threads) + 1}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:
                return bool(self._threads)
            self._threads.add(thread)
            return True

    def work_off(self) -> None:
        """Send what is in the outbox on the calling thread."""
        with suppress_instrumentation():
            while not self.stopped:
                try:
                    upload = self._outbox.get_nowait()
                except queue.Empty:
                    return
                if upload is not None:
                    self._handle([upload])

    def _run(self) -> None:
        outbox = self._outbox
        with suppress_instrumentation():
            while not self.stopped:
                upload = None
                in_vain = False
                with self._lock:
                    self._idle += 1
                try:
                    upload = outbox.get(timeout=self._patience())
                except queue.Empty:
                    in_vain = True
                finally:
                    with self._lock:
                        self._idle -= 1
                if in_vain and self._may_go():
                    return
                taken = [] if upload is None else self._with_those_behind(upload)
                if not self._outbox.empty():
                    self.start_if_needed()
                for uploads in taken:
                    self._handle(uploads)
                if (
                    not taken
                    and self._backlog.pending
                    and time.monotonic() >= self.availability.probe_at
                ):
                    self._replay()

    def _may_go(self) -> bool:
        """Whether this thread, which counts as idle no more, is not needed."""
        with self._lock:
            # What came after it had waited in vain may rely on it.
            if self._backlog.pending or not self._outbox.empty():
                return False
            self._threads.discard(threading.current_thread())
            return True

    def _patience(self) -> float:
        """Seconds to wait for an upload before looking at the backlog, or going home."""
        if not self._backlog.pending or self._backlog.is_being_replayed:
            return _IDLE
        return min(_IDLE, max(0.0, self.availability.probe_at - time.monotonic()) + 0.01)

    def _with_those_behind(self, first: Upload) -> list[list[Upload]]:
        """What is in the outbox, as requests: rows that can go together do."""
        max_rows = self._client.settings.max_rows
        taken = [Together(first, max_rows)]
        for _ in range(max_rows - 1):
            try:
                upload = self._outbox.get_nowait()
            except queue.Empty:
                break
            if upload is None:
                self._outbox.put(None)  # for whoever comes next
                break
            if not taken[-1].takes(upload):
                taken.append(Together(upload, max_rows))
        return [each.uploads for each in taken]

    def _handle(self, uploads: list[Upload]) -> None:
        """Send uploads in one request, or put them away."""
        try:
            # Some may have been put away at exit, while they were in the outbox.
            left = [each for each in uploads if each.spooled is None]
            if left and self.backend_is_down:
                for each in left:
                    self._backlog.keep(each)
            elif len(left) == 1:
                self._send(left[0])
            elif left:
                self._send_together(left)
        except Exception as error:  # noqa: BLE001 - a sender must outlive any one trace
            report_failure("sending a trace", error)
            self._settle(uploads, "lost")
        finally:
            for each in uploads:
                self.in_hand.pop(each.ticket, None)

    def _send_together(self, uploads: list[Upload]) -> None:
        answer, _ = self._client.deliver(
            uploads[0].pipeline_id, joined(uploads), give_up=self.give_up, may_cut=False
        )
        if answer.verdict in (Verdict.REFUSED, Verdict.TOO_LARGE):
            # One of them is at fault: the others must not suffer for it.
            for each in uploads:
                self._handle([each])
        else:
            self._answered(answer, uploads)

    def _send(self, upload: Upload) -> None:
        if upload.attachments and self._is_held(upload):
            self._backlog.keep(upload)
            return
        answer, upload.data = self._client.deliver(
            upload.pipeline_id, upload.data, give_up=self.give_up
        )
        self._answered(answer, [upload])

    def _answered(self, answer: Answer, uploads: list[Upload]) -> None:
        """Settle what went in one request."""
        if answer.verdict is Verdict.SENT:
            self._answered_at = time.monotonic()
            self.availability.succeeded()
            for upload in self._settle(uploads, "sent"):
                if upload.spooled is not None:
                    # It was put away at exit, while this request was running.
                    self._backlog.discard(upload)
            return
        left = [each for each in uploads if each.spooled is None]
        if left and answer.verdict is not Verdict.REFUSED:
            if answer.verdict is Verdict.MISCONFIGURED:
                self._backlog.pause(left[0].pipeline_id)
            self.availability.failed(answer)
        for upload in left:
            if answer.verdict is Verdict.REFUSED:
                self._backlog.keep_refused(upload)
            else:
                self._backlog.keep(upload)

    def _replay(self) -> None:
        try:
            answer = self._backlog.replay(
                self._send_once,
                stop=lambda: self.stopped,
                accepted=lambda: self.availability.accepted,
            )
        except Exception as error:  # noqa: BLE001 - a sender must outlive any one trace
            report_failure("replaying the spool", error)
            answer = Answer(Verdict.LATER, type(error).__name__)
        if answer is not None:
            self.availability.failed(answer)
        elif not self._backlog.is_being_replayed:  # by another thread, meanwhile
            self.availability.nothing_held()

    def _is_held(self, upload: Upload) -> bool:
        """Upload a trace's attachments; whether it is to wait on disk, as that cannot be done now.

        Tried again with pauses, as a trace itself is, unless uploads pause altogether. Without a
        disk the trace goes without them.
        """
        retries = 0 if self._uploads.is_paused else self._client.settings.max_retries
        ends = time.monotonic() + self._client.settings.deadline
        failures = 0
        while True:
            done = self._uploads.complete(
                upload.data, upload.attachments, Memory(), insist=failures > 0
            )
            upload.data, upload.attachments = done.data, done.left
            if done.trouble is None:
                self.availability.nothing_held()
                return False
            failures += 1
            pause = pause_after(failures)
            late = failures > retries or time.monotonic() + pause >= ends
            if late or upload.spooled is not None or self.give_up.wait(pause):
                break
        if self._backlog.spool is None or upload.spooled is not None:
            return False
        self.availability.failed(Answer(Verdict.HELD, done.trouble))
        return True

    def _send_once(self, kept: Kept) -> Answer:
        answer = send_kept(kept, self._client, self._uploads, self.give_up)
        if answer.verdict is not Verdict.HELD and kept.attachments:
            self.availability.nothing_held()
        if answer.verdict is Verdict.SENT:
            self.availability.succeeded()
        return answer

    def stop(self) -> None:
        """Have the threads end after what they are doing."""
        self.stopped = True
        for _ in range(THREADS):
            self._outbox.put(None)

    def after_fork(self) -> None:
        """In the child: no thread, no upload of the parent."""
        self._reset()
