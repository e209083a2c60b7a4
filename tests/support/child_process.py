"""Runs programs in processes of their own, with an environment that holds nothing unexpected."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEADLINE = 120.0  # seconds; only to keep a hanging child from hanging the tests
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "SSL_CERT_FILE")


@dataclass(frozen=True)
class Finished:
    """A child process that has ended."""

    status: int
    output: str
    errors: str

    def succeeded(self) -> Finished:
        """This, if it ended well; fails with what it printed otherwise."""
        assert self.status == 0, f"exit status {self.status}\n{self.output}\n{self.errors}"
        return self


def run(*command: str, environment: Mapping[str, str], directory: Path | None = None) -> Finished:
    """Run a command with the variables of ``environment`` and hardly any others."""
    variables = {name: os.environ[name] for name in _KEPT if name in os.environ}
    done = subprocess.run(
        command,
        env={**variables, "PYTHONIOENCODING": "utf-8", **environment},
        cwd=directory,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=DEADLINE,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def run_python(source: str, *, environment: Mapping[str, str], directory: Path) -> Finished:
    """Run a Python program, given as text."""
    program = directory / "program.py"
    program.write_text(source, encoding="utf-8")
    return run(sys.executable, str(program), environment=environment, directory=directory)
