"""OpenInference (Arize Phoenix): ``openinference.span.kind`` and flattened ``llm.*`` names.

Source: ``openinference.semconv.trace`` 0.1.42. Token counts include cached input, as in the
conventions.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel import semconv
from openlayer_otel.export.dialects.flattened import listed, nested
from openlayer_otel.export.dialects.genai import COSTS
from openlayer_otel.export.reading import Reading, attributes_of, decoded, text_of
from openlayer_otel.export.shapes import message_of
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.messages import Message, Part

_KIND = "openinference.span.kind"
_KINDS = {
    "LLM": semconv.STEP_TYPE_CHAT_COMPLETION,
    "EMBEDDING": semconv.STEP_TYPE_EMBEDDING,
    "RETRIEVER": semconv.STEP_TYPE_RETRIEVER,
    "RERANKER": semconv.STEP_TYPE_RETRIEVER,
    "TOOL": semconv.STEP_TYPE_TOOL,
    "AGENT": semconv.STEP_TYPE_AGENT,
    "GUARDRAIL": semconv.STEP_TYPE_GUARDRAIL,
}
_OPERATIONS = {
    "LLM": semconv.CHAT,
    "EMBEDDING": semconv.EMBEDDINGS,
    "RETRIEVER": semconv.RETRIEVAL,
    "RERANKER": semconv.RETRIEVAL,
    "TOOL": semconv.EXECUTE_TOOL,
    "AGENT": semconv.INVOKE_AGENT,
}
_NAMES = {
    "llm.request.model_name": semconv.REQUEST_MODEL,
    "llm.response.model_name": semconv.RESPONSE_MODEL,
    "embedding.model_name": semconv.REQUEST_MODEL,
    "reranker.model_name": semconv.REQUEST_MODEL,
    "llm.token_count.prompt": semconv.USAGE_INPUT_TOKENS,
    "llm.token_count.completion": semconv.USAGE_OUTPUT_TOKENS,
    "llm.token_count.prompt_details.cache_read": semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    "llm.token_count.prompt_details.cache_input": semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    "llm.token_count.prompt_details.cache_write": semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    "llm.token_count.prompt_details.audio": semconv.USAGE_AUDIO_INPUT_TOKENS,
    "llm.token_count.completion_details.audio": semconv.USAGE_AUDIO_OUTPUT_TOKENS,
    "llm.token_count.completion_details.reasoning": semconv.USAGE_REASONING_OUTPUT_TOKENS,
    "agent.name": semconv.AGENT_NAME,
    "tool.name": semconv.TOOL_NAME,
    "tool.description": semconv.TOOL_DESCRIPTION,
    "tool.id": semconv.TOOL_CALL_ID,
    "metadata": semconv.STEP_METADATA,
    "tag.tags": semconv.TRACE_TAGS,
    semconv.SESSION_ID: semconv.SESSION_ID,
    semconv.USER_ID: semconv.USER_ID,
}
# Request fields in llm.invocation_parameters -> attribute.
PARAMETERS = {
    "frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "max_completion_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_output_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
    "n": semconv.REQUEST_CHOICE_COUNT,
    "presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
    "seed": semconv.REQUEST_SEED,
    "stop": semconv.REQUEST_STOP_SEQUENCES,
    "stop_sequences": semconv.REQUEST_STOP_SEQUENCES,
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_k": semconv.REQUEST_TOP_K,
    "top_p": semconv.REQUEST_TOP_P,
}
_UNINTERESTING = frozenset({"model", "stream", "messages", "input", "system", "tools"})


def speaks(scope: str, names: Collection[str]) -> bool:
    """See :class:`~openlayer_otel.export.dialects.Dialect`."""
    return _KIND in names


def read(span: ReadableSpan) -> Reading | None:
    """A span with ``openinference.span.kind``."""
    attributes: dict[str, Any] = dict(attributes_of(span))
    kind = attributes.get(_KIND)
    if not isinstance(kind, str):
        return None
    kind = kind.upper()
    # GenAI names beside (packages that write both) stay; OpenInference's fill the gaps.
    reading: Reading = {name: item for name, item in attributes.items() if _ours(name)}
    reading[semconv.OPERATION_NAME] = _OPERATIONS.get(kind, semconv.INVOKE_WORKFLOW)
    if kind in ("GUARDRAIL", "CHAIN"):
        reading[semconv.STEP_TYPE] = _KINDS.get(kind, semconv.STEP_TYPE_USER_CALL)
    for name, current in _NAMES.items():
        if attributes.get(name) is not None:
            reading.setdefault(current, attributes[name])
    if attributes.get("llm.model_name") is not None:
        said = semconv.RESPONSE_MODEL if kind == "LLM" else semconv.REQUEST_MODEL
        reading.setdefault(said, attributes["llm.model_name"])
    provider = text_of(attributes, "llm.provider") or text_of(attributes, "llm.system")
    if provider is not None:
        reading.setdefault(semconv.PROVIDER_NAME, provider)
    if kind == "LLM":
        _read_exchange(attributes, reading)
    _read_parameters(attributes, reading)
    _read_content(kind, attributes, reading)
    cost = next((attributes[name] for name in COSTS if name in attributes), None)
    if cost is not None:
        reading[semconv.STEP_FIELD_PREFIX + "cost"] = cost
    reason = attributes.get("llm.finish_reason")
    if isinstance(reason, str):
        reading[semconv.RESPONSE_FINISH_REASONS] = [reason]
    return reading


def _ours(name: str) -> bool:
    return name.startswith(("gen_ai.", "openlayer.", "openai.", "error."))


def _read_exchange(attributes: dict[str, Any], reading: Reading) -> None:
    """Model, API and response id, from request and response as they went over the wire."""
    request, response = (
        decoded(attributes.get("input.value")),
        decoded(attributes.get("output.value")),
    )
    if isinstance(request, dict) and isinstance(request.get("model"), str):
        reading.setdefault(semconv.REQUEST_MODEL, request["model"])
    if isinstance(response, dict):
        if isinstance(response.get("id"), str):
            reading.setdefault(semconv.RESPONSE_ID, response["id"])
        # The name and the parameters of a step depend on OpenAI's API.
        if response.get("object") == "response":
            reading.setdefault(semconv.OPENAI_API_TYPE, "responses")
        elif response.get("object") == "text_completion":
            reading[semconv.OPERATION_NAME] = semconv.TEXT_COMPLETION


def _read_parameters(attributes: dict[str, Any], reading: Reading) -> None:
    given = decoded(
        attributes.get("llm.invocation_parameters")
        or attributes.get("embedding.invocation_parameters")
    )
    if not isinstance(given, dict):
        return
    others = {}
    for name, value in given.items():
        if name in PARAMETERS:
            reading.setdefault(PARAMETERS[name], value)
        elif name not in _UNINTERESTING and value is not None:
            others[name] = value
    if others:
        reading.setdefault(semconv.REQUEST_PARAMETERS, others)


def _read_content(kind: str, attributes: dict[str, Any], reading: Reading) -> None:
    """Messages where there are some, else ``input.value`` and ``output.value``."""
    inputs = _messages(attributes, "llm.input_messages") or _prompts(attributes)
    outputs = _messages(attributes, "llm.output_messages") or _choices(attributes)
    if inputs:
        reading.setdefault(semconv.INPUT_MESSAGES, inputs)
    if outputs:
        reading.setdefault(semconv.OUTPUT_MESSAGES, outputs)
    tools = [
        decoded((each.get("tool") or {}).get("json_schema"))
        for each in _dicts(attributes, "llm.tools")
    ]
    if tools:
        reading.setdefault(semconv.TOOL_DEFINITIONS, tools)
    documents = _documents(attributes)
    if documents:
        reading.setdefault(semconv.RETRIEVAL_DOCUMENTS, documents)
    texts = [
        (each.get("embedding") or {}).get("text")
        for each in _dicts(attributes, "embedding.embeddings")
    ]
    if kind == "EMBEDDING":
        given = [text for text in texts if text is not None]
        if given:
            reading[semconv.STEP_INPUTS] = {"input": given[0] if len(given) == 1 else given}
        elif attributes.get("input.value") is not None:
            reading[semconv.STEP_INPUTS] = {"input": decoded(attributes["input.value"])}
        return
    if not inputs and attributes.get("input.value") is not None:
        value = decoded(attributes["input.value"])
        reading.setdefault(
            semconv.STEP_INPUTS, value if isinstance(value, dict) else {"input": value}
        )
    if not outputs and not documents and attributes.get("output.value") is not None:
        reading.setdefault(semconv.STEP_OUTPUT, attributes["output.value"])


def _dicts(attributes: dict[str, Any], prefix: str) -> list[dict[str, Any]]:
    return [each for each in listed(nested(attributes, prefix)) if isinstance(each, dict)]


def _messages(attributes: dict[str, Any], prefix: str) -> list[Message]:
    found = [each.get("message") for each in _dicts(attributes, prefix)]
    return [_message(each) for each in found if isinstance(each, dict)]


def _message(message: dict[str, Any]) -> Message:
    role = message.get("role")
    contents = listed(message.get("contents"))
    parts: list[Part] = []
    for each in contents:
        block = each.get("message_content") if isinstance(each, dict) else None
        # Tool calls are in tool_calls, too.
        if isinstance(block, dict) and block.get("type") != "tool_use":
            parts.append(_part(block))
    plain_content = message.get("content")
    if not parts and isinstance(plain_content, str) and plain_content:
        parts.append(shape.text(plain_content))
    if role == "tool" or message.get("tool_call_id") is not None:
        texts = [part.get("content") for part in parts if part.get("type") == "text"]
        answer = "".join(str(text) for text in texts)
        parts = [shape.tool_call_response(message.get("tool_call_id"), answer)]
    for each in listed(message.get("tool_calls")):
        call = each.get("tool_call") if isinstance(each, dict) else None
        if isinstance(call, dict):
            parts.append(message_of({"tool_calls": [call]})["parts"][0])
    name = message.get("function_call_name")
    if name is not None:
        parts.append(shape.tool_call(None, name, message.get("function_call_arguments_json")))
    return shape.message(role, parts, message.get("name"))


def _part(block: dict[str, Any]) -> Part:
    kind = block.get("type")
    for modality in ("image", "audio", "video", "document"):
        held = block.get(modality)
        if isinstance(held, dict):
            inner: Any = held.get(modality)
            inner = inner if isinstance(inner, dict) else held
            return shape.uri(inner.get("url"), modality, inner.get("mime_type"))
    if kind == "reasoning":
        return shape.reasoning(block.get("text"))
    if block.get("text") is not None:
        return shape.text(block["text"])
    return shape.generic(kind, block)


def _prompts(attributes: dict[str, Any]) -> list[Message]:
    """Legacy completions: ``llm.prompts`` (a list, or ``llm.prompts.N.prompt.text``)."""
    given = attributes.get("llm.prompts")
    texts = list(given) if isinstance(given, (list, tuple)) else []
    texts += [(each.get("prompt") or {}).get("text") for each in _dicts(attributes, "llm.prompts")]
    return [shape.message("user", [shape.text(text)]) for text in texts if text is not None]


def _choices(attributes: dict[str, Any]) -> list[Message]:
    texts = [
        (each.get("completion") or {}).get("text") for each in _dicts(attributes, "llm.choices")
    ]
    return [shape.message("assistant", [shape.text(text)]) for text in texts if text is not None]


def _documents(attributes: dict[str, Any]) -> list[Any]:
    found = _dicts(attributes, "retrieval.documents") or _dicts(
        attributes, "reranker.output_documents"
    )
    documents = []
    for each in found:
        document = each.get("document")
        if isinstance(document, dict):
            if "metadata" in document:
                document["metadata"] = decoded(document["metadata"])
            documents.append(document)
    return documents
