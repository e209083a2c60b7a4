"""What tracing adds to a plain call, timed in place: around the SDK's work, not with it.

    python -m benchmarks.calls

A call takes the SDK 400 to 1,300 µs, and how long varies by more than what is looked for. So the
SDK's own methods are timed twice: as they are called, with what tracing puts around them, and as
they run. The difference is the tracing, and, in a bare client, what the clock takes, which is
subtracted. Each client has a process of its own, and the lower quartile of its calls counts. What
tracing makes of the processor's caches for the SDK's own work is not in it: for that, see the whole
calls.

Prints one line of JSON for each case: microseconds a call over the bare client.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from benchmarks import floor
from benchmarks.cases import CASES, Case, unwrapped
from benchmarks.contenders import CONTENDERS
from benchmarks.measure import check, provider_for

CALLS, WARM_UP = 600, 100
"""Calls in each process that are counted, and how many before that are not."""
PROCESSES = 5
"""Processes for each client, in turns; the median counts."""

_CONTENDER = "openlayer-otel"
# Clients whose calls nobody records -> the mode of ``measure.provider_for``.
_UNRECORDED = {"not sampled": "unsampled", "no tracer provider": "none"}
_CLIENTS = ("bare", "bare for the floor", "floor", _CONTENDER, *_UNRECORDED)
# What is hooked on the way of a plain call, in those versions that have it.
_METHODS = (
    ("SyncAPIClient", "request"),
    ("SyncAPIClient", "_copy_and_prepare"),
    ("BaseClient", "_process_response_data"),
)


class _Clock:
    """The nanoseconds between the calls of methods and what they do, summed up for one call."""

    def __init__(self) -> None:
        self.outside = 0

    def inside(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The SDK's own method."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = perf_counter_ns()
            try:
                return method(*args, **kwargs)
            finally:
                self.outside -= perf_counter_ns() - begun

        return timed

    def around(self, find: Callable[[Any], Callable[..., Any]]) -> Callable[..., Any]:
        """A method with all that is around it; ``find`` looks it up for an object."""

        def timed(owner: Any, *args: Any, **kwargs: Any) -> Any:
            begun = perf_counter_ns()
            try:
                return find(owner)(*args, **kwargs)
            finally:
                self.outside += perf_counter_ns() - begun

        return timed


def _client(case: Case, client: str) -> float:
    """Inside a process of its own: microseconds a call outside of the SDK's own methods."""
    clock = _Clock()
    mode = _UNRECORDED.get(client, "sampled")
    provider, counter = provider_for(mode)
    if client in ("floor", "bare for the floor"):
        tracer = provider.get_tracer("floor")

        def wrap(create: Callable[..., Any]) -> Callable[..., Any]:
            made = clock.inside(create)
            if client == "floor":
                made = floor.FLOORS[case.name](tracer, made, True)
            whole = clock.around(lambda _: made)
            return lambda **arguments: whole(None, **arguments)
    else:
        wrap = unwrapped
        base_client = importlib.import_module(f"{case.provider}._base_client")
        classes = [(getattr(base_client, kind), name) for kind, name in _METHODS]
        hooked = [(kind, name) for kind, name in classes if hasattr(kind, name)]
        for kind, name in hooked:
            setattr(kind, name, clock.inside(vars(kind)[name]))
        if client != "bare":
            CONTENDERS[_CONTENDER](provider)
            _call_once(case)  # the first call that is traced puts in the rest of the hooks
            counter.count = 0
        for kind, name in hooked:
            setattr(kind, name, clock.around(vars(kind)[name].__get__))
    call = case.make(wrap)
    taken: list[int] = []
    for number in range(WARM_UP + CALLS):
        if number == WARM_UP:
            gc.collect()
            gc.freeze()
            gc.disable()
        clock.outside = 0
        for _ in call():
            pass
        taken.append(clock.outside)
    if "bare" not in client:
        check(_CONTENDER, case, counter, len(taken), mode)
    return statistics.quantiles(taken[WARM_UP:], n=4)[0] / 1000


def _call_once(case: Case) -> None:
    for _ in case.make(unwrapped)():
        pass


def main() -> None:
    """Time every plain case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", action="append", help="only this case")
    parser.add_argument("--client", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.case or [case.name for case in CASES.values() if not case.chunks]
    if options.client:
        print(_client(CASES[names[0]], options.client))
        return
    for name in names:
        taken = _taken(name)
        # The clock stands around one method of the floor, and around each that is hooked of ours.
        lowest = taken["floor"] - taken["bare for the floor"]
        ours = taken[_CONTENDER] - taken["bare"]
        found = {"floor": round(lowest, 1), _CONTENDER: round(ours, 1)}
        found |= {client: round(taken[client] - taken["bare"], 1) for client in _UNRECORDED}
        print(json.dumps({"case": name, **found, "ratio": round(ours / lowest, 2)}), flush=True)


def _taken(name: str) -> dict[str, float]:
    """For each client, the median of its processes."""
    found: dict[str, list[float]] = {}
    for _ in range(PROCESSES):
        for client in _CLIENTS:
            command = (sys.executable, "-m", "benchmarks.calls", "--case", name, "--client", client)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{name}, {client}:\n{done.stderr[-3000:]}")
            found.setdefault(client, []).append(float(done.stdout.split()[-1]))
    return {client: statistics.median(each) for client, each in found.items()}


if __name__ == "__main__":
    main()
