"""Content that is too long, cut so that it stays valid JSON and says what was cut."""

from __future__ import annotations

from typing import Any

from openlayer_otel.genai.encoding import from_json, to_json

_TEXT_CAPS = tuple(2**power for power in range(16, 7, -1))
# A text that is longer by no more than the note of what was cut is left whole.
_MARK = 64
_NUMBERS = frozenset({int, float, bool, type(None)})
# Of an object with more there is a marker only: one for each member would be too long itself.
_MAX_MEMBERS = 1_000
_LEAST_OF_A_LIST = 1_000


def shortened(text: str, length: int) -> str:
    """The beginning of ``text``, saying how many characters were cut."""
    return f"{text[:length]}… [{len(text) - length} characters cut]"


def cut(text: str, limit: int) -> str:
    """``text``, JSON that is too long, as valid JSON of at most about ``limit`` characters.

    Long texts are shortened first, the same for all. Of what is still too long a list loses its
    oldest items, and a marker in the shape of a message says how many; an object's largest
    members leave a marker each.
    """
    whole = from_json(text)  # faster than taking the value itself apart again
    value = _with_short_texts(whole, _TEXT_CAPS[-1])
    least = text if value == whole else to_json(value)
    if len(least) <= limit:
        longest = _longest_text(whole)
        for cap in _TEXT_CAPS[:-1]:
            if cap < limit and cap + _MARK < longest:
                longer = to_json(_with_short_texts(whole, cap))
                if len(longer) <= limit:
                    return longer
        return least
    if isinstance(value, list):
        return _newest(value, limit)
    if isinstance(value, dict):
        return _smallest(value, limit)
    return _marker(least)


def _longest_text(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, (dict, list)):
        return 0
    items = value.values() if isinstance(value, dict) else value
    return max((_longest_text(each) for each in items if type(each) not in _NUMBERS), default=0)


def _with_short_texts(value: Any, cap: int) -> Any:
    if isinstance(value, str):
        return shortened(value, cap) if len(value) > cap + _MARK else value
    if isinstance(value, dict):
        return {
            key: item if type(item) in _NUMBERS else _with_short_texts(item, cap)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [item if type(item) in _NUMBERS else _with_short_texts(item, cap) for item in value]
    return value


def _marker(text: str) -> str:
    return to_json({"truncated": True, "bytes": len(text)})


def _smallest(members: dict[str, Any], limit: int) -> str:
    """An object with as many of its members as fit, the smallest first, and the rest of a list."""
    if len(members) > _MAX_MEMBERS:
        return _marker(to_json(members))
    texts = {name: to_json(item) for name, item in members.items()}
    budget = limit - 2
    for name in sorted(texts, key=lambda each: len(texts[each])):
        budget -= len(name) + 4
        item = members[name]
        if len(texts[name]) > budget:
            newest = isinstance(item, list) and budget > _LEAST_OF_A_LIST
            texts[name] = _newest(item, budget) if newest else _marker(texts[name])
        budget -= len(texts[name])
    return "{" + ",".join(f"{to_json(name)}:{text}" for name, text in texts.items()) + "}"


def _newest(items: list[Any], limit: int) -> str:
    budget = limit - 128
    kept: list[str] = []
    for item in reversed(items):
        text = to_json(item)
        budget -= len(text) + 1
        if budget < 0:
            break
        kept.append(text)
    gone = len(items) - len(kept)
    marker = to_json({"role": "truncated", "parts": [{"type": "truncated", "items_cut": gone}]})
    return "[" + ",".join([marker, *reversed(kept)]) + "]"
