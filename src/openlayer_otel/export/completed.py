"""Completed traces, and what both ways of putting traces together have in common.

``assembly`` sees spans start and end, ``grouping`` sees them end only; ``assembly`` defines the
words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

# Spans remembered after they were handed over, to know late ones and to see no span twice.
REMEMBERED_SPANS = 20_000


class CompletedTrace(NamedTuple):
    """The spans of one local root, ready to be made into a row.

    Attributes:
        trace_id: The OpenTelemetry trace that all spans belong to.
        spans: All ended spans, the root among them, in the order in which they ended.
        root: The local root. Without one (late spans, roots that never ended): the topmost
            of ``spans``, that is the one whose parent is not among them.
        late: Whether the trace was sent before, without these spans.
        remote_parent: Whether the root's parent belongs to another process.
        open_spans: How many spans had not ended when the trace was sent; they are missing
            from ``spans``.
    """

    trace_id: int
    spans: tuple[ReadableSpan, ...]
    root: ReadableSpan
    late: bool = False
    remote_parent: bool = False
    open_spans: int = 0


HandOver = Callable[[CompletedTrace, int], None]
"""Takes a completed trace and its weight in bytes."""


def span_key(trace_id: int, span_id: int) -> int:
    """One number for a span: span ids alone are unique within a trace only."""
    return trace_id << 64 | span_id


def key_of(context: SpanContext) -> int:
    """:func:`span_key` of a span's context."""
    # It is a tuple of these, which is read in a third of the time.
    return context[0] << 64 | context[1]


def trees_of(spans: Iterable[ReadableSpan]) -> Iterator[tuple[ReadableSpan, ...]]:
    """``spans`` of one trace as trees: each with the one span whose parent is not among them.

    Spans that are their own parents, or each other's, have no such span. They are a tree as well,
    below the one that ended last. (Ids repeat where a program seeds the random numbers anew.)

    Yields:
        The spans of a tree, its topmost one first.
    """
    by_id = {span.context.span_id: span for span in spans}
    children: dict[int, list[ReadableSpan]] = {}
    tops = []
    for span in by_id.values():
        parent = span.parent
        if parent is None or parent.span_id not in by_id:
            tops.append(span)
        else:
            children.setdefault(parent.span_id, []).append(span)
    count = 0
    for top in tops:
        tree = [top]
        for span in tree:  # grows while it is read
            tree.extend(children.pop(span.context.span_id, ()))
        count += len(tree)
        yield tuple(tree)
    if count < len(by_id):
        circle = [span for below in children.values() for span in below]
        yield tuple(sorted(circle, key=lambda span: -(span.end_time or 0)))


class Remembered:
    """The newest span keys that were handed over; each with whether it was still open then.

    At least ``size`` of them, at most two times that: the older half is forgotten at once.
    """

    def __init__(self, size: int = REMEMBERED_SPANS) -> None:
        self._size = size
        self._newer: dict[int, bool] = {}
        self._older: dict[int, bool] = {}

    def add(self, keys: Iterable[int], *, still_open: bool = False) -> None:
        """Remember ``keys``."""
        self._newer.update(dict.fromkeys(keys, still_open))
        if len(self._newer) > self._size:
            self._older, self._newer = self._newer, {}

    def __contains__(self, key: int) -> bool:
        return key in self._newer or key in self._older

    def was_handed_over(self, key: int) -> bool:
        """Whether the span had ended and went with its part."""
        return self._newer.get(key, self._older.get(key)) is False
