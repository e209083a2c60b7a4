"""Spans to whole traces, for the exporter by name, which sees ended spans only.

It cannot know whether a span is still open. So a trace is taken to be complete a short
*grace* after its local root ended (``assembly`` defines local root, late and tree): children
that end within the grace go with it, later ones are late. A tree whose topmost span has a
local parent that has not come yet waits for that parent, up to the largest age of a trace.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel.export.completed import (
    CompletedTrace,
    HandOver,
    Remembered,
    key_of,
    span_key,
    trees_of,
)
from openlayer_otel.export.weight import is_of_interest, weight_of


class _Group:
    """The spans of one trace that were not handed over."""

    __slots__ = ("arrived_at", "due", "spans", "weights")

    def __init__(self, arrived_at: float) -> None:
        self.arrived_at = arrived_at
        self.spans: dict[int, ReadableSpan] = {}
        self.weights: dict[int, tuple[int, bool]] = {}
        # Topmost spans above which nothing can come -> when the grace is over.
        self.due: dict[int, float] = {}


class Grouping:
    """Ended spans by trace, until their trees are complete. Thread-safe.

    Args:
        hand_over: Called with each completed trace, outside the lock. Must be quick.
        grace: Seconds to wait for stragglers after a local root.
        upload_all: Hand over traces in which no span is of interest, too.
        max_open_traces: Traces held at most; more push the oldest out early.
        max_open_bytes: Weight of the spans held at most, likewise.
        max_age: Seconds that spans wait for a parent that does not come.
    """

    def __init__(
        self,
        hand_over: HandOver,
        *,
        grace: float = 2.0,
        upload_all: bool = False,
        max_open_traces: int = 10_000,
        max_open_bytes: int = 256_000_000,
        max_age: float = 300.0,
    ) -> None:
        self._hand_over = hand_over
        self._grace = grace
        self._upload_all = upload_all
        self._max_open_traces = max_open_traces
        self._max_open_bytes = max_open_bytes
        self._max_age = max_age
        self._lock = threading.RLock()
        self._reset()

    def _reset(self) -> None:
        self._groups: OrderedDict[int, _Group] = OrderedDict()
        # (when, trace) of the roots, in the order in which they fall due: the grace is constant.
        self._due: deque[tuple[float, int]] = deque()
        self._weight = 0
        self._remembered = Remembered()

    def add(self, spans: Sequence[ReadableSpan]) -> None:
        """Take in ended spans; those that were handed over before are ignored."""
        now = time.monotonic()
        ready: list[tuple[CompletedTrace, int]] = []
        with self._lock:
            for span in spans:
                self._add(span, now)
            while self._groups and (
                len(self._groups) > self._max_open_traces or self._weight > self._max_open_bytes
            ):
                ready.extend(self._take(next(iter(self._groups)), everything=True))
        self._give(ready)

    def _add(self, span: ReadableSpan, now: float) -> None:
        if key_of(span.context) in self._remembered:
            return
        trace_id, span_id = span.context.trace_id, span.context.span_id
        group = self._groups.get(trace_id)
        if group is None:
            group = self._groups[trace_id] = _Group(now)
        if span_id in group.spans:
            return
        group.spans[span_id] = span
        weight = weight_of(span)
        group.weights[span_id] = weight, is_of_interest(span)
        self._weight += weight
        if self._is_top(span):
            group.due[span_id] = due = now + self._grace
            self._due.append((due, trace_id))

    def _is_top(self, span: ReadableSpan) -> bool:
        """Whether nothing above ``span`` can still come: a local root, or a late span."""
        parent = span.parent
        return parent is None or parent.is_remote or key_of(parent) in self._remembered

    def collect(self, *, roots: bool = False, everything: bool = False) -> float | None:
        """Hand over the trees that waited long enough.

        Args:
            roots: Hand over every tree whose local root has ended, without the grace.
            everything: Hand over all spans, with or without their root.

        Returns:
            Seconds until there will be more to hand over; None if nothing waits.
        """
        now = time.monotonic()
        ready: list[tuple[CompletedTrace, int]] = []
        with self._lock:
            until = float("inf") if roots or everything else now
            while self._due and self._due[0][0] <= until:
                ready.extend(self._take(self._due.popleft()[1], until=until))
            while self._groups:
                trace_id, oldest = next(iter(self._groups.items()))
                if not everything and oldest.arrived_at + self._max_age > now:
                    break
                ready.extend(self._take(trace_id, everything=True))
            next_times = [self._due[0][0]] if self._due else []
            if self._groups:
                next_times.append(next(iter(self._groups.values())).arrived_at + self._max_age)
        self._give(ready)
        return max(0.0, min(next_times) - now) if next_times else None

    def _take(
        self, trace_id: int, *, until: float = 0.0, everything: bool = False
    ) -> Iterable[tuple[CompletedTrace, int]]:
        """Take the trees of a trace out whose grace ends by ``until``, or all of them."""
        group = self._groups.get(trace_id)
        if group is None:
            return []
        taken = []
        for tree in trees_of(group.spans.values()):
            top = tree[0]
            due = group.due.get(top.context.span_id)
            whole = due is not None
            if not everything and (due is None or due > until):
                continue
            ids = [span.context.span_id for span in tree]
            weights = [group.weights.pop(span_id) for span_id in ids]
            weight = sum(each[0] for each in weights)
            self._weight -= weight
            if self._upload_all or any(each[1] for each in weights):
                in_order = tuple(sorted(tree, key=lambda span: span.end_time or 0))
                parent = top.parent
                local_parent = parent is not None and not parent.is_remote
                taken.append(
                    (
                        CompletedTrace(
                            trace_id,
                            in_order,
                            top,
                            late=whole and local_parent,
                            remote_parent=parent is not None and parent.is_remote,
                            open_spans=0 if whole else 1,
                        ),
                        weight,
                    )
                )
            for span_id in ids:
                del group.spans[span_id]
                group.due.pop(span_id, None)
            self._remembered.add(span_key(trace_id, span_id) for span_id in ids)
        if not group.spans:
            del self._groups[trace_id]
        return taken

    def _give(self, ready: Iterable[tuple[CompletedTrace, int]]) -> None:
        for completed, weight in ready:
            self._hand_over(completed, weight)

    def after_fork(self) -> None:
        """In the child: what was held is the parent's, and will be sent by the parent."""
        self._lock = threading.RLock()
        self._reset()

    @property
    def open_traces(self) -> int:
        """How many traces are held."""
        return len(self._groups)
