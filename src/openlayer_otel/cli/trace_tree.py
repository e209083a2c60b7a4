"""A trace as a tree in the terminal.

It reads a *row*: one trace as it is uploaded to Openlayer, whose ``steps`` hold the root step,
each step with the ``steps`` below it. So what is printed is what Openlayer gets. ::

    travel agent  agent  412 ms
    │  in   {"question": "What should I wear in Paris?"}
    │  out  Take a light jacket.
    ├─ chat gpt-4o-mini  chat_completion  gpt-4o-mini  120 ms  11 → 5 tokens
    │     in   What should I wear in Paris?
    │     out  get_weather({"city": "Paris"})
    └─ lookup  tool  3 ms  ✗ ValueError
          in   {"city": "Atlantis"}
          err  no such city
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_TEXT_WIDTH = 72  # characters of an input or output that fit beside the tree

Json = dict[str, Any]


def format_trace(row: Json) -> str:
    """The trace of one uploaded row as lines of text."""
    lines: list[str] = []
    for root in row.get("steps", []):
        lines += _step_lines(root, first="", rest="")
    return "\n".join(lines)


def _step_lines(step: Json, *, first: str, rest: str) -> Iterator[str]:
    """The lines of ``step`` and of all steps below it.

    Args:
        first: What stands before the step's first line.
        rest: What stands before its other lines.
    """
    yield first + "  ".join(_heading(step))
    children = step.get("steps") or []
    inner = rest + ("│  " if children else "   ")
    metadata = step.get("metadata") or {}
    for label, value in (
        ("in ", step.get("inputs")),
        ("out", step.get("output")),
        ("err", metadata.get("Exceptions")),
    ):
        text = first_line(value)
        if text:
            yield f"{inner}{label}  {text}"
    for position, child in enumerate(children):
        last = position == len(children) - 1
        branch, below = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _step_lines(child, first=rest + branch, rest=rest + below)


def _heading(step: Json) -> Iterator[str]:
    yield str(step.get("name"))
    yield str(step.get("type"))
    if step.get("model"):
        yield str(step["model"])
    yield f"{step.get('latency') or 0:.0f} ms"
    prompt, completion = step.get("promptTokens"), step.get("completionTokens")
    if prompt or completion:
        yield f"{prompt or 0} → {completion or 0} tokens"
    metadata = step.get("metadata") or {}
    if metadata.get("Exceptions") or metadata.get("errorType"):
        yield f"✗ {metadata.get('errorType') or 'failed'}"


def first_line(value: Any) -> str:
    """The first line of an input or output, short enough for the terminal; "" if there is none."""
    return _shortened(_text(value))


def _shortened(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= _TEXT_WIDTH else line[: _TEXT_WIDTH - 1] + "…"


def _text(value: Any) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("prompt"), list):
        return _last_message(value["prompt"])
    return json.dumps(value, ensure_ascii=False, default=str)


def _last_message(messages: list[Any]) -> str:
    """The newest message of a conversation: the one that the model was asked to answer."""
    last = messages[-1] if messages else ""
    content = last.get("content") if isinstance(last, dict) else last
    return content if isinstance(content, str) else json.dumps(last, ensure_ascii=False)
