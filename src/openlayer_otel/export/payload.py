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


_Made = tuple[Node, Names, dict[str, Any]]
"""A node, what the names of its reading tell, and its step."""


def _body(trace: CompletedTrace, root: Node, settings: Settings) -> Body:
    maker = StepMaker(settings)
    made = _steps(root, maker)
    _name_failed_steps(made)
    of_trace = _readings_of_trace(trace, made)
    facts = TraceFacts(of_trace, root.reading) if of_trace else NO_FACTS
    step = made[0][2]
    if facts.name is not None:
        step["name"] = facts.name
    config, row = row_of(step, facts, _belongs_to(trace))
    return Body(
        pipeline_id=facts.pipeline_id or settings.inference_pipeline_id,
        content={"config": config, "rows": [row]},
        checksums=tuple(dict.fromkeys(maker.checksums)) if maker.checksums else (),
    )


def _steps(root: Node, maker: StepMaker) -> list[_Made]:
    """The steps of all nodes, each inside its parent's; the root's first."""
    made: list[_Made] = []
    waiting: list[tuple[Node, int, list[dict[str, Any]]]] = [(root, 1, [])]
    while waiting:
        node, level, place = waiting.pop()
        names = names_of(node.reading)
        step = _step(node, names, maker)
        made.append((node, names, step))
        place.append(step)
        if node.children:
            # Beyond the limit, steps stand beside their parent instead of inside it.
            inner = step["steps"] if level < MAX_NESTING else place
            waiting.extend([(child, level + 1, inner) for child in reversed(node.children)])
    return made


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
    failed = [(node.failed_in, step) for node, _, step in made if node.failed_in is not None]
    if failed:
        steps = {id(node): step for node, _, step in made}
        for inner, step in failed:
            step["metadata"]["failedStep"] = steps[id(inner)]["name"]


def _readings_of_trace(trace: CompletedTrace, made: list[_Made]) -> list[Mapping[str, Any]]:
    """What spans say about the trace as a whole, those that are no steps, too; by start."""
    found: list[tuple[int, Mapping[str, Any]]] = [
        (node.start, node.reading) for node, names, _ in made if names.of_trace
    ]
    if len(made) < len(trace.spans):
        kept = {span_id for node, _, _ in made for span_id in node.span_ids}
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
