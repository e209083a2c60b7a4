"""``make bench``: measure everything, print it, and write it into ``docs/performance.md``.

    python -m benchmarks                 # all, about half an hour
    python -m benchmarks --quick         # fewer calls, without the peers; writes nothing

Each contender has an environment of its own under ``.bench/`` (the peers' requirements
exclude each other) and is measured in processes of its own, bare, floor and instrumented
rounds taking turns. Ratios to the floor can therefore be compared across processes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import most_copies
from benchmarks.report import write

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".bench"
# Contender -> what its environment holds beside this package and the SDKs.
PEERS = {
    "official GenAI": (
        "opentelemetry-instrumentation-genai-openai",
        "opentelemetry-instrumentation-genai-anthropic",
    ),
    "OpenInference": (
        "openinference-instrumentation-openai",
        "openinference-instrumentation-anthropic",
    ),
    "OpenLLMetry": (
        "opentelemetry-instrumentation-openai",
        "opentelemetry-instrumentation-anthropic",
    ),
    "Openlayer SDK": ("openlayer",),
}
# What is timed in place.
IN_PLACE = ("calls", "chunks")
# What else is measured: module of this package -> its name in the results.
SINGLE = ("decorator", "imports", "memory", "export_speed")


def _environment(name: str, requirements: tuple[str, ...]) -> str | None:
    """The interpreter of a contender's environment; None if it cannot be installed."""
    place = ENVIRONMENTS / name.replace(" ", "-").lower()
    inside, stamp = place / "bin" / "python", place / "installed"
    state = "\n".join((*requirements, (ROOT / "pyproject.toml").read_text()))
    fingerprint = hashlib.sha256(state.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return str(inside)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq")
    commands: tuple[tuple[str, ...], ...] = (
        (sys.executable, "-m", "venv", "--without-pip", "--clear", str(place)),
        (*pip, "--python", str(inside), "install", "--editable", f"{ROOT}[all]", *requirements),
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name} cannot be installed:\n{done.stderr[-2000:]}", file=sys.stderr)
            return None
    stamp.write_text(fingerprint)
    return str(inside)


def _run(python: str, module: str, *arguments: str) -> list[Any]:
    """The JSON lines that a benchmark prints; it fails loudly if it did not do its work."""
    done = subprocess.run(
        [python, "-m", f"benchmarks.{module}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OPENLAYER_OTEL_SPOOL": "false"},
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode:
        raise SystemExit(f"{module} {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return [json.loads(line) for line in lines]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description="What tracing costs.")
    parser.add_argument("--quick", action="store_true", help="few calls, no peers, no file")
    parser.add_argument("--scale", type=float, default=1.0, help="factor for the calls per round")
    options = parser.parse_args()
    if options.quick:
        options.scale = 0.1
    found: dict[str, Any] = {"python": platform.python_version(), "overheads": []}
    runs = [
        ("openlayer-otel", "sampled"),
        ("openlayer-otel, content off", "sampled"),
        ("openlayer-otel", "unsampled"),
        ("openlayer-otel", "none"),
        ("control", "sampled"),
    ]
    for name, mode in runs:
        _show(found["overheads"], _measured(sys.executable, name, mode, options))
    if not options.quick:
        for name, requirements in PEERS.items():
            python = _environment(name, requirements)
            if python is not None:
                _show(found["overheads"], _measured(python, name, "sampled", options))
    for module in IN_PLACE:
        found[module] = [] if options.quick else _run(sys.executable, module)
        for line in found[module]:
            print(module, json.dumps(line), flush=True)
    for module in SINGLE:
        (found[module],) = _run(sys.executable, module)
        print(module, json.dumps(found[module]), flush=True)
    if not options.quick:
        write(found, ROOT / "docs" / "performance.md")


def _measured(
    python: str, contender: str, mode: str, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """The results of a contender: the median of several processes, see ``copies.py``."""
    processes = 1 if options.quick else most_copies(mode)
    arguments = ("measure", contender, "--mode", mode, "--scale", str(options.scale / processes))
    runs = [_run(python, *arguments, "--rotation", str(each)) for each in range(processes)]
    return [_median(lines) for lines in zip(*runs, strict=True)]


def _median(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    failed = [line for line in lines if "failed" in line]
    if failed:
        return failed[0]
    return {
        name: statistics.median(line[name] for line in lines) if isinstance(value, float) else value
        for name, value in lines[0].items()
    }


def _show(results: list[Any], lines: list[Any]) -> None:
    results.extend(lines)
    for line in lines:
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
