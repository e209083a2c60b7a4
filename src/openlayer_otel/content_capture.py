"""Where message content is recorded: on spans, on events, on both, or nowhere."""

from __future__ import annotations

from enum import Enum

from openlayer_otel.setting_values import as_text


class ContentCapture(Enum):
    """Where message content is recorded.

    The names are those of ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT``.

    Attributes:
        on_spans: Whether content goes to span attributes.
        on_events: Whether content goes to log events.
        anywhere: Whether any content is recorded at all (error messages follow this, too).
    """

    on_spans: bool
    on_events: bool
    anywhere: bool

    NO_CONTENT = "NO_CONTENT"
    SPAN_ONLY = "SPAN_ONLY"
    EVENT_ONLY = "EVENT_ONLY"
    SPAN_AND_EVENT = "SPAN_AND_EVENT"

    def __init__(self, name: str) -> None:
        self.on_spans = "SPAN" in name
        self.on_events = "EVENT" in name
        self.anywhere = self.on_spans or self.on_events


def content_capture(value: object) -> ContentCapture:
    """Read a capture policy from what a user writes.

    Args:
        value: A :class:`ContentCapture`, its name in any case, a bool (or ``"true"`` /
            ``"false"``): true means ``SPAN_ONLY``.

    Raises:
        ValueError: ``value`` is none of these.
    """
    if isinstance(value, ContentCapture):
        return value
    if isinstance(value, bool):
        return ContentCapture.SPAN_ONLY if value else ContentCapture.NO_CONTENT
    text = as_text(value).strip().upper()
    if text in ("TRUE", "1", "ON", "YES"):
        return ContentCapture.SPAN_ONLY
    if text in ("FALSE", "0", "OFF", "NO", "NONE"):
        return ContentCapture.NO_CONTENT
    if text not in ContentCapture.__members__:
        raise ValueError("must be one of " + ", ".join(ContentCapture.__members__))
    return ContentCapture[text]
