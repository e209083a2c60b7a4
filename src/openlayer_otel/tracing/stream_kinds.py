"""What a function has returned: a stream, a manager of one, a handle, or none of these."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

# Methods of handles (files, sockets, database cursors, aiohttp's WebSockets): iterable, yet no
# answer in pieces.
_HANDLE_METHODS = ("readline", "fetchone", "fetchmany", "recv", "receive_str")
# What the SDKs call the objects whose request is sent when they are entered: those that give
# a stream, and those that give a response.
STREAM_MANAGER = "StreamManager"
RESPONSE_MANAGER = "ResponseContextManager"


def is_stream(value: Any) -> bool:
    """Whether ``value`` is an iterator that yields an answer in pieces."""
    return hasattr(type(value), "__next__") and not is_handle(value)


def is_async_stream(value: Any) -> bool:
    """Whether ``value`` is an async iterator or iterable that yields an answer in pieces.

    What gives the answer when it is awaited as well (a paginator, a cursor's factory) is none.
    """
    kind = type(value)
    found = hasattr(kind, "__anext__") or (
        hasattr(kind, "__aiter__") and not hasattr(kind, "__await__")
    )
    return found and not is_handle(value)


def is_manager_class(kind: type, suffix: str) -> bool:
    """Whether a class is one of the SDKs' managers, for ``with`` alone: not one of the user's.

    Args:
        kind: The class itself; its bases are not looked at.
        suffix: How the SDKs' are called: ``STREAM_MANAGER`` or ``RESPONSE_MANAGER``.
    """
    if not kind.__name__.endswith(suffix):
        return False
    fields = vars(kind)
    entered = "__enter__" in fields or "__aenter__" in fields
    return entered and all(name.startswith("_") for name in fields)


def own_fields(value: Any) -> Mapping[str, Any]:
    """An object's own fields, without asking the object: its properties may do anything."""
    fields = getattr(value, "__dict__", None)
    return fields if isinstance(fields, dict) else {}


def is_handle(value: Any) -> bool:
    """Whether ``value`` is a file, a socket or the like: iterable, yet no answer in pieces."""
    kind = type(value)
    return (
        isinstance(value, (io.IOBase, type))
        or kind.__module__ == "unittest.mock"  # has every method there is
        or any(hasattr(kind, name) for name in _HANDLE_METHODS)
    )
