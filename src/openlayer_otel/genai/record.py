"""What one operation says, collected before it is put on a span or an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.trace import SpanKind

from openlayer_otel import semconv
from openlayer_otel.genai.encoding import clean_text
from openlayer_otel.genai.messages import Message, Part


class Record:
    """Attributes and content of one operation, filled by a provider's readers.

    Attributes:
        attributes: Span attributes by name. A reader sets only what the JSON says.
        with_content: Whether content is recorded; readers build no messages without it.
        input_messages: The conversation that the request holds, oldest first.
        system_instructions: Instructions given apart from the conversation.
        tool_definitions: The tools that the model may use.
        output_messages: One message for each choice of the model.
        steps: Openlayer fields for which the conventions have no name (inputs, output, documents).
        failure: The provider's error code and message, where its answer says that it failed
            although the request did not.
        content: The content by attribute name, as text: encoded, redacted and cut.
    """

    # Defaults of the class: most records hold few of them.
    input_messages: list[Message] | None = None
    system_instructions: list[Part] | None = None
    tool_definitions: list[dict[str, Any]] | None = None
    output_messages: list[Message] | None = None
    steps: dict[str, Any] | None = None
    failure: tuple[str, str | None] | None = None

    def __init__(self, with_content: bool) -> None:
        self.attributes: dict[str, Any] = {}
        self.content: dict[str, str] = {}
        self.with_content = with_content

    def usage(self, name: str, tokens: object) -> None:
        """Set a token count, if it is one."""
        if type(tokens) is int:
            self.attributes[name] = tokens


class StreamReader:
    """Gathers the events of a stream into the JSON that a plain call would have returned."""

    __slots__ = ()

    def piece(self, event: Any) -> bool:
        """Take in the JSON of an event if all that is new in it is a piece of a text.

        Nearly all events are, and this is the quick way: it tries what is usual, and whatever
        stands in the way is left to :meth:`read`. A reader without one inherits this.

        Returns:
            Whether it was such a piece; else nothing was taken in.
        """
        return False

    def read(self, event: dict[str, Any]) -> None:
        """Take in the JSON of one event."""
        raise NotImplementedError

    def response(self) -> dict[str, Any]:
        """The response as far as it was received."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Endpoint:
    """How one endpoint of a provider's API maps to an operation.

    Attributes:
        operation: ``gen_ai.operation.name``.
        request: Reads the request's JSON into a record.
        response: Reads the response's JSON into a record.
        stream: Makes the reader of a streamed response; its argument says whether content is
            recorded. None if the endpoint streams nothing.
        model: Finds the requested model in the request's JSON and the API path; by default it is
            the field ``model``.
        target: The attribute for what ``model`` finds, if that is no model: a data source.
        finish_reason_due: A stream that ends without a finish reason was left or cut.
        name: The span's name without model, if it is not the operation's.
        kind: The span's kind; INTERNAL for what runs in this process.
        path_attributes: What the API path says, such as a session's id, as attributes.
        decode: Makes JSON of a body that is none (a text, audio); None: such a body says nothing.
    """

    operation: str
    request: Callable[[Mapping[str, Any], Record], None]
    response: Callable[[Any, Record], None]
    stream: Callable[[bool], StreamReader] | None = None
    model: Callable[[Mapping[str, Any], str], object] | None = None
    target: str = semconv.REQUEST_MODEL
    finish_reason_due: bool = False
    name: str | None = None
    kind: SpanKind = SpanKind.CLIENT
    path_attributes: Callable[[str], Mapping[str, str]] | None = None
    decode: Callable[[bytes], Any] | None = None


_MAX_OPENINGS = 64


@dataclass(frozen=True, slots=True)
class Identity:
    """Who serves a call, as attributes a sampler may look at.

    Attributes:
        provider: ``gen_ai.provider.name``; empty for what runs in this process.
        address: The server's name.
        port: Its port.
        conversation: The conversation that all calls of the client belong to, if it names one.
    """

    provider: str
    address: str | None = None
    port: int | None = None
    conversation: str | None = None
    _given: dict[str, Any] = field(init=False, repr=False, compare=False)
    _openings: dict[tuple[Endpoint, str], tuple[str, dict[str, Any]]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        given = {
            semconv.PROVIDER_NAME: self.provider,
            semconv.SERVER_ADDRESS: self.address,
            semconv.SERVER_PORT: self.port if self.address else None,
            semconv.CONVERSATION_ID: self.conversation,
        }
        found = {name: value for name, value in given.items() if value}
        object.__setattr__(self, "_given", found)

    def opening(self, endpoint: Endpoint, model: object) -> tuple[str, dict[str, Any]]:
        """The name and the first attributes of an operation's span.

        Args:
            endpoint: What is called.
            model: What ``endpoint.model`` has found.
        """
        known = self._openings.get((endpoint, model)) if type(model) is str else None
        if known is None:
            known = self._opening(endpoint, model)
            if type(model) is str:
                if len(self._openings) >= _MAX_OPENINGS:
                    self._openings.clear()
                self._openings[endpoint, model] = known
        name, attributes = known
        return name, attributes.copy()

    def _opening(self, endpoint: Endpoint, model: object) -> tuple[str, dict[str, Any]]:
        attributes = {semconv.OPERATION_NAME: endpoint.operation, **self._given}
        name = endpoint.name or endpoint.operation
        if isinstance(model, str) and model:
            model = clean_text(str.__str__(model))  # an enum formats as its own name
            attributes[endpoint.target] = model
            name = f"{name} {model}"
        return name, attributes


RequestTable = Mapping[str, tuple[str, type]]
"""Name in a request's JSON -> attribute and the type its value must have."""


def read_request_fields(body: Mapping[str, Any], table: RequestTable, record: Record) -> None:
    """Copy the fields of ``table`` from a request; a value of another type sets nothing.

    A text may be an application's enum: then it is what the enum stands for.
    """
    attributes = record.attributes
    for name, value in body.items():
        entry = table.get(name)
        if entry is None or value is None:
            continue
        attribute, kind = entry
        if kind is list:
            if isinstance(value, str):
                attributes[attribute] = [str.__str__(value)]
            elif isinstance(value, list) and all(isinstance(item, str) for item in value):
                attributes[attribute] = [str.__str__(item) for item in value]
        elif type(value) is kind:
            attributes[attribute] = value
        elif kind is float and type(value) is int:
            attributes[attribute] = float(value)
        elif kind is str and isinstance(value, str):
            attributes[attribute] = str.__str__(value)
