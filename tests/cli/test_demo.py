"""``openlayer-otel demo``: what a newcomer sees."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import pytest

from openlayer_otel.cli import demo
from openlayer_otel.cli.trace_tree import format_trace
from openlayer_otel.standin.llm_server import LLMServer
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.support.child_process import Finished, run

# README.md shows the same trees; durations differ each time.
TREES = """\
travel agent  agent  N ms
│  in   {"question": "What should I wear in Paris today?"}
│  out  Take a light rain jacket: 14 degrees and light rain are expected.
├─ OpenAI Chat Completion  chat_completion  gpt-4o-mini  N ms  11 → 5 tokens
│     in   What should I wear in Paris today?
│     out  {"name": "get_weather", "arguments": {"city": "Paris", "unit": "c"}}
├─ get_weather  tool  N ms
│     in   {"city": "Paris"}
│     out  {"city": "Paris", "sky": "light rain", "celsius": 14}
└─ OpenAI Chat Completion  chat_completion  gpt-4o-mini  N ms  11 → 12 tokens
      in   {"city": "Paris", "sky": "light rain", "celsius": 14}
      out  Take a light rain jacket: 14 degrees and light rain are expected.

shorten  user_call  N ms
│  in   {"text": "Take a light rain jacket: 14 degrees and light rain are expec…
│  out  Rain in Paris: wear jacket.
└─ Anthropic Message Creation  chat_completion  claude-haiku-4-5  N ms  16 → 5 tokens
      in   Take a light rain jacket: 14 degrees and light rain are expected.
      out  Rain in Paris: wear jacket.

ask a model that does not exist  user_call  N ms  ✗ not_found_error
│  in   {"question": "Are you there?"}
│  err  Error code: 404 - {'type': 'error', 'error': {'type': 'not_found_error'…
└─ Anthropic Message Creation  chat_completion  claude-of-tomorrow  N ms  ✗ not_found_error
      in   Are you there?
      err  Error code: 404 - {'type': 'error', 'error': {'type': 'not_found_error'…
"""


def without_durations(text: str) -> str:
    return re.sub(r"  \d+ ms", "  N ms", text)


def run_demo(environment: dict[str, str], directory: Path) -> Finished:
    command = Path(sys.executable).parent / "openlayer-otel"
    return run(str(command), "demo", environment=environment, directory=directory).succeeded()


def test_without_any_keys_stand_ins_answer_and_it_says_so(tmp_path: Path) -> None:
    done = run_demo({}, tmp_path)
    assert TREES in without_durations(done.output)
    assert "OpenAI     a stand-in on loopback (set OPENAI_API_KEY to change)" in done.output
    assert "Anthropic  a stand-in on loopback" in done.output
    assert "Uploaded to a stand-in for Openlayer on loopback." in done.output
    assert done.errors == ""
    assert list(tmp_path.iterdir()) == []


def test_the_readme_shows_what_the_demo_prints() -> None:
    readme = Path(__file__).parents[2] / "README.md"
    assert TREES in without_durations(readme.read_text(encoding="utf-8"))


def test_with_keys_the_providers_are_asked_and_openlayer_gets_the_traces(
    child_environment: dict[str, str],
    llm_server: LLMServer,
    openlayer_server: OpenlayerServer,
    tmp_path: Path,
) -> None:
    done = run_demo(child_environment, tmp_path)
    assert "OpenAI     itself" in done.output
    assert "Anthropic  itself" in done.output
    assert "Uploaded to Openlayer, inference pipeline test-pipeline." in done.output
    assert sorted(trace.row["steps"][0]["name"] for trace in openlayer_server.traces) == [
        "ask a model that does not exist",
        "shorten",
        "travel agent",
    ]
    # The providers themselves get no instructions for the stand-in.
    assert len(llm_server.requests) >= 3
    headers = {name for request in llm_server.requests for name in request["headers"]}
    assert not [name for name in headers if name.startswith("x-stub")]


def test_otlp_does_not_keep_the_traces_from_the_stand_in(tmp_path: Path) -> None:
    done = run_demo({"OPENLAYER_OTEL_OTLP": "true"}, tmp_path)
    assert TREES in without_durations(done.output)
    assert done.errors == ""


def test_when_publishing_is_off_it_does_not_claim_an_upload(
    child_environment: dict[str, str], openlayer_server: OpenlayerServer, tmp_path: Path
) -> None:
    done = run_demo({**child_environment, "OPENLAYER_DISABLE_PUBLISH": "true"}, tmp_path)
    assert "Uploaded" not in done.output
    assert (
        "Not uploaded to Openlayer: publishing is off (OPENLAYER_DISABLE_PUBLISH)." in done.output
    )
    assert "travel agent  agent" in done.output
    assert openlayer_server.traces == []


def test_without_the_sdks_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "anthropic", None)
    assert demo.run(argparse.Namespace()) == 1
    said = capsys.readouterr().err
    assert "anthropic" in said
    assert "pip install 'openlayer-otel[all]'" in said


def test_a_tree_shows_the_first_line_of_long_texts_only() -> None:
    step = {
        "name": "root",
        "type": "user_call",
        "latency": 3.4,
        "inputs": {"prompt": [{"role": "user", "content": "one\ntwo"}]},
        "output": "x" * 500,
        "metadata": {},
        "steps": [],
    }
    assert format_trace({"steps": [step]}) == "\n".join(
        ["root  user_call  3 ms", "   in   one", "   out  " + "x" * 71 + "…"]
    )
