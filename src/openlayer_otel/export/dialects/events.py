"""Content on span events, as the conventions had it before v1.37 and some packages still do.

Sources: semantic-conventions v1.27 (``gen_ai.content.prompt``/``.completion``), v1.28 to
v1.36 (``gen_ai.<role>.message``, ``gen_ai.choice``), current
(``gen_ai.client.inference.operation.details``). Content in *log records* is not on the span
and cannot be read here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.export.reading import Reading, decoded
from openlayer_otel.export.shapes import message_of, messages_of
from openlayer_otel.genai.messages import Message

_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_DETAILS = (
    semconv.INPUT_MESSAGES,
    semconv.OUTPUT_MESSAGES,
    semconv.SYSTEM_INSTRUCTIONS,
    semconv.TOOL_DEFINITIONS,
)


def content_of_events(events: Iterable[tuple[str, Mapping[str, Any]]]) -> Reading:
    """The messages that events carry.

    Args:
        events: Name and attributes (or body fields) of each event, oldest first.
    """
    inputs: list[Message] = []
    outputs: list[Message] = []
    found: Reading = {}
    for name, fields in events:
        if name == semconv.EVENT_OPERATION_DETAILS:
            for attribute in _DETAILS:
                if fields.get(attribute) is not None:
                    found[attribute] = fields[attribute]
        elif name in _ROLES:
            inputs.append(_message(fields, _ROLES[name]))
            answer = fields.get("tool.result")
            if answer is not None:
                inputs.extend(messages_of(answer, "tool"))
        elif name == "gen_ai.choice":
            outputs.append(_choice(fields))
        elif name == "gen_ai.content.prompt":
            inputs.extend(messages_of(fields.get("gen_ai.prompt")))
        elif name == "gen_ai.content.completion":
            outputs.extend(messages_of(fields.get("gen_ai.completion"), "assistant"))
    if inputs:
        found.setdefault(semconv.INPUT_MESSAGES, inputs)
    if outputs:
        found.setdefault(semconv.OUTPUT_MESSAGES, outputs)
    return found


def _message(fields: Mapping[str, Any], role: str) -> Message:
    body = {key: decoded(value) for key, value in fields.items() if "." not in key}
    body.setdefault("role", role)
    return message_of(body, role)


def _choice(fields: Mapping[str, Any]) -> Message:
    said = decoded(fields.get("message"))
    if isinstance(said, dict) and "content" not in said and "tool_calls" not in said:
        made = message_of({"role": "assistant", "content": [said]})
    elif isinstance(said, dict):
        made = message_of({"role": "assistant", **said}, "assistant")
    else:
        body = {"role": "assistant", "content": said}
        calls = decoded(fields.get("tool_calls"))
        made = message_of({**body, "tool_calls": calls} if calls else body)
    reason = fields.get("finish_reason")
    if isinstance(reason, str):
        made["finish_reason"] = reason
    return made
