"""What only newer SDKs have: decisions, videos, agent sessions, other providers."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.support.span_log import SpanLog, json_attribute

pytestmark = pytest.mark.matrix

USAGE = {
    "input_tokens": 3,
    "output_tokens": 2,
    "total_tokens": 5,
    "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}
SESSION = {
    "id": "sess_1",
    "object": "agent.session",
    "agent": {"id": "agent_1", "name": "helper", "model": "gpt", "tools": []},
    "status": "in_progress",
}


def _resource(client: Any, path: str) -> Any:
    for name in path.split("."):
        client = getattr(client, name, None)
    if client is None:
        pytest.skip(f"openai {openai.__version__} has no {path}")
    return client


def test_a_decision_is_recorded_with_its_questions_and_answers(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    answers = [{"type": "predicate", "name": "spam", "probability": 0.9}]
    client = transport({"model": "luna-1", "answers": answers, "usage": USAGE})
    questions = [{"type": "predicate", "name": "spam", "question": "Is it spam?"}]
    _resource(client, "decisions").create(model="luna", input="Buy!", questions=questions)
    span = instrumented.only()
    assert span.name == "decision luna"
    assert (span.attributes or {})["gen_ai.usage.output_tokens"] == 2
    assert json_attribute(span, "openlayer.step.output") == answers
    assert "Is it spam?" in str((span.attributes or {})["gen_ai.system_instructions"])


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("create", {"model": "sora", "prompt": "a cat", "seconds": "4"}),
        ("remix", {"video_id": "video_0", "prompt": "a dog"}),
    ],
)
def test_an_ordered_video_is_a_job_without_tokens(
    method: str, arguments: Any, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    client = transport({"id": "video_1", "object": "video", "model": "sora", "status": "queued"})
    getattr(_resource(client, "videos"), method)(**arguments)
    span = instrumented.only()
    attributes = dict(span.attributes or {})
    assert span.name.startswith("generate_content")
    assert attributes["gen_ai.output.type"] == "video"
    assert attributes["gen_ai.response.id"] == "video_1"
    assert not [name for name in attributes if "usage" in name]


def test_how_a_picture_is_drawn_is_kept_with_the_parameters(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    given: dict[str, Any] = {
        "complexity": "high",
        "frame_count": 4,
        "frame_duration_ms": 100,
        "svg": {"model": "gpt-5", "reasoning": {"effort": "low"}},
    }
    transport({"created": 1, "data": []}).images.generate(prompt="p", extra_body=given)
    parameters = (instrumented.only().attributes or {})["openlayer.request.parameters"]
    assert json.loads(str(parameters)) == given


def test_a_streamed_agent_session_tells_what_the_agent_did(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    item = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "turn_id": "t",
        "content": [{"type": "output_text", "text": "done", "annotations": []}],
    }
    kind = "agent.session"
    at = {"event_id": "e", "session_id": "sess_1", "turn_id": "t"}
    turn = {"id": "t", "status": "completed", "usage": USAGE}
    events = [
        {"type": f"{kind}.created", "event_id": "e", "session": SESSION},
        {"type": f"{kind}.turn.output_text.delta", **at, "delta": "do"},
        {"type": f"{kind}.turn.item.done", **at, "output_index": 0, "item": item},
        {"type": f"{kind}.turn.completed", **at, "turn": turn, "usage": USAGE},
        {"type": f"{kind}.idle", "event_id": "e", "session": {**SESSION, "status": "idle"}},
    ]
    sessions = _resource(transport(events), "beta.agents.sessions")
    agent = {"model": "gpt", "instructions": "Help."}
    options = {"environment": {"type": "none"}, "agent": agent, "input": "go", "stream": True}
    with sessions.create(**options) as stream:
        assert len(list(stream)) == len(events)
    span = instrumented.only()
    attributes = span.attributes or {}
    assert span.name == "invoke_agent"
    assert attributes["gen_ai.conversation.id"] == "sess_1"
    assert attributes["gen_ai.agent.name"] == "helper"
    assert attributes["gen_ai.usage.input_tokens"] == 3
    (message,) = json_attribute(span, "gen_ai.output.messages")
    assert message["parts"] == [{"type": "text", "content": "done"}]


def test_a_client_of_another_provider_says_so(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    try:
        bedrock = importlib.import_module("openai.providers.bedrock").bedrock
    except ModuleNotFoundError:
        pytest.skip(f"openai {openai.__version__} has no provider=")
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []}
    provider = bedrock(region="us-east-1", api_key="token")
    client = transport(answer, api_key=None, provider=provider)
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    assert (instrumented.only().attributes or {})["gen_ai.provider.name"] == "aws.bedrock"


def test_a_response_that_is_fetched_from_its_midst_is_read_as_far_as_it_comes(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    place = {"item_id": "i", "content_index": 0}
    pieces = [
        ("output_text", 0, "hel"),
        ("output_text", 0, "lo"),
        ("mcp_call_arguments", 1, "{}"),
        ("code_interpreter_call_code", 2, "1 + 1"),
    ]
    client = transport(
        [
            {"type": f"response.{kind}.delta", **place, "output_index": index, "delta": delta}
            for kind, index, delta in pieces
        ]
    )
    retrieve = _resource(client, "responses.retrieve")
    if "starting_after" not in inspect.signature(retrieve).parameters:
        pytest.skip(f"openai {openai.__version__} streams no response again")
    list(retrieve("resp_1", stream=True, starting_after=7))
    (message,) = json_attribute(instrumented.only(), "gen_ai.output.messages")
    text, remote, code = message["parts"]
    assert text == {"type": "text", "content": "hello"}
    assert remote["server_tool_call"] == {"type": "mcp", "server_label": None, "arguments": {}}
    assert code["server_tool_call"] == {"type": "code_interpreter", "code": "1 + 1"}
