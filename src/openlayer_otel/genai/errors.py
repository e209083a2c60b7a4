"""What an exception of a provider's SDK says: the low-cardinality ``error.type``."""

from __future__ import annotations

import asyncio
import concurrent.futures
import re
from typing import Any

_CANCELLATIONS = (
    asyncio.CancelledError,
    concurrent.futures.CancelledError,
    GeneratorExit,
    KeyboardInterrupt,
    SystemExit,
)
# Of libraries that are not imported for this: the package of the class, and its name.
_FOREIGN_CANCELLATIONS = frozenset(
    {("trio", "Cancelled"), ("greenlet", "GreenletExit"), ("gevent", "Timeout")}
)
# What providers use as codes; anything else may be a sentence that quotes the request.
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def error_type(error: BaseException) -> str:
    """The provider's own error code where there is one, else the exception's full name.

    OpenAI's errors carry ``{"code", "type"}``, Anthropic's ``{"error": {"type"}}`` (both as
    ``error.body``). Never raises.
    """
    body: Any = getattr(error, "body", None)
    if isinstance(body, dict):
        inner = body.get("error")
        if isinstance(inner, dict):
            body = inner
        for key in ("code", "type"):
            code = error_code(body.get(key))
            if code is not None:
                return code
    return exception_type(error)


def is_cancellation(error: BaseException) -> bool:
    """Whether ``error`` ends a call without being a failure of it: a cancellation, an exit."""
    if isinstance(error, _CANCELLATIONS):
        return True
    return any(
        (kind.__module__.partition(".")[0], kind.__name__) in _FOREIGN_CANCELLATIONS
        for kind in type(error).__mro__
    )


def error_code(value: object) -> str | None:
    """``value`` if it is a provider's error code; None if it may be anything else."""
    if isinstance(value, str) and _CODE.fullmatch(value) and value != "error":
        return value
    if type(value) is int:  # compatible servers, such as OpenRouter
        return str(value)
    return None


def error_text(error: BaseException) -> str:
    """What ``error`` says; the name of its class where saying it fails."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - __str__ of somebody's class may raise anything
        return type(error).__qualname__


def exception_type(error: BaseException) -> str:
    """The full name of an exception's class; builtin ones without their module."""
    kind = type(error)
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
