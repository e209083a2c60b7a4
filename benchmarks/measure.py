"""One contender, one process: bare, floor and instrumented client take turns.

Prints one line of JSON for each case: the median of the blocks' overheads in microseconds a
call, and the median of their ratios to the floor of the same block.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from operator import truediv
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import NoOpTracerProvider, get_tracer_provider

from benchmarks import floor, floor_streams
from benchmarks.cases import CASES, Case, Wrap, repeat, unwrapped
from benchmarks.contenders import CONTENDERS, CONTROL, SPANLESS, global_provider
from benchmarks.copies import Copies

BLOCKS = 9
"""Blocks of calls; each gives one overhead and one ratio, and the median is reported."""
TURNS = 12
"""Turns of each client in a block, and how many plain calls or streams it makes in a row. The first
finds the processor's caches full of another client's code:"""
IN_A_ROW = 8
STREAMS_IN_A_ROW = 2


_FLOORS: dict[str, Callable[..., Callable[..., Any]]] = {**floor.FLOORS, **floor_streams.FLOORS}
_OVER = object()


class NotDoneError(Exception):
    """A contender did not do the work."""


class Counter(SpanProcessor):
    """Counts spans and looks at the last one."""

    def __init__(self) -> None:
        self.count = 0
        self.last: ReadableSpan | None = None

    def on_end(self, span: ReadableSpan) -> None:
        """A span has ended."""
        self.count += 1
        self.last = span


def provider_for(mode: str) -> tuple[Any, Counter]:
    """The tracer provider of a mode: sampled, unsampled, or none."""
    counter = Counter()
    if mode == "none":
        return NoOpTracerProvider(), counter
    provider = TracerProvider(sampler=ALWAYS_OFF if mode == "unsampled" else ALWAYS_ON)
    provider.add_span_processor(counter)
    return provider, counter


def check(name: str, case: Case, counter: Counter, calls: int, mode: str) -> None:
    """Fail loudly if a contender did not do the work."""
    if mode != "sampled":
        if counter.count:
            raise NotDoneError(f"{name}, {case.name}: {counter.count} spans though nothing records")
        return
    if name in SPANLESS:
        return
    if counter.count < calls:
        raise NotDoneError(f"{name}, {case.name}: {counter.count} spans for {calls} calls")
    text = str(dict(counter.last.attributes or {})) if counter.last else ""
    wanted = "Berlin" if not case.chunks else "lorem"
    if "content off" not in name and "embeddings" not in case.name and wanted not in text:
        raise NotDoneError(f"{name}, {case.name}: the answer is not on the span")


def start(
    contender: str, mode: str, names: Iterable[str], rotation: int = 0
) -> tuple[Copies, Counter]:
    """Load a copy of what the named cases use for each of their clients; instrument the one."""
    provider, counter = provider_for(mode)
    if mode != "none":
        global_provider(provider)
    needed = {client for name in names for client in _clients(CASES[name], mode)}
    clients = [client for client in ("bare", "floor", "instrumented") if client in needed]
    first = rotation % len(clients)
    return Copies(
        clients[first:] + clients[:first], names, lambda: CONTENDERS[contender](provider)
    ), counter


def most_copies(mode: str) -> int:
    """How many clients take turns in a process that runs every case, each with its own copy."""
    return max(len(_clients(case, mode)) for case in CASES.values())


def _clients(case: Case, mode: str) -> list[str]:
    """The clients that take turns with a case."""
    floors = ("floor",) if mode == "sampled" and case.name in _FLOORS else ()
    return ["bare", *floors, "instrumented"]


class Clients:
    """The bare, the floor's and the instrumented client of one case.

    Args:
        contender: Whose instrumentation it is.
        case: What is called.
        mode: ``sampled``, ``unsampled`` or ``none``.
        copies: Where the SDKs come from.
        counter: Sees the spans of the instrumentation.
        calls: Calls in one round.

    Raises:
        NotDoneError: The contender did not do the work.
    """

    def __init__(
        self, contender: str, case: Case, mode: str, copies: Copies, counter: Counter, calls: int
    ) -> None:
        self.use = copies.use
        self.calls: dict[str, Callable[[], Any]] = {}
        content = "content off" not in contender
        for client in _clients(case, mode):
            copies.use(client)
            wrap = unwrapped
            if client == "floor":
                wrap = _floor(case, provider_for("sampled")[0], content)
            elif client == "instrumented" and contender == CONTROL:
                wrap = _floor(case, get_tracer_provider(), content)
            self.calls[client] = case.make(wrap)
        run = repeat(case, self.calls["instrumented"], calls)
        run()
        counter.count = 0
        run()
        check(contender, case, counter, calls, mode)


def _floor(case: Case, provider: Any, content: bool) -> Wrap:
    """What wraps the SDK's method in a hand-written span."""
    tracer, make = provider.get_tracer("floor"), _FLOORS[case.name]
    return lambda create: make(tracer, create, content)


def measure(
    contender: str, case: Case, mode: str, copies: Copies, counter: Counter, turns: int
) -> dict[str, Any]:
    """Overheads of one case; ``turns`` of each client make a block."""
    clients = Clients(contender, case, mode, copies, counter, 2)
    # What is loaded stays: it need not be looked at again by every collection.
    gc.collect()
    gc.freeze()
    block = _block_async if case.asynchronous else _block
    in_a_row = STREAMS_IN_A_ROW if case.chunks else IN_A_ROW
    blocks = [block(clients, turns, in_a_row) for _ in range(BLOCKS)]
    overheads = [(best["instrumented"] - best["bare"]) * 1e6 for best in blocks]
    floors = [(best["floor"] - best["bare"]) * 1e6 for best in blocks if "floor" in best]
    ratios = map(truediv, overheads, floors)
    return {
        "contender": contender,
        "case": case.name,
        "mode": mode,
        "bare": statistics.median(best["bare"] for best in blocks) * 1e6,
        "overhead": statistics.median(overheads),
        "floor": statistics.median(floors) if floors else None,
        "ratio": statistics.median(ratios) if floors else None,
        "chunks": case.chunks,
    }


class Quickest:
    """The quickest time of each step of each client, in seconds.

    On a machine that is shared, whatever else runs can only make a step slower; a step is
    short, so among its repetitions there is one during which nothing did.
    """

    def __init__(self, clients: Clients) -> None:
        self._best: dict[str, list[float]] = {client: [] for client in clients.calls}

    def note(self, client: str, step: int, seconds: float) -> None:
        """A step took so many seconds."""
        best = self._best[client]
        if step == len(best):
            best.append(seconds)
        elif seconds < best[step]:
            best[step] = seconds

    def sums(self) -> dict[str, float]:
        """Of each client, the seconds of a whole call."""
        return {client: sum(best) for client, best in self._best.items()}


def _turns(clients: Clients, turns: int, in_a_row: int) -> Iterator[str]:
    """Which client makes the next call; garbage is collected before, not meanwhile.

    No client comes after the same one each time: what both run would be in the caches for it.
    """
    gc.collect()
    gc.disable()
    order = list(clients.calls)
    try:
        for _ in range(turns):
            for client in order:
                clients.use(client)
                for _ in range(in_a_row):
                    yield client
            order.append(order.pop(0))
    finally:
        gc.enable()


def _block(clients: Clients, turns: int, in_a_row: int) -> dict[str, float]:
    quickest, clock = Quickest(clients), time.perf_counter
    for client in _turns(clients, turns, in_a_row):
        steps, step, more = clients.calls[client](), 0, None
        while more is not _OVER:
            started = clock()
            more = next(steps, _OVER)
            quickest.note(client, step, clock() - started)
            step += 1
    return quickest.sums()


def _block_async(clients: Clients, turns: int, in_a_row: int) -> dict[str, float]:
    return asyncio.run(_in_steps(clients, turns, in_a_row))


async def _in_steps(clients: Clients, turns: int, in_a_row: int) -> dict[str, float]:
    quickest, clock = Quickest(clients), time.perf_counter
    for client in _turns(clients, turns, in_a_row):
        steps, step, more = clients.calls[client](), 0, None
        while more is not _OVER:
            started = clock()
            more = await anext(steps, _OVER)
            quickest.note(client, step, clock() - started)
            step += 1
    return quickest.sums()


def arguments(description: str | None) -> argparse.ArgumentParser:
    """What both ways to measure are asked for: whose instrumentation, and which calls."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("--mode", choices=("sampled", "unsampled", "none"), default="sampled")
    parser.add_argument("--case", action="append", choices=CASES)
    return parser


def cases_of(options: argparse.Namespace) -> list[str]:
    """The names of the cases that were asked for; the control has those with a floor only."""
    names: list[str] = options.case or list(CASES)
    control = options.contender == CONTROL
    return [name for name in names if not control or name in _FLOORS]


def main() -> None:
    """Measure one contender."""
    parser = arguments(__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="factor for the calls per turn")
    parser.add_argument(
        "--rotation", type=int, default=0, help="whose copy of the SDKs is imported first"
    )
    options = parser.parse_args()
    names = cases_of(options)
    copies, counter = start(options.contender, options.mode, names, options.rotation)
    for name in names:
        case = CASES[name]
        turns = max(3, int(TURNS * options.scale))
        try:
            found = measure(options.contender, case, options.mode, copies, counter, turns)
        except Exception as error:  # a peer that fails a case is a result, too
            if options.contender.startswith("openlayer-otel"):
                raise
            found = {
                "contender": options.contender,
                "case": name,
                "mode": options.mode,
                "failed": f"{type(error).__name__}: {error}",
            }
        print(json.dumps(found), flush=True)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
