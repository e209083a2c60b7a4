"""Attributes that the user's code puts on every span of a block, carried in the OTel context.

``tracing`` writes them (session, user, metadata); whatever starts a span reads them:
GenAI operations, ``@trace`` steps, and :class:`~openlayer_otel.OpenlayerSpanProcessor`
for the spans of everybody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

_KEY = otel_context.create_key("openlayer-attributes")
_NONE: Mapping[str, AttributeValue] = MappingProxyType({})


def attributes_in(context: Context) -> Mapping[str, AttributeValue]:
    """The attributes that spans started in ``context`` carry; empty if there are none."""
    found = context.get(_KEY)
    return found if found is not None and isinstance(found, Mapping) else _NONE


def with_attributes(
    attributes: Mapping[str, AttributeValue], context: Context | None = None
) -> Context:
    """A context in which spans carry ``attributes``, besides those they carry already.

    Args:
        attributes: Added to, and winning over, those of ``context``.
        context: The context to start from; the current one by default.
    """
    if context is None:
        context = otel_context.get_current()
    return otel_context.set_value(_KEY, {**attributes_in(context), **attributes}, context)


def sharing(attributes: Mapping[str, AttributeValue], context: Context) -> Context:
    """A context in which spans carry exactly what ``attributes`` holds when they start.

    Args:
        attributes: Kept, not copied: what its owner changes later is seen.
        context: The context to start from; the attributes that it has are left out.
    """
    return otel_context.set_value(_KEY, attributes, context)
