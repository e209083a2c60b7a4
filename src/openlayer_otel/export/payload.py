"""Completed trace -> the body of Openlayer's data-stream request.

One trace is one row; its steps are nested under the root. See ``docs/openlayer-mapping.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from openlayer_otel.diagnostics import report_failure
from openlayer_otel.export.completed import CompletedTrace
from openlayer_otel.export.reading import attributes_of
from openlayer_otel.export.references import step_id_of
from openlayer_otel.export.row import TraceFacts, row_of
from openlayer_otel.export.steps import StepMaker
from openlayer_otel.export.tree import MAX_NESTING, Node, nodes_from, tree_of
from openlayer_otel.settings import Settings


@dataclass(frozen=True)
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
    made: dict[int, dict[str, Any]] = {}
    readings: list[tuple[int, Mapping[str, Any]]] = []
    maker = StepMaker(settings)
    step = _steps(root, maker, made, readings)
    nodes = nodes_from([root])
    _name_failed_steps(nodes, made)
    kept = {span_id for node in nodes for span_id in node.span_ids}
    if len(kept) < len(trace.spans):
        for span in trace.spans:
            if span.context is not None and span.context.span_id not in kept:
                readings.append((span.start_time or 0, attributes_of(span)))
    readings.sort(key=itemgetter(0))
    facts = TraceFacts([reading for _, reading in readings], root.reading)
    if facts.name is not None:
        step["name"] = facts.name
    config, row = row_of(step, facts, _belongs_to(trace))
    return Body(
        pipeline_id=facts.pipeline_id or settings.inference_pipeline_id,
        content={"config": config, "rows": [row]},
        checksums=tuple(dict.fromkeys(maker.checksums)),
    )


def _steps(
    root: Node,
    maker: StepMaker,
    made: dict[int, dict[str, Any]],
    readings: list[tuple[int, Mapping[str, Any]]],
) -> dict[str, Any]:
    """The root's step with all others inside; fills ``made`` (by node) and ``readings``."""

    top: list[dict[str, Any]] = []
    waiting: list[tuple[Node, int, list[dict[str, Any]]]] = [(root, 1, top)]
    while waiting:
        node, level, place = waiting.pop()
        step = _step(node, maker)
        made[id(node)] = step
        readings.append((node.start, node.reading))
        place.append(step)
        # Beyond the limit, steps stand beside their parent instead of inside it.
        inner = step["steps"] if level < MAX_NESTING else place
        if node.children:
            waiting.extend((child, level + 1, inner) for child in reversed(node.children))
    return top[0]


def _step(node: Node, maker: StepMaker) -> dict[str, Any]:
    try:
        return maker.step(node)
    except Exception as error:  # noqa: BLE001 - boundary: one odd span must not cost the trace
        report_failure("making a span into an Openlayer step", error)
        bare = Node(node.trace_id, node.span_id, node.name, node.start, node.end, {}, node.span_ids)
        step = maker.step(bare)
        step["metadata"]["mappingFailed"] = True
        return step


def _name_failed_steps(nodes: list[Node], made: dict[int, dict[str, Any]]) -> None:
    for node in nodes:
        if node.failed_in is not None:
            made[id(node)]["metadata"]["failedStep"] = made[id(node.failed_in)]["name"]


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
