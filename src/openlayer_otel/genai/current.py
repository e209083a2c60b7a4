"""Making a context current, only inside our own frames.

A context is attached around a call of an SDK or one read of a stream and taken back
before control returns to user code. The frames are ours, yet they may be finalised in a
foreign context (a task that is collected while it waits): then there is nothing to take
back, and nothing is logged about it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context

__all__ = ["attach", "current", "reset", "take_back"]


def _variable() -> ContextVar[Context] | None:
    """The variable that holds the current context; None in a runtime without contextvars."""
    token: Any = otel_context.attach(otel_context.get_current())
    otel_context.detach(token)
    variable: ContextVar[Context] | None = getattr(token, "var", None)
    return variable


_current = _variable()

current: Callable[[], Context] = otel_context.get_current if _current is None else _current.get
"""The current context."""


attach: Callable[[Context], Token[Context]] = (
    otel_context.attach if _current is None else _current.set
)
"""Makes a context current; returns the token for :func:`take_back`.

Set directly: a stream's tap does it for every chunk, in 0.1 µs instead of 0.5."""


reset: Callable[[Token[Context]], None] = (
    otel_context.detach if _current is None else _current.reset
)
"""Undoes an :data:`attach` in the very context where it was made."""


def take_back(token: Token[Any]) -> None:
    """Undo the :func:`attach` that returned ``token``, silently where it no longer applies.

    ``opentelemetry.context.detach`` logs an ERROR in a foreign context.
    """
    try:
        token.var.reset(token)
    except (ValueError, RuntimeError):
        return
    except AttributeError:  # a context runtime other than contextvars
        otel_context.detach(token)
