"""Bodies to bytes, and bodies that are too large to bodies that fit.

Content is cut before a trace is lost, the least useful first: the raw answers of providers,
then long texts, lists and objects wherever they are, and in the end whole steps, the deepest and
last first. What was cut is said in the row (column ``truncated``) and in the metadata of its
root step.
"""

from __future__ import annotations

import itertools
from typing import Any, TypeGuard

import orjson

from openlayer_otel.genai.encoding import plain

TRUNCATED = "truncated"
# What may be cut, by the names that the note has for it.
_KINDS = ("raw_outputs", "texts", "lists", "objects", "steps")
# Texts longer than this many characters, lists and objects longer than this many items, are cut;
# tried in this order until the body fits. Rows and steps are no such objects.
_TEXT_LIMITS = (100_000, 30_000, 10_000, 3_000, 1_000, 300, 100)
_LIST_LIMITS = (5_000, 1_000, 500, 200, 100, 50, 20)


def encode(value: object) -> bytes:
    """``value`` as compact UTF-8 JSON; what JSON has no word for becomes null or text."""
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return orjson.dumps(plain(value))


def encode_to_fit(content: dict[str, Any], max_bytes: int) -> bytes:
    """A body in JSON, cut to at most ``max_bytes`` where that can be done.

    Args:
        content: ``{"config": ..., "rows": [...]}``. Stays as it is.
        max_bytes: The limit; 0 means none.

    Returns:
        The JSON. Larger than the limit only if nothing is left that could be cut.
    """
    data = encode(content)
    return shrink(data, max_bytes) if 0 < max_bytes < len(data) else data


def shrink(data: bytes, max_bytes: int) -> bytes:
    """Cut a body that is JSON already; see :func:`encode_to_fit`."""
    content = orjson.loads(data)
    rows = whole = content["rows"]
    cut = {"bytes": len(data), **dict.fromkeys(_KINDS, 0)}
    for row in rows:
        before = row.get(TRUNCATED)
        if _is_note(before):
            cut["bytes"] = max(cut["bytes"], before["bytes"])
            cut["raw_outputs"] += before.get("raw_outputs", 0)
        for each in (row, *_metadata_of(row)):
            _make_way(each)
        cut["raw_outputs"] += _cut_raw_outputs(row.get("steps"))
    data = _noted(content, cut)
    for text_limit, list_limit in zip(_TEXT_LIMITS, _LIST_LIMITS, strict=True):
        if len(data) <= max_bytes:
            return data
        cutter = _Cutter(text_limit, list_limit)
        content["rows"] = rows = [cutter.row(row) for row in whole]
        cut.update(texts=cutter.texts, lists=cutter.lists, objects=cutter.objects)
        data = _noted(content, cut)
    while len(data) > max_bytes:
        dropped = sum(_cut_deepest_steps(row.get("steps")) for row in rows)
        if not dropped:
            break
        cut["steps"] += dropped
        data = _noted(content, cut)
    return data


def _noted(content: dict[str, Any], cut: dict[str, int]) -> bytes:
    note = {name: count for name, count in cut.items() if count}
    for row in content["rows"]:
        row[TRUNCATED] = note
        for metadata in _metadata_of(row):
            metadata[TRUNCATED] = note
    return orjson.dumps(content)


def _metadata_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The metadata of the root steps."""
    found = (step.get("metadata") for step in row.get("steps") or ())
    return [each for each in found if isinstance(each, dict)]


def _is_note(value: Any) -> TypeGuard[dict[str, int]]:
    """Whether it is ours: the body was cut before, to a limit that the backend does not have."""
    return (
        isinstance(value, dict)
        and "bytes" in value
        and value.keys() <= {"bytes", *_KINDS}
        and all(type(each) is int for each in value.values())
    )


def _make_way(place: dict[str, Any]) -> None:
    """What the user calls by the name of the note gets another name."""
    if TRUNCATED in place and not _is_note(place[TRUNCATED]):
        free = f"metadata_{TRUNCATED}"
        while free in place:
            free += "_"
        place[free] = place.pop(TRUNCATED)


def _cut_raw_outputs(steps: Any) -> int:
    cut = 0
    for step in steps or ():
        if step.get("rawOutput") is not None:
            step["rawOutput"] = None
            cut += 1
        cut += _cut_raw_outputs(step.get("steps"))
    return cut


def _cut_deepest_steps(steps: Any) -> int:
    """Remove the last half of the steps of the deepest level below ``steps``, and count them."""
    level = list(steps or ())
    while True:
        below = [child for step in level for child in step.get("steps") or ()]
        if not below:
            return 0
        if not any(child.get("steps") for child in below):
            left = dropped = (len(below) + 1) // 2
            for step in reversed(level):
                inner = step.get("steps") or []
                step["steps"] = inner[: max(0, len(inner) - left)]
                left -= len(inner) - len(step["steps"])
            return dropped
        level = below


class _Cutter:
    """Cuts the long texts, lists and objects of a row; never ids or the steps themselves."""

    def __init__(self, text_limit: int, list_limit: int) -> None:
        self.text_limit = text_limit
        self.list_limit = list_limit
        self.texts = 0
        self.lists = 0
        self.objects = 0

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """``row`` with long values cut."""
        return {
            name: self._steps(value) if name == "steps" else self._value(value)
            for name, value in row.items()
        }

    def _steps(self, steps: Any) -> Any:
        return [self.row(step) for step in steps] if isinstance(steps, list) else steps

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            # A text that was cut before ends in a note of some fifty characters.
            if len(value) <= self.text_limit + 60:
                return value
            self.texts += 1
            return f"{value[: self.text_limit]}… [cut: {len(value):,} characters]"
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            if len(value) > self.list_limit + 1:
                self.lists += 1
                left = len(value) - self.list_limit
                value = [*value[: self.list_limit], f"… [cut: {left:,} more]"]
            return [self._value(each) for each in value]
        return value

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        left = len(value) - self.list_limit
        if left <= 1:
            return {name: self._value(each) for name, each in value.items()}
        self.objects += 1
        some = itertools.islice(value.items(), self.list_limit)
        cut = {name: self._value(each) for name, each in some}
        cut["…"] = f"[cut: {left:,} more]"
        return cut
