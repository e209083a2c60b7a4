"""``modelParameters`` of a step, with the keys and defaults that Openlayer's own SDK sends.

A *parameter table* belongs to one API: key -> (attribute, value when the call left it out).
Keys without an attribute have no name in the conventions; ``openlayer.request.parameters``
(a JSON object of the request's own fields) fills them where it is set. Parameters that a
call gave and the SDK's table lacks (``seed`` of an Anthropic call, ``tool_choice`` of an
OpenAI call) are added behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.export.reading import decoded
from openlayer_otel.genai.encoding import plain


class Table:
    """The parameters of one API.

    Args:
        parameters: Key -> attribute (None if the conventions have none), default.

    Attributes:
        parameters: The same.
        attributes: All attributes in it.
        defaults: The parameters of a call that gave none.
    """

    def __init__(self, parameters: Mapping[str, tuple[str | None, Any]]) -> None:
        self.parameters = parameters
        self.attributes = frozenset(each for each, _ in parameters.values() if each is not None)
        self.defaults = {key: default for key, (_, default) in parameters.items()}


_OPENAI_CHAT = Table(
    {
        "frequency_penalty": (semconv.REQUEST_FREQUENCY_PENALTY, 0),
        "logit_bias": (None, None),
        "logprobs": (None, False),
        "top_logprobs": (None, None),
        "max_tokens": (semconv.REQUEST_MAX_TOKENS, None),
        "n": (semconv.REQUEST_CHOICE_COUNT, 1),
        "presence_penalty": (semconv.REQUEST_PRESENCE_PENALTY, 0),
        "seed": (semconv.REQUEST_SEED, None),
        "stop": (semconv.REQUEST_STOP_SEQUENCES, None),
        "temperature": (semconv.REQUEST_TEMPERATURE, 1),
        "top_p": (semconv.REQUEST_TOP_P, 1),
    }
)
# That SDK knows nothing of the legacy APIs and of Realtime: what they share with the others.
_OPENAI_COMPLETIONS = Table(
    {
        name: parameter if name != "logprobs" else (None, None)
        for name, parameter in _OPENAI_CHAT.parameters.items()
        if name != "top_logprobs"
    }
)
_OPENAI_RESPONSES = Table(
    {
        "max_output_tokens": (semconv.REQUEST_MAX_TOKENS, None),
        "temperature": (semconv.REQUEST_TEMPERATURE, 1),
        "top_p": (semconv.REQUEST_TOP_P, 1),
        "reasoning": (None, None),
        "parallel_tool_calls": (None, None),
        "max_tool_calls": (None, None),
        "background": (None, None),
        "truncation": (None, None),
        "include": (None, None),
    }
)
_OPENAI_REALTIME = Table(
    {
        "max_output_tokens": (semconv.REQUEST_MAX_TOKENS, None),
        "temperature": (semconv.REQUEST_TEMPERATURE, None),
    }
)
_ANTHROPIC = Table(
    {
        "max_tokens": (semconv.REQUEST_MAX_TOKENS, None),
        "stop_sequences": (semconv.REQUEST_STOP_SEQUENCES, None),
        "temperature": (semconv.REQUEST_TEMPERATURE, 1.0),
        "tool_choice": (None, {}),
        "tools": (semconv.TOOL_DEFINITIONS, []),
        "top_k": (semconv.REQUEST_TOP_K, None),
        "top_p": (semconv.REQUEST_TOP_P, None),
    }
)
_ANTHROPIC_COMPLETIONS = Table(
    {
        "max_tokens_to_sample": (semconv.REQUEST_MAX_TOKENS, None),
        "stop_sequences": (semconv.REQUEST_STOP_SEQUENCES, None),
        "temperature": (semconv.REQUEST_TEMPERATURE, 1.0),
        "top_k": (semconv.REQUEST_TOP_K, None),
        "top_p": (semconv.REQUEST_TOP_P, None),
    }
)
_EMBEDDINGS = Table(
    {
        "dimensions": (None, None),
        "encoding_format": (semconv.REQUEST_ENCODING_FORMATS, None),
        "user": (None, None),
    }
)
_NO_TABLE = Table({})
# Added to every table, under these keys, when the call gave them.
_EXTRA = {
    "frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
    "n": semconv.REQUEST_CHOICE_COUNT,
    "presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
    "reasoning_effort": semconv.REQUEST_REASONING_LEVEL,
    "seed": semconv.REQUEST_SEED,
    "stop": semconv.REQUEST_STOP_SEQUENCES,
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_k": semconv.REQUEST_TOP_K,
    "top_p": semconv.REQUEST_TOP_P,
}
_EXTRA_ATTRIBUTES = frozenset(_EXTRA.values())
# A call that gives no parameter has none of these.
_GIVEN = _EXTRA_ATTRIBUTES.union(
    {semconv.REQUEST_PARAMETERS},
    *(each.attributes for each in (_OPENAI_CHAT, _OPENAI_RESPONSES, _ANTHROPIC, _EMBEDDINGS)),
)


def _table(provider: str | None, operation: str, api: str | None) -> Table:
    if provider is None:
        return _NO_TABLE
    if operation == semconv.EMBEDDINGS:
        return _EMBEDDINGS
    if provider == "Anthropic":
        return _ANTHROPIC_COMPLETIONS if operation == semconv.TEXT_COMPLETION else _ANTHROPIC
    if provider in ("OpenAI", "Azure"):
        return _openai_table(operation, api)
    return _NO_TABLE


def _openai_table(operation: str, api: str | None) -> Table:
    if api == "responses":
        return _OPENAI_RESPONSES
    if api == "realtime":
        return _OPENAI_REALTIME
    if operation == semconv.CHAT:
        return _OPENAI_CHAT
    if operation == semconv.TEXT_COMPLETION:
        return _OPENAI_COMPLETIONS
    return _NO_TABLE  # images, sound, videos, decisions: of chat's parameters they have hardly any


def parameters_of(reading: Mapping[str, Any], provider: str | None) -> dict[str, Any]:
    """The model parameters of a model call.

    Args:
        reading: What the span says.
        provider: Openlayer's provider string; it decides which table is used.
    """
    operation = str(reading.get(semconv.OPERATION_NAME))
    api = reading.get(semconv.OPENAI_API_TYPE)
    table = _table(provider, operation, api)
    if _GIVEN.isdisjoint(reading):
        return table.defaults.copy()
    others = decoded(reading.get(semconv.REQUEST_PARAMETERS))
    if not isinstance(others, dict):
        others = {}
    made: dict[str, Any] = {}
    for key, (attribute, default) in table.parameters.items():
        value = others.pop(key, None) if others else None
        if attribute is not None and reading.get(attribute) is not None:
            value = _value(attribute, reading[attribute])
        made[key] = default if value is None else value
    if not _EXTRA_ATTRIBUTES.isdisjoint(reading):
        for key, attribute in _EXTRA.items():
            if attribute not in table.attributes and reading.get(attribute) is not None:
                made.setdefault(key, _value(attribute, reading[attribute]))
    for key, value in others.items():
        made.setdefault(key, value)
    return made


def _value(attribute: str, value: Any) -> Any:
    if attribute == semconv.TOOL_DEFINITIONS:
        tools = decoded(value)
        return [_anthropic_tool(each) for each in tools] if isinstance(tools, list) else []
    if attribute == semconv.REQUEST_ENCODING_FORMATS and isinstance(value, (list, tuple)):
        return value[0] if len(value) == 1 else list(value)
    # A number that JSON has a word for needs no rebuilding.
    return value if type(value) is int and abs(value) < 2**63 else plain(value)


def _anthropic_tool(tool: Any) -> Any:
    """A tool definition of the conventions as Anthropic's API has it."""
    if not isinstance(tool, dict) or tool.get("type") not in (None, "function"):
        return tool
    made = {key: tool[key] for key in ("name", "description") if tool.get(key) is not None}
    schema = tool.get("parameters") or tool.get("input_schema")
    if schema is not None:
        made["input_schema"] = schema
    return made
