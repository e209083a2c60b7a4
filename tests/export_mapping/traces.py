"""Traces made with OpenTelemetry's own SDK, and the rows that come of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, SpanKind, set_span_in_context

from openlayer_otel.export.completed import CompletedTrace
from openlayer_otel.export.payload import Body, body_of
from openlayer_otel.settings import Settings

SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND


class Traces:
    """Starts spans with times of their own choosing and makes rows of what has ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._provider = TracerProvider(shutdown_on_exit=False)
        self._provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Mapping[str, Any] | None = None,
        *,
        parent: Span | None = None,
        start: float = 0.0,
        end: float = 1.0,
        scope: str = "test",
        kind: SpanKind = SpanKind.INTERNAL,
        context: Any = None,
    ) -> Iterator[Span]:
        """A span from ``start`` to ``end``, in seconds after the first moment of the test."""
        if parent is not None:
            context = set_span_in_context(parent)
        span = self._provider.get_tracer(scope).start_span(
            name, context, kind, attributes=attributes, start_time=START + int(start * SECOND)
        )
        yield span
        span.end(START + int(end * SECOND))

    def ended(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def body(self, settings: Settings | None = None, **facts: Any) -> Body | None:
        """The body for all spans, as one completed trace (the last to end is the root)."""
        spans = self.ended()
        root = facts.pop("root", spans[-1])
        trace = CompletedTrace(root.context.trace_id, spans, root, **facts)
        return body_of(trace, settings or Settings(inference_pipeline_id="pipeline"))

    def row(self, settings: Settings | None = None, **facts: Any) -> dict[str, Any]:
        """The row as Openlayer would read it: through JSON and back."""
        return self.content(settings, **facts)["rows"][0]

    def content(self, settings: Settings | None = None, **facts: Any) -> dict[str, Any]:
        body = self.body(settings, **facts)
        assert body is not None
        return json.loads(json.dumps(body.content, allow_nan=False))

    def step(self, *path: str, **facts: Any) -> dict[str, Any]:
        """The step that is reached from the root by these names; the root without names."""
        return step_in(self.row(**facts)["steps"][0], *path)


def step_in(step: dict[str, Any], *path: str) -> dict[str, Any]:
    for name in path:
        step = next(each for each in step["steps"] if each["name"] == name)
    return step


def outline(step: dict[str, Any]) -> Any:
    """The names of a step and what is inside: ``("a", [("b", [])])``, or just ``"a"``."""
    inside = [outline(each) for each in step["steps"]]
    return (step["name"], inside) if inside else step["name"]


def chat_attributes(**more: Any) -> dict[str, Any]:
    """What our own span of a plain OpenAI chat call says."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "openai.api.type": "chat_completions",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 4,
        "gen_ai.input.messages": said(("user", "Say hi")),
        "gen_ai.output.messages": said(("assistant", "Hello!")),
        **more,
    }


def said(*messages: tuple[str, str | Sequence[Mapping[str, Any]]]) -> str:
    """Messages in the conventions' shape, as JSON text: (role, text or parts)."""
    return json.dumps(
        [
            {
                "role": role,
                "parts": [{"type": "text", "content": content}]
                if isinstance(content, str)
                else list(content),
            }
            for role, content in messages
        ]
    )
