"""Run the tests marked ``matrix`` on every supported set of versions: ``make matrix``.

A *version set* is one line of the table below: what is installed, on which Python. Each has
an environment of its own under ``.matrix/``, kept for the next run.

    python tools/matrix.py                  # all sets
    python tools/matrix.py lowest openai-2  # these only
    python tools/matrix.py --list           # the table
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".matrix"
TEST_TOOLS = ("pytest>=8", "pytest-asyncio>=0.24", "jsonschema>=4")

_THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class VersionSet:
    """One combination of versions.

    Attributes:
        name: What it is called on the command line.
        requirements: Versions beside those that the package itself asks for.
        marker: Which tests run on it.
        pythons: Python versions it can run on, the preferred one first; the one that runs
            this script by default. A set whose Pythons are all missing is passed over.
    """

    name: str
    requirements: tuple[str, ...]
    pythons: tuple[str, ...] = (_THIS_PYTHON,)
    marker: str = "matrix"


# Old SDKs call httpx with arguments that its version 0.28 took away.
_OLD_HTTPX = "httpx<0.28"

VERSION_SETS = (
    VersionSet(
        "lowest",
        (
            "openai==1.40.0",
            "anthropic==0.40.0",
            _OLD_HTTPX,
            "opentelemetry-api==1.30.0",
            "opentelemetry-sdk==1.30.0",
            "opentelemetry-exporter-otlp==1.30.0",
            "opentelemetry-instrumentation==0.51b0",
            "wrapt==1.14.*",
            "orjson==3.9.*",
            "requests==2.28.*",
        ),
        # The lowest orjson has no wheels for later Pythons.
        ("3.10", "3.11", "3.12"),
    ),
    VersionSet("openai-1.66", ("openai==1.66.0", "anthropic==0.49.0", _OLD_HTTPX)),
    # Each kind of tool runner makes its steps by itself, until 0.73.
    VersionSet("anthropic-0.69", ("openai==1.109.1", "anthropic==0.69.0")),
    VersionSet("openai-1", ("openai==1.109.1", "anthropic==0.75.0")),
    VersionSet("openai-2", ("openai==2.54.0", "anthropic==1.13.0")),
    VersionSet("openai-3.0", ("openai==3.0.0", "anthropic==1.14.0")),
    VersionSet("anthropic-2.0", ("openai==3.30.0", "anthropic==2.0.0")),
    VersionSet("newest", ("openai", "anthropic")),
    VersionSet("python-3.10", ("openai", "anthropic"), ("3.10",)),
    VersionSet("python-3.12", ("openai", "anthropic"), ("3.12",)),
    VersionSet("python-3.13", ("openai", "anthropic"), ("3.13",)),
    # Other tools that trace the same SDKs, switched on beside ours, frameworks above them, and
    # OpenTelemetry's configuration files.
    VersionSet(
        "beside-others",
        (
            "openai",
            "anthropic",
            "opentelemetry-instrumentation-genai-openai",
            "opentelemetry-instrumentation-genai-anthropic",
            "openinference-instrumentation-openai",
            "openinference-instrumentation-anthropic",
            # OpenLLMetry.
            "opentelemetry-instrumentation-openai",
            "opentelemetry-instrumentation-anthropic",
            "langfuse",
            "logfire",
            "langchain-openai",
            "langchain-anthropic",
            "pydantic-ai-slim[openai,anthropic]",
            "openai-agents",
            "opentelemetry-configuration",
        ),
        marker="beside_others",
    ),
    # Its guardrails that look for patterns. Those with a model would need torch as well.
    VersionSet(
        "guardrails",
        (
            "openai",
            "anthropic",
            "openlayer-guardrails",
            "presidio-analyzer",
            "presidio-anonymizer",
        ),
        marker="guardrails",
    ),
)


@dataclass(frozen=True)
class Outcome:
    """How one set went; ``details`` is what to read if it failed."""

    name: str
    passed: bool
    summary: str
    seconds: float
    details: str = ""


def find_python(versions: tuple[str, ...]) -> str | None:
    """A working interpreter of one of ``versions``, or ``None``."""
    for version in versions:
        pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
        candidates = [
            sys.executable if version == _THIS_PYTHON else None,
            *sorted((str(path) for path in pyenv.glob(f"{version}.*/bin/python")), reverse=True),
            shutil.which(f"python{version}"),
        ]
        for candidate in candidates:
            if candidate and _is_version(candidate, version):
                return candidate
    return None


def _is_version(python: str, version: str) -> bool:
    ask = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
    return answer.stdout.strip() == version


def prepare(versions: VersionSet, python: str) -> Path:
    """The interpreter of the set's environment, made if it is missing or out of date.

    Raises:
        subprocess.CalledProcessError: Something cannot be installed; its output says what.
    """
    place = ENVIRONMENTS / versions.name
    inside = place / "bin" / "python"
    stamp = place / "installed"
    state = "\n".join(
        (python, *versions.requirements, *TEST_TOOLS, (ROOT / "pyproject.toml").read_text())
    )
    fingerprint = hashlib.sha256(state.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return inside
    shutil.rmtree(place, ignore_errors=True)
    _run(python, "-m", "venv", "--without-pip", str(place))
    # The pip of this environment installs into the other one: pip is installed once only.
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq")
    wanted = (*versions.requirements, *TEST_TOOLS)
    _run(*pip, "--python", str(inside), "install", "--editable", str(ROOT), *wanted)
    stamp.write_text(fingerprint)
    return inside


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def marked_files(marker: str) -> list[str]:
    """The test files with marked tests; others may need newer SDKs than a set has."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(path) for path in files if f"mark.{marker}" in path.read_text(encoding="utf-8")]


def run_set(versions: VersionSet, pytest_arguments: list[str]) -> Outcome:
    """Run the marked tests on one set."""
    start = time.monotonic()
    python = find_python(versions.pythons)
    if python is None:
        wanted = " or ".join(versions.pythons)
        return Outcome(versions.name, True, f"passed over: no Python {wanted} here", 0.0)
    try:
        inside = prepare(versions, python)
    except subprocess.CalledProcessError as error:
        seconds = time.monotonic() - start
        details = f"{error.stdout}\n{error.stderr}"
        return Outcome(versions.name, False, "cannot be installed", seconds, details)
    command = [str(inside), "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-m", versions.marker, *pytest_arguments, *marked_files(versions.marker)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines() or ["no output"]
    passed = done.returncode == 0
    details = "" if passed else f"{done.stdout}\n{done.stderr}"
    summary = lines[-1].strip("= ")
    return Outcome(versions.name, passed, summary, time.monotonic() - start, details)


def _print(outcome: Outcome) -> None:
    if outcome.details:
        print(outcome.details)
    verdict = "ok    " if outcome.passed else "FAILED"
    print(f"{outcome.name:14} {verdict} {outcome.seconds:6.1f} s  {outcome.summary}", flush=True)


def main() -> int:
    """Run the sets named on the command line, or all; 1 if one of them failed."""
    parser = argparse.ArgumentParser(description="The provider tests on sets of versions.")
    parser.add_argument("names", nargs="*", help="sets to run; all by default")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="sets at a time; default: %(default)s"
    )
    parser.add_argument("--list", action="store_true", help="show the table and do nothing")
    arguments, pytest_arguments = parser.parse_known_args()
    known = {each.name: each for each in VERSION_SETS}
    unknown = [name for name in arguments.names if name not in known]
    if unknown:
        parser.error(f"no such set: {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[name] for name in arguments.names] or list(VERSION_SETS)
    if arguments.list:
        for each in chosen:
            print(
                f"{each.name:14} Python {'/'.join(each.pythons):15} {', '.join(each.requirements)}"
            )
        return 0
    outcomes = []
    with ThreadPoolExecutor(arguments.jobs) as pool:
        running = [pool.submit(run_set, each, pytest_arguments) for each in chosen]
        for done in as_completed(running):
            outcome = done.result()
            outcomes.append(outcome)
            _print(outcome)
    failed = [outcome.name for outcome in outcomes if not outcome.passed]
    print(f"{len(outcomes) - len(failed)} of {len(outcomes)} version sets passed", *failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
