"""The attempts of a client's middleware: streams that it reads before it settles on an answer.

A middleware (anthropic, newer versions) may send a request any number of times, read what comes,
and give one of the answers to the application. Only that one may end the call.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

from openlayer_otel.genai.operation import Operation


class Attempt:
    """Stands for the operation where the end of a stream is told that may be a mere attempt.

    What it is told is kept until it is accepted; if it never is, nothing comes of it. The rest
    of it is the operation's own.

    Args:
        operation: The operation.
    """

    __slots__ = ("_accepted", "_first_chunk", "_operation", "_told")

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._accepted = False
        self._first_chunk: float | None = None
        self._told: tuple[str, tuple[Any, ...], dict[str, Any]] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operation, name)

    def first_chunk(self) -> None:
        """The first chunk has arrived now."""
        if self._accepted:
            self._operation.first_chunk()
        elif self._first_chunk is None:
            self._first_chunk = perf_counter()

    def finish(self, *args: Any, **kwargs: Any) -> None:
        """As :meth:`Operation.finish`."""
        self._tell("finish", args, kwargs)

    def fail(self, *args: Any, **kwargs: Any) -> None:
        """As :meth:`Operation.fail`."""
        self._tell("fail", args, kwargs)

    def _tell(self, end: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._accepted:
            getattr(self._operation, end)(*args, **kwargs)
        elif self._told is None:
            self._told = (end, args, kwargs)

    def accept(self) -> None:
        """The application gets this one."""
        self._accepted = True
        if self._first_chunk is not None:
            self._operation.first_chunk(self._first_chunk)
        if self._told is not None:
            told, self._told = self._told, None
            self._tell(*told)
