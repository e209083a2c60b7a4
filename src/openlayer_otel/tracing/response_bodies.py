"""The body of a web framework's streaming response: where it is kept, and how it is replaced.

A *body* is a generator, synchronous or not, that the server runs after the view has returned the
response. It is the view's own work, so it belongs to the view's step and its guardrails.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from openlayer_otel.tracing.stream_kinds import own_fields

_GENERATORS = (types.GeneratorType, types.AsyncGeneratorType)


class Body:
    """The body that a streaming response will send.

    Args:
        pieces: The generator that gives it.
        holder: What keeps it.
        name: The field of ``holder`` that is set to another one.
    """

    __slots__ = ("_holder", "_name", "pieces")

    def __init__(self, pieces: Any, holder: object, name: str) -> None:
        self.pieces = pieces
        self._holder = holder
        self._name = name

    def replace(self, pieces: Any) -> None:
        """Have the response send ``pieces`` in its place."""
        setattr(self._holder, self._name, pieces)


class _DjangoBody(Body):
    """That of Django's, which closes what it was given before what was put in its place."""

    __slots__ = ()

    def replace(self, pieces: Any) -> None:
        """Have the response send and close ``pieces``, which closes the body itself."""
        super().replace(pieces)
        closers = own_fields(self._holder).get("_resource_closers")
        close = getattr(self.pieces, "close", None)
        if isinstance(closers, list) and close in closers:
            closers.remove(close)


def body_of(response: Any) -> Body | None:
    """The body of a streaming response; None for anything else, and for a body made of values."""
    fields = own_fields(response)
    if "body_iterator" in fields:  # Starlette, FastAPI and what is built on them
        return _body(fields["body_iterator"], response, "body_iterator")
    for kind in type(response).__mro__:
        find = _BODIES.get((kind.__module__, kind.__name__))
        if find is not None:
            return find(response)
    return None


def _body(pieces: Any, holder: object, name: str, kind: type[Body] = Body) -> Body | None:
    return kind(pieces, holder, name) if type(pieces) in _GENERATORS else None


def _of_django(response: Any) -> Body | None:
    # What ``streaming_content`` gives is made anew each time; setting it also has it closed.
    return _body(own_fields(response).get("_iterator"), response, "streaming_content", _DjangoBody)


def _of_werkzeug(response: Any) -> Body | None:
    return _body(own_fields(response).get("response"), response, "response")


def _of_quart(response: Any) -> Body | None:
    holder = own_fields(response).get("response")
    return _body(own_fields(holder).get("iter"), holder, "iter")


# The class that a response derives from -> how its body is found.
_BODIES: dict[tuple[str, str], Callable[[Any], Body | None]] = {
    ("django.http.response", "StreamingHttpResponse"): _of_django,
    ("werkzeug.wrappers.response", "Response"): _of_werkzeug,  # Flask's
    ("quart.wrappers.response", "Response"): _of_quart,
}
