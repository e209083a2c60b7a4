"""One call of a Stainless SDK's client, between its request and what the application gets."""

from __future__ import annotations

from typing import Any

from openlayer_otel.genai.operation import Operation, response_json
from openlayer_otel.genai.streaming import StreamEnd
from openlayer_otel.providers.stainless_body import observe_body
from openlayer_otel.telemetry import Telemetry


class Call:
    """One logical call of a client while it is under way: its operation, and the response.

    Attributes:
        client: Whose call it is.
        operation: The operation that it is.
        streamed: Whether the application wants the answer as a stream of events.
        response: The HTTP response, once it has arrived.
        json: The JSON of a plain response, as the SDK has decoded it; None if it has not.
        waiting: The body is not read yet: it will tell the end.
    """

    __slots__ = ("client", "json", "operation", "response", "streamed", "waiting")

    def __init__(self, client: Any, operation: Operation, streamed: bool) -> None:
        self.client = client
        self.operation = operation
        self.streamed = streamed
        self.response: Any = None
        self.json: Any = None
        self.waiting = False
        operation.call = self

    def prepared(self, options: Any) -> None:
        """The SDK has put together the JSON that it is going to send."""
        body = options.json_data
        self.operation.read_request(body if isinstance(body, dict) else {})

    def observe(self, telemetry: Telemetry) -> None:
        """A response has arrived whose body is still to be read: watch how that ends."""
        response, operation = self.response, self.operation
        make = operation.endpoint.stream if self.streamed else None
        if response.is_closed:
            if make is None:
                return
            # A transport handed over the stream's body as a whole, as mocks and caches do. Its
            # events are still to be read, and then closed like those of any stream.
            response.is_closed = False
        reader = make(operation.content) if make is not None else None
        end = StreamEnd(operation, reader, telemetry.chunk_recorder(operation))
        observe_body(response, end, self.streamed)
        operation.call = None
        self.waiting = True

    def returned(self) -> None:
        """The SDK gives its result to the application."""
        if self.waiting:
            self.response = None
            return
        # What the SDK has decoded need not be decoded again. It decodes no raw response.
        found, body = self.json, self._let_go()
        self.operation.finish(response_json(body) if found is None else found, raw=body)

    def raised(self, error: BaseException) -> None:
        """The SDK raises ``error`` to the application."""
        self.operation.fail(error, response_json(self._let_go()))

    def _let_go(self) -> bytes | None:
        """The response's body, if it was read; nothing of the response is kept."""
        body = getattr(self.response, "_content", None)
        # Timers and tasks made during the request keep its context, hence this call: the
        # response must not live as long as they do, or a dropped stream would not be seen.
        self.response = self.json = None
        # It holds this call, which holds it.
        self.operation.call = None
        return body if isinstance(body, bytes) else None
