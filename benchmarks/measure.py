"""One contender, one process: bare, floor and instrumented rounds take turns.

Prints one line of JSON for each case: median of the rounds' overheads in microseconds of
process CPU time per call, and the median of the ratio to the floor of the same turn.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import NoOpTracerProvider

from benchmarks.cases import CASES, Case, repeat, unwrapped
from benchmarks.contenders import CONTENDERS, SPANLESS, global_provider
from benchmarks.floor import FLOORS
from benchmarks.switch import Switch

TURNS = 31
# Swapping a class's attributes makes the interpreter forget what it learnt about the code
# that uses them: this many calls are made, unmeasured, after each swap.
WARM_UP = 3


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
    gc.collect()
    gc.disable()
    try:
        started = time.process_time()
        run()
        return time.process_time() - started
    finally:
        gc.enable()


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


def measure(
    name: str, case: Case, mode: str, switch: Switch, provider: Any, counter: Counter, calls: int
) -> dict[str, Any]:
    """Overheads of one case."""
    bare = repeat(case, case.make(unwrapped), calls)
    make_floor = FLOORS.get(case.name)
    content = "content off" not in name
    floor = None
    if make_floor is not None and mode == "sampled":
        floor_provider, _ = provider_for("sampled")
        tracer = floor_provider.get_tracer("floor")
        wrap = lambda create: make_floor(tracer, create, content)  # noqa: E731
        floor = repeat(case, case.make(wrap), calls)
    switch.on()
    call = case.make(unwrapped)
    instrumented, warm_up = repeat(case, call, calls), repeat(case, call, WARM_UP)
    instrumented()
    counter.count = 0
    instrumented()
    check(name, case, counter, calls, mode)
    switch.off()
    # What is loaded stays: collecting it before every round would take longer than the round.
    gc.collect()
    gc.freeze()
    overheads, floors, ratios = [], [], []
    for _ in range(TURNS):
        warm_up()
        plain = seconds(bare)
        least = seconds(floor) if floor is not None else None
        switch.on()
        warm_up()
        with_it = seconds(instrumented)
        switch.off()
        overheads.append((with_it - plain) / calls * 1e6)
        if least is not None:
            floors.append((least - plain) / calls * 1e6)
            if least > plain:
                ratios.append(overheads[-1] / floors[-1])
    return {
        "contender": name,
        "case": case.name,
        "mode": mode,
        "overhead": statistics.median(overheads),
        "floor": statistics.median(floors) if floors else None,
        "ratio": statistics.median(ratios) if ratios else None,
        "chunks": case.chunks,
    }


def main() -> None:
    """Measure one contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("--mode", choices=("sampled", "unsampled", "none"), default="sampled")
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--scale", type=float, default=1.0, help="factor for the calls per turn")
    options = parser.parse_args()
    provider, counter = provider_for(options.mode)
    if options.mode != "none":
        global_provider(provider)
    for case in CASES.values():
        case.make(unwrapped)  # imports the SDK's lazily loaded modules
    instrument = CONTENDERS[options.contender]
    switch = Switch(lambda: instrument(provider), ("openai", "anthropic"))
    if not switch.size and options.contender not in SPANLESS:
        raise SystemExit(f"{options.contender} changed nothing in the SDKs")
    for name in options.case or CASES:
        case = CASES[name]
        calls = max(1, int((3 if case.chunks else 60) * options.scale))
        try:
            found = measure(options.contender, case, options.mode, switch, provider, counter, calls)
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
