"""One call of a Stainless SDK's client, between its request and what the application gets."""

from __future__ import annotations

from typing import Any

from openlayer_otel.attachments import raw_outputs
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.genai.operation import Operation
from openlayer_otel.genai.received import response_json
from openlayer_otel.genai.sdk_objects import json_of
from openlayer_otel.genai.streaming import StreamEnd
from openlayer_otel.providers.stainless_attempts import Attempt
from openlayer_otel.providers.stainless_body import observe_body
from openlayer_otel.providers.stainless_events import DecodedEvents
from openlayer_otel.telemetry import Telemetry


class Call:
    """One logical call of a client while it is under way: its operation, and the response.

    Attributes:
        client: Whose call it is.
        operation: The operation that it is.
        streamed: Whether the application wants the answer as a stream of events.
        response: The HTTP response of which the SDK has decoded the JSON.
        json: That JSON; None as long as the SDK has decoded none.
        attempts: The streams that the client's middleware has read; None from when it settles.
    """

    __slots__ = ("attempts", "client", "json", "operation", "response", "streamed")

    def __init__(self, client: Any, operation: Operation, streamed: bool) -> None:
        self.client = client
        self.operation = operation
        self.streamed = streamed
        self.response: Any = None
        self.json: Any = None
        self.attempts: tuple[tuple[Any, StreamEnd, Attempt], ...] | None = ()
        operation.call = self

    def prepared(self, options: Any) -> None:
        """The SDK has put together the JSON that it is going to send."""
        operation, body = self.operation, options.json_data
        if operation.span.is_recording():
            operation.read_request(body if isinstance(body, dict) else {})

    def settled(self, result: Any) -> None:
        """The client's middleware has settled on ``result``. Never raises.

        It may have made any number of attempts, looked into each, and answer with one of them or
        with something of its own: what was decoded last need not be what the application gets.
        """
        try:
            response = _response_of(result)
            attempts, self.attempts = self.attempts, None
            if response is None:
                given = json_of(result)
                self.json, self.response = given if isinstance(given, dict) else None, None
            elif attempts or response is not self.response:
                self.json, self.response = None, response
            for attempted, end, attempt in attempts or ():
                if attempted is response:
                    attempt.accept()
                    self._hand_over(response, end)
        except Exception as error:  # noqa: BLE001 - boundary: the application gets its result
            report_failure("looking at a middleware's result", error)

    def read(self, response: Any, telemetry: Telemetry) -> StreamEnd | None:
        """A stream object is about to read ``response``, for the application or a middleware."""
        if self.attempts is None or not _has_middleware(self.client):
            return self.observe(response, telemetry)
        attempt = Attempt(self.operation)
        end = self._watch(response, attempt, telemetry)
        if end is not None:
            self.attempts = (*self.attempts, (response, end, attempt))
        return end

    def observe(self, response: Any, telemetry: Telemetry) -> StreamEnd | None:
        """Watch how ``response``, whose body is still to be read, ends: the call ends with it."""
        end = self._watch(response, self.operation, telemetry)
        if end is not None:
            self._hand_over(response, end)
        return end

    def _watch(self, response: Any, told: Any, telemetry: Telemetry) -> StreamEnd | None:
        operation = self.operation
        make = operation.endpoint.stream if self.streamed else None
        if response.is_closed:
            if make is None:
                return None
            # A transport handed over the stream's body as a whole, as mocks and caches do. Its
            # events are still to be read, and then closed like those of any stream.
            response.is_closed = False
        reader = make(operation.content) if make is not None else None
        end = StreamEnd(told, reader, telemetry.chunk_recorder(operation))
        observe_body(response, end, self.streamed)
        return end

    def _hand_over(self, response: Any, end: StreamEnd) -> None:
        # Timers and tasks made during the request keep its context, hence the operation: a response
        # that lived as long as they do would not be seen to be dropped.
        self.operation.call = None
        self.operation.events = DecodedEvents(self.client, response, end)

    def returned(self, result: Any, telemetry: Telemetry) -> None:
        """The SDK gives ``result`` to the application. Never raises."""
        operation = self.operation
        if operation.call is None:  # its body will tell the end
            return
        if self.json is None:
            self._returned_undecoded(result, telemetry)
            return
        # What the SDK has decoded need not be decoded again, and nobody can have changed it.
        operation.finish(self.json, raw=_body(self.response) if raw_outputs.wanted else None)

    def _returned_undecoded(self, result: Any, telemetry: Telemetry) -> None:
        """The same for a raw response, a stream that is no stream of the SDK's, bytes, a text."""
        body = None
        try:
            response = _response_of(result)
            if response is not None and self.observe(response, telemetry) is not None:
                return
            held = self.response if response is None else response
            body = _bytes_of(result) if held is None else _body(held)
        except Exception as error:  # noqa: BLE001 - boundary: the application gets its result
            report_failure("looking at a response", error)
        self.operation.finish(response_json(body), raw=body)

    def raised(self, error: BaseException) -> None:
        """The SDK raises ``error`` to the application. Never raises itself."""
        # What a middleware has read of a stream is no answer: it is one event.
        answer = None if self.attempts else self.json
        self.operation.fail(error, _refused_answer(error) if answer is None else answer)


def _has_middleware(client: Any) -> bool:
    """Whether a middleware comes between, and we are told on what it settles."""
    return bool(getattr(client, "_middleware", None)) and hasattr(
        client, "_finalize_middleware_result"
    )


def _refused_answer(error: BaseException) -> Any:
    """The JSON of an answer that the SDK has refused before it decoded it. Never raises."""
    try:
        response = getattr(error, "response", None)
        # A server's error has a response, too, which is no answer.
        return response_json(_body(response)) if getattr(response, "is_success", False) else None
    except Exception as failure:  # noqa: BLE001 - boundary: the application gets its error
        report_failure("looking at an error", failure)
        return None


def _response_of(result: Any) -> Any:
    """The HTTP response in what a client returned: a raw response, a stream, or it alone."""
    held = getattr(result, "http_response", None) or getattr(result, "response", None)
    for found in (held, result):
        # All that is needed of it; what is no response may have one of these, but not both.
        if hasattr(found, "is_closed") and hasattr(found, "stream"):
            return found
    return None


def _body(response: Any) -> bytes | None:
    """The body of a response, if it was read."""
    body = getattr(response, "_content", None)
    return body if isinstance(body, bytes) else None


def _bytes_of(result: Any) -> bytes | None:
    """What a client returned in place of a response: its body, or the text of it."""
    if isinstance(result, str):
        return result.encode(errors="surrogatepass")
    return result if isinstance(result, bytes) else None
