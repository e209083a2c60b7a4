"""Runs of the Assistants API (deprecated): an assistant works on a thread of messages.

A run goes on after the call that starts it: only a streamed run tells its answer and its
tokens. Polling a run (``runs.retrieve``) is no model call and has no span.
Source: OpenAI API reference, "Runs"; conventions: invoke-agent (client) span.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.record import Endpoint, Record, StreamReader, read_request_fields
from openlayer_otel.genai.text_buffer import TextBuffer
from openlayer_otel.providers.openai.chat_completions import read_output_type
from openlayer_otel.providers.openai.fields import (
    read_failure,
    read_head,
    read_parameters,
    read_streaming,
    set_text,
)
from openlayer_otel.providers.openai.messages import (
    chat_messages,
    content_parts,
    message_parts,
    tool_definitions,
)
from openlayer_otel.providers.openai.usage import read_usage

RUNS_PATH = re.compile(r"/threads/(runs|[^/]+/runs|[^/]+/runs/[^/]+/submit_tool_outputs)")
"""The API paths that set a run going: create, create-and-run, submit tool outputs."""

_REQUEST = {
    "model": (semconv.REQUEST_MODEL, str),
    "assistant_id": (semconv.AGENT_ID, str),
    "temperature": (semconv.REQUEST_TEMPERATURE, float),
    "top_p": (semconv.REQUEST_TOP_P, float),
    "max_completion_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "reasoning_effort": (semconv.REQUEST_REASONING_LEVEL, str),
}
_PARAMETERS = frozenset(
    {"max_prompt_tokens", "parallel_tool_calls", "tool_choice", "truncation_strategy"}
)
_FINISH_REASONS = {
    "completed": semconv.FINISH_STOP,
    "requires_action": semconv.FINISH_TOOL_CALL,
    "incomplete": semconv.FINISH_LENGTH,
    "failed": semconv.FINISH_ERROR,
    "cancelled": "cancelled",
    "expired": "expired",
}


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """The request, field by field."""
    read_request_fields(body, _REQUEST, record)
    read_streaming(body, record)
    read_parameters(body, _PARAMETERS, record)
    read_output_type(body.get("response_format"), record)
    if not record.with_content:
        return
    instructions = (body.get("instructions"), body.get("additional_instructions"))
    record.system_instructions = [
        shape.text(each) for each in instructions if isinstance(each, str) and each
    ]
    thread = body.get("thread")
    given = thread.get("messages") if isinstance(thread, dict) else body.get("additional_messages")
    record.input_messages = chat_messages(given) + _tool_outputs(body.get("tool_outputs"))
    record.tool_definitions = tool_definitions(body.get("tools"))


def _tool_outputs(outputs: Any) -> list[shape.Message]:
    """``tool_outputs``: what the tools answered that the run is waiting for."""
    if not isinstance(outputs, list):
        return []
    answers = [
        shape.tool_call_response(each.get("tool_call_id"), each.get("output"))
        for each in outputs
        if isinstance(each, dict)
    ]
    return [shape.message("tool", answers)]


def read_response(body: Any, record: Record) -> None:
    """The run, and the messages that came with it if it was streamed."""
    if not isinstance(body, dict):
        return
    read_head(body, record)
    set_text(record, semconv.CONVERSATION_ID, body.get("thread_id"))
    set_text(record, semconv.AGENT_ID, body.get("assistant_id"))
    read_usage(body.get("usage"), record)
    read_failure(body.get("error") or body.get("last_error"), record)
    reason = _FINISH_REASONS.get(str(body.get("status")))
    if reason is not None:
        record.attributes[semconv.RESPONSE_FINISH_REASONS] = [reason]
    if record.with_content:
        parts = [*_message_parts(body.get("messages")), *_wanted_calls(body)]
        if parts:
            record.output_messages = [shape.output_message("assistant", parts, reason)]


def _message_parts(messages: Any) -> list[shape.Part]:
    if not isinstance(messages, list):
        return []
    return [
        part
        for message in messages
        if isinstance(message, dict) and isinstance(message.get("content"), list)
        for block in message["content"]
        if isinstance(block, dict)
        for part in _block_parts(block)
    ]


def _block_parts(block: dict[str, Any]) -> list[shape.Part]:
    """A block of a message: text, or an image that the provider holds."""
    text = block.get("text")
    if isinstance(text, dict):
        return [shape.text(text.get("value"))]
    image = block.get("image_file")
    if isinstance(image, dict):
        return [shape.file(image.get("file_id"), "image")]
    return content_parts([block])


def _wanted_calls(body: Mapping[str, Any]) -> list[shape.Part]:
    """The tool calls that a run waits for."""
    action = body.get("required_action")
    wanted = action.get("submit_tool_outputs") if isinstance(action, dict) else None
    if not isinstance(wanted, dict):
        return []
    return message_parts({"tool_calls": wanted.get("tool_calls")})


class RunStreamReader(StreamReader):
    """Gathers the events of a run's stream, or what they carry, into the run.

    Args:
        content: Whether messages are gathered, too.
    """

    __slots__ = ("_content", "_error", "_messages", "_run", "_texts")

    def __init__(self, content: bool) -> None:
        self._content = content
        self._run: dict[str, Any] = {}
        self._error: Any = None
        # By id: the whole message once it is done, until then its text.
        self._messages: dict[str, Any] = {}
        self._texts: dict[str, TextBuffer] = {}

    def read(self, event: dict[str, Any]) -> None:
        """Take in one event; the SDK puts its name beside what it carries."""
        data = event["data"] if "event" in event and "data" in event else event
        if not isinstance(data, dict):
            return
        kind = data.get("object")
        if kind == "thread.message.delta":
            if self._content:
                self._read_delta(data)
        elif kind == "thread.run":
            self._run = data
        elif kind == "thread.message":
            if self._content and data.get("content"):
                key = str(data.get("id"))
                self._messages[key] = data
                self._texts.pop(key, None)
        elif kind is None and data.get("message") is not None:
            self._error = data

    def _read_delta(self, data: dict[str, Any]) -> None:
        key = str(data.get("id"))
        blocks = _field(data.get("delta"), "content")
        for block in blocks if isinstance(blocks, list) else ():
            piece = _field(_field(block, "text"), "value")
            if isinstance(piece, str):
                self._texts.setdefault(key, TextBuffer()).append(piece)

    def response(self) -> dict[str, Any]:
        """The run as far as it was received, with its messages."""
        made = dict(self._run)
        if self._error is not None:
            made["error"] = self._error
        parts = list(self._messages.values())
        parts += [
            {"content": [{"type": "text", "text": {"value": text.text()}}]}
            for text in self._texts.values()
        ]
        return {**made, "messages": parts} if parts else made


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


RUNS = Endpoint(
    operation=semconv.INVOKE_AGENT,
    request=read_request,
    response=read_response,
    stream=RunStreamReader,
    finish_reason_due=True,
    # The conventions name these spans after the agent, of which only an id is known.
    model=lambda body, path: None,
)
