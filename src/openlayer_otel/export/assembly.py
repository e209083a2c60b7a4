"""Spans to whole traces, for the processor, which sees every span start and end.

A *local root* is a span whose parent is not in this process: it has no parent, or its parent
was never recorded here. A *part* is a local root with everything below it. A part is complete
when its root has ended and none of its spans is open; then it is handed over as a *completed
trace*. One trace may have several parts in one process, and each is a completed trace of its own.

A *late* span started after its part had been handed over (or was given up waiting for, and
ended after all); it begins a part of its own that is marked late.

Nothing is dropped here: what has to go early, because it is too old or there is too much of
it, is handed over as far as it has ended.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from operator import attrgetter

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel.export.completed import (
    CompletedTrace,
    HandOver,
    Remembered,
    key_of,
    trees_of,
)
from openlayer_otel.export.weight import is_of_interest, weight_of


class _Part:
    """A local root and what is below it, until it is handed over."""

    __slots__ = (
        "ended",
        "late",
        "of_interest",
        "open",
        "remote_parent",
        "root",
        "root_ended_at",
        "root_key",
        "spans",
        "weight",
    )

    def __init__(self, root_key: int, late: bool, remote_parent: bool) -> None:
        self.root_key = root_key
        self.late = late
        self.remote_parent = remote_parent
        self.open: set[int] = set()
        self.ended: list[int] = []
        self.spans: list[ReadableSpan] = []
        self.root: ReadableSpan | None = None
        self.root_ended_at = 0.0
        self.weight = 0
        self.of_interest = False


_weight = attrgetter("weight")


class Assembly:
    """The parts that are not complete. Thread-safe; a span may end inside any call.

    Args:
        hand_over: Called with each completed trace, outside the lock, on the thread that
            ended the last span. Must be quick.
        upload_all: Hand over traces in which no span is of interest, too.
        max_open_traces: Parts held at most; more push the oldest out early.
        max_open_bytes: Weight of ended spans held at most; more push the heaviest out early.
        max_age: Seconds that a part whose root ended waits for its open spans.
        on_waiting: Called when a part begins to wait for open spans after its root.
    """

    def __init__(
        self,
        hand_over: HandOver,
        *,
        upload_all: bool = False,
        max_open_traces: int = 10_000,
        max_open_bytes: int = 256_000_000,
        max_age: float = 300.0,
        on_waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self._hand_over = hand_over
        self._upload_all = upload_all
        self._max_open_traces = max_open_traces
        self._max_open_bytes = max_open_bytes
        self._max_age = max_age
        self._on_waiting = on_waiting
        # Reentrant: the garbage collector may end a span (a dropped stream) at any point.
        self._lock = threading.RLock()
        self._reset()
        self._inherited: frozenset[int] = frozenset()

    def _reset(self) -> None:
        # Of every span that is held, open or ended.
        self._part_of: dict[int, _Part] = {}
        self._parts: OrderedDict[_Part, None] = OrderedDict()
        self._waiting: OrderedDict[_Part, None] = OrderedDict()
        self._weight = 0
        self._remembered = Remembered()

    def start(self, span: ReadableSpan) -> None:
        """A sampled, recording span started."""
        key = key_of(span.context)
        parent = span.parent
        pushed_out = None
        with self._lock:
            if key in self._part_of:
                return  # another processor of this destination told already
            part = None
            late = False
            remote = parent is not None and parent.is_remote
            if parent is not None:
                parent_key = key_of(parent)
                # Also where the context came as text: from this process to itself, or by Logfire.
                part = self._part_of.get(parent_key)
                late = part is None and not remote and parent_key in self._remembered
            if part is None:
                part = _Part(key, late, remote)
                self._parts[part] = None
                if len(self._parts) > self._max_open_traces:
                    pushed_out = self._forget(next(iter(self._parts)))
            part.open.add(key)
            self._part_of[key] = part
        if pushed_out is not None:
            self._give(pushed_out)

    def end(self, span: ReadableSpan) -> None:
        """A sampled span ended."""
        key = key_of(span.context)
        weight = weight_of(span)
        ready: list[_Part] = []
        waits = False
        with self._lock:
            part = self._part_of.get(key)
            if part is None:
                part = self._part_of_stranger(key, span)
                if part is None:
                    return
                self._part_of[key] = part
            elif key in part.open:
                part.open.remove(key)
            else:
                return  # another processor of this destination told already
            part.ended.append(key)
            part.spans.append(span)
            part.weight += weight
            part.of_interest = part.of_interest or is_of_interest(span)
            self._weight += weight
            if key == part.root_key:
                part.root = span
            if part.root is not None:
                if not part.open:
                    ready.append(self._forget(part))
                elif key == part.root_key:
                    part.root_ended_at = time.monotonic()
                    self._waiting[part] = None
                    waits = True
            while self._weight > self._max_open_bytes and self._parts:
                # Not the oldest: many small traces would go in pieces because of a large one.
                ready.append(self._forget(max(list(self._parts), key=_weight)))
        for part in ready:
            self._give(part)
        if waits:
            self._on_waiting()

    def _part_of_stranger(self, key: int, span: ReadableSpan) -> _Part | None:
        """A part for a span whose start was not seen, or whose part went without it."""
        if key in self._inherited or self._remembered.was_handed_over(key):
            return None
        parent = span.parent
        late = key in self._remembered
        part = _Part(key, late, parent is not None and parent.is_remote)
        self._parts[part] = None
        return part

    def _forget(self, part: _Part) -> _Part:
        """Take ``part`` out of every index; what was handed over stays remembered."""
        self._parts.pop(part, None)
        self._waiting.pop(part, None)
        for key in part.ended:
            self._part_of.pop(key, None)
        for key in part.open:
            self._part_of.pop(key, None)
        self._weight -= part.weight
        self._remembered.add(part.ended)
        if part.open:
            self._remembered.add(part.open, still_open=True)
        return part

    def _give(self, part: _Part) -> None:
        if not part.spans or not (part.of_interest or self._upload_all):
            return
        trace_id = part.root_key >> 64
        missing = len(part.open)
        if part.root is not None:
            completed = CompletedTrace(
                trace_id, tuple(part.spans), part.root, part.late, part.remote_parent, missing
            )
            self._hand_over(completed, part.weight)
            return
        for tree in trees_of(part.spans):
            parent = tree[0].parent
            remote = parent is not None and parent.is_remote
            share = part.weight * len(tree) // len(part.spans)
            self._hand_over(
                CompletedTrace(trace_id, tree, tree[0], part.late, remote, missing), share
            )

    def collect(self, *, everything: bool = False) -> float | None:
        """Hand over the parts that waited long enough.

        Args:
            everything: Hand over all parts as they are, whether complete or not.

        Returns:
            Seconds until the next part will have waited long enough; None if none waits.
        """
        now = time.monotonic()
        ready = []
        with self._lock:
            if everything:
                ready = [self._forget(part) for part in list(self._parts)]
            while self._waiting:
                part = next(iter(self._waiting))
                due = part.root_ended_at + self._max_age - now
                if due > 0:
                    break
                ready.append(self._forget(part))
            else:
                due = -1.0
        for part in ready:
            self._give(part)
        return due if due > 0 else None

    def knows(self, key: int) -> bool:
        """Whether the span with this key was seen to start or end here."""
        with self._lock:
            return key in self._part_of or key in self._remembered

    def after_fork(self) -> None:
        """In the child: what was open is the parent's, and will be sent by the parent."""
        self._lock = threading.RLock()
        # The parent's may be its own parent's.
        self._inherited |= frozenset(self._part_of)
        self._reset()

    @property
    def open_traces(self) -> int:
        """How many parts are held."""
        return len(self._parts)
