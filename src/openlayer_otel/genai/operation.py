"""The life of one GenAI operation: its span from start to end, ended exactly once.

An *operation* is one request to a model, retries included. Whoever traces it starts an
:class:`Operation` from the request's JSON, makes its context current while the SDK works,
and ends it with :meth:`Operation.finish` (the response's JSON) or :meth:`Operation.fail`
(what was raised). The first end wins; later ones do nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)

from openlayer_otel import semconv
from openlayer_otel.attachments import raw_outputs
from openlayer_otel.content_capture import ContentCapture
from openlayer_otel.context_attributes import UntilTraceEnds, attributes_in
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.genai.content_attributes import clean, encode_input, encode_output
from openlayer_otel.genai.encoding import to_json
from openlayer_otel.genai.errors import error_code, error_text, error_type, is_cancellation
from openlayer_otel.genai.nesting import OPERATION_KEY
from openlayer_otel.genai.record import Endpoint, Identity, Record
from openlayer_otel.telemetry import Telemetry

_OVER = Record(False)
_NO_CONTEXT = Context()
# The key under which a context holds its span, which the API does not name: with it, a context
# is copied once instead of twice.
(_SPAN_KEY,) = set_span_in_context(INVALID_SPAN, Context())


class Operation:
    """One GenAI operation that is recorded: by a span, by metrics, or by both.

    Attributes:
        span: Its span; a non-recording one if only metrics count the operation.
        endpoint: How its JSON is read.
        attributes: What the span started with.
        capture: Where its content goes.
        telemetry: Where its span goes, and with which settings.
        started: ``time.perf_counter()`` of the start.
        context: The context in which its span is current; attach it around the SDK's work. Empty
            once the operation is over.
        resends: How often the SDK sent the request again.
        call: The client's call while it is under way, for hooks on the way; it names its
            ``client``.
        events: The events of the stream that answers it, for the hook where they are decoded.
        openlayer_taken: No (further) request belongs to it. A framework's hook, whose operation
            is no request itself, sets it to False for the first request below.
    """

    resends = 0
    call: Any = None
    events: Any = None
    openlayer_taken = True
    _first_chunk: float | None = None
    _to_tell: tuple[Callable[[Any], None], ...] = ()

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
        self.endpoint = endpoint
        self.attributes = attributes
        self.started = started
        self.capture = capture
        self.context = Context({**context, _SPAN_KEY: span, OPERATION_KEY: self})
        self.telemetry = telemetry
        self._record = Record(capture.anywhere)
        # Taken by the first end and never given back, by two threads or a finalizer in the midst
        # of either: one pop succeeds. A lock takes 0.7 µs longer.
        self._right_to_end = [None]

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
            body: The request's JSON.
            path: The API path of the request.
            context: The context of the call; its current span becomes the parent.
            read: False if ``body`` is not yet what will be sent; then :meth:`read_request` takes
                down the request.

        Returns:
            The operation; or, if neither a span nor a metric records it, its non-recording
            span: then nothing was read and nothing has to be ended.
        """
        started = perf_counter()
        find = endpoint.model
        model = body.get("model") if find is None else find(body, path)
        name, attributes = identity.opening(endpoint, model)
        if endpoint.path_attributes is not None:
            attributes.update(endpoint.path_attributes(path))
        capture = telemetry.content.capture
        if context:
            carried = attributes_in(context)
            if carried:
                attributes.update(carried)
                if type(carried) is UntilTraceEnds and not get_current_span(context).is_recording():
                    carried.expire()  # the call is the trace that they were for
            capture = telemetry.content.capture_in(context)
        span = telemetry.tracer.start_span(name, context, endpoint.kind, attributes)
        if not span.is_recording():
            if not telemetry.counts_unrecorded():
                return span
            capture, read = ContentCapture.NO_CONTENT, False
        made = Operation(telemetry, endpoint, span, context, started, attributes, capture)
        if read:
            made.read_request(body)
        return made

    def read_request(self, body: Mapping[str, Any]) -> None:
        """Take down the request. Never raises.

        Args:
            body: The JSON that is sent. It is read at once: what happens to it later is not seen.
        """
        record = self._record
        try:
            self.endpoint.request(body, record)
            if record.with_content:
                encode_input(record, self.telemetry.content)
        except Exception as error:  # noqa: BLE001 - boundary: the request itself must go out
            report_failure(f"reading a {self.name} request", error)

    @property
    def name(self) -> str:
        """The operation's name, such as ``chat``."""
        return self.endpoint.operation

    @property
    def content(self) -> bool:
        """Whether content is recorded."""
        return self._record.with_content

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return not self._right_to_end

    def first_chunk(self, at: float | None = None) -> None:
        """Note that the first chunk of the stream has arrived, now or ``at`` an earlier time."""
        if self._first_chunk is None:
            self._first_chunk = perf_counter() if at is None else at

    def when_over(self, tell: Callable[[Any], None]) -> None:
        """Have ``tell`` called once with the assembled response, or None, at the end."""
        self._to_tell = (*self._to_tell, tell)

    def finish(
        self,
        response: Any,
        outcome: str | None = None,
        raw: bytes | None = None,
        error: BaseException | None = None,
    ) -> None:
        """End the operation with what was received. Never raises.

        Args:
            response: The response's JSON, assembled from the events if it was streamed; None if
                there is none to read.
            outcome: How a stream ended if not by itself (``semconv.OUTCOME_*``).
            raw: The response's body, if the provider sent it in one piece.
            error: The failure that the application gets to see; :meth:`fail` tells it from a
                cancellation.
        """
        try:
            self._right_to_end.pop()
        except IndexError:
            return
        span, record = self.span, self._record
        try:
            self._read_response(record, response, outcome, raw)
            if error is not None:
                self._describe(error)
            elif record.failure is not None:
                self._describe_failure(*record.failure)
            attributes = record.attributes
            clean(attributes)
            if self.capture.on_spans:
                attributes.update(record.content)
            span.set_attributes(attributes)
            if raw_outputs.wanted and self.capture.on_spans and response is not None:
                raw_outputs.keep(span.get_span_context().span_id, self._raw_output(response, raw))
            self.telemetry.operation_ended(self, record, error)
        except Exception as failure:  # noqa: BLE001 - boundary: the span must end, the caller go on
            report_failure(f"recording a {self.name} response", failure)
        finally:
            try:
                span.end()
            except Exception as failure:  # noqa: BLE001 - a processor of somebody's raised
                report_failure("ending a span", failure)
            # A task begun during the request keeps its context, and with it this operation:
            # the conversation must not live as long.
            self._record = _OVER
            # Its context and its call hold the operation: left alone, the collector would have
            # to find them. What the call holds of the response goes with it.
            self.context = _NO_CONTEXT
            self.call = self.events = None
        for tell in self._to_tell:
            try:
                tell(response)
            except Exception as failure:  # noqa: BLE001 - boundary: the caller must go on
                report_failure("telling the end of a call", failure)

    def fail(self, error: BaseException, response: Any = None) -> None:
        """End the operation with what was raised. Never raises.

        A cancellation is no failure: it leaves the status unset.

        Args:
            error: What the application gets to see.
            response: The response's JSON as far as it was received.
        """
        if is_cancellation(error):
            self.finish(response, semconv.OUTCOME_CANCELLED)
        else:
            self.finish(response, semconv.OUTCOME_FAILED, error=error)

    def _raw_output(self, response: Any, raw: bytes | None) -> bytes:
        content = self.telemetry.content
        if content.redact is not None:
            return content.value(response).text.encode()
        return raw if raw is not None else to_json(response).encode()

    def _read_response(
        self, record: Record, response: Any, outcome: str | None, raw: bytes | None
    ) -> None:
        attributes, endpoint = record.attributes, self.endpoint
        if outcome is not None:
            attributes[semconv.OUTCOME] = outcome
        if self._first_chunk is not None:
            attributes[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = self._first_chunk - self.started
        if self.resends:
            attributes[semconv.HTTP_REQUEST_RESEND_COUNT] = self.resends
        if response is None and raw and endpoint.decode is not None:
            response = endpoint.decode(raw)
        if response is not None:
            try:
                endpoint.response(response, record)
            except Exception as failure:  # noqa: BLE001 - odd JSON must not cost the rest
                report_failure(f"reading a {self.name} response", failure)
            if record.with_content:
                encode_output(record, self.telemetry.content)
        if (
            (
                outcome is not None
                or self._first_chunk is not None
                or record.failure is not None
                or semconv.REQUEST_STREAM in attributes  # of which not a chunk has come
            )
            and endpoint.finish_reason_due
            and semconv.RESPONSE_FINISH_REASONS not in attributes
        ):
            attributes[semconv.RESPONSE_FINISH_REASONS] = [semconv.FINISH_ERROR]

    def _describe(self, error: BaseException) -> None:
        self._record.attributes[semconv.ERROR_TYPE] = error_type(error)
        message = self.telemetry.content.text(error_text(error)) if self.capture.on_spans else None
        self.span.set_status(Status(StatusCode.ERROR, message or None))

    def _describe_failure(self, code: str, message: str | None) -> None:
        """The request succeeded, and its answer says that the operation failed."""
        self._record.attributes[semconv.OUTCOME] = semconv.OUTCOME_FAILED
        self._record.attributes[semconv.ERROR_TYPE] = error_code(code) or semconv.ERROR_OTHER
        kept = self.telemetry.content.text(message) if message and self.capture.on_spans else None
        self.span.set_status(Status(StatusCode.ERROR, kept or None))
