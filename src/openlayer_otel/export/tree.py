"""Spans -> tree of steps: which spans become steps, and where they hang.

A span is *kept* if a dialect understands it (:mod:`openlayer_otel.export.dialects`).
Others (HTTP, databases, the user's plain spans) are left out and what they enclose moves up
to the nearest kept span. Spans that describe the same call are one node.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel import semconv
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.export.completed import CompletedTrace
from openlayer_otel.export.dialects import read_span
from openlayer_otel.export.failures import Failure, failure_of
from openlayer_otel.export.reading import (
    MODEL_STEP_TYPES,
    STREAM_BEGUN,
    STREAM_ENDED,
    Reading,
    attributes_of,
    step_type_of,
    text_of,
)
from openlayer_otel.export.same_call import merged, same_call, shares_failure, twins

# Steps nested deeper than this hang on their ancestor at this level: encoders have a limit.
MAX_NESTING = 40


@dataclass(slots=True, eq=False)
class Node:
    """A step to be: what its spans say and what is inside it.

    Attributes:
        trace_id: The OpenTelemetry trace id.
        span_id: The span id that the step's id is made from.
        name: The span's name.
        start: Start in nanoseconds since 1970.
        end: End in nanoseconds since 1970.
        reading: What the span says; empty if it is kept without being understood.
        span_ids: The ids of all spans that describe this call, the outermost first.
        failure: The error that ended it.
        own_step: Whether ``@trace`` (or ``openlayer.step.type``) made it.
        failed_in: The innermost node in which the same error arose; None if here.
        children: What happened inside, by time.
    """

    trace_id: int
    span_id: int
    name: str
    start: int
    end: int
    reading: Reading
    span_ids: list[int]
    failure: Failure | None = None
    own_step: bool = False
    failed_in: Node | None = None
    children: list[Node] = field(default_factory=list)


def tree_of(trace: CompletedTrace, keep_all: bool) -> Node | None:
    """The tree of a trace.

    Args:
        trace: The spans.
        keep_all: Keep the spans that no dialect understands, too.

    Returns:
        The root: the local root if it is kept; else the only outermost kept span; else, for
        several, a node made from the local root. None if nothing is kept.
    """
    spans = {_span_id(span): span for span in trace.spans}
    root_id = _span_id(trace.root)
    spans.setdefault(root_id, trace.root)
    nodes: dict[int, Node] = {}
    failed = False
    for span_id, span in spans.items():
        node = _node(trace.trace_id, span_id, span, keep_all)
        if node is not None:
            nodes[span_id] = node
            failed = failed or node.failure is not None
    if not nodes:
        return None
    tops = [node for node in nodes.values() if not _hang(node, spans, nodes)]
    tops.extend(_cut_circles(tops, nodes))
    for node in nodes.values():
        if len(node.children) > 1:
            node.children.sort(key=_by_time)
    tops.sort(key=_by_time)
    # The root's parent is elsewhere; should it be here after all, the outermost span is the root.
    root = nodes.get(root_id)
    if root not in tops:
        root = tops[0] if len(tops) == 1 else _made_root(trace, tops)
    others = [node for node in tops if node is not root]
    if others:
        root.children = sorted([*root.children, *others], key=_by_time)
    _fold(root)
    if failed:
        _trace_failures(root)
    return root


def _span_id(span: ReadableSpan) -> int:
    context = span.context
    return context.span_id if context is not None else 0


_by_time = attrgetter("start", "span_id")


def _node(trace_id: int, span_id: int, span: ReadableSpan, keep: bool) -> Node | None:
    """The node of a span; None if no dialect understands it, unless it is to be kept anyway."""
    attributes = attributes_of(span)
    failure = None
    try:
        reading = read_span(span, attributes)
        failure = failure_of(span, attributes, reading)
    except Exception as error:  # noqa: BLE001 - boundary: one odd span must not cost the trace
        report_failure("reading a span for Openlayer", error)
        # Kept with what it says itself, so that the trace still shows it.
        reading = dict(attributes) or None
    if reading is None:
        if not keep:
            return None
        reading = {semconv.STEP_METADATA: dict(attributes)}
    start = span.start_time or 0
    end = max(start, span.end_time or start)  # a clock may be set back in between
    own_step = semconv.STEP_TYPE in attributes
    return Node(trace_id, span_id, span.name, start, end, reading, [span_id], failure, own_step)


def _made_root(trace: CompletedTrace, tops: list[Node]) -> Node:
    """A root for several outermost steps: the name and times of the span that encloses them."""
    span = trace.root
    span_id = _span_id(span)
    if any(span_id in _ids_under(top) for top in tops):
        return tops[0]
    made = _node(trace.trace_id, span_id, span, keep=True)
    assert made is not None
    made.reading = {}
    return made


def _ids_under(top: Node) -> set[int]:
    return {node.span_id for node in nodes_from([top])}


def nodes_from(tops: Iterable[Node]) -> list[Node]:
    """``tops`` and all nodes inside them, the outer ones first."""
    found = list(tops)
    for node in found:  # grows while it is read
        if node.children:
            found.extend(node.children)
    return found


def _hang(node: Node, spans: dict[int, ReadableSpan], nodes: dict[int, Node]) -> bool:
    """Hang a node on its nearest kept ancestor; False if it has none."""
    passed: set[int] = set()
    parent = spans[node.span_id].parent
    while parent is not None:
        parent_id = parent.span_id
        above = nodes.get(parent_id)
        if above is not None:
            if above is node:
                return False
            above.children.append(node)
            return True
        span = spans.get(parent_id)
        if span is None or parent_id in passed:
            return False
        passed.add(parent_id)
        parent = span.parent
    return False


def _cut_circles(tops: list[Node], nodes: dict[int, Node]) -> list[Node]:
    """Free the nodes that no top leads to: spans that name each other as parents."""
    found = nodes_from(tops)
    if len(found) == len(nodes):
        return []
    reached = {node.span_id for node in found}
    circle = [node for node in nodes.values() if node.span_id not in reached]
    for node in circle:
        node.children = []
    return circle


def _fold(root: Node) -> None:
    """Merge nodes that describe the same call, from the outside in."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.children:
            _fold_streams(node)
            while _fold_one(node):
                pass
            if semconv.RESPONSE_ID in node.reading:
                _fold_through(node)
            waiting.extend(node.children)


def _fold_streams(node: Node) -> None:
    """Merge what only tells how a stream went with the span beside it that began the stream."""
    begun: dict[str, list[Node]] = {}
    for child in node.children[:]:  # by time
        if STREAM_BEGUN in child.reading:
            begun.setdefault(child.reading[STREAM_BEGUN], []).append(child)
        elif waiting := begun.get(child.reading.get(STREAM_ENDED, "")):
            first = waiting.pop(0)
            node.children.remove(child)
            _merge(first, child)
            first.end = max(first.end, child.end)


def _fold_one(node: Node) -> bool:
    """Merge one pair: the node and what it encloses, or two beside each other in it."""
    if semconv.STEP_TYPE not in node.reading:  # else nothing inside is the same
        kind = step_type_of(node.reading)
        of_kind = [child for child in node.children if step_type_of(child.reading) == kind]
        for child in of_kind:
            if same_call(node.reading, child.reading, alone=len(of_kind) == 1):
                node.children.remove(child)
                _merge(node, child)
                return True
    if len(node.children) < 2:
        return False
    known: dict[str | None, Node] = {}
    for child in node.children:
        response_id = text_of(child.reading, semconv.RESPONSE_ID)
        first = known.setdefault(response_id, child)
        if first is child:
            continue
        if child.start >= first.end:
            # One after the other: Ollama has 999 ids only, and a mock may have one.
            known[response_id] = child
        elif twins(first.reading, child.reading):
            node.children.remove(child)
            _merge(first, child)
            first.end = max(first.end, child.end)
            return True
    return False


def _fold_through(node: Node) -> None:
    """Merge a model call with what describes it inside the other steps that it encloses.

    Those steps stay (a chain between two model calls), with what the inner call encloses.
    """
    if not _is_model_call(node):
        return
    waiting = [child for child in node.children if not _is_model_call(child)]
    while waiting:
        between = waiting.pop()
        while twin := _twin_in(between, node):
            between.children.remove(twin)
            between.children = sorted([*between.children, *twin.children], key=_by_time)
            twin.children = []
            _merge(node, twin)
        waiting.extend(child for child in between.children if not _is_model_call(child))


def _is_model_call(node: Node) -> bool:
    return step_type_of(node.reading) in MODEL_STEP_TYPES


def _twin_in(between: Node, node: Node) -> Node | None:
    for child in between.children:
        if twins(node.reading, child.reading):
            return child
    return None


def _merge(node: Node, other: Node) -> None:
    if node.failure is None:
        if shares_failure(node.reading, other.reading):
            node.failure = other.failure
    elif other.failure is not None and not (node.failure.type and node.failure.message):
        node.failure = other.failure.filled_from(node.failure)
    node.reading = merged(node.reading, other.reading)
    node.span_ids.extend(other.span_ids)
    node.children = sorted([*node.children, *other.children], key=_by_time)


def _trace_failures(root: Node) -> None:
    """Note at each failed node in which inner node the same error arose."""
    for node in reversed(nodes_from([root])):
        if node.failure is None:
            continue
        for child in reversed(node.children):
            if child.failure is not None and child.failure.same_as(node.failure):
                node.failed_in = child.failed_in or child
                break
