"""The traces that were handed over and are not settled: how many, and how large."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable


class Waiting:
    """Numbers traces (*tickets*) and remembers those that wait, within bounds. Thread-safe.

    Args:
        max_count: Traces that wait at most; one may always wait.
        max_bytes: Weight of those that wait at most, likewise.

    Attributes:
        last: The ticket that was given last; they are counted from 1.
        turned_away: How many traces had no room.
    """

    def __init__(self, max_count: int, max_bytes: int) -> None:
        self._max_count = max_count
        self._max_bytes = max_bytes
        # Reentrant: the garbage collector may end a span, and submit its trace, at any point.
        self._lock = threading.RLock()
        self._weights: OrderedDict[int, int] = OrderedDict()
        self._bytes = 0
        self.last = 0
        self.turned_away = 0

    def has_room(self, weight: int) -> bool:
        """Whether one more trace may wait."""
        count = len(self._weights)
        return not count or (count < self._max_count and self._bytes + weight <= self._max_bytes)

    def turn_away(self) -> None:
        """Count a trace for which there was no room."""
        with self._lock:
            self.turned_away += 1

    def add(self, weight: int) -> int:
        """Let one more trace wait, whether or not there is room; returns its ticket."""
        with self._lock:
            ticket = self.last = self.last + 1
            self._weights[ticket] = weight
            self._bytes += weight
            return ticket

    def remove(self, tickets: Iterable[int]) -> list[int]:
        """Traces wait no more.

        Returns:
            The tickets of those that did not wait before.
        """
        strangers = []
        with self._lock:
            for ticket in tickets:
                weight = self._weights.pop(ticket, None)
                if weight is None:
                    strangers.append(ticket)
                else:
                    self._bytes -= weight
        return strangers

    def first(self) -> int | None:
        """The ticket of the trace that has waited longest."""
        with self._lock:
            return next(iter(self._weights), None)

    def all(self) -> list[int]:
        """The tickets of all that wait."""
        with self._lock:
            return list(self._weights)

    def __len__(self) -> int:
        return len(self._weights)
