"""``openlayer-otel`` where it is run: pipes that close, terminals of another time, Ctrl+C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openlayer_otel.cli.main import main
from openlayer_otel.export.spool import Spool
from tests.support.child_process import run
from tests.support.openlayer_server import HANG, FaultyServer, faulty_server, wait_until

COMMAND = str(Path(sys.executable).parent / "openlayer-otel")


@pytest.fixture
def hanging_server() -> Iterator[FaultyServer]:
    """An Openlayer that never answers."""
    with faulty_server() as server:
        server.mode = HANG
        yield server


def test_a_terminal_that_cannot_show_the_trees_shows_the_rest(tmp_path: Path) -> None:
    variables = {"PYTHONIOENCODING": "ascii"}
    done = run(COMMAND, "demo", environment=variables, directory=tmp_path).succeeded()
    assert "OpenAI Chat Completion  chat_completion  gpt-4o-mini" in done.output


def test_a_reader_that_goes_away_is_no_error_to_print(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [COMMAND, "spool", "status", "--directory", str(tmp_path)],
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="its shell closes no output")
def test_without_any_output_it_does_its_work(tmp_path: Path) -> None:
    command = f"exec '{COMMAND}' spool clear --directory '{tmp_path}' >&-"
    done = run("sh", "-c", command, environment={})
    assert (done.status, done.errors) == (0, "")


def _hear_interrupts() -> None:
    """In the child: a shell makes what it starts in the background deaf to Ctrl+C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_a_replay_that_is_interrupted_leaves_the_trace(
    hanging_server: FaultyServer, tmp_path: Path
) -> None:
    spool = Spool(tmp_path / "spool", 10**6)
    spool.put(hanging_server.url, "pipeline-1", b'{"config":{},"rows":[]}')
    process = subprocess.Popen(
        [COMMAND, "spool", "replay"],
        env={
            **os.environ,
            "OPENLAYER_API_KEY": "secret-key",
            "OPENLAYER_BASE_URL": hanging_server.url,
            "OPENLAYER_OTEL_SPOOL_DIRECTORY": str(tmp_path / "spool"),
        },
        stderr=subprocess.PIPE,
        preexec_fn=_hear_interrupts,
    )
    wait_until(lambda: hanging_server.requests)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"")
    (claim,) = spool.claims()
    claim.release()


@pytest.mark.parametrize("action", ["status", "replay", "clear"])
def test_a_spool_that_cannot_be_read_is_not_taken_to_be_empty(
    action: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENLAYER_API_KEY", "secret-key")
    file = tmp_path / "a file"
    file.touch()
    assert main(["spool", action, "--directory", str(file)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Cannot read the spool" in printed.err
    assert main(["spool", action, "--directory", str(tmp_path / "not there yet")]) == 0
