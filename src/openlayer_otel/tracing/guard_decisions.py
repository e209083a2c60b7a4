"""What one guardrail says, read from its result, whichever class that is of."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from openlayer_otel.tracing.guardrails import GuardrailBlockedException

BLOCK, MODIFY = "block", "modify"
_DEFAULT_MESSAGE = "Request blocked due to policy violation"
# Deeper than data is; what refers to itself ends there.
_DEEPEST = 50


class Decision(NamedTuple):
    """What one guardrail says, read from its result.

    Attributes:
        name: The guardrail's name.
        action: ``allow``, ``block`` or ``modify``.
        strategy: For a block.
        after: What goes on, or what the caller gets.
        reason: Why, for people.
        metadata: What it found.
        error_message: What it says to the caller.
    """

    name: str
    action: str
    strategy: str
    after: Any
    reason: Any
    metadata: dict[str, Any]
    error_message: Any


def read_decision(name: str, result: Any, data: Any) -> Decision:
    """What a guardrail's ``result`` says about ``data``; raises what reading it raises."""
    action = _text(result.action)
    strategy = _text(getattr(result, "block_strategy", None)) or "raise_exception"
    return Decision(
        name,
        action,
        strategy,
        _after(action, strategy, result, data),
        getattr(result, "reason", None),
        _as_dict(getattr(result, "metadata", None)),
        getattr(result, "error_message", None),
    )


def _as_dict(metadata: Any) -> dict[str, Any]:
    """What a guardrail found by name, also if it is no mapping, as it should be."""
    if isinstance(metadata, Mapping):
        return dict(metadata)
    return {} if metadata is None else {"value": metadata}


def _after(action: str, strategy: str, result: Any, data: Any) -> Any:
    if action == MODIFY:
        changed = getattr(result, "modified_data", None)
        return data if changed is None else _spared(data, changed)
    if action != BLOCK:
        return data
    if strategy == "return_error_message":
        return getattr(result, "error_message", None) or _DEFAULT_MESSAGE
    return None


def _spared(before: Any, after: Any, depth: int = 0) -> Any:
    """``after`` with what is unchanged but for being text now as it was ``before``.

    Guardrails that redact texts (those of ``openlayer-guardrails``) hand back the text of
    everything: of a number, of an object.
    """
    if depth > _DEEPEST or after is before:
        return after
    if isinstance(after, str):
        return before if not isinstance(before, str) and _text_of(before) == after else after
    if isinstance(after, dict) and isinstance(before, Mapping):
        return {
            name: _spared(before[name], value, depth + 1) if name in before else value
            for name, value in after.items()
        }
    kind = type(after)
    if kind in (list, tuple) and isinstance(before, kind) and len(after) == len(before):
        pairs = zip(before, after, strict=True)
        return kind(_spared(old, new, depth + 1) for old, new in pairs)
    return after


def _text_of(value: Any) -> str | None:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - an object's own text may raise anything
        return None


def _text(value: Any) -> str:
    """The value of an enum (ours, or that of Openlayer's SDK) or the text itself."""
    value = getattr(value, "value", value)
    return "" if value is None else str(value).lower()


def blocked(guardrail: Any, side: str, decision: Decision) -> Exception:
    """What a block raises that is not graceful."""
    reason = decision.reason or f"{side.capitalize()} blocked by guardrail"
    return _exception_class(guardrail)(decision.name, reason, decision.metadata)


def _exception_class(guardrail: Any) -> type[GuardrailBlockedException]:
    """Our exception; for a guardrail of Openlayer's SDK one that is the SDK's as well."""
    for base in type(guardrail).__mro__:
        if base.__name__ == "BaseGuardrail":
            theirs = getattr(sys.modules.get(base.__module__), "GuardrailBlockedException", None)
            if (
                isinstance(theirs, type)
                and issubclass(theirs, Exception)
                and theirs is not GuardrailBlockedException
            ):
                return _blocked_as(theirs)
    return GuardrailBlockedException


def _blocked_as(theirs: type[Exception]) -> type[GuardrailBlockedException]:
    """Our exception that is ``theirs`` as well; its class has no name to be pickled by."""

    def reduced(self: GuardrailBlockedException) -> tuple[Any, ...]:
        _, made_of, fields = GuardrailBlockedException.__reduce__(self)
        return _unpickled, (theirs, *made_of), fields

    bases = (GuardrailBlockedException, theirs)
    return type("GuardrailBlockedException", bases, {"__reduce__": reduced})


def _unpickled(theirs: type[Exception], *made_of: Any) -> GuardrailBlockedException:
    return _blocked_as(theirs)(*made_of)
