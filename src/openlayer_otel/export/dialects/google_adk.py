"""Google's Agent Development Kit (scope ``gcp.vertex.agent``).

Source: ``google.adk.telemetry.tracing`` 2.13. Its ``call_llm`` span holds request and response
as Gemini's JSON, with the usage; that of the span's attributes, and of the ``generate_content``
span inside it, may leave out the thoughts. The two spans become one step.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel import semconv
from openlayer_otel.export.dialects.genai import current_names
from openlayer_otel.export.dialects.left_out import LEFT_OUT
from openlayer_otel.export.provider_names import openlayer_provider
from openlayer_otel.export.reading import (
    ONE_CALL,
    WHOLE_USAGE,
    Reading,
    count_of,
    decoded,
    text_of,
)
from openlayer_otel.export.shapes import message_of, parts_of

_PREFIX = "gcp.vertex.agent."
_SETTINGS = {
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "top_k": semconv.REQUEST_TOP_K,
    "max_output_tokens": semconv.REQUEST_MAX_TOKENS,
    "stop_sequences": semconv.REQUEST_STOP_SEQUENCES,
    "seed": semconv.REQUEST_SEED,
}
# How the name of a model begins that is Google's whole path of it, not LiteLLM's provider/model.
_PATHS = ("projects/", "publishers/", "models/", "endpoints/")
_NOTHING: tuple[Any, ...] = ({}, None, "<not specified>", "N/A", "<not serializable>")


def speaks(scope: str, names: Collection[str]) -> bool:
    """See :class:`~openlayer_otel.export.dialects.Dialect`."""
    return scope == "gcp.vertex.agent"


def read(span: ReadableSpan) -> Reading | None:
    """Agents, tools and model calls; ``invocation`` and the sending of data are left out."""
    reading = current_names(span)
    if span.name == "call_llm":
        reading[semconv.OPERATION_NAME] = semconv.GENERATE_CONTENT
        reading[ONE_CALL] = True
    if semconv.OPERATION_NAME not in reading:
        return LEFT_OUT
    if _served_elsewhere((text_of(reading, semconv.REQUEST_MODEL) or "").lower()):
        reading.pop(semconv.PROVIDER_NAME, None)
    session = reading.get(_PREFIX + "session_id")
    if isinstance(session, str):
        reading.setdefault(semconv.SESSION_ID, session)
    if reading.get(semconv.TOOL_CALL_ID) in _NOTHING:
        reading.pop(semconv.TOOL_CALL_ID, None)
    for name, attribute in (
        ("tool_call_args", semconv.TOOL_CALL_ARGUMENTS),
        ("tool_response", semconv.TOOL_CALL_RESULT),
    ):
        value = decoded(reading.get(_PREFIX + name))
        if value not in _NOTHING:
            reading.setdefault(attribute, value)
    _read_request(decoded(reading.get(_PREFIX + "llm_request")), reading)
    _read_response(decoded(reading.get(_PREFIX + "llm_response")), reading)
    return reading


def _served_elsewhere(model: str) -> bool:
    """Whether a model is not Google's: ADK's spans name Google, whoever serves it (``LiteLlm``).

    Then the model's name tells who does, or a span inside that knows.
    """
    if "gemini" in model or model.startswith(_PATHS):
        return False
    return "/" in model or openlayer_provider(None, model) is not None


def _read_request(request: Any, reading: Reading) -> None:
    if not isinstance(request, dict) or not request:
        return
    contents = request.get("contents")
    if isinstance(contents, list):
        reading.setdefault(semconv.INPUT_MESSAGES, [message_of(each) for each in contents])
    config = request.get("config")
    if not isinstance(config, dict):
        return
    system = config.get("system_instruction")
    if system:
        parts = system.get("parts") if isinstance(system, dict) else system
        reading.setdefault(semconv.SYSTEM_INSTRUCTIONS, parts_of(parts))
    for name, attribute in _SETTINGS.items():
        if config.get(name) is not None:
            reading.setdefault(attribute, config[name])


def _read_response(response: Any, reading: Reading) -> None:
    if not isinstance(response, dict) or not response:
        return
    content = response.get("content")
    if isinstance(content, dict):
        reading.setdefault(semconv.OUTPUT_MESSAGES, [message_of(content, "assistant")])
    usage = response.get("usage_metadata")
    if isinstance(usage, dict):
        _read_usage(usage, reading)


def _read_usage(usage: dict[str, Any], reading: Reading) -> None:
    """The counts of the answer, which are more than ADK's own attributes say."""
    prompt = count_of(usage, "prompt_token_count")
    if prompt is None:
        return
    output = count_of(usage, "candidates_token_count") or 0
    thoughts = count_of(usage, "thoughts_token_count")
    # Gemini counts thoughts apart from the candidates' tokens; both are output. With other
    # models, ADK has the whole output as candidates (``models/lite_llm.py``): the total tells.
    if count_of(usage, "total_token_count") != prompt + output:
        output += thoughts or 0
    for name, count in (
        (semconv.USAGE_INPUT_TOKENS, prompt),
        (semconv.USAGE_OUTPUT_TOKENS, output),
        (semconv.USAGE_REASONING_OUTPUT_TOKENS, thoughts),
        (semconv.USAGE_CACHE_READ_INPUT_TOKENS, count_of(usage, "cached_content_token_count")),
    ):
        if count is not None:
            reading[name] = count
    reading[WHOLE_USAGE] = True
