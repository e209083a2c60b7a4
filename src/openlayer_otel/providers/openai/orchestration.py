"""Items of the Responses API with which the provider runs tools and agents by itself.

A *program* is code of the model's that the provider runs, and that calls tools; a *multi-agent
call* is what one agent of a response does with the others. The provider answers both, in an item
of its own: unlike what the application answers, that stays in the model's turn.
Source: OpenAI API reference, "Create a model response", ``output``; beta: multi-agent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.encoding import from_json
from openlayer_otel.genai.messages import Part

Item = dict[str, Any]
_PROGRAM = "program"
_MULTI_AGENT = "multi_agent"


def _id(item: Item) -> Any:
    """What call and answer have in common."""
    return item.get("call_id") or item.get("id")


def _program(item: Item) -> tuple[str, list[Part]]:
    call = {"type": _PROGRAM, "code": item.get("code")}  # its fingerprint says nothing to a reader
    return "assistant", [shape.server_tool_call(_id(item), _PROGRAM, call)]


def _program_output(item: Item) -> tuple[str, list[Part]]:
    answer = {"type": _PROGRAM, "result": item.get("result"), "status": item.get("status")}
    return "assistant", [shape.server_tool_call_response(_id(item), answer)]


def _multi_agent_call(item: Item) -> tuple[str, list[Part]]:
    call = {"type": _MULTI_AGENT, "action": item.get("action")}
    call["arguments"] = from_json(item.get("arguments"))
    return "assistant", [shape.server_tool_call(_id(item), _MULTI_AGENT, _by_agent(call, item))]


def _multi_agent_output(item: Item) -> tuple[str, list[Part]]:
    answer = {"type": _MULTI_AGENT, "action": item.get("action"), "output": item.get("output")}
    texts = [_text(each) for each in item["output"]] if isinstance(item.get("output"), list) else []
    if texts and all(isinstance(text, str) for text in texts):
        answer["output"] = "".join(map(str, texts))
    return "assistant", [shape.server_tool_call_response(_id(item), _by_agent(answer, item))]


def _by_agent(made: dict[str, Any], item: Item) -> dict[str, Any]:
    """``made``, and which agent did it."""
    return made if item.get("agent") is None else {**made, "agent": item["agent"]}


def _text(part: Any) -> Any:
    return part.get("text") if isinstance(part, dict) else None


ORCHESTRATION: dict[str, Callable[[Item], tuple[str, list[Part]]]] = {
    "program": _program,
    "program_output": _program_output,
    "multi_agent_call": _multi_agent_call,
    "multi_agent_call_output": _multi_agent_output,
}
"""Type of an item -> its role and parts."""
