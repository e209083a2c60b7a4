"""Values for the trace as a whole: its row at Openlayer, whichever step they come from.

They are attributes ``openlayer.trace.*`` of the outermost step that is still recorded; the
exporter looks for them on every span of a trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.content import ContentPolicy
from openlayer_otel.genai.encoding import from_json, to_json
from openlayer_otel.tracing.recording import Step, json_object


def row_step(step: Step) -> Step:
    """The step whose span carries the row's values: the root, or ``step`` when that is over."""
    return step if step.root.is_over or not step.root.recording else step.root


def put_column(step: Step, column: str, value: Any) -> None:
    """Make ``value`` a column of the row, named ``column``, if content is recorded."""
    row_step(step).put_content(f"{semconv.TRACE_COLUMN_PREFIX}{column}", value)


def merged(existing: object, values: Mapping[Any, Any], content: ContentPolicy) -> str:
    """``values`` merged into the JSON object ``existing``, as JSON text."""
    known = from_json(existing)
    members = {str(k): to_json(v) for k, v in known.items()} if isinstance(known, dict) else {}
    for key, value in dict(values).items():
        members[str(key)] = content.value(value).text
    return json_object(members)


def session_attributes(session_id: object = None, user_id: object = None) -> dict[str, str]:
    """The attributes of the spans of a session and a user; ``None`` leaves its own out.

    Args:
        session_id: The session; it is the GenAI conventions' conversation, too.
        user_id: The user.
    """
    found: dict[str, str] = {}
    if session_id is not None:
        found[semconv.SESSION_ID] = found[semconv.CONVERSATION_ID] = str(session_id)
    if user_id is not None:
        found[semconv.USER_ID] = str(user_id)
    return found
