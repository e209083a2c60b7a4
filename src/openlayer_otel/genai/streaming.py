"""Streams: each event seen, the end seen exactly once.

A *tap* stands between the SDK's stream object and its source of events: it makes the span
current while the source is read, and sees what the source raises; the stream object stays the
SDK's own. The events themselves are taken in where the SDK decodes their JSON. Tap and body (see
``providers/stainless_body.py``) both tell one :class:`StreamEnd` how the stream ended, and the
first to tell wins:

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
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from time import perf_counter
from typing import Any

from opentelemetry.context import Context

from openlayer_otel import semconv
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.forking import in_forked_child
from openlayer_otel.genai.current import attach, current, reset, take_back
from openlayer_otel.genai.encoding import json_of
from openlayer_otel.genai.finalizing import in_finalizer
from openlayer_otel.genai.operation import Operation
from openlayer_otel.genai.record import StreamReader


class StreamEnd:
    """What is known of one stream, and its end.

    Attributes:
        context: The operation's context, current while the source is read and at no other time.
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
        "_record_chunk",
        "context",
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
        # A copy: tasks begun during the request keep the operation's own, and may close the stream.
        self.context = Context(operation.context)
        self.tapped = False
        self.taken: Any = None
        self.piece: Callable[[Any], bool] = self._first
        self._operation = operation
        self._reader = reader
        self._record_chunk = record_chunk
        self._last_chunk: float | None = None
        _open.add(self)
        if not _exit_registered:
            _end_at_exit()

    @property
    def operation(self) -> Operation:
        """The operation that ends with this stream."""
        return self._operation

    @property
    def reading(self) -> bool:
        """The source is being read now, here: only then is :attr:`context` current.

        A close seen meanwhile is the SDK's own tidying up, and the read itself tells how the
        stream ended. One from another thread or task is the application's.
        """
        return current() is self.context

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


def tapped(source: Iterator[Any], end: StreamEnd) -> Iterator[Any]:
    """A tap on the source of a synchronous stream's events.

    A generator in place of the SDK's own, which does all that the application can do with it;
    for a chunk it takes a third less time than an object with ``__next__``.
    """
    # Not before it is asked for an event: until then the application may read the response itself.
    end.tapped = True
    enter, leave, context = attach, reset, end.context
    token = enter(context)
    try:
        for event in source:
            leave(token)
            if end.taken is None:
                _take_object(event, end)
            end.taken = None
            yield event
            token = enter(context)
        leave(token)
        end.stopped(StopIteration())
    except BaseException as error:
        if end.reading:  # else the application has thrown it in, or closes the iteration
            leave(token)
            end.stopped(error)
        elif isinstance(error, GeneratorExit):
            end.dropped()
        raise


def tapped_async(source: AsyncIterator[Any], end: StreamEnd) -> AsyncIterator[Any]:
    """The same for an asynchronous stream.

    Python tells the event loop of an asynchronous generator when it is asked first, and leaves the
    end of a dropped one to the loop, which comes to it later or never. So it is asked first here,
    where there is no loop to tell, for nothing: it ends at once when it is dropped.
    """
    events = _events_async(source, end)
    hooks = sys.get_asyncgen_hooks()
    try:
        sys.set_asyncgen_hooks(None, None)
        events.asend(None).send(None)
    except StopIteration:
        pass  # has come to its first yield
    finally:
        sys.set_asyncgen_hooks(*hooks)
    return events


async def _events_async(source: AsyncIterator[Any], end: StreamEnd) -> AsyncGenerator[Any, None]:
    enter, leave, context = attach, reset, end.context
    # Unless it is read, its end means nothing: the response tells of its own. Helpers of older
    # SDKs make a second stream object of a response and drop the first.
    yield None
    end.tapped = True
    token = enter(context)
    awaited = True
    try:
        async for event in source:
            try:
                leave(token)
            except ValueError:
                pass  # the application runs each step of the read in a context of its own
            awaited = False
            if end.taken is None:
                _take_object(event, end)
            end.taken = None
            yield event
            token = enter(context)
            awaited = True
        take_back(token)
        awaited = False
        end.stopped(StopAsyncIteration())
    except BaseException as error:
        if awaited:
            # A task that is collected while it waits is finalised in a foreign context.
            take_back(token)
            end.stopped(error)
        elif isinstance(error, GeneratorExit):
            end.dropped()
        raise


def _take_object(event: Any, end: StreamEnd) -> None:
    """Take in an event of which the SDK has made an object elsewhere than where we look."""
    try:
        end.take(json_of(event))
    except Exception as error:  # noqa: BLE001 - boundary: the application gets its event
        report_unread_event(error)


def report_unread_event(error: Exception) -> None:
    """Say, once, that an event of a stream could not be read."""
    report_failure("reading a stream event", error)
