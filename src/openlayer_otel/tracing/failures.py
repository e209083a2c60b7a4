"""What an exception means for the step that it leaves."""

from __future__ import annotations

import concurrent.futures
import traceback

from openlayer_otel import semconv


def interruption(error: BaseException) -> str | None:
    """The outcome of a step that ``error`` ended without being a failure; None if it is one."""
    if isinstance(error, GeneratorExit):
        return semconv.OUTCOME_CLOSED
    if isinstance(error, Exception) and not isinstance(error, concurrent.futures.CancelledError):
        return None
    return semconv.OUTCOME_CANCELLED


def origin(error: BaseException) -> object:
    """What tells an exception from others, without holding it: where it was raised, and its id."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None:
        return (id(error), None, 0)
    return (id(error), last.tb_frame.f_code, last.tb_lasti)


def message_of(error: BaseException) -> str:
    """What it says; empty if it cannot be asked."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - __str__ of a hostile exception may raise anything
        return ""


def full_name(error: BaseException) -> str:
    """The exception's class with its module, unless that is builtins."""
    kind = type(error)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def frames_of(error: BaseException) -> str:
    """Where it was raised. The last line of a usual traceback is left out: it is the message."""
    return "".join(traceback.format_tb(error.__traceback__))
