"""Making a context current for a block of user code, and undoing it wherever the block ends.

A block in a generator may end in another task or thread than it began; there the token of
``attach`` is worth nothing. Then the context that was current before is restored if, and only
if, the block's own is the current one.
"""

from __future__ import annotations

from contextvars import Token
from typing import Any

from opentelemetry.context import Context, attach, detach, get_current

__all__ = ["Entered", "attach", "enter", "get_current", "leave"]


class Entered:
    """A context that was made current, and what is needed to undo it."""

    __slots__ = ("context", "previous", "token")

    def __init__(self, token: Token[Any], context: Context, previous: Context) -> None:
        self.token = token
        self.context = context
        self.previous = previous


def enter(context: Context) -> Entered:
    """Make ``context`` current."""
    previous = get_current()
    return Entered(attach(context), context, previous)


def leave(entered: Entered) -> None:
    """Undo :func:`enter`. Never raises, never logs."""
    variable = getattr(entered.token, "var", None)
    if variable is None:  # a context runtime other than contextvars
        detach(entered.token)
        return
    try:
        variable.reset(entered.token)
    except (ValueError, RuntimeError):
        if get_current() is entered.context:
            attach(entered.previous)
