"""The socket of a connection that hears what a test wants it to."""

from __future__ import annotations

import json
from typing import Any


class Heard:
    """Gives these events, one after the other.

    Args:
        events: What the server says.
        refuses: What sending raises, if anything.
    """

    def __init__(self, *events: dict[str, Any], refuses: Exception | None = None) -> None:
        self._events = [json.dumps(event).encode() for event in events]
        self._refuses = refuses

    def send(self, data: str) -> None:
        """The server listens."""
        if self._refuses is not None:
            raise self._refuses

    def recv(self, decode: bool | None = None) -> bytes:
        """The next event."""
        return self._events.pop(0)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Nobody listens any more."""
