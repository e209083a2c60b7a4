"""What ``import openlayer_otel`` and ``instrument()`` cost: time and modules."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

RUNS = 15
_FORBIDDEN = ("openai", "anthropic", "httpx", "httpx2", "requests", "urllib3", "grpc")
_PROGRAM = """
import sys, time
import opentelemetry.trace
known = set(sys.modules)
started = time.perf_counter()
{statement}
elapsed = time.perf_counter() - started
new = sorted(set(sys.modules) - known)
import json
print(json.dumps([elapsed * 1000, new]))
"""
_STATEMENTS = {
    "import": "import openlayer_otel",
    "instrument": ("import openlayer_otel; openlayer_otel.OpenlayerInstrumentor().instrument()"),
}


def main() -> None:
    """Print milliseconds and modules for each statement."""
    found = {}
    for name, statement in _STATEMENTS.items():
        times, modules = [], []
        for _ in range(RUNS):
            program = _PROGRAM.format(statement=statement)
            output = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, text=True, check=True
            ).stdout
            milliseconds, modules = json.loads(output)
            times.append(milliseconds)
        loaded = {each.partition(".")[0] for each in modules}
        wrong = sorted(loaded & set(_FORBIDDEN))
        if wrong and (name == "import" or set(wrong) & {"openai", "anthropic"}):
            raise SystemExit(f"{statement} imports {', '.join(wrong)}")
        found[name] = {"milliseconds": statistics.median(times), "modules": len(modules)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
