"""``POST /agents/sessions`` (beta): an agent that OpenAI runs is set to work.

Only a streamed session tells its answer and its tokens. What later calls send to a session
(``sessions.events``) is no answer of a model and has no span.
Source: OpenAI API reference, "Agents"; conventions: invoke-agent (client) span.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.record import Endpoint, Record, StreamReader
from openlayer_otel.genai.text_buffer import TextBuffer
from openlayer_otel.providers.openai.fields import read_failure, read_streaming, set_text
from openlayer_otel.providers.openai.messages import tool_definitions
from openlayer_otel.providers.openai.response_items import input_messages, output_parts
from openlayer_otel.providers.openai.usage import read_usage

_TEXT = "agent.session.turn.output_text.delta"
_ITEM = "agent.session.turn.item.done"


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """Which agent, and what it shall do."""
    read_streaming(body, record)
    set_text(record, semconv.AGENT_ID, body.get("agent_id"))
    agent = body.get("agent")
    agent = agent if isinstance(agent, dict) else {}
    set_text(record, semconv.REQUEST_MODEL, agent.get("model"))
    set_text(record, semconv.AGENT_NAME, agent.get("name"))
    if record.with_content:
        instructions = agent.get("instructions")
        if isinstance(instructions, str) and instructions:
            record.system_instructions = [shape.text(instructions)]
        record.input_messages = input_messages(body.get("input"))
        record.tool_definitions = tool_definitions(agent.get("tools"))


def read_response(body: Any, record: Record) -> None:
    """The session, and what came with it if it was streamed."""
    if not isinstance(body, dict):
        return
    set_text(record, semconv.CONVERSATION_ID, body.get("id"))
    agent = body.get("agent")
    if isinstance(agent, dict):
        set_text(record, semconv.AGENT_ID, agent.get("id"))
        set_text(record, semconv.AGENT_NAME, agent.get("name"))
        set_text(record, semconv.RESPONSE_MODEL, agent.get("model"))
    read_usage(body.get("usage"), record)
    read_failure(body.get("error"), record)
    if record.with_content:
        parts = output_parts(body.get("output"))
        if parts:
            record.output_messages = [shape.output_message("assistant", parts, None)]


class SessionStreamReader(StreamReader):
    """Gathers ``AgentSessionEvent`` objects, or their JSON, into the session.

    Args:
        content: Whether the agent's items are gathered, too.
    """

    __slots__ = ("_content", "_error", "_items", "_session", "_text", "_usage")

    def __init__(self, content: bool) -> None:
        self._content = content
        self._session: Any = None
        self._usage: Any = None
        self._error: Any = None
        self._items: list[Any] = []
        # The text of the item that is not done.
        self._text = TextBuffer()

    def read(self, event: dict[str, Any]) -> None:
        """Take in one event."""
        kind = event.get("type")
        if kind == _TEXT:
            if self._content and isinstance(event.get("delta"), str):
                self._text.append(event["delta"])
        elif kind == _ITEM:
            self._text = TextBuffer()
            if self._content:
                self._items.append(event.get("item"))
        else:
            self._session = event.get("session") or self._session
            self._usage = event.get("usage") or self._usage
            turn = event.get("turn")
            turn_error = turn.get("error") if isinstance(turn, dict) else None
            self._error = event.get("error") or turn_error or self._error

    def response(self) -> dict[str, Any]:
        """The session as far as it was received."""
        made = dict(self._session) if isinstance(self._session, dict) else {}
        for name, value in (("usage", self._usage), ("error", self._error)):
            if value is not None:
                made[name] = value
        output = list(self._items)
        if self._text:
            output.append({"role": "assistant", "content": self._text.text()})
        return {**made, "output": output}


SESSIONS = Endpoint(
    operation=semconv.INVOKE_AGENT,
    request=read_request,
    response=read_response,
    stream=SessionStreamReader,
    # The conventions name these spans after the agent, of which mostly an id is known.
    model=lambda body, path: None,
)
