"""Nested values that a package spread over many attributes, put together again.

``llm.input_messages.0.message.role`` = ``user`` becomes, for the prefix
``llm.input_messages``, ``[{"message": {"role": "user"}}]``: a segment that is a number is a
place in a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel.export.reading import fields_with


def nested(attributes: Mapping[str, Any], prefix: str) -> Any:
    """The value under ``prefix``; None if no attribute begins with it."""
    root: dict[str, Any] = {}
    for path, value in fields_with(attributes, prefix + "."):
        segments = path.split(".")
        place = root
        for segment in segments[:-1]:
            deeper = place.setdefault(segment, {})
            if not isinstance(deeper, dict):
                deeper = place[segment] = {"": deeper}
            place = deeper
        place[segments[-1]] = value
    return _lists(root) if root else None


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return list(value) if isinstance(value, tuple) else value
    if value and all(key.isdecimal() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(item) for key, item in value.items()}


def listed(value: Any) -> list[Any]:
    """``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []
