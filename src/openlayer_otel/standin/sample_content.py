"""What the stand-in models say: the same words, objects and tool calls in every API."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from openlayer_otel.standin.exchange import Json, Request, Steering

CREATED = 1763800000
"""The time of every answer, in seconds since 1970: answers do not depend on the clock."""

_WORDS = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor "
REFUSAL = "I cannot help with that."
THINKING = "let me think"
INPUT_TOKENS = 11
CACHED_TOKENS = 3
REASONING_TOKENS = 2


class ToolCall(NamedTuple):
    """A tool call of a stand-in model."""

    id: str
    name: str
    arguments: Json


_TOOL_CALLS = (
    ToolCall("call_1", "get_weather", {"city": "Paris", "unit": "c"}),
    ToolCall("call_2", "get_time", {"tz": "Europe/Paris"}),
)


def text_pieces(steering: Steering) -> list[str]:
    """The answer's text, in the pieces that a stream sends."""
    given = steering.text("text")
    if given is not None:
        return cut(given, steering.chunks)
    count, size = steering.chunks, steering.chunk_chars
    text = _WORDS * (count * size // len(_WORDS) + 2)
    return [text[start : start + size] for start in range(0, count * size, size)]


def text(steering: Steering) -> str:
    """The answer's text."""
    return "".join(text_pieces(steering))


def cut(whole: str, count: int) -> list[str]:
    """``whole`` in at most ``count`` pieces of one size (the last may be shorter)."""
    size = max(1, -(-len(whole) // max(1, count)))
    return [whole[start : start + size] for start in range(0, len(whole), size)]


def sample_object(steering: Steering) -> Json:
    """The answer to a request for structured output."""
    return {"name": "Ada", "age": 36, "text": text(steering).strip()[:40]}


def mode(request: Request) -> str:
    """The kind of answer: the steering's ``mode``, or what the request's own fields ask for."""
    steered = request.steering.text("mode")
    if steered:
        return steered
    body = request.body
    formats = (
        body.get("response_format"),
        (body.get("text") or {}).get("format"),
        (body.get("output_config") or {}).get("format"),
        body.get("output_format"),
    )
    wanted = {each.get("type") for each in formats if isinstance(each, dict)}
    return "json" if wanted & {"json_schema", "json_object"} else "text"


def tool_calls(request: Request) -> list[ToolCall]:
    """The tool calls of a ``tool`` or ``tools2`` answer, named as the request's own tools are."""
    calls = _TOOL_CALLS if request.steering.text("mode") == "tools2" else _TOOL_CALLS[:1]
    offered = [_tool_name(each) for each in request.body.get("tools") or []]
    names = [name for name in offered if name]
    if not names:
        return list(calls)
    return [call._replace(name=names[k % len(names)]) for k, call in enumerate(calls)]


def _tool_name(tool: Any) -> str | None:
    if not isinstance(tool, dict):
        return None
    function = tool.get("function", tool)
    return function.get("name") if isinstance(function, dict) else None


def json_text(value: Any) -> str:
    """``value`` as a model writes JSON."""
    return json.dumps(value)
