"""``OTEL_CONFIG_FILE``: a file says where traces go, in the place of the variables.

It needs a package that no application must have: ``make matrix ARGS=beside-others``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.auto.conftest import RunApplication

pytest.importorskip("opentelemetry.configuration", reason="it is not installed")

pytestmark = pytest.mark.beside_others

TO_OPENLAYER = """
file_format: "1.0"
tracer_provider:
  processors:
    - batch: {exporter: {openlayer: {timeout: 5}}}
"""
TO_THE_CONSOLE = """
file_format: "1.0"
tracer_provider:
  processors:
    - simple: {exporter: {console: {}}}
"""
DISABLED = f"disabled: true{TO_OPENLAYER}"


@pytest.mark.parametrize(
    ("text", "uploads"),
    [(TO_OPENLAYER, 1), (TO_THE_CONSOLE, 0), (DISABLED, 0), ("tracer_provider: [", 1)],
    ids=["to Openlayer", "to the console", "disabled", "unreadable"],
)
def test_the_file_says_whether_traces_are_uploaded(
    text: str,
    uploads: int,
    instrument_application_alone: RunApplication,
    openlayer_server: OpenlayerServer,
    tmp_path: Path,
) -> None:
    file = tmp_path / "otel.yaml"
    file.write_text(text, encoding="utf-8")
    done = instrument_application_alone({"OTEL_CONFIG_FILE": str(file)}).succeeded()
    assert "the application said:" in done.output
    assert len(openlayer_server.traces) == uploads
