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
# While a pipeline does not accept traces, those of others are looked for so often.
MISCONFIGURED_PROBE = 10.0


class Availability:
    """Whether the backend answers, and when to try again if not."""

    def __init__(self) -> None:
        self.down = False
        self.probe_at = 0.0
        # Changes with each request that was accepted.
        self.accepted = 0
        self._failures = 0
        self._held = 0

    def succeeded(self) -> None:
        """A trace was accepted."""
        self.accepted += 1
        if self.down:
            # Before it is said, which takes its time: another thread may come here meanwhile.
            self.down = False
            self.probe_at = 0.0
            logger.warning("openlayer-otel: Openlayer answers again; what was kept is sent now.")
        self._failures = 0

    def failed(self, answer: Answer) -> None:
        """A trace was not accepted, and others will not be either."""
        if answer.verdict in (Verdict.MISCONFIGURED, Verdict.HELD):
            # Others come, one after the other: they must not put the next try off.
            if self.probe_at <= time.monotonic():
                self._put_off(answer)
            return
        was_down, self.down = self.down, True
        pause = _pause_after(self._failures)
        self._failures += 1
        self.probe_at = time.monotonic() + max(pause, answer.pause or 0.0)
        if not was_down:  # said last, as above
            logger.warning(
                "openlayer-otel: Openlayer cannot be reached (%s); traces are kept and sent "
                "later.%s",
                answer.reason,
                f" {answer.advice}." if answer.advice else "",
            )

    def _put_off(self, answer: Answer) -> None:
        """The backend answers, but does not take some of what waits."""
        if answer.verdict is Verdict.MISCONFIGURED:
            self.down = False
            pause = MISCONFIGURED_PROBE
        else:
            pause = _pause_after(self._held)
            self._held += 1
        self.probe_at = time.monotonic() + max(pause, answer.pause or 0.0)

    def nothing_held(self) -> None:
        """Attachments were stored, all of a trace; or nothing has to wait for itself."""
        self._held = 0


def _pause_after(failures: int) -> float:
    return min(LONGEST_PROBE, FIRST_PROBE * 2.0 ** min(failures, 10))
