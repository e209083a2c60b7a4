"""The fields of a step, to be read and set as on a step of Openlayer's SDK.

``step.output = value`` is ``step.log(output=value)``; reading gives what is recorded, so nothing
where content is off or nobody records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from openlayer_otel import semconv
from openlayer_otel.genai.encoding import from_json
from openlayer_otel.tracing.identity import StepType

if TYPE_CHECKING:
    from openlayer_otel.tracing.recording import Step

# Fields of one step type: Python name -> the name that Openlayer's data stream has for it.
WIRE_NAMES = {
    "provider": "provider",
    "prompt_tokens": "promptTokens",
    "completion_tokens": "completionTokens",
    "tokens": "tokens",
    "cost": "cost",
    "model": "model",
    "model_parameters": "modelParameters",
    "raw_output": "rawOutput",
    "usage_details": "usageDetails",
    "embedding_dimensions": "embeddingDimensions",
    "embedding_count": "embeddingCount",
    "tool": "tool",
    "agent_type": "agentType",
    "documents": "documents",
    "function_name": "functionName",
    "arguments": "arguments",
    "from_component": "fromComponent",
    "to_component": "toComponent",
    "handoff_data": "handoffData",
    "action": "action",
    "blocked_entities": "blockedEntities",
    "confidence_threshold": "confidenceThreshold",
    "reason": "reason",
    "detected_entities": "detectedEntities",
    "block_strategy": "blockStrategy",
    "redacted_entities": "redactedEntities",
    "data_type": "dataType",
}
_ATTRIBUTES = {
    "inputs": semconv.STEP_INPUTS,
    "output": semconv.STEP_OUTPUT,
    "ground_truth": semconv.STEP_GROUND_TRUTH,
    **{name: f"{semconv.STEP_FIELD_PREFIX}{wire}" for name, wire in WIRE_NAMES.items()},
}


class StepFields:
    """What a :class:`~openlayer_otel.tracing.Step` has of the SDK's, besides its methods."""

    __slots__ = ()
    if TYPE_CHECKING:
        inputs: Any
        output: Any
        ground_truth: Any

    @property
    def name(self: Any) -> str:
        """The user's name for it."""
        return str(self._name)

    @name.setter
    def name(self: Any, name: str) -> None:
        self.log(name=name)

    @property
    def id(self: Any) -> str:
        """The step's span id, as 16 hexadecimal digits; another one is set for Openlayer."""
        return format(self.span.get_span_context().span_id, "016x")

    @id.setter  # noqa: A003 - the property above
    def id(self: Any, given: object) -> None:
        self.log(id=given)

    @property
    def step_type(self: Any) -> StepType:
        """Openlayer's type of the step."""
        return StepType(self._identity.step_type)

    @property
    def metadata(self: Any) -> dict[str, Any]:
        """The step's metadata; what is set in it is recorded."""
        return _Metadata(
            self, {name: from_json(text) for name, text in (self.merged or {}).items()}
        )

    @metadata.setter
    def metadata(self: Any, metadata: Mapping[str, Any]) -> None:
        self.log(metadata=metadata)

    @property
    def start_time(self: Any) -> float | None:
        """When it began, in seconds since 1970."""
        started = getattr(self.span, "start_time", None)
        return None if started is None else started / 1e9

    @start_time.setter
    def start_time(self: Any, seconds: Any) -> None:
        """Nothing: it has begun."""

    @property
    def end_time(self: Any) -> float | None:
        """When it ended, in seconds since 1970; None before, if nobody has said when it will."""
        ended = self.ended_at or getattr(self.span, "end_time", None)
        return None if ended is None else ended / 1e9

    @end_time.setter
    def end_time(self: Any, seconds: Any) -> None:
        self.log(end_time=seconds)

    @property
    def latency(self: Any) -> float | None:
        """How long it took, in milliseconds."""
        start, end = self.start_time, self.end_time
        return None if start is None or end is None else (end - start) * 1000

    @latency.setter
    def latency(self: Any, milliseconds: Any) -> None:
        self.log(latency=milliseconds)


class _Metadata(dict[str, Any]):
    """A step's metadata as it was when somebody asked; what is set is recorded as well."""

    def __init__(self, step: Step, known: Mapping[str, Any]) -> None:
        super().__init__(known)
        self._step = step

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def update(self, *given: Any, **named: Any) -> None:
        """As that of a dict."""
        added: dict[str, Any] = dict(*given, **named)
        super().update(added)
        self._step.add_metadata(added)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """As that of a dict."""
        if name not in self:
            self[name] = default
        return self[name]


def _field(name: str, attribute: str) -> property:
    def read(step: Step) -> Any:
        said: Mapping[str, Any] = getattr(step.span, "attributes", None) or {}
        return from_json(said.get(attribute))

    def write(step: Step, value: Any) -> None:
        step.log(**{name: value})

    return property(read, write)


for _name, _attribute in _ATTRIBUTES.items():
    setattr(StepFields, _name, _field(_name, _attribute))
