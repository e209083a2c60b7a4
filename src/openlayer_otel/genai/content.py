"""Content to attribute values: what may be recorded, redaction, and size limits.

*Content* is what users and models say: messages, system text, tool arguments and
results, error messages, the inputs and outputs of the user's own functions. Every
content value passes :class:`ContentPolicy` on its way to a span or an event, so the
capture switch, ``redact=`` and ``max_content_bytes`` each have one place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanLimits

from openlayer_otel.content_capture import ContentCapture, content_capture
from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.genai.cutting import cut, shortened
from openlayer_otel.genai.encoding import clean_text, plain, to_json
from openlayer_otel.settings import Redact, Settings

CAPTURE_CONTEXT_KEY = otel_context.create_key("openlayer-content-capture")
REDACTION_FAILED = "[dropped: redaction failed]"
# What the conventions' schemas name for structure, not for what was said.
_MESSAGE_STRUCTURE = frozenset({"role", "finish_reason"})
_PART_STRUCTURE = frozenset(
    {"type", "id", "name", "mime_type", "modality", "file_id", "size_bytes", "checksum_md5"}
)


class Encoded(NamedTuple):
    """A content value as JSON text, and whether something was cut to meet the size limit."""

    text: str
    truncated: bool


class ContentPolicy:
    """How content is recorded, from the settings; stateless, and its methods never raise.

    Args:
        settings: Read once: ``capture_content``, ``redact`` and ``max_content_bytes``; as are the
            variables of OpenTelemetry that limit the length of attributes.
    """

    __slots__ = ("capture", "limit", "redact")

    def __init__(self, settings: Settings) -> None:
        self.capture = settings.capture_content
        self.redact: Redact | None = settings.redact
        self.limit = _limit(settings)

    def capture_in(self, context: Context) -> ContentCapture:
        """The capture policy of a call made in ``context`` (see :func:`capturing`)."""
        override = context.get(CAPTURE_CONTEXT_KEY)
        return override if isinstance(override, ContentCapture) else self.capture

    def value(self, value: object) -> Encoded:
        """Any value (a function's inputs), every text in it redacted, as JSON text."""
        return Encoded(*self.encoded(value, self.redacted))

    def text(self, text: str) -> str:
        """One plain text, such as an error message: redacted, shortened, valid UTF-8."""
        text = clean_text(text if self.redact is None else self.redacted(text))
        if self.limit and len(text) > self.limit:
            return shortened(text, self.limit)
        return text

    def encoded(self, value: Any, redacted: Callable[[Any], Any]) -> tuple[str, bool]:
        """A value as JSON text, redacted and cut as the settings say, and whether it was cut.

        Args:
            value: What is encoded.
            redacted: What redacts a value of its kind: :meth:`redacted_messages`,
                :meth:`redacted_parts` or, for any other, :meth:`redacted`.
        """
        if self.redact is not None:
            value = redacted(plain(value))
        text = to_json(value)
        if not self.limit or len(text) <= self.limit:
            return text, False
        return cut(text, self.limit), True

    def redacted_messages(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Messages in the conventions' shape; what is structure stays."""
        return [
            {
                key: item
                if key in _MESSAGE_STRUCTURE
                else self.redacted_parts(item)
                if key == "parts" and isinstance(item, list)
                else self.redacted(item)
                for key, item in message.items()
            }
            for message in messages
        ]

    def redacted_parts(self, parts: list[Any]) -> list[Any]:
        """Parts and tool definitions: every text but names and types is content."""
        return [
            {
                key: item if key in _PART_STRUCTURE else self.redacted(item)
                for key, item in part.items()
            }
            if isinstance(part, dict)
            else self.redacted(part)
            for part in parts
        ]

    def redacted(self, value: Any) -> Any:
        """A value made of dicts, lists and texts, with every text passed through ``redact``.

        So is a number, as the text that it is; it stays a number if that comes back. A key that
        is an identifier is the name of a field; any other (an address, a sentence) is content, too.
        """
        if isinstance(value, str):
            redact = self.redact
            if redact is None:
                return value
            try:
                kept: Any = redact(value)
            except Exception as error:  # noqa: BLE001 - the user's function; fail closed
                report_failure("redact=", error)
                return REDACTION_FAILED
            if isinstance(kept, str):
                return kept
            warn_once(
                "redact:no-text",
                "openlayer-otel: redact= returned %s, which is no text; what it was given is "
                "dropped. Is there a return in it for every case?",
                type(kept).__qualname__,
            )
            return REDACTION_FAILED
        if isinstance(value, dict):
            return {
                key if key.isidentifier() else self.redacted(key): self.redacted(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.redacted(item) for item in value]
        if type(value) is int or type(value) is float:
            text = str(value)
            kept = self.redacted(text)
            return value if kept == text else kept
        return value


def capturing(capture: ContentCapture | str | bool, context: Context | None = None) -> Context:
    """A context whose calls record content by ``capture`` instead of the setting.

    Args:
        capture: As for the setting ``capture_content``.
        context: The context to start from; the current one by default.

    Raises:
        ValueError: ``capture`` names no policy.
    """
    return otel_context.set_value(CAPTURE_CONTEXT_KEY, content_capture(capture), context)


def _limit(settings: Settings) -> int:
    """The largest size of a content attribute; 0 if there is none.

    Where the SDK is told to shorten attributes, content is to fit: the SDK cuts JSON in its midst.
    """
    of_spans: int | None = None
    if settings.capture_content.on_spans:
        try:
            of_spans = SpanLimits().max_span_attribute_length
        except ValueError:  # a variable that the SDK refuses; it has no limit then
            pass
    return min(filter(None, (settings.max_content_bytes, of_spans)), default=0)
