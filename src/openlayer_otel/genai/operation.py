"""The life of one GenAI operation: its span from start to end, ended exactly once.

An *operation* is one request to a model, retries included. Whoever traces it starts an
:class:`Operation` from the request's JSON, makes its context current while the SDK works,
and ends it with :meth:`Operation.finish` (the response's JSON) or :meth:`Operation.fail`
(what was raised). The first end wins; later ones do nothing.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, Status, StatusCode, set_span_in_context

from openlayer_otel import semconv
from openlayer_otel.attachments import raw_outputs
from openlayer_otel.context_attributes import attributes_in
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.genai.content import Encoded
from openlayer_otel.genai.encoding import clean_text, from_json, to_json
from openlayer_otel.genai.errors import error_code, error_type
from openlayer_otel.genai.nesting import OPERATION_KEY
from openlayer_otel.genai.record import Endpoint, Identity, Record
from openlayer_otel.settings import ContentCapture
from openlayer_otel.telemetry import Telemetry

_OURS = "openlayer."
_CANCELLED = (
    asyncio.CancelledError,
    concurrent.futures.CancelledError,
    GeneratorExit,
    KeyboardInterrupt,
    SystemExit,
)


_OVER = Record(False)
_NO_CONTEXT = Context()
# The key under which a context holds its span, which the API does not name: with it, a context
# is copied once instead of twice.
(_SPAN_KEY,) = set_span_in_context(INVALID_SPAN, Context())


class Operation:
    """One GenAI operation that is recorded: by a span, by metrics, or by both.

    Attributes:
        span: Its span; a non-recording one if only metrics count the operation.
        attributes: What the span started with.
        started: ``time.perf_counter()`` of the start.
        event_content: Content for events by attribute name, as JSON text, redacted and cut.
        context: The context in which its span is current; attach it around the SDK's work. Empty
            once the operation is over.
        resends: How often the SDK sent the request again.
        openlayer_taken: No (further) request belongs to it. A framework's hook, whose operation
            is no request itself, sets it to False for the first request below.
        on_end: Called once with the assembled response (or None) when the operation is over.
    """

    __slots__ = (
        "_end",
        "_endpoint",
        "_first_chunk",
        "_record",
        "_telemetry",
        "attributes",
        "capture",
        "context",
        "event_content",
        "on_end",
        "openlayer_taken",
        "resends",
        "span",
        "started",
    )

    def __init__(
        self,
        telemetry: Telemetry,
        endpoint: Endpoint,
        span: Span,
        context: Context,
        started: float,
        attributes: dict[str, Any],
        capture: ContentCapture,
    ) -> None:
        self.span = span
        self.attributes = attributes
        self.started = started
        self.event_content: dict[str, str] = {}
        self.context = context
        self.resends = 0
        self.openlayer_taken = True
        self.on_end: list[Callable[[Any], None]] = []
        self.capture = capture
        self._telemetry = telemetry
        self._endpoint = endpoint
        self._first_chunk: float | None = None
        self._record = Record(capture.anywhere)
        # Taken by the first end and never given back: a lock that two threads and a finaliser
        # can try without waiting.
        self._end = threading.Lock()

    @staticmethod
    def start(
        telemetry: Telemetry,
        endpoint: Endpoint,
        identity: Identity,
        body: Mapping[str, Any],
        path: str,
        context: Context,
        *,
        read: bool = True,
    ) -> Operation | Span:
        """Start the span of an operation and take down its request.

        Args:
            telemetry: Where the span goes and what it may hold.
            endpoint: How to read the request.
            identity: Who serves the call.
            body: The request's JSON. It is read at once: what happens to it later is not seen.
            path: The API path of the request.
            context: The context of the call; its current span becomes the parent.
            read: False if ``body`` is not yet what will be sent; then :meth:`read_request` takes
                down the request.

        Returns:
            The operation; or, if neither a span nor a metric records it, its non-recording
            span: then nothing was read and nothing has to be ended.
        """
        started = perf_counter()
        operation = endpoint.operation
        model = endpoint.model(body, path)
        attributes = identity.attributes(operation)
        name = endpoint.name or operation
        if isinstance(model, str) and model:
            model = clean_text(model)
            attributes[endpoint.target] = model
            name = f"{name} {model}"
        if endpoint.path_attributes is not None:
            attributes.update(endpoint.path_attributes(path))
        carried = attributes_in(context)
        if carried:
            attributes.update(carried)
        span = telemetry.tracer.start_span(name, context, endpoint.kind, attributes)
        recording = span.is_recording()
        if not recording and not telemetry.counts_unrecorded():
            return span
        capture = telemetry.content.capture_in(context) if recording else ContentCapture.NO_CONTENT
        made = Operation(telemetry, endpoint, span, context, started, attributes, capture)
        if read:
            made.read_request(body)
        made.context = Context({**context, _SPAN_KEY: span, OPERATION_KEY: made})
        return made

    def read_request(self, body: Mapping[str, Any]) -> None:
        """Take down the request. Never raises.

        Args:
            body: The JSON that is sent.
        """
        if not self.span.is_recording():
            return
        try:
            self._endpoint.request(body, self._record)
            self._encode_input()
            _clean(self._record.attributes)
        except Exception as error:  # noqa: BLE001 - boundary: the request itself must go out
            report_failure(f"reading a {self.name} request", error)

    @property
    def name(self) -> str:
        """The operation's name, such as ``chat``."""
        return self._endpoint.operation

    @property
    def endpoint(self) -> Endpoint:
        """How its JSON is read."""
        return self._endpoint

    @property
    def content(self) -> bool:
        """Whether content is recorded."""
        return self._record.with_content

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._end.locked()

    def first_chunk(self) -> None:
        """Note that the first chunk of the stream has arrived now."""
        if self._first_chunk is None:
            self._first_chunk = perf_counter()

    def finish(
        self,
        response: Any,
        outcome: str | None = None,
        raw: bytes | None = None,
    ) -> None:
        """End the operation with what was received. Never raises.

        Args:
            response: The response's JSON, assembled from the events if it was streamed; None if
                there is none to read.
            outcome: How a stream ended if not by itself (``semconv.OUTCOME_*``).
            raw: The response's body, if the provider sent it in one piece.
        """
        if self._end.acquire(blocking=False):
            self._close(response, outcome, None, raw)

    def fail(self, error: BaseException, response: Any = None) -> None:
        """End the operation with what was raised. Never raises.

        A cancellation is no failure: it leaves the status unset.

        Args:
            error: What the application gets to see.
            response: The response's JSON as far as it was received.
        """
        if not self._end.acquire(blocking=False):
            return
        cancelled = isinstance(error, _CANCELLED)
        outcome = semconv.OUTCOME_CANCELLED if cancelled else semconv.OUTCOME_FAILED
        self._close(response, outcome, None if cancelled else error, None)

    def _close(
        self, response: Any, outcome: str | None, error: BaseException | None, raw: bytes | None
    ) -> None:
        span = self.span
        try:
            self._read_response(response, outcome, raw)
            if error is not None:
                self._describe(error)
            elif self._record.failure is not None:
                self._describe_failure(*self._record.failure)
            if raw is None:
                # What was decoded from a body's bytes here is valid: only an SDK's parser
                # lets half an emoji through.
                _clean(self._record.attributes)
            span.set_attributes(self._record.attributes)
            if raw_outputs.wanted and self.capture.on_spans and response is not None:
                raw_outputs.keep(span.get_span_context().span_id, self._raw_output(response, raw))
            self._telemetry.operation_ended(self, self._record, error, perf_counter())
        except Exception as failure:  # noqa: BLE001 - boundary: the span must end, the caller go on
            report_failure(f"recording a {self.name} response", failure)
        finally:
            span.end()
            # A task begun during the request keeps its context, and with it this operation:
            # the conversation must not live as long.
            self._record = _OVER
            self.event_content = {}
            # Its context holds the operation: left alone, the collector would have to find both.
            self.context = _NO_CONTEXT
        for notify in self.on_end:
            try:
                notify(response)
            except Exception as failure:  # noqa: BLE001 - boundary: the caller must go on
                report_failure("telling the end of a call", failure)

    def _raw_output(self, response: Any, raw: bytes | None) -> bytes:
        content = self._telemetry.content
        if content.redact is not None:
            return content.value(response).text.encode()
        return raw if raw is not None else to_json(response).encode()

    def _read_response(self, response: Any, outcome: str | None, raw: bytes | None) -> None:
        record = self._record
        attributes = record.attributes
        if outcome is not None:
            attributes[semconv.OUTCOME] = outcome
        if self._first_chunk is not None:
            attributes[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = self._first_chunk - self.started
        if self.resends:
            attributes[semconv.HTTP_REQUEST_RESEND_COUNT] = self.resends
        if response is None and raw and self._endpoint.decode is not None:
            response = self._endpoint.decode(raw)
        if response is not None:
            try:
                self._endpoint.response(response, record)
            except Exception as failure:  # noqa: BLE001 - odd JSON must not cost the rest
                report_failure(f"reading a {self.name} response", failure)
            if self.capture.anywhere and record.output_messages:
                encoded = self._telemetry.content.messages(record.output_messages)
                self._put(semconv.OUTPUT_MESSAGES, encoded)
            if self.capture.anywhere and record.steps:
                self._put_steps()
        if (
            (outcome is not None or self._first_chunk is not None)
            and self._endpoint.finish_reason_due
            and semconv.RESPONSE_FINISH_REASONS not in attributes
        ):
            attributes[semconv.RESPONSE_FINISH_REASONS] = [semconv.FINISH_ERROR]

    def _encode_input(self) -> None:
        """Take down the request's content now: the application may change its lists later."""
        if not self.capture.anywhere:
            return
        record, content = self._record, self._telemetry.content
        if record.system_instructions:
            self._put(semconv.SYSTEM_INSTRUCTIONS, content.parts(record.system_instructions))
        if record.input_messages:
            self._put(semconv.INPUT_MESSAGES, content.messages(record.input_messages))
        if record.tool_definitions:
            self._put(semconv.TOOL_DEFINITIONS, content.tools(record.tool_definitions))
        if record.steps:
            self._put_steps()
        # Encoded: a long conversation is not held twice while the answer streams in.
        record.input_messages = record.system_instructions = record.tool_definitions = None

    def _put_steps(self) -> None:
        steps = self._record.steps or {}
        content = self._telemetry.content
        for name, value in steps.items():
            # Openlayer's attributes hold JSON, the conventions' texts are plain.
            if isinstance(value, str) and not name.startswith(_OURS):
                self._put(name, Encoded(content.text(value), False))
            else:
                self._put(name, content.value(value))
        self._record.steps = None

    def _put(self, name: str, encoded: Encoded) -> None:
        attributes = self._record.attributes
        if self.capture.on_spans:
            attributes[name] = encoded.text
        if self.capture.on_events:
            self.event_content[name] = encoded.text
        if encoded.truncated:
            cut = attributes.get(semconv.CONTENT_TRUNCATED, [])
            attributes[semconv.CONTENT_TRUNCATED] = [*cut, name]

    def _describe(self, error: BaseException) -> None:
        self._record.attributes[semconv.ERROR_TYPE] = error_type(error)
        message = self._telemetry.content.text(str(error)) if self.capture.on_spans else None
        self.span.set_status(Status(StatusCode.ERROR, message or None))

    def _describe_failure(self, code: str, message: str | None) -> None:
        """The request succeeded, and its answer says that the operation failed."""
        self._record.attributes[semconv.OUTCOME] = semconv.OUTCOME_FAILED
        self._record.attributes[semconv.ERROR_TYPE] = error_code(code) or semconv.ERROR_OTHER
        kept = self._telemetry.content.text(message) if message and self.capture.on_spans else None
        self.span.set_status(Status(StatusCode.ERROR, kept or None))


_ENCODED = frozenset(
    {
        semconv.INPUT_MESSAGES,
        semconv.OUTPUT_MESSAGES,
        semconv.SYSTEM_INSTRUCTIONS,
        semconv.TOOL_DEFINITIONS,
    }
)


def _clean(attributes: dict[str, Any]) -> None:
    """Mend texts that UTF-8 cannot hold: an exporter would lose the attribute or the batch."""
    for name, value in attributes.items():
        if type(value) is str:
            if not value.isascii() and name not in _ENCODED:
                attributes[name] = clean_text(value)
        elif type(value) is list:
            attributes[name] = [clean_text(item) if type(item) is str else item for item in value]


def response_json(body: bytes | None) -> Any:
    """The JSON of a response's body; None if it holds none."""
    if not body:
        return None
    value = from_json(body)
    return None if isinstance(value, (bytes, str)) else value
