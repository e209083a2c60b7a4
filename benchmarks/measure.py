"""One contender, one process: bare, floor and instrumented rounds take turns.

Prints one line of JSON for each case: median of the rounds' overheads in microseconds of
process CPU time per call, and the median of the ratio to the floor of the same turn.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from operator import truediv
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import NoOpTracerProvider

from benchmarks.cases import CASES, Case, repeat, unwrapped
from benchmarks.contenders import CONTENDERS, SPANLESS, global_provider
from benchmarks.copies import Copies
from benchmarks.floor import FLOORS

BLOCKS = 15
"""Blocks of rounds; each gives one overhead and one ratio, and the median is reported."""
ROUNDS = 25
"""Rounds of each client in a block, taking turns. The quickest counts: on a machine that is
shared, whatever else runs can only make a round slower."""


class Counter(SpanProcessor):
    """Counts spans and looks at the last one."""

    def __init__(self) -> None:
        self.count = 0
        self.last: ReadableSpan | None = None

    def on_end(self, span: ReadableSpan) -> None:
        """A span has ended."""
        self.count += 1
        self.last = span


def seconds(run: Callable[[], None]) -> float:
    """CPU seconds that ``run`` takes."""
    started = time.process_time()
    run()
    return time.process_time() - started


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
            raise SystemExit(f"{name}, {case.name}: {counter.count} spans though nothing records")
        return
    if name in SPANLESS:
        return
    if counter.count < calls:
        raise SystemExit(f"{name}, {case.name}: {counter.count} spans for {calls} calls")
    text = str(dict(counter.last.attributes or {})) if counter.last else ""
    wanted = "Berlin" if not case.chunks else "lorem"
    if "content off" not in name and "embeddings" not in case.name and wanted not in text:
        raise SystemExit(f"{name}, {case.name}: the answer is not on the span")


def start(contender: str, mode: str, names: Iterable[str]) -> tuple[Copies, Counter]:
    """Load both copies of what the named cases use, and instrument the one."""
    provider, counter = provider_for(mode)
    if mode != "none":
        global_provider(provider)
    return Copies(lambda: CONTENDERS[contender](provider), names), counter


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
        SystemExit: The contender did not do the work.
    """

    def __init__(
        self, contender: str, case: Case, mode: str, copies: Copies, counter: Counter, calls: int
    ) -> None:
        self._copies = copies
        copies.bare()
        self.runs = {"bare": repeat(case, case.make(unwrapped), calls)}
        make_floor = FLOORS.get(case.name)
        if make_floor is not None and mode == "sampled":
            tracer = provider_for("sampled")[0].get_tracer("floor")
            content = "content off" not in contender
            wrap = lambda create: make_floor(tracer, create, content)  # noqa: E731
            self.runs["floor"] = repeat(case, case.make(wrap), calls)
        copies.instrumented()
        self.runs["instrumented"] = repeat(case, case.make(unwrapped), calls)
        self.runs["instrumented"]()
        counter.count = 0
        self.runs["instrumented"]()
        check(contender, case, counter, calls, mode)

    def use(self, client: str) -> None:
        """Load the copy of the SDKs that a client was made from."""
        (self._copies.instrumented if client == "instrumented" else self._copies.bare)()


def measure(
    contender: str, case: Case, mode: str, copies: Copies, counter: Counter, calls: int
) -> dict[str, Any]:
    """Overheads of one case."""
    clients = Clients(contender, case, mode, copies, counter, calls)
    # What is loaded stays: it need not be looked at again by every collection.
    gc.collect()
    gc.freeze()
    blocks = [_block(clients) for _ in range(BLOCKS)]
    overheads = [(best["instrumented"] - best["bare"]) / calls * 1e6 for best in blocks]
    floors = [(best["floor"] - best["bare"]) / calls * 1e6 for best in blocks if "floor" in best]
    return {
        "contender": contender,
        "case": case.name,
        "mode": mode,
        "bare": statistics.median(best["bare"] for best in blocks) / calls * 1e6,
        "overhead": statistics.median(overheads),
        "floor": statistics.median(floors) if floors else None,
        "ratio": statistics.median(map(truediv, overheads, floors)) if floors else None,
        "chunks": case.chunks,
    }


def _block(clients: Clients) -> dict[str, float]:
    """The quickest of some rounds of each client, in seconds of CPU time."""
    gc.collect()
    gc.disable()
    try:
        best = dict.fromkeys(clients.runs, math.inf)
        for _ in range(ROUNDS):
            for client, run in clients.runs.items():
                clients.use(client)
                best[client] = min(best[client], seconds(run))
        return best
    finally:
        gc.enable()


def main() -> None:
    """Measure one contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("--mode", choices=("sampled", "unsampled", "none"), default="sampled")
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--scale", type=float, default=1.0, help="factor for the calls per turn")
    options = parser.parse_args()
    names = options.case or list(CASES)
    copies, counter = start(options.contender, options.mode, names)
    for name in names:
        case = CASES[name]
        calls = max(1, int((1 if case.chunks else 8) * options.scale))
        try:
            found = measure(options.contender, case, options.mode, copies, counter, calls)
        except Exception as error:  # noqa: BLE001 - a peer that fails a case is a result, too
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
