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
        operation.carrier = self

    def prepared(self, options: Any) -> None:
        """The SDK has put together the JSON that it is going to send."""
        body = options.json_data
        self.operation.read_request(body if isinstance(body, dict) else {})

    def received(self, response: Any, telemetry: Telemetry) -> None:
        """A successful response has arrived; nobody has looked into it yet."""
        self.response = response
        operation = self.operation
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
        operation.carrier = None
        self.waiting = True

    def returned(self) -> None:
        """The SDK gives its result to the application."""
        if self.waiting:
            self.response = None
            return
        body = self._body()
        # What the SDK has decoded need not be decoded again. It decodes no raw response.
        found = response_json(body) if self.json is None else self.json
        self._let_go()
        self.operation.finish(found, raw=body)

    def raised(self, error: BaseException) -> None:
        """The SDK raises ``error`` to the application."""
        found = response_json(self._body())
        self._let_go()
        self.operation.fail(error, found)

    def _let_go(self) -> None:
        # Timers and tasks made during the request keep its context, hence this call: the
        # response must not live as long as they do, or a dropped stream would not be seen.
        self.response = self.json = None
        # It holds this call, which holds it.
        self.operation.carrier = None

    def _body(self) -> bytes | None:
        content = getattr(self.response, "_content", None)
        return content if isinstance(content, bytes) else None
