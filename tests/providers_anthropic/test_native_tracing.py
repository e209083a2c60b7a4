"""The SDK's own tracing beside ours, in real processes with a global tracer provider."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import _base_client

ROOT = Path(__file__).resolve().parents[2]
OURS = "openlayer_otel"
NATIVE = "com.anthropic.sdk.python"

pytestmark = pytest.mark.skipif(
    not hasattr(_base_client, "start_api_call_span"),
    reason="this version of the SDK does not trace itself",
)

Scenario = dict[str, Any]


def run(configuration: str, path: Path | None = None) -> tuple[dict[str, Scenario], str]:
    """What each scenario left, and what the process wrote to its log."""
    places = [str(ROOT), *([str(path)] if path else [])]
    done = subprocess.run(
        [sys.executable, "-m", "tests.providers_anthropic.native_program", configuration],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(reversed(places))},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@lru_cache
def seen(configuration: str) -> dict[str, Scenario]:
    """What each scenario left; nothing was logged."""
    scenarios, log = run(configuration)
    assert log == ""
    return scenarios


def scopes(spans: list[Any]) -> list[tuple[str, str]]:
    return [(each["scope"], each["name"]) for each in spans]


def generations(spans: list[Any]) -> list[Any]:
    return [each for each in spans if each["operation"] == "chat"]


def tree(spans: list[Any]) -> list[Any]:
    """The names of the spans as nested lists."""
    known = {each["id"] for each in spans}

    def branch(parent: Any) -> list[Any]:
        below = [each for each in spans if each["parent"] == parent["id"]]
        return [parent["name"], *map(branch, below)]

    return [branch(each) for each in spans if each["parent"] not in known]


ONE_CALL = [
    "create",
    "create_async",
    "below_a_span",
    "stream",
    "stream_async",
    "stream_left",
    "helper",
    "beta",
    "raw",
    "streaming_response",
    "failing",
    "client_made_before",
    "switched_off",
    "without_propagation",
]


@pytest.mark.matrix
@pytest.mark.parametrize("scenario", ONE_CALL)
def test_one_call_has_one_span_and_it_is_ours(scenario: str) -> None:
    found = seen("openlayer")[scenario]
    assert found["open"] == []
    [span] = generations(found["spans"])
    assert span["scope"] == OURS
    assert [each for each in found["spans"] if each["scope"].startswith(NATIVE)] == []


@pytest.mark.matrix
@pytest.mark.parametrize("scenario", ONE_CALL)
def test_requests_carry_the_context_of_our_span_as_they_would_that_of_the_sdks(
    scenario: str,
) -> None:
    ours, native = seen("openlayer")[scenario], seen("native")[scenario]
    [sent], [sent_natively] = ours["headers"], native["headers"]
    assert sent.keys() == sent_natively.keys()
    different = {name for name in sent if sent[name] != sent_natively[name]}
    assert different <= {"traceparent", "host", "idempotency-key"}
    [span] = generations(ours["spans"])
    if scenario in ("switched_off", "without_propagation"):
        assert "traceparent" not in sent
    else:
        assert sent["traceparent"].split("-")[1:3] == [span["trace"], span["id"]]


def test_our_span_is_a_child_of_the_applications() -> None:
    assert tree(seen("openlayer")["below_a_span"]["spans"]) == [["application", ["chat claude-x"]]]


def test_suppressed_calls_have_no_span_at_all() -> None:
    assert seen("openlayer")["suppressed"]["spans"] == []


def test_a_call_that_a_sampler_drops_does_not_come_back_as_the_sdks() -> None:
    found = seen("sampled-out")["create"]
    assert found["spans"] == []
    flags = int(found["headers"][0]["traceparent"].split("-")[3], 16)
    assert flags & 1 == 0, "passed on as not sampled"


def test_counting_tokens_has_one_span() -> None:
    assert scopes(seen("openlayer")["count_tokens"]["spans"]) == [(OURS, "count_tokens claude-x")]


def test_the_sdks_spans_of_everything_else_stay() -> None:
    found = seen("openlayer")["other_endpoint"]["spans"]
    assert scopes(found) == [(NATIVE, "anthropic.messages.batches.retrieve")]


@pytest.mark.matrix
@pytest.mark.parametrize("scenario", ["tool_runner", "tool_runner_switched_off"])
def test_a_tool_runner_has_our_agent_and_tools_alone(scenario: str) -> None:
    chat = "chat claude-x;mode=tool"
    tool = ["execute_tool get_weather", ["in the tool"]]
    found = seen("openlayer")[scenario]["spans"]
    assert tree(found) == [["invoke_agent", [chat], tool, [chat]]]


def test_a_suppressed_tool_runner_does_not_come_back_as_the_sdks() -> None:
    assert scopes(seen("openlayer")["tool_runner_suppressed"]["spans"]) == [
        ("application", "in the tool")
    ]


# --- anthropic_tracing="sdk" ------------------------------------------------------------------


@pytest.mark.parametrize("scenario", [*ONE_CALL, "count_tokens", "other_endpoint", "tool_runner"])
def test_tracing_can_be_left_to_the_sdk(scenario: str) -> None:
    found, native = seen("sdk")[scenario], seen("native")[scenario]
    if scenario == "switched_off":
        assert [each["scope"] for each in generations(found["spans"])] == [OURS]
    else:
        assert scopes(found["spans"]) == scopes(native["spans"])


# --- A tracer provider that is not the global one ---------------------------------------------


@pytest.mark.parametrize("scenario", ONE_CALL)
def test_with_a_provider_of_its_own_one_call_still_has_one_span(scenario: str) -> None:
    found = seen("other-provider")[scenario]
    assert [each["scope"] for each in generations(found["other"])] == [OURS]
    assert generations(found["spans"]) == []


def test_with_a_provider_of_its_own_a_tool_runner_has_one_agent() -> None:
    found = seen("other-provider")["tool_runner"]
    chat, tool = "chat claude-x;mode=tool", "execute_tool get_weather"
    assert tree(found["other"]) == [["invoke_agent", [chat], [tool], [chat]]]
    assert scopes(found["spans"]) == [("application", "in the tool")]


# --- A version of the SDK that traces itself in another way -----------------------------------


def test_an_sdk_that_traces_itself_in_an_unknown_way_does_no_harm(tmp_path: Path) -> None:
    copy = tmp_path / "anthropic"
    shutil.copytree(
        Path(anthropic.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("_base_client.py", "_tracing.py"):
        text = (copy / name).read_text()
        (copy / name).write_text(text.replace("start_api_call_span", "open_api_call_span"))
    scenarios, log = run("openlayer", tmp_path)
    for scenario in ("create", "stream", "helper"):
        ours, native = sorted(
            generations(scenarios[scenario]["spans"]), key=lambda each: each["scope"] != OURS
        )
        assert (ours["scope"], native["scope"]) == (OURS, NATIVE)
        assert native["parent"] == ours["id"]
    assert log.count("ANTHROPIC_OPEN_TELEMETRY=false") == 1
