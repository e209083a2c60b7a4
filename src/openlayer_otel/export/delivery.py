"""Completed traces to Openlayer, off the user's threads.

``submit`` queues a trace and returns. One *worker* thread makes bodies of the queued traces
and passes them to the ``senders``. A trace *waits* from ``submit`` until it is *settled*:
sent, spooled, or counted as one of the other fates in ``tally``. What waits is bounded in
number and bytes.

All threads are daemons, started when there is work and again if they are gone (after a
fork, or because a platform stopped them). Where no thread can be started any more, ``flush``
and ``close`` do the work on the calling thread.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable

from opentelemetry.instrumentation.utils import suppress_instrumentation

from openlayer_otel.diagnostics import log_frames, report_failure
from openlayer_otel.export.backlog import Backlog, Upload
from openlayer_otel.export.client import Client
from openlayer_otel.export.completed import CompletedTrace
from openlayer_otel.export.making import Fate, Queued, upload_of
from openlayer_otel.export.senders import Senders
from openlayer_otel.export.tally import DeliveryCounts, Tally
from openlayer_otel.export.waiting import Waiting
from openlayer_otel.settings import Settings

Collect = Callable[[], "float | None"]
"""Submits what has become complete; returns the seconds until it wants to be called again."""

_FULL = "the queue was full (OPENLAYER_OTEL_MAX_QUEUE_SIZE, OPENLAYER_OTEL_MAX_QUEUE_BYTES)"
# How often those who wait look again.
_GLANCE = 0.005
# Without room at the senders for so many seconds, traces go to disk.
_STUCK = 1.0
# At the end: seconds without any progress before the queue is put on disk, and seconds that
# are kept for putting away what is being sent.
_STANDSTILL = 0.5
_SPARE = 0.3


class Delivery:
    """The way of completed traces from the user's thread to Openlayer. Thread-safe.

    Args:
        settings: Address, bounds, time limits.
        client: Does the HTTP.
    """

    def __init__(self, settings: Settings, client: Client) -> None:
        self._settings = settings
        self._client = client
        self._collectors: list[Collect] = []
        self.tally = Tally()
        self.backlog = Backlog(settings, self._settle, lambda: self.tally.add("replayed"))
        self._senders = Senders(client, self.backlog, self._settle_all)
        self._reset()

    def _reset(self) -> None:
        # Reentrant: the garbage collector may end a span, and submit its trace, at any point.
        self._lock = threading.RLock()
        self._queue: deque[Queued] = deque()
        self._waiting = Waiting(self._settings.max_queue_size, self._settings.max_queue_bytes)
        self._last_time = 0
        self._calls: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._called = False
        self._thread: threading.Thread | None = None
        # Tickets of the traces of which rows are being made.
        self._making: set[int] = set()
        self._closed = False
        # What this thread is at.
        self._here = threading.local()
        # Since when the senders have had no room.
        self._no_room_since: float | None = None

    def add_collector(self, collect: Collect) -> None:
        """Have ``collect`` called on the worker thread whenever it wants to be called."""
        self._collectors.append(collect)

    def submit(self, trace: CompletedTrace, weight: int) -> None:
        """Queue a trace; quick, and never waits for the network.

        Where the queue has no room, the trace goes to disk from here. So a burst that is quicker
        than the worker is slowed down, by a millisecond a trace, and loses nothing.

        Args:
            trace: The trace.
            weight: Its size in memory, in bytes.
        """
        with self._lock:
            full = not self._waiting.has_room(weight)
            if full and (self.backlog.spool is None or self._closed):
                self._waiting.turn_away()
                self.tally.lose(_FULL)
                return
            ticket = self._waiting.add(weight)
            # Never backwards, or a clock that is set back would change the order in the spool.
            self._last_time = max(self._last_time + 1, time.time_ns())
            queued = Queued(ticket, self._last_time, trace)
            # Not again where the garbage collector has ended a span while this thread is at it.
            to_disk = full and not getattr(self._here, "puts_away", False)
            if not to_disk:
                self._queue.append(queued)
        if to_disk:
            self._here.puts_away = True
            try:
                self._process(queued, put_away=True, in_memory=False)
            finally:
                self._here.puts_away = False
        self.wake()

    def wake(self) -> None:
        """Have the worker look at once; starts it if need be."""
        thread = self._thread
        if self._called and thread is not None:
            return  # it was called a moment ago
        self._called = True
        self._calls.put(None)
        if (thread is None or not thread.is_alive()) and not self._closed:
            self._start()

    def _start(self) -> bool:
        """Whether the worker runs now."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return True
            if type(self._calls) is not queue.SimpleQueue:
                self._renew()
            thread = threading.Thread(target=self._run, name="openlayer-worker", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                self._thread = None
                return False  # the interpreter is shutting down: flush and close do the work
            self._thread = thread
            return True

    def _renew(self) -> None:
        """gevent has patched the standard library since: what it had before stops all greenlets."""
        self._calls = queue.SimpleQueue()
        self._calls.put(None)
        self._senders.after_fork()
        self._client.renew()

    def _run(self) -> None:
        calls = self._calls
        pause: float | None = 0.0
        with suppress_instrumentation():
            while not self._closed:
                try:
                    calls.get(timeout=pause)
                except queue.Empty:
                    pass
                self._called = False
                try:
                    pause = self._work()
                except Exception as error:  # noqa: BLE001 - the worker must outlive any trace
                    report_failure("the export worker", error)
                    pause = 1.0

    def _work(self) -> float | None:
        """Do what there is to do; returns the seconds until there may be more."""
        pauses = [pause for collect in self._collectors if (pause := collect()) is not None]
        while not self._closed:
            try:
                queued = self._queue.popleft()
            except IndexError:
                break
            self._process(queued)
        self.tally.report()
        return min(pauses) if pauses else None

    def _process(self, queued: Queued, *, put_away: bool = False, in_memory: bool = True) -> None:
        ticket = queued.ticket
        self._making.add(ticket)
        try:
            made = upload_of(queued, self._settings)
            if isinstance(made, Fate):
                self._settle_tickets([ticket], *made)
                return
            self.backlog.serve(made.pipeline_id)
            self._senders.in_hand[ticket] = made
            self._making.discard(ticket)
            self._pass_on(made, put_away=put_away, in_memory=in_memory)
        except Exception as error:  # noqa: BLE001 - one trace must not stop the others
            # The warning about what is lost says it all; where it was raised is for DEBUG.
            log_frames("making the row of a trace", error)
            name = type(error).__qualname__
            reason = f"their rows could not be made ({name}); please report this"
            self._settle_tickets([ticket], "lost", reason)
        finally:
            self._making.discard(ticket)

    def _pass_on(self, upload: Upload, *, put_away: bool, in_memory: bool) -> None:
        """To the senders; or to the disk, if they are stuck or the queue fills up."""
        while not (put_away or self._closed or self._senders.backend_is_down):
            if self._senders.offer(upload):
                self._no_room_since = None
                return
            now = time.monotonic()
            if self._no_room_since is None:
                self._no_room_since = now
            full = len(self._waiting) > self._settings.max_queue_size // 2
            if self.backlog.spool is not None and (full or now - self._no_room_since > _STUCK):
                break
            time.sleep(_GLANCE)
            if upload.spooled is not None:
                return  # put away at exit, meanwhile
        self._senders.in_hand.pop(upload.ticket, None)
        # Not synchronised: under pressure there are many, and only a power failure loses them.
        if not self.backlog.keep(upload, sync=False, in_memory=in_memory):
            self._settle_tickets([upload.ticket], "lost", _FULL)
        if not put_away:
            self._senders.wake()

    def _settle(self, upload: Upload, fate: str) -> bool:
        return not self._settle_tickets([upload.ticket], fate)

    def _settle_all(self, uploads: list[Upload], fate: str) -> list[Upload]:
        """See :data:`~openlayer_otel.export.senders.SettleAll`."""
        known = self._settle_tickets([each.ticket for each in uploads], fate)
        return [each for each in uploads if each.ticket in known] if known else []

    def _settle_tickets(
        self, tickets: list[int], fate: str, reason: str = "see the log"
    ) -> list[int]:
        """Count what became of traces, once; returns those of which it was known already."""
        known = self._waiting.remove(tickets)
        number = len(tickets) - len(known)
        if fate == "lost" and number:
            self.tally.lose(reason, number)
        else:
            self.tally.add(fate, number)
        return known

    def look_at_spool(self) -> None:
        """Replay what earlier processes left, on the senders' threads."""
        if self.backlog.look():
            self._senders.wake()

    def flush(self, timeout: float) -> bool:
        """Wait until all traces submitted so far are settled.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether they are. Traces in the spool count as settled, those lost as well.
        """
        ends = time.monotonic() + timeout
        last = self._waiting.last
        while True:
            first = self._waiting.first()
            if first is None or first > last:
                return True
            self.wake()
            self._senders.start_if_needed()
            if self._thread is None or not self._thread.is_alive():
                with suppress_instrumentation():
                    self._work()
            if time.monotonic() >= ends:
                return False
            time.sleep(_GLANCE)

    def drain(self, timeout: float) -> bool:
        """Send what waits, within a time, without retries, and put the rest on disk.

        Traces may still be submitted after this; they are not retried either.

        Args:
            timeout: Seconds that this may take.

        Returns:
            Whether everything was sent or is on disk.
        """
        ends = time.monotonic() + timeout
        # The end is for what is being sent then: a request that does not come back.
        last_moment = ends - min(timeout / 2, _SPARE)
        self._client.last_moment = last_moment
        self._senders.give_up.set()
        waiting = len(self._waiting) + 1
        while self._waiting and len(self._waiting) < waiting:
            waiting = len(self._waiting)
            self.flush(min(_STANDSTILL, timeout / 10, last_moment - time.monotonic()))
        self._put_queue_away(last_moment)
        self.flush(last_moment - time.monotonic())
        lost = self._put_rest_away(ends)
        self._client.close_idle()
        self.tally.report(at_once=True)
        return not lost

    def close(self, timeout: float) -> bool:
        """:meth:`drain`, and end the threads."""
        done = self.drain(timeout)
        self._closed = True
        self._senders.stop()
        self.wake()
        return done

    def _put_queue_away(self, ends: float) -> None:
        """What is queued goes to disk. Sending it in time is not to be hoped for."""
        while time.monotonic() < ends:
            try:
                queued = self._queue.popleft()
            except IndexError:
                break
            self._process(queued, put_away=True)
        while self._making and time.monotonic() < ends:
            time.sleep(_GLANCE)

    def _put_rest_away(self, ends: float) -> int:
        """What is being sent goes to disk; returns how many traces did not get there."""
        for upload in [*self._senders.in_hand.copy().values(), *self.backlog.take_memory()]:
            if upload.spooled is None and time.monotonic() < ends:
                self.backlog.keep(upload, sync=False)
        while self.backlog.is_writing and time.monotonic() < ends:
            time.sleep(_GLANCE)  # a sender has put one away itself
        self._queue.clear()
        left = self._waiting.all()
        self._settle_tickets(left, "lost", "the process ended before they could be sent")
        return len(left)

    def counts(self) -> DeliveryCounts:
        """What became of the traces so far."""
        waiting = self._waiting
        return self.tally.counts(waiting.last + waiting.turned_away, len(waiting))

    def after_fork(self) -> None:
        """In the child: no thread, no queue, no connection of the parent."""
        self._reset()
        self.tally = Tally()
        self._client.after_fork()
        self.backlog.after_fork()
        self._senders.after_fork()
