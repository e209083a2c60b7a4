"""Responses over a WebSocket that are given more input while they are under way.

``response.steer`` names the response; the one that follows it answers what it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MAX_STEERED = 1_000


def items_of(given: Any) -> list[Any]:
    """An input as items: it may be a text."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return list(given) if isinstance(given, list) else []


class Steering:
    """What the responses of one connection were given, until others have answered it."""

    def __init__(self) -> None:
        # By the id of the response that was under way: its model, and the items.
        self._given: dict[str, dict[str, Any]] = {}

    def give(self, response_id: str, model: object, given: Any) -> None:
        """A response that is under way gets more input.

        Args:
            response_id: Which one.
            model: Its model, if it is known.
            given: The input: a text, or items.
        """
        if len(self._given) < _MAX_STEERED:
            known = self._given.setdefault(response_id, {"model": model, "input": []})
            known["input"] += items_of(given)

    def failed(self, steer: Any) -> None:
        """Nothing comes of what steers a response: no other response answers it.

        Args:
            steer: What was refused, as the server's event has it.
        """
        steer = steer if isinstance(steer, dict) else {}
        known = self._given.get(str(steer.get("previous_response_id")))
        for item in items_of(steer.get("input")):
            if known is not None and item in known["input"]:
                known["input"].remove(item)

    def put_before(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is asked of a response, with what the one before it was given."""
        before = asked.get("previous_response_id")
        known = self._given.pop(before, None) if isinstance(before, str) else None
        if known is None:
            return asked
        given = [*known["input"], *items_of(asked.get("input"))]
        return {"model": known["model"], **asked, "input": given}

    def answered_by(self, response: Any) -> Mapping[str, Any]:
        """What is asked of a response that nobody asked for: what the one before it was given."""
        before = response.get("previous_response_id") if isinstance(response, dict) else None
        alone = {"previous_response_id": before}
        asked = self.put_before(alone)
        return {} if asked is alone else asked
