"""What tracing adds to one chunk of a stream, timed in place: around the SDK's work, not with it.

    python -m benchmarks.chunks

The SDK takes 80 µs to make a chunk, and how long it takes varies by more than what is looked for.
So the clock is read at seven places for each chunk: as the application asks for it, as the SDK's
own source begins, has the JSON of an event, begins and ends to make an object of it, and gives it,
and as the application has it. What lies outside of the source, or in it around the making of the
object, is the tracing, and, in a bare client, what the stream object itself does, which is
subtracted. Each client
has a process of its own; a chunk is timed once in each of many streams, and its lower quartile
counts. What tracing makes of the processor's caches for the SDK's own work is not in it: for that,
see the whole streams.

Prints one line of JSON for each case: nanoseconds a chunk over the bare client.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import json
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from time import perf_counter_ns
from typing import Any

from benchmarks.cases import CASES, Case, unwrapped
from benchmarks.contenders import CONTENDERS
from benchmarks.floor_streams import FLOORS
from benchmarks.measure import check, provider_for

STREAMS, WARM_UP = 40, 3
"""Streams in each process, and how many of them are not counted."""
PROCESSES = 3
"""Processes for each client; the median counts."""
ENDS = 5
"""Chunks at either end of a stream that are not counted: they hold more than a piece of text."""


class _Clock:
    """The times of one stream: a pair for each step of the application, three for each event."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []
        # When the source was asked and gave, and how long in between it was not at work itself.
        self.events: list[tuple[int, int, int]] = []
        # Of the event that is being made: when its JSON was there, the work on its object begun,
        # and done.
        self._decoded = self._entered = self._made = 0

    def clear(self) -> None:
        self.steps.clear()
        self.events.clear()

    def put_into(self, streaming: Any, base_client: Any) -> None:
        """Have an SDK's modules tell the time of their work."""
        streaming.Stream.__stream__ = self._source(streaming.Stream.__stream__)
        streaming.AsyncStream.__stream__ = self._source_async(streaming.AsyncStream.__stream__)
        event = streaming.ServerSentEvent
        event.json = self._json(event.json)
        client = base_client.BaseClient
        client._process_response_data = self._process(client._process_response_data)

    def _json(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def timed(event: Any) -> Any:
            data = original(event)
            self._decoded = perf_counter_ns()
            return data

        return timed

    def _process(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def timed(client: Any, *, data: Any, cast_to: Any, response: Any) -> Any:
            self._entered = perf_counter_ns()
            made = original(client, data=data, cast_to=cast_to, response=response)
            self._made = perf_counter_ns()
            return made

        return timed

    def _gave(self, asked: int) -> None:
        now = perf_counter_ns()
        self.events.append((asked, now, self._entered - self._decoded + now - self._made))

    def _source(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Iterator[Any]:
            asked = perf_counter_ns()
            for event in original(*args, **kwargs):
                self._gave(asked)
                yield event
                asked = perf_counter_ns()

        return timed

    def _source_async(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def timed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            asked = perf_counter_ns()
            async for event in original(*args, **kwargs):
                self._gave(asked)
                yield event
                asked = perf_counter_ns()

        return timed

    def outside(self) -> list[int]:
        """For each step, the nanoseconds in which the source did not work."""
        events = iter(self.events)
        event = next(events, None)
        found = []
        for asked, given in self.steps:
            while event is not None and event[0] < asked:
                event = next(events, None)
            rest = given - asked
            while event is not None and event[0] < given:
                begun, done, elsewhere = event
                rest -= done - begun - elsewhere
                event = next(events, None)
            found.append(rest)
        return found


def _client(case: Case, client: str) -> int:
    """Inside a process of its own: nanoseconds a chunk outside of the SDK's source."""
    clock = _Clock()
    streaming, base_client = (
        importlib.import_module(f"{case.provider}.{name}")
        for name in ("_streaming", "_base_client")
    )
    clock.put_into(streaming, base_client)
    provider, counter = provider_for("sampled")
    wrap = unwrapped
    if client == "floor":
        make, tracer = FLOORS[case.name], provider.get_tracer("floor")
        wrap = lambda create: make(tracer, create, True)  # noqa: E731
    elif client != "bare":
        CONTENDERS[client](provider)
    call = case.make(wrap)
    streams: list[list[int]] = []
    gc.collect()
    gc.freeze()
    gc.disable()
    for _ in range(STREAMS):
        clock.clear()
        if case.asynchronous:
            asyncio.run(_read_async(call(), clock))
        else:
            _read(call(), clock)
        streams.append(clock.outside())
    if client != "bare":
        check(client, case, counter, STREAMS, "sampled")
    length = min(map(len, streams))
    if length < case.chunks - 2 * ENDS:  # the helper has no step for events without text
        raise SystemExit(f"{case.name}: {length} steps of {case.chunks}")
    chunks = zip(*(each[ENDS : length - ENDS] for each in streams[WARM_UP:]), strict=True)
    return round(statistics.mean(statistics.quantiles(each, n=4)[0] for each in chunks))


def _read(steps: Iterator[Any], clock: _Clock) -> None:
    next(steps)  # the call
    times, following = clock.steps.append, steps.__next__
    try:
        while True:
            asked = perf_counter_ns()
            following()
            times((asked, perf_counter_ns()))
    except StopIteration:
        return


async def _read_async(steps: AsyncIterator[Any], clock: _Clock) -> None:
    await anext(steps)
    times, following = clock.steps.append, steps.__anext__
    try:
        while True:
            asked = perf_counter_ns()
            await following()
            times((asked, perf_counter_ns()))
    except StopAsyncIteration:
        return


def main() -> None:
    """Time every streamed case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contender", default="openlayer-otel")
    parser.add_argument("--case", action="append", help="only this case")
    parser.add_argument("--client", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.case or [case.name for case in CASES.values() if case.chunks]
    if options.client:
        print(_client(CASES[names[0]], options.client))
        return
    for name in names:
        clients = ("bare", "floor", options.contender)
        taken = {client: _taken(name, client) for client in clients}
        bare = taken.pop("bare")
        over = {client: nanoseconds - bare for client, nanoseconds in taken.items()}
        print(json.dumps({"case": name, **over}), flush=True)


def _taken(name: str, client: str) -> float:
    command = (sys.executable, "-m", "benchmarks.chunks", "--case", name, "--client", client)
    found = []
    for _ in range(PROCESSES):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name}, {client}:\n{done.stderr[-3000:]}")
        found.append(int(done.stdout.split()[-1]))
    return statistics.median(found)


if __name__ == "__main__":
    main()
