"""One exchange with the LLM stand-in: a request, how it is steered, and the reply to it.

*Steering* is how a client asks the stand-in for a certain answer or fault. The same keys
can be given in four places; the last one wins:

1. a header ``x-stub-<key>: <value>`` (``-`` for ``_``),
2. a query parameter ``stub_<key>=<value>``,
3. the model name: ``"gpt-x;<key>=<value>;<key>=<value>"``,
4. the body: ``{"stub": {"<key>": <value>}}`` (``extra_body={"stub": {...}}`` in the SDKs).

Content of the answer:

=============== =================================================================
``mode``        text, tool, tools2, refusal, json, thinking, citations, empty, filter
``text``        the text itself, in place of the stand-in's own words
``chunks``      number of content deltas (5)
``chunk_chars`` characters of text in each delta (6)
``n``           number of choices (also read from the body)
``logprobs``    include logprobs (also read from the body)
``dims``        dimensions of an embedding (8)
=============== =================================================================

Timing, in seconds:

=============== =================================================================
``first_delay`` before the response headers
``ttft``        between the headers and the first event
``delay``       after each event
``hang``        before answering at all, as ``first_delay`` (for timeouts)
``split``       send each event in pieces of so many bytes
=============== =================================================================

Faults:

=============== =================================================================
``error``       fail with this HTTP status
``retry_after`` value of the ``retry-after`` header of that failure
``fail_times``  fail only the first so many requests of this ``key``, then succeed
``key``         what ``fail_times`` counts by ("k")
``sse_error``   after so many events send an error event
``malformed``   after so many events send broken JSON
``drop``        after so many events cut the TCP connection
``trunc``       after so many events end the body cleanly, without its last event
``nodone``      leave out ``data: [DONE]``
``nonjson``     answer a plain request with broken JSON
=============== =================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

Json = dict[str, Any]
"""A JSON object."""

Event = tuple[str | None, Json]
"""One server-sent event: its name (``None`` where the provider sends none) and its data."""


EVERY_REQUEST = "every request"
"""The key that all requests are counted by."""


class Steering:
    """What one request asks of the stand-in, by key; see the table of the module.

    Args:
        count: Given a key, says how many requests of that key there were, this one included.
    """

    def __init__(self, count: Callable[[str], int]) -> None:
        self._values: Json = {}
        self._count = count

    def update(self, values: Json) -> None:
        """Take over ``values``; they win over what was given before."""
        self._values.update(values)

    def update_from_name(self, name: str) -> str:
        """Take over the keys written after the first ``;`` of a model name; returns the rest."""
        model, *pairs = name.split(";")
        for pair in pairs:
            key, _, value = pair.partition("=")
            self._values[key] = value
        return model

    def values(self) -> Json:
        """All keys given so far."""
        return dict(self._values)

    def text(self, key: str) -> str | None:
        """The value as it was given, or ``None``."""
        value = self._values.get(key)
        return None if value in (None, "") else str(value)

    def whole(self, key: str) -> int | None:
        """The value as a whole number, or ``None`` if it was not given."""
        value = self.text(key)
        return None if value is None else int(value)

    def seconds(self, key: str) -> float:
        """The value as a number of seconds; 0 if it was not given."""
        return float(self.text(key) or 0)

    def switch(self, key: str) -> bool:
        """Whether the value says yes."""
        return (self.text(key) or "").lower() in ("1", "true", "yes")

    @property
    def chunks(self) -> int:
        """Number of content deltas, which is also the number of output tokens."""
        given = self.whole("chunks")
        return 5 if given is None else given

    @property
    def chunk_chars(self) -> int:
        """Characters of text in each content delta."""
        given = self.whole("chunk_chars")
        return 6 if given is None else given

    def failure_status(self) -> int | None:
        """The HTTP status to fail with, or ``None`` to succeed. Counts the request."""
        status = self.whole("error")
        times = self.whole("fail_times")
        if status is None or times is None:
            return status
        return status if self._count(self.text("key") or "k") <= times else None


@dataclass
class Request:
    """A request as the API modules see it.

    Attributes:
        path: The path below the API version, such as ``/chat/completions``.
        body: The JSON body, or the text fields of a multipart form.
        model: The model name without steering keys.
        steering: What the request asks of the stand-in.
        number: How many requests there were, this one included. It is in the id of the answer:
            providers never give two answers the same id.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Json
    model: str
    steering: Steering
    number: int

    @property
    def stream(self) -> bool:
        """Whether the client wants server-sent events."""
        return bool(self.body.get("stream")) or self.query.get("stream") == "true"


class RecordedRequest(TypedDict):
    """What the server keeps of each request it got."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Json


@dataclass
class Reply:
    """What the server sends back: a body, or a stream of events.

    Attributes:
        body: Bytes, or anything JSON can hold.
        events: Sent one by one instead of ``body``.
        done: Whether the stream ends with ``data: [DONE]``.
        framing: How events are written: server-sent events, or Amazon's binary event stream.
    """

    body: Any = None
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    events: Iterator[Event] | None = None
    done: bool = False
    framing: Literal["sse", "amazon"] = "sse"


def streamed(events: Iterable[Event], *, done: bool = False) -> Reply:
    """A reply of server-sent events."""
    return Reply(events=iter(events), done=done)
