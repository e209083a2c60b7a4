"""Making a context current, only inside our own frames.

A context is attached around a call of an SDK or one read of a stream and taken back
before control returns to user code. The frames are ours, yet they may be finalised in a
foreign context (a task that is collected while it waits): then there is nothing to take
back, and nothing is logged about it.
"""

from __future__ import annotations

from contextvars import Token
from typing import Any

from opentelemetry.context import attach, detach

__all__ = ["attach", "take_back"]


def take_back(token: Token[Any]) -> None:
    """Undo the :func:`attach` that returned ``token``, silently where it no longer applies.

    ``opentelemetry.context.detach`` logs an ERROR in a foreign context, and costs four times
    as much as resetting the variable.
    """
    variable = getattr(token, "var", None)
    if variable is None:  # a context runtime other than contextvars
        detach(token)
        return
    try:
        variable.reset(token)
    except (ValueError, RuntimeError):
        return
