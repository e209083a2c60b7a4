"""The endings: what an application does to a stream, and what its span says afterwards.

To cover another ending, write the coroutine and give it an :func:`ending` line.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from openlayer_otel import semconv
from tests.endings.application import END, Application, Case, in_thread, run
from tests.endings.endpoints import Endpoint, Json

Act = Callable[[Application], Awaitable[None]]

EXHAUSTED = None
CLOSED = semconv.OUTCOME_CLOSED
DROPPED = semconv.OUTCOME_DROPPED
CANCELLED = semconv.OUTCOME_CANCELLED
FAILED = semconv.OUTCOME_FAILED

STREAMS = ("create", "raw", "helper", "parse")
ALL_WAYS = (*STREAMS, "lines", "bytes")


@dataclass(frozen=True)
class Ending:
    """One ending.

    Attributes:
        act: What the application does.
        outcomes: What ``openlayer.operation.outcome`` may say; None stands for no such attribute.
        steering: What the server does.
        fault: A fault that the server makes once the answer has begun.
        ways: The ways of streaming in which it can happen.
        modes: Whether it happens with synchronous (False) and asynchronous (True) clients.
        complete: Whether the whole answer was received.
        error_type: ``error.type``; ``"provider"`` for the type in the provider's error event.
        some: Whether part of the answer was received.
        core: Whether it is tried on every endpoint and in every way; the others are tried on
            one endpoint of each SDK, in the two ways that differ most.
    """

    name: str
    act: Act
    outcomes: tuple[str | None, ...]
    steering: Json = field(default_factory=dict)
    fault: str | None = None
    ways: tuple[str, ...] = ALL_WAYS
    modes: tuple[bool, ...] = (False, True)
    complete: bool = False
    some: bool = True
    error_type: str | None = None
    core: bool = False

    def happens(self, case: Case) -> bool:
        """Whether the ending can happen to ``case``."""
        if case.way not in self.ways or case.asynchronous not in self.modes:
            return False
        if self.fault == "sse_error" and case.endpoint.error == "foreign":
            return False
        if case.endpoint.main:
            return self.core or case.way in ("create", "helper")
        return self.core and case.way in ("create", "bytes")

    def steer(self, endpoint: Endpoint) -> Json:
        """What the server does on ``endpoint``."""
        return {**self.steering, **({self.fault: endpoint.fault_after} if self.fault else {})}

    def __str__(self) -> str:
        return self.name


ENDINGS: list[Ending] = []

_WAITING = {"delay": 20}


def ending(*outcomes: str | None, **particulars: Any) -> Callable[[Act], Act]:
    """Add an ending to the table."""

    def add(act: Act) -> Act:
        name = act.__name__.replace("_", "-")
        ENDINGS.append(Ending(name, act, outcomes, **particulars))
        return act

    return add


class UnwantedError(Exception):
    """Raised by an application in the middle of a stream."""


@ending(EXHAUSTED, complete=True, core=True)
async def exhausted(app: Application) -> None:
    """A ``for`` loop to the end."""
    await app.open()
    await app.loop()


@ending(EXHAUSTED, complete=True)
async def exhausted_inside_with(app: Application) -> None:
    """A ``with`` statement, and the loop to the end inside."""
    await app.open()
    await app.within(app.loop)


@ending(DROPPED, ways=STREAMS)
async def broken_out_of(app: Application) -> None:
    """``break``, no ``with``, no ``close()``; the variable goes out of use."""
    await app.open()
    await app.loop(leave=app.has_some)
    await app.forget()


@ending(CLOSED, core=True)
async def broken_out_of_inside_with(app: Application) -> None:
    """``with`` and ``break``."""
    await app.open()
    await app.within(lambda: app.loop(leave=app.has_some))


@ending(CLOSED, core=True)
async def closed(app: Application) -> None:
    """``close()`` after part of the answer; once more does nothing."""
    await app.open()
    await app.some()
    await app.close()
    await app.close()


@ending(CLOSED, ways=("create", "raw"))
async def response_closed(app: Application) -> None:
    """``stream.response.close()``."""
    await app.open()
    await app.some()
    await app.close_response()


@ending(CLOSED, ways=("create", "raw", "parse"), steering={"delay": 0.15})
async def read_after_close(app: Application) -> None:
    """Reading goes on after ``close()``: what happens is the SDK's affair."""
    await app.open()
    await app.some()
    await app.close()
    await app.next()


@ending(DROPPED, ways=STREAMS, core=True)
async def dropped(app: Application) -> None:
    """The last reference goes."""
    await app.open()
    await app.some()
    await app.forget()


@ending(CLOSED, DROPPED, ways=("lines", "bytes"), core=True)
async def iterator_dropped(app: Application) -> None:
    """The last reference goes; newer HTTP libraries then close the response themselves."""
    await app.open()
    await app.some()
    await app.forget()


@ending(DROPPED, ways=STREAMS, modes=(False,))
async def collected_by_another_thread(app: Application) -> None:
    """The last reference goes in another thread."""
    await app.open()
    await app.some()
    in_thread(lambda: run(False, app.forget()))


@ending(DROPPED, some=False, core=True)
async def never_iterated(app: Application) -> None:
    """The stream is opened and forgotten."""
    await app.open()
    await app.forget()


@ending(CLOSED, some=False)
async def closed_unread(app: Application) -> None:
    """The stream is opened and closed."""
    await app.open()
    await app.close()


@ending(CLOSED)
async def consumer_raises(app: Application) -> None:
    """The loop's body raises inside ``with``."""
    await app.open()

    async def body() -> None:
        await app.some()
        raise UnwantedError("the application's own error")

    await app.within(body)


@ending(CLOSED)
async def consumer_is_interrupted(app: Application) -> None:
    """Ctrl-C while the application handles a chunk, inside ``with``."""
    await app.open()

    async def body() -> None:
        await app.some()
        raise KeyboardInterrupt

    await app.within(body)


@ending(FAILED, fault="drop", error_type="network", core=True)
async def network_cut(app: Application) -> None:
    """The connection breaks."""
    await app.open()
    await app.loop()


@ending(FAILED, fault="sse_error", ways=STREAMS, error_type="provider", core=True)
async def provider_error_event(app: Application) -> None:
    """The provider sends an error event."""
    await app.open()
    await app.loop()


@ending(
    FAILED,
    fault="malformed",
    ways=STREAMS,
    error_type="json.decoder.JSONDecodeError",
)
async def malformed_event(app: Application) -> None:
    """The provider sends broken JSON."""
    await app.open()
    await app.loop()


@ending(EXHAUSTED, fault="trunc", core=True)
async def truncated_cleanly(app: Application) -> None:
    """The body ends early, as if it were whole."""
    await app.open()
    await app.loop()


@ending(CANCELLED, steering=_WAITING, modes=(True,), some=False, core=True)
async def cancelled_while_waiting(app: Application) -> None:
    """The task is cancelled while it waits for the next event."""
    opened = asyncio.Event()

    async def work() -> None:
        await app.open()
        await app.next()
        opened.set()
        while True:
            await app.next()

    task = asyncio.ensure_future(work())
    await opened.wait()
    await asyncio.sleep(0.01)
    task.cancel()
    await task


@ending(CLOSED, modes=(True,))
async def cancelled_between_chunks(app: Application) -> None:
    """The task is cancelled while the application handles a chunk, inside ``with``."""
    reading = asyncio.Event()

    async def body() -> None:
        await app.some()
        reading.set()
        await asyncio.sleep(20)

    async def work() -> None:
        await app.open()
        await app.within(body)

    task = asyncio.ensure_future(work())
    await reading.wait()
    task.cancel()
    await task


@ending(CANCELLED, steering=_WAITING, modes=(True,), some=False)
async def timed_out(app: Application) -> None:
    """``asyncio.wait_for`` runs out while the application waits for the next event."""
    await app.open()
    await app.next()
    await asyncio.wait_for(app.loop(), 0.05)


@ending(EXHAUSTED, modes=(True,), complete=True)
async def drained_in_another_task(app: Application) -> None:
    """Opened in one task, read in another."""
    await asyncio.ensure_future(app.open())
    await asyncio.ensure_future(app.loop())


@ending(EXHAUSTED, modes=(True,), complete=True)
async def each_event_in_its_own_task(app: Application) -> None:
    """Every event is read by a task of its own."""
    await app.open()
    while await asyncio.ensure_future(app.next()) is not END:
        pass


@ending(DROPPED, ways=STREAMS, modes=(True,))
async def dropped_by_a_finished_task(app: Application) -> None:
    """The task that held the stream ends in the middle of it."""

    async def work() -> None:
        await app.open()
        await app.some()

    await asyncio.ensure_future(work())
    await app.forget()


@ending(EXHAUSTED, modes=(False,), complete=True)
async def drained_in_another_thread(app: Application) -> None:
    """Opened in one thread, read in another."""
    await app.open()
    notice, app.notice = app.notice, lambda: None
    in_thread(lambda: run(False, app.loop()))
    app.notice = notice


@ending(CLOSED, modes=(False,), steering={"delay": 0.005})
async def closed_by_another_thread(app: Application) -> None:
    """Another thread calls ``close()`` between two chunks."""
    await app.open()
    await app.some()
    in_thread(lambda: run(False, app.close()))


@ending(CLOSED, ways=("create", "raw", "parse"), steering={"delay": 0.2})
async def closed_while_an_event_is_awaited(app: Application) -> None:
    """Another thread or task closes the stream while it is read; what the read gives is bare."""
    await app.open()
    await app.some()
    if app.case.asynchronous:
        reader = asyncio.ensure_future(app.next())
        await asyncio.sleep(0.05)
        await app.close()
        await reader
        return
    with ThreadPoolExecutor(1) as others:
        reading = others.submit(lambda: run(False, app.next()))
        in_thread(lambda: time.sleep(0.05))
        await app.close()
        reading.result(30)


@ending(FAILED, steering={"delay": 0.2}, error_type="network")
async def client_closed_while_streaming(app: Application) -> None:
    """The client is closed in the middle, which cuts the streams that it gave."""
    await app.open()
    await app.some()
    if app.case.asynchronous:
        await app.client.close()
    else:
        app.client.close()
    await app.loop()


@ending(DROPPED, ways=STREAMS, core=True)
async def held_in_a_cycle(app: Application) -> None:
    """The stream is part of a reference cycle, so only the garbage collector finds it."""
    await app.open()
    await app.some()
    app.stream.myself = app.stream
    await app.forget()
