"""Python programs that send to the faulty server, for tests of whole processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.support.openlayer_server import FaultyServer

PROJECT = Path(__file__).parents[2]
# Seconds for a program on a machine that has much else to do.
PATIENCE = 180
PRELUDE = """
import os, sys, threading, time
from opentelemetry.sdk.trace import TracerProvider
from openlayer_otel import OpenlayerSpanProcessor
from tests.export_delivery.conftest import numbered, run
"""
START = """
processor = OpenlayerSpanProcessor()
provider = TracerProvider()
provider.add_span_processor(processor)
"""


class Applications:
    """Starts Python programs that send to the faulty server."""

    def __init__(self, server: FaultyServer, spool: Path) -> None:
        self.spool = spool
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(PROJECT),
            "OPENLAYER_API_KEY": "secret-key",
            "OPENLAYER_INFERENCE_PIPELINE_ID": "pipeline-1",
            "OPENLAYER_BASE_URL": server.url,
            "OPENLAYER_OTEL_SPOOL_DIRECTORY": str(spool),
            "OPENLAYER_OTEL_EXIT_TIMEOUT": "2",
        }
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *parts: str, first: str = "", **variables: str) -> subprocess.Popen[str]:
        """A running program; ``first`` and ``parts`` are joined to its text."""
        process = subprocess.Popen(
            [sys.executable, "-c", first + PRELUDE + "\n".join(parts)],
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def run(self, *parts: str, first: str = "", **variables: str) -> tuple[str, str, float]:
        """Output, errors and duration of a program that has to end by itself, well."""
        began = time.monotonic()
        process = self.start(*parts, first=first, **variables)
        output, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
        return output, errors, time.monotonic() - began

    def waiting(self) -> int:
        """Traces in the spool."""
        return len(list(self.spool.glob("*.trace")))

    def stop(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()
