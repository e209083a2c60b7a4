"""What went wrong in a span: the error's type and message.

A span has failed if its status is ERROR or it names an ``error.type``; an exception event
alone may be one that the application handled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from openlayer_otel import semconv
from openlayer_otel.genai.encoding import clean_text

# Looking up a member of an enumeration is a call, in Python 3.11 at least.
_ERROR = StatusCode.ERROR


class Failure(NamedTuple):
    """An error.

    Attributes:
        type: Its type (``openai.RateLimitError``, ``rate_limit_exceeded``); empty if unknown.
        message: What it says; empty if it says nothing or content is not recorded.
    """

    type: str
    message: str

    @property
    def text(self) -> str:
        """What Openlayer's SDK writes to ``Exceptions``: the message, else the type."""
        return self.message or self.type or "error"

    def same_as(self, other: Failure) -> bool:
        """Whether ``other`` is this error seen further out."""
        if self.message and other.message:
            return self.message in other.message or other.message in self.message
        return self.type == other.type

    def filled_from(self, other: Failure) -> Failure:
        """This error; what is not known of it as ``other`` says, another span of the same call."""
        return Failure(self.type or other.type, self.message or other.message)


def failure_of(
    span: ReadableSpan, attributes: Mapping[str, Any], reading: Mapping[str, Any] | None
) -> Failure | None:
    """The error that ended a span; None if it did not fail.

    Args:
        span: Its status and events.
        attributes: Its attributes.
        reading: What they say, if anything.
    """
    status = span.status
    kind = (reading or attributes).get(semconv.ERROR_TYPE) or attributes.get(semconv.ERROR_TYPE)
    if status.status_code is not _ERROR and not kind:
        return None
    kind = _text(kind)
    message = ""
    for event in reversed(span.events or ()):
        if event.name == "exception" and event.attributes:
            kind = kind or _text(event.attributes.get(semconv.EXCEPTION_TYPE))
            message = _text(event.attributes.get(semconv.EXCEPTION_MESSAGE))
            break
    if not message:
        message = _without_type(_text(status.description), kind)
    if not message:
        message = _text(attributes.get("error.message"))
    return Failure(kind, message)


def _text(value: Any) -> str:
    return clean_text(value) if isinstance(value, str) else ""


def _without_type(description: str, kind: str) -> str:
    """OpenTelemetry's SDK describes a status as ``Type: message``."""
    short = kind.rpartition(".")[2]
    for prefix in (kind, short):
        if prefix and description.startswith(f"{prefix}: "):
            return description[len(prefix) + 2 :]
    return "" if description in (kind, short) else description
