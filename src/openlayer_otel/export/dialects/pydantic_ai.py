"""Pydantic AI and Logfire's LLM integrations.

Source: ``pydantic_ai`` 2.68 (``_instrumentation.py``, ``models/instrumented.py``; versions 2
to 5 of its instrumentation) and 1.x (``events``, ``all_messages_events``); Logfire's
``request_data`` and ``response_data``.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from openlayer_otel import semconv
from openlayer_otel.export.dialects.events import content_of_events
from openlayer_otel.export.dialects.genai import current_names
from openlayer_otel.export.dialects.left_out import scope_of
from openlayer_otel.export.dialects.openinference import PARAMETERS
from openlayer_otel.export.reading import STREAM_BEGUN, STREAM_ENDED, Reading, decoded
from openlayer_otel.export.shapes import messages_of

_PYDANTIC_AI = "pydantic-ai"
_LOGFIRE = ("logfire.openai", "logfire.anthropic")
_OF_ANSWERS = ("gen_ai.response.", "gen_ai.usage.", "gen_ai.output.", "response_data")


def speaks(scope: str, names: Collection[str]) -> bool:
    """See :class:`~openlayer_otel.export.dialects.Dialect`."""
    return scope == _PYDANTIC_AI or scope in _LOGFIRE


def read(span: ReadableSpan) -> Reading | None:
    """A span of the scopes ``pydantic-ai``, ``logfire.openai`` and ``logfire.anthropic``."""
    scope = scope_of(span)
    return _pydantic_ai(span) if scope == _PYDANTIC_AI else _logfire(span, scope)


def _pydantic_ai(span: ReadableSpan) -> Reading | None:
    reading = current_names(span)
    operation = reading.get(semconv.OPERATION_NAME)
    if operation is None:
        operation = _operation(span.name, reading)
        if operation is None:
            return None
        reading[semconv.OPERATION_NAME] = operation
    if "tool_arguments" in reading:
        reading.setdefault(semconv.TOOL_CALL_ARGUMENTS, reading.pop("tool_arguments"))
    if "tool_response" in reading:
        reading.setdefault(semconv.TOOL_CALL_RESULT, reading.pop("tool_response"))
    if isinstance(reading.get("agent_name"), str):
        reading.setdefault(semconv.AGENT_NAME, reading["agent_name"])
    if semconv.INPUT_MESSAGES not in reading:
        reading.update(_listed_events(reading))
    if operation == semconv.INVOKE_AGENT:
        _read_run(reading)
    parameters = decoded(reading.get("model_request_parameters"))
    if isinstance(parameters, dict) and parameters.get("function_tools"):
        tools = [
            {
                "type": "function",
                "name": each.get("name"),
                "description": each.get("description"),
                "parameters": each.get("parameters_json_schema"),
            }
            for each in parameters["function_tools"]
            if isinstance(each, dict)
        ]
        reading.setdefault(semconv.TOOL_DEFINITIONS, tools)
    return reading


def _operation(name: str, reading: Reading) -> str | None:
    if name == "agent run" or "agent_name" in reading:
        return semconv.INVOKE_AGENT
    if semconv.TOOL_NAME in reading:
        return semconv.EXECUTE_TOOL
    return semconv.CHAT if name.startswith("chat ") else None


def _listed_events(reading: Reading) -> Reading:
    """``events``: a JSON list of the events that the conventions had until v1.36."""
    events = decoded(reading.get("events") or reading.get("all_messages_events"))
    if not isinstance(events, list):
        return {}
    return content_of_events(
        (str(each.get("event.name")), each) for each in events if isinstance(each, dict)
    )


def _read_run(reading: Reading) -> None:
    """An agent run: its whole conversation, of which the last word is the result."""
    said = reading.get("pydantic_ai.all_messages")
    if said is not None:
        messages = messages_of(said)
        if messages and messages[-1].get("role") == "assistant":
            reading.setdefault(semconv.OUTPUT_MESSAGES, messages[-1:])
            messages = messages[:-1]
        reading.setdefault(semconv.INPUT_MESSAGES, messages)
    if reading.get("final_result") is not None:
        reading.setdefault(semconv.STEP_OUTPUT, reading["final_result"])
    if reading.get("metadata") is not None:
        reading.setdefault(semconv.STEP_METADATA, reading["metadata"])


def _logfire(span: ReadableSpan, scope: str) -> Reading | None:
    reading = current_names(span)
    # The span of a stream ends before the stream begins; a log beside it tells the rest.
    asked = f"{reading.get('request_data')}{reading.get(semconv.INPUT_MESSAGES)}"
    request = decoded(reading.get("request_data"))
    if not isinstance(request, dict) and semconv.OPERATION_NAME not in reading:
        return None
    reading.setdefault(semconv.OPERATION_NAME, semconv.CHAT)
    reading.setdefault(semconv.PROVIDER_NAME, scope.rpartition(".")[2])
    if isinstance(request, dict):
        for name, attribute in PARAMETERS.items():
            if request.get(name) is not None:
                reading.setdefault(attribute, request[name])
        if isinstance(request.get("model"), str):
            reading.setdefault(semconv.REQUEST_MODEL, request["model"])
        messages: Any = request.get("messages") or request.get("input")
        if messages:
            reading.setdefault(semconv.INPUT_MESSAGES, messages_of(messages))
        if request.get("system") or request.get("instructions"):
            given = request.get("system") or request.get("instructions")
            reading.setdefault(semconv.SYSTEM_INSTRUCTIONS, given)
    response = decoded(reading.get("response_data"))
    if isinstance(response, dict):
        answer = response.get("message") or response.get("combined_chunk_content")
        if answer:
            reading.setdefault(semconv.OUTPUT_MESSAGES, messages_of(answer, "assistant"))
    if reading.get("logfire.span_type") == "log":
        reading[STREAM_ENDED] = asked
    elif span.status.status_code is not StatusCode.ERROR and not _answered(reading):
        reading[STREAM_BEGUN] = asked
    return reading


def _answered(reading: Reading) -> bool:
    return any(name.startswith(_OF_ANSWERS) for name in reading)
