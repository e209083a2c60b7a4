"""Streams: each event seen, the end seen exactly once.

A *tap* (see ``genai/taps.py``) stands between the SDK's stream object and its source of events and
sees what the source raises; the stream object stays the SDK's own. The events themselves are taken
in where the SDK decodes their JSON. Tap and body (see ``providers/stainless_body.py``) both tell
one :class:`StreamEnd` how the stream ended, and the first to tell wins:

========== ================================================= ====================
how        what happened                                     span
========== ================================================= ====================
exhausted  the source had no more events                     status unset
closed     ``close()``, a ``with`` block, the response closed  status unset
dropped    the stream was collected without a close          status unset
failed     the source raised: network or provider error      ERROR
cancelled  the task was cancelled while it read              status unset
========== ================================================= ====================

A close from another thread or task is the application's, also while a read is under way.

In every case what was received is recorded, ``openlayer.operation.outcome`` names all but
the first, and each choice whose finish reason did not come has the reason ``error``: so a
body that ends early without a fault is told from a whole one. A stream that delivers the
provider's own "failed" is failed, too, whether or not the SDK raises it.
"""

from __future__ import annotations

import atexit
import sys
import weakref
from collections.abc import AsyncGenerator, Callable, Generator
from time import perf_counter
from types import AsyncGeneratorType, FrameType
from typing import Any, TypeVar

from openlayer_otel import semconv
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.forking import in_forked_child
from openlayer_otel.genai.finalizing import in_finalizer
from openlayer_otel.genai.operation import Operation
from openlayer_otel.genai.record import StreamReader

_Reads = TypeVar("_Reads", bound="Generator[Any, Any, Any] | AsyncGenerator[Any, Any]")


class StreamEnd:
    """What is known of one stream, and its end.

    Attributes:
        others_read: A read runs more than the SDK's own code and the HTTP library's, such as a
            middleware that sends the request once more: the span has to be current meanwhile.
        piece: Takes in an event's JSON if it is a mere piece of a text, and says whether it was.
            Called directly, which saves a function for every chunk.
        tapped: A stream object reads the body, so its bytes need not be looked at.
        taken: The JSON of the event that the source is about to give, if it has been taken in
            where the SDK decodes it. Else the tap looks at the object.
    """

    __slots__ = (
        "_last_chunk",
        "_operation",
        "_reader",
        "_reads",
        "_record_chunk",
        "others_read",
        "piece",
        "taken",
        "tapped",
    )

    def __init__(
        self,
        operation: Operation,
        reader: StreamReader | None,
        record_chunk: Callable[[float], None] | None = None,
    ) -> None:
        self.others_read = False
        self.tapped = False
        self.taken: Any = None
        self.piece: Callable[[Any], bool] = self._first
        self._operation = operation
        self._reader = reader
        # Weakly: it holds the source.
        self._reads: Callable[[], Any] = _nothing
        self._record_chunk = record_chunk
        self._last_chunk: float | None = None
        _open.add(self)
        if not _exit_registered:
            _end_at_exit()

    @property
    def operation(self) -> Operation:
        """The operation that ends with this stream."""
        return self._operation

    def read_by(self, generator: _Reads) -> _Reads:
        """Say which generator reads the source; returned as given."""
        self._reads = weakref.ref(generator)
        return generator

    @property
    def reading(self) -> bool:
        """The source is being read, and the read has led here.

        A close seen meanwhile is the SDK's own tidying up, and the read itself tells how the
        stream ended. One from another thread or task is the application's.

        Seen from the call stack, once for a stream, which costs its chunks nothing.
        """
        running, reads = _running(self._reads())
        frame: FrameType | None = sys._getframe() if running else None
        while frame is not None and frame is not reads:
            frame = frame.f_back
        return frame is not None

    def take(self, event: Any) -> None:
        """Take in the JSON of one event. May raise on one that no reader foresaw."""
        if not self.piece(event):
            self.see(event)

    def see(self, event: Any) -> None:
        """Take in the JSON of an event that :attr:`piece` has not taken in. May raise, too."""
        if self._reader is not None and isinstance(event, dict):
            self._reader.read(event)

    def _begin(self) -> None:
        """The first event: note its time, then let the reader look at the rest directly."""
        self._operation.first_chunk()
        if self._record_chunk is not None:
            self.piece = self._measured
        elif self._reader is not None:
            self.piece = self._reader.piece
        else:
            self.piece = _ignored

    def _first(self, event: Any) -> bool:
        self._begin()
        return self.piece(event)

    def _measured(self, event: Any) -> bool:
        if self._record_chunk is not None:
            self._measure(self._record_chunk)
        return self._reader is None or self._reader.piece(event)

    def _measure(self, record_chunk: Callable[[float], None]) -> None:
        now, last = perf_counter(), self._last_chunk
        self._last_chunk = now
        if last is not None:
            record_chunk(now - last)

    def stopped(self, error: BaseException) -> None:
        """The source raised ``error``: the iteration's own end, or a failure."""
        if isinstance(error, (StopIteration, StopAsyncIteration)):
            self._operation.finish(self._response())
        else:
            self._operation.fail(error, self._response())

    def closed(self) -> None:
        """The stream was closed by the application, unless a read is under way."""
        if not self.reading:
            self._operation.finish(self._response(), semconv.OUTCOME_CLOSED)

    def dropped(self, before: Callable[[], None] | None = None) -> None:
        """The stream was collected: a finalizer says so.

        Args:
            before: What else it has to do, which may end the stream.
        """
        if self._operation.over:
            self._response()  # to be forgotten
        else:
            in_finalizer(lambda: self._end_dropped(before))

    def _end_dropped(self, before: Callable[[], None] | None) -> None:
        if before is not None:
            before()
        self.left_open()

    def left_open(self) -> None:
        """The stream is over without having been closed."""
        self._operation.finish(self._response(), semconv.OUTCOME_DROPPED)

    def _response(self) -> Any:
        """What was received, of which nothing is kept."""
        _open.discard(self)
        reader, self._reader, self.piece = self._reader, None, _ignored
        if reader is None or self._operation.over:
            return None
        try:
            return reader.response()
        except Exception as error:  # noqa: BLE001 - the span must end, whatever was gathered
            report_failure("putting a stream together", error)
            return None


def _nothing() -> None:
    return None


def _running(generator: Any) -> tuple[bool, FrameType | None]:
    """Whether a generator of either kind is under way, in whichever thread or task; its frame."""
    if generator is None:
        return False, None
    if isinstance(generator, AsyncGeneratorType):
        return generator.ag_running, generator.ag_frame
    return generator.gi_running, generator.gi_frame


def _ignored(event: Any) -> bool:
    """Takes in the events of a stream that no reader gathers."""
    return True


# The streams that have not ended. None of them holds its stream object, so a dropped stream is
# collected all the same.
_open: set[StreamEnd] = set()
_exit_registered = False


def _end_at_exit() -> None:
    """See to it that streams still open when the interpreter ends are ended, and exported.

    Handlers run in reverse order: this one is registered with the first stream, by when the
    tracer provider has registered the handler that shuts it down.
    """
    global _exit_registered
    _exit_registered = True
    atexit.register(_drop_open)
    # A forked child has no part in the streams of its parent.
    in_forked_child(_open.clear)


def _drop_open() -> None:
    for end in list(_open):
        end.left_open()


def end_open_streams(tracer_provider: Any) -> None:
    """End the streams whose spans go to a tracer provider that sends nothing from here on.

    What was received of them is recorded; the application reads on.
    """
    for end in list(_open):
        if end.operation.telemetry.tracer_provider is tracer_provider:
            end.left_open()


def report_unread_event(error: Exception) -> None:
    """Say, once, that an event of a stream could not be read."""
    report_failure("reading a stream event", error)
