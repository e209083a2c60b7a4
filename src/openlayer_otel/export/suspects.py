"""Who is to blame when Openlayer answers with an error: the backend, or the one trace.

A status such as 500 may mean either, and so may a connection that is cut or an answer that does
not come: a firewall may not like what is in the trace. Another trace tells: if that is accepted,
the backend is up. So a *round* over what waits goes on for a few traces after an error, and a trace
that fails again and again while others are accepted is *hopeless*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from openlayer_otel.export.answers import NO_CONNECTION, Answer, Verdict

# After so many different traces in a row that fail, the backend is taken to be down.
SEVERAL = 3
# So many times a trace fails while others are accepted, with growing pauses: some five minutes.
HOPELESS = 10
# A pause that an answer asks for ends a round, as does no answer at all, unless that has happened
# to the trace so many times.
_BELIEVED = 3
_KNOWN_LIMIT = 10_000


def is_for_all(answer: Answer) -> bool:
    """Whether an answer that says *later* holds for other traces, too, without trying them."""
    return answer.pause is not None or answer.reason in NO_CONNECTION


@dataclass(slots=True)
class _Record:
    """Of a trace that failed.

    Attributes:
        failures: How often.
        faults: How often after others had been accepted since it failed before.
        accepted: How many had been accepted when it failed last.
    """

    failures: int = 0
    faults: int = 0
    accepted: int = 0


class Suspects:
    """The traces that failed, over all rounds of a process."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}
        # Those that failed since one was accepted in a round: it is the turn of others.
        self.tried: set[str] = set()

    def failed(self, key: str, accepted: int) -> _Record:
        """A trace failed, after so many had been accepted."""
        record = self._records.pop(key, None) or _Record()
        record.faults += record.failures > 0 and record.accepted != accepted
        record.failures += 1
        record.accepted = accepted
        self._records[key] = record
        if len(self._records) > _KNOWN_LIMIT:
            self._records.pop(next(iter(self._records)))
        self.tried.add(key)
        return record

    def forget(self, key: str) -> None:
        """A trace is not tried again."""
        self._records.pop(key, None)


class Round:
    """One round over what waits, the oldest first.

    Args:
        suspects: Those of the rounds before.
        accepted: How many traces were accepted so far, whoever sent them.

    Attributes:
        is_over: Whether no other trace is to be tried now.
    """

    def __init__(self, suspects: Suspects, accepted: Callable[[], int]) -> None:
        self.is_over = False
        self._suspects = suspects
        self._count = accepted
        # Those that failed since one was accepted, and whether all were at fault before.
        self._in_a_row = 0
        self._all_at_fault = True
        self._accepted = False
        self._passed_over = False
        self._answer: Answer | None = None

    def wants(self, key: str) -> bool:
        """Whether to try a trace: the oldest always; after an error, those not tried before."""
        if self._in_a_row == 0 or key not in self._suspects.tried:
            return True
        self._passed_over = True
        return False

    def sent(self, key: str) -> None:
        """A trace was accepted, so the backend is up."""
        self._suspects.forget(key)
        self._suspects.tried.clear()
        self._accepted = True
        self._all_at_fault = True
        self._in_a_row = 0

    def forget(self, key: str) -> None:
        """A trace was set aside."""
        self._suspects.forget(key)

    def failed(self, key: str, answer: Answer) -> bool:
        """A trace is to be sent later; returns whether it is hopeless."""
        self._answer = answer
        self._in_a_row += 1
        if answer.reason in NO_CONNECTION:
            self._all_at_fault = False
            self._accepted = False
            self.is_over = True
            return False
        record = self._suspects.failed(key, self._count())
        self._all_at_fault = self._all_at_fault and record.faults > 0
        for_all = is_for_all(answer) or not answer.is_status
        believed = for_all and record.failures <= _BELIEVED
        if believed or self._in_a_row >= SEVERAL:
            self._accepted = False  # that was before
            self.is_over = True
        return record.faults >= HOPELESS

    def outcome(self) -> Answer | None:
        """Why traces are left: the backend is down, or it is and only they must wait."""
        if self._answer is None:
            return None
        if self._in_a_row and self._passed_over and not self.is_over:
            self._suspects.tried.clear()  # all had their turn
        if self._in_a_row == 0 or self._accepted or self._all_at_fault:
            return replace(self._answer, verdict=Verdict.HELD)
        return self._answer
