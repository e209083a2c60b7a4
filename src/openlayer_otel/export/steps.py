"""Span -> step: one node of the trace as Openlayer's SDK would have sent it.

A *step* has the common fields and those of its type; all of them are present, null where
the span says nothing. :data:`FIELDS` lists the fields by type, in the order of the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.export.conversation import output_of, prompt_of
from openlayer_otel.export.names import Names
from openlayer_otel.export.parameters import parameters_of
from openlayer_otel.export.provider_names import bare_model, model_step_name, openlayer_provider
from openlayer_otel.export.raw_output import raw_output_of
from openlayer_otel.export.reading import (
    MODEL_STEP_TYPES,
    decoded,
    number_of,
    step_type_of,
    text_of,
)
from openlayer_otel.export.references import References, step_id_of
from openlayer_otel.export.shapes import messages_of, parts_of
from openlayer_otel.export.step_metadata import metadata_of
from openlayer_otel.export.tree import Node
from openlayer_otel.export.usage import usage_of
from openlayer_otel.settings import Settings

FIELDS: Mapping[str, tuple[str, ...]] = {
    semconv.STEP_TYPE_USER_CALL: (),
    semconv.STEP_TYPE_CHAT_COMPLETION: (
        "provider",
        "promptTokens",
        "completionTokens",
        "tokens",
        "cost",
        "model",
        "modelParameters",
        "rawOutput",
    ),
    semconv.STEP_TYPE_EMBEDDING: (
        "provider",
        "promptTokens",
        "tokens",
        "cost",
        "model",
        "modelParameters",
        "rawOutput",
        "embeddingDimensions",
        "embeddingCount",
    ),
    semconv.STEP_TYPE_AGENT: ("tool", "action", "agentType"),
    semconv.STEP_TYPE_RETRIEVER: ("documents",),
    semconv.STEP_TYPE_TOOL: ("functionName", "arguments"),
    semconv.STEP_TYPE_HANDOFF: ("fromComponent", "toComponent", "handoffData"),
    semconv.STEP_TYPE_GUARDRAIL: (
        "action",
        "blockedEntities",
        "confidenceThreshold",
        "reason",
        "detectedEntities",
        "blockStrategy",
        "redactedEntities",
        "dataType",
    ),
}
"""Step type -> the fields it has besides the common ones."""

# Present only if there is anything in them.
_OPTIONAL: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(FIELDS, ()),
    semconv.STEP_TYPE_CHAT_COMPLETION: ("usageDetails",),
}


class StepMaker:
    """Makes the steps of one trace.

    Args:
        settings: What may be inlined.

    Attributes:
        checksums: MD5 checksums of all binary data that the steps refer to, in order.
    """

    def __init__(self, settings: Settings) -> None:
        self.checksums: list[str] = []
        self._references = References(settings, self.checksums)

    def step(self, node: Node, names: Names) -> dict[str, Any]:
        """The step of a node, without its children (``steps`` is empty).

        Args:
            node: The node.
            names: What the names of its reading tell.
        """
        reading = node.reading
        kind = step_type_of(reading)
        step_id = text_of(reading, semconv.STEP_ID) or step_id_of(node.trace_id, node.span_id)
        references = self._references
        references.begin(step_id)
        fields = self._fields(kind, node, names, references)
        metadata = metadata_of(node, kind, names)
        if "metadata" in fields:
            metadata = {**fields.pop("metadata"), **metadata}
        step: dict[str, Any] = {
            "name": _name(kind, node, fields),
            "id": step_id,
            "type": kind,
            "inputs": fields.pop("inputs", None),
            "output": fields.pop("output", None),
            "groundTruth": decoded(reading.get(semconv.STEP_GROUND_TRUTH)),
            "metadata": metadata,
            "steps": [],
            "latency": (node.end - node.start) / 1e6,
            "startTime": node.start / 1e9,
            "endTime": node.end / 1e9,
        }
        attachments = reading.get(semconv.STEP_ATTACHMENTS)
        if attachments is not None and isinstance(attachments := decoded(attachments), list):
            made = [references.attachment(each) for each in attachments]
            if any(made):
                step["attachments"] = [each for each in made if each is not None]
        for name in FIELDS[kind]:
            step[name] = fields.get(name)
        for name in _OPTIONAL[kind]:
            if fields.get(name):
                step[name] = fields[name]
        for attribute, name in names.fields:
            _set_field(step, name, decoded(reading[attribute]))
        return step

    def _fields(
        self, kind: str, node: Node, names: Names, references: References
    ) -> dict[str, Any]:
        """The fields that the conventions' attributes say, with inputs and output."""
        reading = node.reading
        if kind in MODEL_STEP_TYPES and semconv.OPERATION_NAME in reading:
            fields = self._model_fields(kind, node)
        elif kind == semconv.STEP_TYPE_TOOL:
            fields = _tool_fields(reading)
        elif kind == semconv.STEP_TYPE_RETRIEVER:
            fields = _retriever_fields(reading)
        else:
            fields = {}
        if names.conversation and (
            kind != semconv.STEP_TYPE_TOOL
            or reading.get(semconv.OPERATION_NAME) != semconv.EXECUTE_TOOL
        ):
            _add_conversation(fields, reading, references)
        if reading.get(semconv.STEP_INPUTS) is not None:
            inputs = decoded(reading[semconv.STEP_INPUTS])
            fields["inputs"] = inputs if isinstance(inputs, dict) else {"input": inputs}
        if reading.get(semconv.STEP_OUTPUT) is not None:
            fields["output"] = decoded(reading[semconv.STEP_OUTPUT])
        if kind == semconv.STEP_TYPE_TOOL:
            # As Openlayer's SDK has it: a traced function is a tool by its own name.
            fields.setdefault("arguments", fields.get("inputs"))
            fields["functionName"] = fields.get("functionName") or node.name
        return fields

    def _model_fields(self, kind: str, node: Node) -> dict[str, Any]:
        reading = node.reading
        model = text_of(reading, semconv.RESPONSE_MODEL) or text_of(reading, semconv.REQUEST_MODEL)
        provider = openlayer_provider(text_of(reading, semconv.PROVIDER_NAME), model)
        usage = usage_of(reading)
        fields: dict[str, Any] = {
            "provider": provider,
            "promptTokens": usage.prompt,
            "completionTokens": usage.completion,
            "tokens": usage.total,
            "model": bare_model(model, provider) if model else None,
            # A model that the user calls by hand has no API whose defaults would hold.
            "modelParameters": parameters_of(reading, None) or None
            if node.own_step
            else parameters_of(reading, provider),
            "rawOutput": raw_output_of(node.span_ids),
        }
        if kind == semconv.STEP_TYPE_EMBEDDING:
            fields.update(_embedding_fields(reading))
            if provider and not node.own_step:
                fields["metadata"] = {"provider": provider}
        elif usage.details:
            fields["usageDetails"] = usage.details
        return fields


def _set_field(step: dict[str, Any], name: str, value: Any) -> None:
    """A field that the user set: one of the step's type, or else metadata."""
    kind = step["type"]
    if name in FIELDS[kind] or (value and name in _OPTIONAL[kind]):
        step[name] = value
    elif name not in _OPTIONAL[kind]:
        step["metadata"][name] = value


def _add_conversation(
    fields: dict[str, Any], reading: Mapping[str, Any], references: References
) -> None:
    """Inputs and output from messages."""
    messages = messages_of(reading.get(semconv.INPUT_MESSAGES))
    instructions = _instructions(reading.get(semconv.SYSTEM_INSTRUCTIONS))
    if messages or instructions:
        if reading.get(semconv.OPERATION_NAME) == semconv.EMBEDDINGS:
            texts = [
                part.get("content") for message in messages for part in message.get("parts", [])
            ]
            fields["inputs"] = {"input": texts[0] if len(texts) == 1 else texts}
        else:
            fields["inputs"] = {"prompt": prompt_of(messages, instructions, references)}
    answers = messages_of(reading.get(semconv.OUTPUT_MESSAGES), "assistant")
    if answers:
        fields["output"] = output_of(answers, references)


def _instructions(value: Any) -> list[dict[str, Any]]:
    """System instructions: parts, a text, or (LiteLLM) messages."""
    found = decoded(value)
    if isinstance(found, list) and any(isinstance(each, dict) and "role" in each for each in found):
        return [part for each in messages_of(found, "system") for part in each["parts"]]
    return parts_of(found)


def _embedding_fields(reading: Mapping[str, Any]) -> dict[str, Any]:
    """Dimensions and number of the vectors; the vectors themselves stay where they are."""
    dimensions = number_of(reading, semconv.EMBEDDINGS_DIMENSION_COUNT)
    given = decoded(reading.get(semconv.STEP_INPUTS))
    texts = given.get("input") if isinstance(given, dict) else None
    if texts is None:
        messages = messages_of(reading.get(semconv.INPUT_MESSAGES))
        texts = [part for message in messages for part in message.get("parts", [])]
    count = None
    if texts:
        # A list of numbers is one text as tokens.
        many = isinstance(texts, list) and not isinstance(texts[0], int)
        count = len(texts) if many else 1
    return {
        "embeddingDimensions": int(dimensions) if dimensions is not None else None,
        "embeddingCount": count,
    }


def _tool_fields(reading: Mapping[str, Any]) -> dict[str, Any]:
    arguments = decoded(reading.get(semconv.TOOL_CALL_ARGUMENTS))
    fields: dict[str, Any] = {"functionName": text_of(reading, semconv.TOOL_NAME)}
    if arguments is not None:
        fields["arguments"] = arguments
        fields["inputs"] = arguments if isinstance(arguments, dict) else {"input": arguments}
    if reading.get(semconv.TOOL_CALL_RESULT) is not None:
        fields["output"] = decoded(reading[semconv.TOOL_CALL_RESULT])
    return fields


def _retriever_fields(reading: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    query = text_of(reading, semconv.RETRIEVAL_QUERY_TEXT) or text_of(
        reading, "gen_ai.memory.query.text"
    )
    if query is not None:
        fields["inputs"] = {"query": query}
    documents = decoded(
        reading.get(semconv.RETRIEVAL_DOCUMENTS) or reading.get("gen_ai.memory.records")
    )
    if documents is not None:
        fields["documents"] = documents
        fields["output"] = documents
    return fields


def _name(kind: str, node: Node, fields: Mapping[str, Any]) -> str:
    """What the step is called: @trace steps as their span, others as Openlayer's SDK has it."""
    reading = node.reading
    given = text_of(reading, semconv.STEP_NAME)
    if given is not None:
        return given
    if semconv.STEP_TYPE not in reading:
        operation = str(reading.get(semconv.OPERATION_NAME))
        if kind in MODEL_STEP_TYPES:
            named = model_step_name(
                fields.get("provider"), operation, text_of(reading, semconv.OPENAI_API_TYPE)
            )
        elif kind == semconv.STEP_TYPE_AGENT:
            named = text_of(reading, semconv.AGENT_NAME)
        elif kind == semconv.STEP_TYPE_TOOL:
            named = text_of(reading, semconv.TOOL_NAME)
        else:
            named = None
        if named:
            return named
    return node.name
