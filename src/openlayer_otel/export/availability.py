"""Whether Openlayer answers, and when to try what was put away.

The backend is *down* after a trace could not be delivered with all its retries, and *up* again
when a trace gets through. Probes are tries of the oldest trace, after growing pauses.
"""

from __future__ import annotations

import time

from openlayer_otel.diagnostics import logger
from openlayer_otel.export.answers import Answer, Verdict

FIRST_PROBE = 1.0
LONGEST_PROBE = 60.0
# A wrong key or pipeline is mended by a person, so it is tried rarely.
MISCONFIGURED_PROBE = 300.0


class Availability:
    """Whether the backend answers, and when to try again if not."""

    def __init__(self) -> None:
        self.down = False
        self.probe_at = 0.0
        self._failures = 0
        self._failures_to_store = 0

    def succeeded(self) -> None:
        """A trace was accepted."""
        if self.down:
            logger.warning("openlayer-otel: Openlayer answers again; what was kept is sent now.")
            self.down = False
            self.probe_at = 0.0
        self._failures = 0

    def failed(self, answer: Answer) -> None:
        """A trace was not accepted, and others will not be either."""
        if answer.verdict is Verdict.MISCONFIGURED:
            self.down = False
            self.probe_at = time.monotonic() + MISCONFIGURED_PROBE
            return
        if answer.verdict is Verdict.HELD:
            # Others come, one after the other: they must not put the next try off.
            if self.probe_at <= time.monotonic():
                self.probe_at = time.monotonic() + _pause_after(self._failures_to_store)
                self._failures_to_store += 1
            return
        if not self.down:
            logger.warning(
                "openlayer-otel: Openlayer cannot be reached (%s); traces are kept and sent later.",
                answer.reason,
            )
        self.down = True
        pause = _pause_after(self._failures)
        self._failures += 1
        self.probe_at = time.monotonic() + max(pause, answer.pause or 0.0)

    def stored(self) -> None:
        """Attachments were stored, all of a trace."""
        self._failures_to_store = 0


def _pause_after(failures: int) -> float:
    return min(LONGEST_PROBE, FIRST_PROBE * 2.0 ** min(failures, 10))
