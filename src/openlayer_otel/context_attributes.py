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


class UntilTraceEnds(dict[str, AttributeValue]):
    """Attributes some of which hold for one trace only: until :meth:`expire`.

    Args:
        lasting: Those that stay.
        passing: Those that go.
        outer: What these were made from, whose own pass with the same trace.
    """

    __slots__ = ("_lasting", "_outer")

    def __init__(
        self,
        lasting: Mapping[str, AttributeValue],
        passing: Mapping[str, AttributeValue],
        outer: UntilTraceEnds | None = None,
    ) -> None:
        super().__init__({**lasting, **passing})
        self._lasting = lasting
        self._outer = outer

    @property
    def lasting(self) -> Mapping[str, AttributeValue]:
        """What stays when the trace is over."""
        return self._lasting

    def with_more(self, attributes: Mapping[str, AttributeValue]) -> UntilTraceEnds:
        """These and, staying, ``attributes``: those of a block inside."""
        return UntilTraceEnds({**self._lasting, **attributes}, {**self, **attributes}, self)

    def expire(self) -> None:
        """The trace that the passing ones were for is over."""
        lasting = self._lasting
        self.update(lasting)
        for name in [name for name in self if name not in lasting]:
            self.pop(name, None)
        if self._outer is not None:
            self._outer.expire()


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
    known = attributes_in(context)
    if isinstance(known, UntilTraceEnds):
        return otel_context.set_value(_KEY, known.with_more(attributes), context)
    return otel_context.set_value(_KEY, {**known, **attributes}, context)


def sharing(attributes: Mapping[str, AttributeValue], context: Context) -> Context:
    """A context in which spans carry exactly what ``attributes`` holds when they start.

    Args:
        attributes: Kept, not copied: what its owner changes later is seen.
        context: The context to start from; the attributes that it has are left out.
    """
    return otel_context.set_value(_KEY, attributes, context)
