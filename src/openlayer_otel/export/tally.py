"""What became of the traces, in numbers, and the warnings about those that were lost.

Every trace that is handed over ends in exactly one of ``sent``, ``spooled``, ``not_uploaded``,
``refused`` and ``lost``, or is still ``waiting``.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass

from openlayer_otel.diagnostics import logger, warn_once

SUMMARY_INTERVAL = 60.0


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """How many traces took which way, since the start of the process.

    Attributes:
        handed_over: Complete traces.
        sent: Accepted by Openlayer at once (replayed ones are not in here).
        spooled: Written to the spool.
        replayed: Spooled traces, of this process or others, that this process sent later.
        not_uploaded: Traces without anything for Openlayer.
        refused: Traces that Openlayer will not accept.
        lost: Dropped; the log says why.
        waiting: Neither sent nor anything else yet.
    """

    handed_over: int
    sent: int
    spooled: int
    replayed: int
    not_uploaded: int
    refused: int
    lost: int
    waiting: int


class Tally:
    """Counts, and warns about losses: at once about the first, then each minute at most."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._counts: Counter[str] = Counter()
        self._unreported: Counter[str] = Counter()
        self._reported_at = float("-inf")

    def add(self, what: str, number: int = 1) -> None:
        """Count; ``what`` is a field of :class:`DeliveryCounts`."""
        with self._lock:
            self._counts[what] += number

    def lose(self, reason: str, number: int = 1) -> None:
        """Count lost traces.

        Args:
            reason: Completes "traces were lost: ...", with the setting that would help.
            number: How many.
        """
        with self._lock:
            self._counts["lost"] += number
            self._unreported[reason] += number

    def report(self, *, at_once: bool = False) -> None:
        """Warn about the losses since the last warning, if it is a minute old."""
        with self._lock:
            now = time.monotonic()
            if not self._unreported:
                return
            if not at_once and now - self._reported_at < SUMMARY_INTERVAL:
                return
            losses, self._unreported = self._unreported, Counter()
            self._reported_at = now
        for reason, number in losses.items():
            logger.warning("openlayer-otel: %d traces were lost: %s.", number, reason)

    def counts(self, handed_over: int, waiting: int) -> DeliveryCounts:
        """The numbers now; those given are not counted here."""
        with self._lock:
            counted = self._counts
            return DeliveryCounts(
                handed_over=handed_over,
                sent=counted["sent"],
                spooled=counted["spooled"],
                replayed=counted["replayed"],
                not_uploaded=counted["not_uploaded"],
                refused=counted["refused"],
                lost=counted["lost"],
                waiting=waiting,
            )


def warn_missing(setting: str, what: str) -> None:
    """Warn once that a setting is missing, and what that means."""
    warn_once(f"missing:{setting}", "openlayer-otel: %s; set %s.", what, setting)
