"""Spans to whole traces: what a completed trace is.

A *local root* is a span whose parent is not in this process: it has no parent, its parent
is remote, or its parent was never recorded here. One trace may have several local roots in
one process; each is uploaded on its own, as a *completed trace*. A *late* span started
after the trace that it belongs to had been sent; it is uploaded on its own, too, and names
that trace and its parent.
"""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry.sdk.trace import ReadableSpan


@dataclass(frozen=True, slots=True)
class CompletedTrace:
    """The spans of one local root, ready to be made into a row.

    Attributes:
        trace_id: The OpenTelemetry trace that all spans belong to.
        spans: All ended spans, the root among them, in the order in which they ended.
        root: The local root. Without one (late spans, roots that never ended): the topmost
            of ``spans``, that is the first whose parent is not among them.
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
