"""What a step is: its name and type, and the span that the GenAI conventions have for it.

A *step* is one call of the user's own code, recorded as one span. Its *step type* is
Openlayer's (``agent``, ``tool``, ``retriever`` …); where the conventions have a span for it,
the span is named as they say (``execute_tool lookup``), so that any backend can read it.
The user's own name stays in ``openlayer.step.name``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from opentelemetry.util.types import AttributeValue

from openlayer_otel import semconv
from openlayer_otel.diagnostics import warn_once

WORKFLOW = "workflow"


class StepType(Enum):
    """Openlayer's step types; wherever one is wanted, its value as a text does as well."""

    AGENT = semconv.STEP_TYPE_AGENT
    CHAT_COMPLETION = semconv.STEP_TYPE_CHAT_COMPLETION
    EMBEDDING = semconv.STEP_TYPE_EMBEDDING
    GUARDRAIL = semconv.STEP_TYPE_GUARDRAIL
    HANDOFF = semconv.STEP_TYPE_HANDOFF
    RETRIEVER = semconv.STEP_TYPE_RETRIEVER
    TOOL = semconv.STEP_TYPE_TOOL
    USER_CALL = semconv.STEP_TYPE_USER_CALL


class _Convention(NamedTuple):
    """The conventions' span for a step type: its operation and the attributes it has."""

    operation: str
    name_attribute: str | None = None
    inputs_attribute: str | None = None
    output_attribute: str | None = None
    in_span_name: bool = True


_CONVENTIONS = {
    semconv.STEP_TYPE_AGENT: _Convention(semconv.INVOKE_AGENT, semconv.AGENT_NAME),
    semconv.STEP_TYPE_TOOL: _Convention(
        semconv.EXECUTE_TOOL,
        semconv.TOOL_NAME,
        semconv.TOOL_CALL_ARGUMENTS,
        semconv.TOOL_CALL_RESULT,
    ),
    semconv.STEP_TYPE_RETRIEVER: _Convention(semconv.RETRIEVAL),
    WORKFLOW: _Convention(semconv.INVOKE_WORKFLOW, semconv.WORKFLOW_NAME),
    semconv.STEP_TYPE_EMBEDDING: _Convention(semconv.EMBEDDINGS),
    # A model that the user calls by hand: the span keeps the user's name.
    semconv.STEP_TYPE_CHAT_COMPLETION: _Convention(semconv.CHAT, in_span_name=False),
}
_KNOWN = frozenset({WORKFLOW, *(each.value for each in StepType)})


def step_type_of(given: object) -> str:
    """The step type that a user names.

    Args:
        given: A :class:`StepType`, its value, ``"workflow"``, or an enum of Openlayer's SDK; None
            means ``user_call``.

    Returns:
        Its value. What is no step type is warned about once and taken as ``user_call``.
    """
    if given is None:
        return semconv.STEP_TYPE_USER_CALL
    value = getattr(given, "value", given)
    text = str(value).lower()
    if text in _KNOWN:
        return text
    warn_once(
        f"step_type:{text}",
        "openlayer-otel: step_type=%r is none of %s; the step is recorded as 'user_call'.",
        text[:80],
        ", ".join(sorted(_KNOWN)),
    )
    return semconv.STEP_TYPE_USER_CALL


def is_nothing(given: object) -> bool:
    """Whether a user gives nothing: None, an empty list. What has no truth, as an array, is not."""
    try:
        return not given
    except Exception:  # noqa: BLE001 - an object's own methods may raise anything
        return False


def tags_of(given: object) -> tuple[str, ...]:
    """The tags that a user gives: several, or one, of whatever type."""
    if isinstance(given, Iterable) and not isinstance(given, (str, bytes)):
        return tuple(str(tag) for tag in given)
    return (str(given),)


class StepIdentity:
    """What is known of a step before it starts; made once for a decorated function.

    Attributes:
        name: The user's name for it.
        step_type: Openlayer's step type.
        span_name: The name of its span.
        attributes: What its span starts with, for samplers to see.
        inputs_attributes: The attributes that hold its inputs.
        output_attributes: The attributes that hold its output.
    """

    __slots__ = (
        "attributes",
        "inputs_attributes",
        "name",
        "output_attributes",
        "span_name",
        "step_type",
    )

    def __init__(
        self,
        name: str,
        step_type: object = semconv.STEP_TYPE_USER_CALL,
        *,
        inference_pipeline_id: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> None:
        given = step_type_of(step_type)
        self.name = name
        self.step_type = semconv.STEP_TYPE_USER_CALL if given == WORKFLOW else given
        self.span_name = name
        attributes: dict[str, AttributeValue] = {
            semconv.STEP_NAME: name,
            semconv.STEP_TYPE: self.step_type,
        }
        self.inputs_attributes: tuple[str, ...] = (semconv.STEP_INPUTS,)
        self.output_attributes: tuple[str, ...] = (semconv.STEP_OUTPUT,)
        convention = _CONVENTIONS.get(given)
        if convention is not None:
            attributes[semconv.OPERATION_NAME] = convention.operation
            if convention.in_span_name:
                self.span_name = f"{convention.operation} {name}"
            if convention.name_attribute is not None:
                attributes[convention.name_attribute] = name
            if convention.inputs_attribute is not None:
                self.inputs_attributes += (convention.inputs_attribute,)
            if convention.output_attribute is not None:
                self.output_attributes += (convention.output_attribute,)
        if inference_pipeline_id is not None:
            attributes[semconv.INFERENCE_PIPELINE_ID] = str(inference_pipeline_id)
        if not is_nothing(tags):
            attributes[semconv.TRACE_TAGS] = tags_of(tags)
        self.attributes: Mapping[str, AttributeValue] = attributes
