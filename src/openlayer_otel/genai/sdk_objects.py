"""The SDKs' objects as the JSON that they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Sentinels of the SDKs for "the argument was not given": they are no values.
ABSENT = frozenset({"NotGiven", "Omit", "NOT_GIVEN"})
# Values that stand in JSON as they are.
_JSON_TYPES = frozenset({str, int, float, bool, type(None), dict})
_NESTED = frozenset({dict, list})


def model_fields(value: object) -> dict[str, Any] | None:
    """The fields that a pydantic model was given, extra ones included; None for other objects.

    Reads the instance instead of calling ``model_dump``: the SDKs build models without
    validation, and dumping such a model warns and may raise (pydantic 1 and 2).
    """
    given = getattr(value, "__pydantic_fields_set__", None)
    if given is None:
        given = getattr(value, "__fields_set__", None)
        if given is None:
            return None
    if isinstance(value, type):
        return None
    found = {name: item for name, item in vars(value).items() if name in given}
    extra = getattr(value, "__pydantic_extra__", None)
    if extra:
        found.update(extra)
    return found


def json_of(value: Any) -> Any:
    """An SDK object as the JSON that it was made from: models become dicts of what was sent.

    Dicts, texts and numbers are returned as they are; nothing is copied that need not be.
    """
    kind = type(value)
    if kind in _JSON_TYPES:
        return value
    if kind is list:
        return [json_of(item) for item in value]
    fields = model_fields(value)
    if fields is None:
        return value
    return {
        name: item if type(item) in _JSON_TYPES else json_of(item)  # most are: a call less
        for name, item in fields.items()
    }


def own_copy(value: Any) -> Any:
    """JSON with dicts and lists of its own, which nobody else can change."""
    kind = type(value)
    if kind is dict:
        return {name: own_copy(v) if type(v) in _NESTED else v for name, v in value.items()}
    if kind is list:
        return [own_copy(item) if type(item) in _NESTED else item for item in value]
    return value


def without_absent(fields: Mapping[str, Any]) -> dict[str, Any]:
    """``fields`` without the SDKs' sentinels for arguments that were not given, at any depth."""
    return {
        name: without_absent(value) if isinstance(value, dict) else value
        for name, value in fields.items()
        if type(value).__name__ not in ABSENT
    }
