"""What a test sees of the spans: those that ended, those still open, and their family tree."""

from __future__ import annotations

import json
import threading
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor


class SpanLog(SpanProcessor):
    """A span processor that keeps what it sees."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.started: list[Span] = []
        self.ended: list[ReadableSpan] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Keep a span that starts."""
        with self._lock:
            self.started.append(span)

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a span that ends."""
        with self._lock:
            self.ended.append(span)

    @property
    def open(self) -> list[Span]:
        """The spans that were started and have not ended."""
        with self._lock:
            return [span for span in self.started if span.end_time is None]

    def clear(self) -> None:
        """Forget all spans."""
        with self._lock:
            self.started.clear()
            self.ended.clear()

    def only(self) -> ReadableSpan:
        """The one span that ended; fails if there is another one or one is still open."""
        assert [span.name for span in self.open] == [], "spans still open"
        assert len(self.ended) == 1, [span.name for span in self.ended]
        return self.ended[0]

    def named(self, name: str) -> ReadableSpan:
        """The one span that ended with this name."""
        found = [span for span in self.ended if span.name == name]
        assert len(found) == 1, (name, [span.name for span in self.ended])
        return found[0]

    def children_of(self, parent: ReadableSpan) -> list[ReadableSpan]:
        """The ended spans right below ``parent``, in the order they started."""
        identity = parent.get_span_context()
        assert identity is not None
        found = [
            span
            for span in self.ended
            if span.parent is not None and span.parent.span_id == identity.span_id
        ]
        return sorted(found, key=lambda span: span.start_time or 0)

    def tree(self) -> list[Any]:
        """All ended spans as nested lists: ``["root", ["child"], ["child", ["grandchild"]]]``."""
        known = {span.get_span_context().span_id for span in self.ended}  # type: ignore[union-attr]
        roots = [s for s in self.ended if s.parent is None or s.parent.span_id not in known]
        roots.sort(key=lambda span: span.start_time or 0)
        return [self._branch(span) for span in roots]

    def _branch(self, span: ReadableSpan) -> list[Any]:
        return [span.name, *(self._branch(child) for child in self.children_of(span))]


def json_attribute(span: ReadableSpan, name: str) -> Any:
    """The value of an attribute that holds JSON."""
    value = (span.attributes or {})[name]
    assert isinstance(value, str), value
    return json.loads(value)
