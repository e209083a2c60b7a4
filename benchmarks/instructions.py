"""The same cases counted in CPU instructions: exact where the clock of a shared machine is not.

    python -m benchmarks.instructions openlayer-otel --case "OpenAI chat"

Runs itself under ``valgrind --tool=callgrind`` (Linux, has to be installed; two runs differ by
less than a thousandth) and prints one line
of JSON for each case, like :mod:`benchmarks.measure`, in thousands of instructions a call.
"""

from __future__ import annotations

import argparse
import bisect
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES, Case, repeat
from benchmarks.measure import Clients, arguments, cases_of, start

# A C function that nothing else calls: what it calls is counted, and each return from it
# writes the count to a file of its own.
_GATE = "_bisect_bisect_left"


def _counted(run: Callable[[], None]) -> None:
    gc.collect()
    gc.disable()

    def gated(_: int) -> int:
        run()
        return 0

    bisect.bisect_left([0], 0, key=gated)
    gc.enable()


def _work(contender: str, mode: str, names: list[str], warm_up: int) -> None:
    """Inside valgrind: run every client of every case through the gate, in a known order."""
    copies, counter = start(contender, mode, names)
    # Until here nothing is looked at, which is several times faster.
    subprocess.run(("callgrind_control", "--instr=on", str(os.getpid())), check=True)
    for name in names:
        case = CASES[name]
        calls = _calls(case)
        clients = Clients(contender, case, mode, copies, counter, calls)
        for client, call in clients.calls.items():
            run = repeat(case, call, calls)
            clients.use(client)
            for _ in range(warm_up):
                run()
            _counted(run)
        print(json.dumps([name, list(clients.calls)]), flush=True)


def _calls(case: Case) -> int:
    return 1 if case.chunks else 8


def _totals(folder: Path) -> list[int]:
    """The counts in the order in which they were taken."""
    dumps = sorted(folder.glob("count.*"), key=lambda path: int(path.name.rpartition(".")[2]))
    found = [re.search(r"^(?:summary|totals): (\d+)", path.read_text(), re.M) for path in dumps]
    return [int(match[1]) for match in found if match]


def main() -> None:
    """Count one contender."""
    parser = arguments(__doc__)
    parser.add_argument("--warm-up", type=int, default=12, help="rounds before the counted one")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = cases_of(options)
    if options.inside:
        _work(options.contender, options.mode, names, options.warm_up)
        return
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                # At the same addresses each time: sets and dicts are ordered by them.
                *("setarch", "-R"),
                "valgrind",
                "--tool=callgrind",
                f"--callgrind-out-file={folder}/count",
                "--instr-atstart=no",
                f"--toggle-collect={_GATE}",
                f"--dump-after={_GATE}",
                *(sys.executable, "-m", "benchmarks.instructions", *sys.argv[1:], "--inside"),
            ],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": "0", "OPENLAYER_OTEL_SPOOL": "false"},
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        totals = _totals(Path(folder))
    for line in filter(lambda each: each.startswith("["), done.stdout.splitlines()):
        name, clients = json.loads(line)
        counts = {client: totals.pop(0) / _calls(CASES[name]) / 1000 for client in clients}
        print(json.dumps(_line(options, name, counts)), flush=True)


def _line(options: argparse.Namespace, name: str, counts: dict[str, float]) -> dict[str, Any]:
    over = {client: count - counts["bare"] for client, count in counts.items()}
    overhead, floor = over["instrumented"], over.get("floor")
    return {
        "contender": options.contender,
        "case": name,
        "mode": options.mode,
        "bare": counts["bare"],
        "overhead": overhead,
        "floor": floor,
        "ratio": overhead / floor if floor else None,
        "chunks": CASES[name].chunks,
    }


if __name__ == "__main__":
    main()
