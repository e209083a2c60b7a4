"""What is seen of a scenario: by the application, in the logs, in the pool, in the context."""

from __future__ import annotations

import contextvars
import logging
import re
import sys
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from openlayer_otel import semconv
from openlayer_otel.standin.llm_server import LLMServer
from tests.endings.application import Application, Case, run, settle
from tests.endings.endpoints import Json
from tests.support.sdk_clients import connections, make_client
from tests.support.span_log import SpanLog

_ADDRESS = re.compile(r"0x[0-9a-f]+|127\.0\.0\.1:\d+|[Tt]ask-\d+")


@dataclass
class Seen:
    """What an application, its operator and its connection pool saw of a scenario."""

    events: list[str]
    text: str
    error: tuple[str, str] | None
    complaints: list[str]
    pool: list[str]


class ContextWatch:
    """Watches the caller's context: nothing of a stream may show there.

    Args:
        provider: Makes the application's own spans.
        spans: Where they and the spans of the model calls go.
    """

    def __init__(self, provider: TracerProvider, spans: SpanLog) -> None:
        self._tracer = provider.get_tracer("application")
        self._spans = spans
        self.changes: list[str] = []
        self.parents: set[Any] = set()
        self._before: dict[Any, Any] = {}

    def begin(self) -> None:
        """Note the context that the application starts with."""
        self._before = dict(contextvars.copy_context())

    def compare(self) -> None:
        """Compare the context with what it was."""
        now = dict(contextvars.copy_context())
        if set(now) != set(self._before) or any(
            now[each] is not self._before[each] for each in now
        ):
            self.changes.append(str(trace.get_current_span()))

    def look(self) -> None:
        """Look between two chunks; open a span of the application's own."""
        self.compare()
        with self._tracer.start_as_current_span("between two chunks") as span:
            self.parents.add(span.parent.span_id if span.parent else None)  # type: ignore[attr-defined]
        if not any(is_model_call(each) for each in self._spans.open):
            self.changes.append("the span has ended before the stream")


def is_model_call(span: ReadableSpan) -> bool:
    """Whether a span is that of a model call."""
    return semconv.OPERATION_NAME in (span.attributes or {})


def see(
    case: Case,
    act: Callable[[Application], Awaitable[None]],
    server: LLMServer,
    steering: Json,
    watch: ContextWatch | None = None,
) -> Seen:
    """Let an application act, and say what was seen of it."""
    server.reset()
    with _complaints() as complaints:
        return run(case.asynchronous, _scenario(case, act, server, steering, watch, complaints))  # type: ignore[no-any-return]


async def _scenario(
    case: Case,
    act: Callable[[Application], Awaitable[None]],
    server: LLMServer,
    steering: Json,
    watch: ContextWatch | None,
    complaints: list[str],
) -> Seen:
    client = make_client(case.endpoint.sdk, case.asynchronous, server.url)
    app = Application(case, client, steering, watch.look if watch else lambda: None)
    error = None
    if watch:
        watch.begin()
    try:
        await act(app)
    except BaseException as raised:
        error = (type(raised).__qualname__, str(raised))
        raised.__traceback__ = None
    if watch:
        watch.compare()
    if app.stream is not None:
        await app.forget()
    pool = [_ADDRESS.sub("", each) for each in connections(client)]
    received = app.received
    del app
    await settle(client.close())
    events = received.events
    if case.way == "bytes":
        # How the network cuts the bytes is nobody's choice.
        events = [received.raw.decode()] if received.raw else []
    return Seen(events, received.text, error, complaints, pool)


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collects warnings, log records from WARNING on, and exceptions that nobody could catch."""
    found: list[str] = []

    class _Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(_ADDRESS.sub("", f"{record.name}: {record.getMessage()}"))

    def unraisable(caught: Any) -> None:
        found.append(f"unraisable: {caught.exc_value!r}")

    handler = _Handler(logging.WARNING)
    logging.getLogger().addHandler(handler)
    hook, sys.unraisablehook = sys.unraisablehook, unraisable
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield found
            found.extend(_ADDRESS.sub("", f"warning: {each.message}") for each in caught)
    finally:
        sys.unraisablehook = hook
        logging.getLogger().removeHandler(handler)
