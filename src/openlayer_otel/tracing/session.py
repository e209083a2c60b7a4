"""Who the spans of a block belong to, and what may be recorded in it.

:func:`using_session` puts session, user, metadata and tags on every span that starts inside,
whoever makes it; :func:`capture_content` says what content is recorded inside.

Across processes they travel as W3C baggage only where both sides ask for it: the sender with
``propagate=True`` (baggage goes to *every* service that is called, third parties included),
the receiver with ``from_baggage=True``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry import baggage
from opentelemetry.context import Context

from openlayer_otel import semconv
from openlayer_otel.content_capture import ContentCapture, content_capture
from openlayer_otel.context_attributes import attributes_in, with_attributes
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.genai.content import capturing
from openlayer_otel.genai.encoding import from_json, to_json
from openlayer_otel.telemetry import active
from openlayer_otel.tracing.blocks import ContextBlock
from openlayer_otel.tracing.columns import merged, session_attributes
from openlayer_otel.tracing.identity import is_nothing, tags_of

# Attributes that may travel as baggage, under their own names.
_TRAVELLING = (
    semconv.SESSION_ID,
    semconv.USER_ID,
    semconv.TRACE_METADATA,
    semconv.TRACE_TAGS,
)


class using_session(ContextBlock):  # noqa: N801 - used as a function
    """A block whose spans belong to a session and a user.

    ``with``, ``async with``, or a decorator for any kind of function. Blocks nest: the inner
    one's values win, metadata is merged, tags are joined.

    Args:
        session_id: The session: ``session.id`` and ``gen_ai.conversation.id``.
        user_id: The user: ``user.id``.
        metadata: Columns of the trace's row at Openlayer.
        tags: Tags of the trace.
        propagate: Also send all this to the services that are called inside, as baggage.
        from_baggage: First take what the calling service sent as baggage.
    """

    def __init__(
        self,
        session_id: object = None,
        user_id: object = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] | None = None,
        *,
        propagate: bool = False,
        from_baggage: bool = False,
    ) -> None:
        self._ids: dict[str, str] = {}
        self._metadata: dict[Any, Any] = {}
        self._tags: tuple[str, ...] = ()
        try:
            # As those of a step, whatever they are: a value of a request's must not stop the
            # request. The row of a table has no truth, the text of an object may raise.
            if isinstance(metadata, Mapping):
                self._metadata = dict(metadata)
            elif not is_nothing(metadata):
                self._metadata = {"metadata": metadata}
            self._tags = () if is_nothing(tags) else tags_of(tags)
            self._ids = session_attributes(session_id, user_id)
        except Exception as error:  # noqa: BLE001 - boundary: the block must run
            report_failure("using_session()", error)
        self._propagate = propagate
        self._from_baggage = from_baggage

    def context_in(self, context: Context) -> Context:
        """The context inside the block, from the one around it."""
        if self._from_baggage:
            context = with_attributes(_received(context), context)
        attributes: dict[str, Any] = dict(self._ids)
        known = attributes_in(context)
        if self._metadata:
            attributes[semconv.TRACE_METADATA] = merged(
                known.get(semconv.TRACE_METADATA), self._metadata, active().content
            )
        if self._tags:
            tags = known.get(semconv.TRACE_TAGS)
            before = tags if isinstance(tags, (list, tuple)) else ()
            attributes[semconv.TRACE_TAGS] = tuple(dict.fromkeys((*before, *self._tags)))
        context = with_attributes(attributes, context)
        return _sent(context) if self._propagate else context


class capture_content(ContextBlock):  # noqa: N801 - used as a function
    """A block whose steps and LLM calls record content by a policy of its own.

    ``with``, ``async with``, or a decorator for any kind of function.

    Args:
        capture: As the setting ``capture_content``: ``False`` or ``"none"`` for no content,
            ``True`` or ``"span_only"``, ``"event_only"``, ``"span_and_event"``.

    Raises:
        ValueError: ``capture`` names no policy.
    """

    def __init__(self, capture: ContentCapture | str | bool) -> None:
        self._capture = content_capture(capture)

    def context_in(self, context: Context) -> Context:
        """The context inside the block, from the one around it."""
        return capturing(self._capture, context)


def _sent(context: Context) -> Context:
    attributes = attributes_in(context)
    for name in _TRAVELLING:
        value = attributes.get(name)
        if value is not None:
            text = value if isinstance(value, str) else to_json(value)
            context = baggage.set_baggage(name, text, context)
    return context


def _received(context: Context) -> dict[str, Any]:
    values = {name: baggage.get_baggage(name, context) for name in _TRAVELLING}
    found: dict[str, Any] = session_attributes(values[semconv.SESSION_ID], values[semconv.USER_ID])
    metadata = values[semconv.TRACE_METADATA]
    if isinstance(from_json(metadata), dict):
        found[semconv.TRACE_METADATA] = metadata
    tags = from_json(values[semconv.TRACE_TAGS])
    if isinstance(tags, list):
        found[semconv.TRACE_TAGS] = tuple(str(tag) for tag in tags)
    return found
