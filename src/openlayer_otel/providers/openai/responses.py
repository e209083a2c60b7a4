"""The Responses API: create, compact, retrieve, cancel and input tokens, also its beta twins.

Source: OpenAI API reference, "Responses"; conventions: client-inference, fetch-response.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import partial
from itertools import islice
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.encoding import clean_text
from openlayer_otel.genai.record import Endpoint, Record, read_request_fields
from openlayer_otel.providers.openai.chat_completions import read_output_type
from openlayer_otel.providers.openai.fields import (
    read_head,
    read_parameters,
    read_service_tier,
    read_streaming,
    set_text,
)
from openlayer_otel.providers.openai.messages import tool_definitions
from openlayer_otel.providers.openai.response_items import (
    CALLS_FOR_EITHER,
    content_parts,
    input_messages,
    output_parts,
    run_by_application,
)
from openlayer_otel.providers.openai.response_stream import ResponseStreamReader
from openlayer_otel.providers.openai.usage import read_usage

_REQUEST = {
    "temperature": (semconv.REQUEST_TEMPERATURE, float),
    "top_p": (semconv.REQUEST_TOP_P, float),
    "max_output_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "previous_response_id": (semconv.REQUEST_PREVIOUS_RESPONSE_ID, str),
}
_PARAMETERS = frozenset(
    {
        "background",
        "include",
        "max_tool_calls",
        "parallel_tool_calls",
        "reasoning",
        "store",
        "tool_choice",
        "top_logprobs",
        "truncation",
    }
)
# Requests with these fields only, as most are, need not be searched for the others.
_ORDINARY = _REQUEST.keys() | {"input", "instructions", "model", "tools"}
_INCOMPLETE = {
    "max_output_tokens": semconv.FINISH_LENGTH,
    "content_filter": semconv.FINISH_CONTENT_FILTER,
}
_COMPLETE = frozenset({"completed", "complete"})
_UNFINISHED = frozenset({"queued", "in_progress"})
# Calls that the application has to answer; some others it has to answer if they are its own.
_TOOL_CALLS = frozenset(
    {
        "apply_patch_call",
        "computer_call",
        "custom_tool_call",
        "function_call",
        "local_shell_call",
        "mcp_approval_request",
    }
)
_ANSWERABLE = _TOOL_CALLS | CALLS_FOR_EITHER
# A span has room for 128 attributes; what does not fit pushes out what came first.
_MAX_VARIABLES = 32
_COMPACTIONS = frozenset({"compaction", "compaction_summary"})


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """The request, field by field."""
    record.attributes[semconv.OPENAI_API_TYPE] = "responses"
    read_request_fields(body, _REQUEST, record)
    if not _ORDINARY.issuperset(body):
        _read_options(body, record)
    if record.with_content:
        if body.get("instructions"):
            record.system_instructions = _instructions(body["instructions"])
        record.input_messages = input_messages(body.get("input"))
        if body.get("tools"):
            record.tool_definitions = tool_definitions(body["tools"])


def _read_options(body: Mapping[str, Any], record: Record) -> None:
    read_streaming(body, record)
    read_service_tier(body, record)
    read_parameters(body, _PARAMETERS, record)
    _read_conversation(body.get("conversation"), record)
    reasoning = body.get("reasoning")
    if isinstance(reasoning, dict):
        set_text(record, semconv.REQUEST_REASONING_LEVEL, reasoning.get("effort"))
    text = body.get("text")
    if isinstance(text, dict):
        read_output_type(text.get("format"), record)
    prompt = body.get("prompt")
    if isinstance(prompt, dict):
        set_text(record, semconv.PROMPT_NAME, prompt.get("id"))
        set_text(record, semconv.PROMPT_VERSION, prompt.get("version"))
        if record.with_content:
            _read_variables(prompt.get("variables"), record)


def _read_variables(variables: Any, record: Record) -> None:
    """``prompt.variables``: what the prompt is filled with, each a text or a content part."""
    if isinstance(variables, dict) and variables:
        record.steps = {
            clean_text(f"{semconv.PROMPT_VARIABLE_PREFIX}{name}"): _variable(value)
            for name, value in islice(variables.items(), _MAX_VARIABLES)
            if value is not None
        }
        if len(variables) > _MAX_VARIABLES:
            record.attributes[semconv.CONTENT_TRUNCATED] = [semconv.PROMPT_VARIABLE_PREFIX + "*"]


def _variable(value: Any) -> Any:
    """A text, or where the value is none, a part: pictures and files are references."""
    if not isinstance(value, dict):
        return value
    (part,) = content_parts([value])
    return part["content"] if part["type"] == "text" else part


def _read_conversation(conversation: object, record: Record) -> None:
    """``conversation``: an id, or an object that holds it."""
    if isinstance(conversation, dict):
        conversation = conversation.get("id")
    set_text(record, semconv.CONVERSATION_ID, conversation)


def _instructions(instructions: Any) -> list[shape.Part] | None:
    """``instructions``: a text (in an answer also a list of input items)."""
    if isinstance(instructions, list):
        return [
            part
            for each in instructions
            if isinstance(each, dict)
            for part in content_parts(each.get("content"))
        ]
    return content_parts(instructions)


def read_response(body: Any, record: Record, *, counted: bool = True) -> None:
    """The response, field by field.

    Args:
        body: Its JSON.
        record: Filled.
        counted: Whether its tokens were used by this call, and not by an earlier one.
    """
    if not isinstance(body, dict):
        return
    read_head(body, record)
    if body.get("conversation"):
        _read_conversation(body["conversation"], record)
    output = body.get("output")
    kinds: set[str] = set()
    for item in output if isinstance(output, list) else ():
        if isinstance(item, dict):
            kinds.add(str(item.get("type")))
    reason = finish_reason(body, kinds)
    if reason is not None:
        record.attributes[semconv.RESPONSE_FINISH_REASONS] = [reason]
    if not kinds.isdisjoint(_COMPACTIONS):
        record.attributes[semconv.CONVERSATION_COMPACTED] = True
    if record.with_content:
        parts = output_parts(output)
        if parts:
            record.output_messages = [shape.output_message("assistant", parts, reason)]
    if counted:
        read_usage(body.get("usage"), record)


def finish_reason(body: Mapping[str, Any], kinds: Set[str]) -> str | None:
    """Why the model stopped, from ``status``; None while it has not stopped.

    A response has a status instead of a finish reason: ``completed`` is ``stop``, or
    ``tool_call`` if the application has to answer a call; ``incomplete`` names its reason.

    Args:
        body: The response.
        kinds: The types of its output's items.
    """
    details = body.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    if isinstance(reason, str) and reason:
        return _INCOMPLETE.get(reason, reason)
    status = body.get("status")
    status = status if isinstance(status, str) else None
    if status in _COMPLETE or (status is None and kinds):
        if not kinds.isdisjoint(_ANSWERABLE) and _asks_application(body.get("output")):
            return semconv.FINISH_TOOL_CALL
        return semconv.FINISH_STOP
    if status is None or status in _UNFINISHED:
        return None
    return status if status == "cancelled" else semconv.FINISH_ERROR


def _asks_application(items: Any) -> bool:
    """Whether one of the calls is the application's and waits for its answer.

    An agent that waits goes on in the same response once it is answered: then both are in it.
    """
    items = [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []
    answered = [_answered_call(item) for item in items]
    for item in items:
        kind = str(item.get("type"))
        if kind in _TOOL_CALLS or (kind in CALLS_FOR_EITHER and run_by_application(item)):
            call = item.get("call_id") or item.get("id")
            if call is None or call not in answered:
                return True
    return False


def _answered_call(item: dict[str, Any]) -> Any:
    """The call that an item answers; None if it answers none."""
    kind = str(item.get("type"))
    if kind == "mcp_approval_response":
        return item.get("approval_request_id")
    return item.get("call_id") if kind.endswith("_output") else None


def _read_compaction(body: Any, record: Record) -> None:
    """``/responses/compact``: the conversation that goes on in place of the old one."""
    if not isinstance(body, dict):
        return
    read_head(body, record)
    read_usage(body.get("usage"), record)
    output = body.get("output")
    if isinstance(output, list):
        record.attributes[semconv.CONVERSATION_COMPACTED] = True
        record.attributes[semconv.RESPONSE_FINISH_REASONS] = [semconv.FINISH_COMPACTION]
        if record.with_content:
            record.output_messages = input_messages(output)


def _read_fetch(body: Mapping[str, Any], record: Record) -> None:
    """A request that only names a response, in its path."""
    record.attributes[semconv.OPENAI_API_TYPE] = "responses"


def _read_token_count(body: Any, record: Record) -> None:
    """What a request would cost. Nothing was used, so it is no usage."""
    tokens = body.get("input_tokens") if isinstance(body, dict) else None
    if record.with_content and type(tokens) is int:
        record.steps = {semconv.STEP_OUTPUT: {"input_tokens": tokens}}


RESPONSES = Endpoint(
    operation=semconv.CHAT,
    request=read_request,
    response=read_response,
    stream=ResponseStreamReader,
    finish_reason_due=True,
)
COMPACT = Endpoint(operation=semconv.CHAT, request=read_request, response=_read_compaction)
FETCH_RESPONSE = Endpoint(
    operation=semconv.FETCH_RESPONSE,
    request=_read_fetch,
    # Its tokens were counted with the call that made it.
    response=partial(read_response, counted=False),
    stream=ResponseStreamReader,
)
INPUT_TOKENS = Endpoint(
    operation=semconv.COUNT_TOKENS, request=read_request, response=_read_token_count
)
