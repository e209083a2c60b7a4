"""Completed trace -> the body of Openlayer's data-stream request.

One trace is one row; its steps are nested under the root. See ``docs/openlayer-mapping.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from openlayer_otel.diagnostics import report_failure
from openlayer_otel.export.completed import CompletedTrace
from openlayer_otel.export.names import Names, names_of
from openlayer_otel.export.reading import attributes_of
from openlayer_otel.export.references import step_id_of
from openlayer_otel.export.row import NO_FACTS, TraceFacts, row_of
from openlayer_otel.export.steps import StepMaker
from openlayer_otel.export.tree import MAX_NESTING, Node, tree_of
from openlayer_otel.settings import Settings


@dataclass(slots=True)
class Body:
    """An upload.

    Attributes:
        pipeline_id: The inference pipeline that gets it; None if nobody named one.
        content: The request's JSON: ``{"config": ..., "rows": [...]}``.
        checksums: MD5 checksums of the binary data that it refers to.
    """

    pipeline_id: str | None
    content: dict[str, Any]
    checksums: tuple[str, ...]


def body_of(trace: CompletedTrace, settings: Settings) -> Body | None:
    """The body for a completed trace.

    A span that cannot be read costs that span only. What else goes wrong is raised: the trace is
    lost then, and whoever asked for its body has to say so.

    Args:
        trace: The spans.
        settings: ``upload_all``, ``inference_pipeline_id`` and what may be inlined.

    Returns:
        The body; None if the trace has nothing that Openlayer shows (no GenAI span, no
        ``@trace`` step) and ``upload_all`` is off.
    """
    root = tree_of(trace, settings.upload_all)
    return None if root is None else _body(trace, root, settings)


def _body(trace: CompletedTrace, root: Node, settings: Settings) -> Body:
    made: list[_Made] = []
    maker = StepMaker(settings)
    step = _steps(root, maker, made)
    _name_failed_steps(made)
    of_trace = _readings_of_trace(trace, made)
    facts = TraceFacts(of_trace, root.reading) if of_trace else NO_FACTS
    if facts.name is not None:
        step["name"] = facts.name
    config, row = row_of(step, facts, _belongs_to(trace))
    return Body(
        pipeline_id=facts.pipeline_id or settings.inference_pipeline_id,
        content={"config": config, "rows": [row]},
        checksums=tuple(dict.fromkeys(maker.checksums)),
    )


class _Made(NamedTuple):
    """A node and its step; ``names`` is what the names of the node's reading tell."""

    node: Node
    names: Names
    step: dict[str, Any]


def _steps(root: Node, maker: StepMaker, made: list[_Made]) -> dict[str, Any]:
    """The root's step with all others inside; ``made`` gets all of them."""
    top: list[dict[str, Any]] = []
    waiting: list[tuple[Node, int, list[dict[str, Any]]]] = [(root, 1, top)]
    while waiting:
        node, level, place = waiting.pop()
        names = names_of(node.reading)
        step = _step(node, names, maker)
        made.append(_Made(node, names, step))
        place.append(step)
        # Beyond the limit, steps stand beside their parent instead of inside it.
        inner = step["steps"] if level < MAX_NESTING else place
        if node.children:
            waiting.extend((child, level + 1, inner) for child in reversed(node.children))
    return top[0]


def _step(node: Node, names: Names, maker: StepMaker) -> dict[str, Any]:
    try:
        return maker.step(node, names)
    except Exception as error:  # noqa: BLE001 - boundary: one odd span must not cost the trace
        report_failure("making a span into an Openlayer step", error)
        bare = Node(node.trace_id, node.span_id, node.name, node.start, node.end, {}, node.span_ids)
        step = maker.step(bare, names_of(bare.reading))
        step["metadata"]["mappingFailed"] = True
        return step


def _name_failed_steps(made: list[_Made]) -> None:
    failed = [each for each in made if each.node.failed_in is not None]
    if failed:
        steps = {id(each.node): each.step for each in made}
        for each in failed:
            each.step["metadata"]["failedStep"] = steps[id(each.node.failed_in)]["name"]


def _readings_of_trace(trace: CompletedTrace, made: list[_Made]) -> list[Mapping[str, Any]]:
    """What spans say about the trace as a whole, those that are no steps, too; by start."""
    found: list[tuple[int, Mapping[str, Any]]] = [
        (each.node.start, each.node.reading) for each in made if each.names.of_trace
    ]
    kept = {span_id for each in made for span_id in each.node.span_ids}
    if len(kept) < len(trace.spans):
        for span in trace.spans:
            if span.context is not None and span.context.span_id not in kept:
                attributes = attributes_of(span)
                if names_of(attributes).of_trace:
                    found.append((span.start_time or 0, attributes))
    found.sort(key=itemgetter(0))
    return [reading for _, reading in found]


def _belongs_to(trace: CompletedTrace) -> dict[str, Any]:
    """Columns that tie a part of a trace (late or early spans, another process's part) to it."""
    columns: dict[str, Any] = {}
    parent = trace.root.parent
    if trace.late or parent is not None:
        columns["trace_id"] = f"{trace.trace_id:032x}"
        if parent is not None:
            columns["parent_span_id"] = f"{parent.span_id:016x}"
            columns["parent_step_id"] = step_id_of(trace.trace_id, parent.span_id)
        if trace.late:
            columns["late"] = True
    if trace.open_spans:
        columns["open_spans"] = trace.open_spans
    return columns
