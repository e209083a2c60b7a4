"""The steps of a tool runner, watched: the first starts its run, the last ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.finalizing import in_finalizer
from openlayer_otel.providers.anthropic.agent_runs import Run


class _Steps:
    """Stands between a runner and its steps, a generator; everything else is the generator's own.

    It is no generator around the other: of two nested asynchronous generators that are
    collected together, the event loop would close both at once, which fails.
    """

    __slots__ = ("__weakref__", "_run", "_source", "_start")

    def __init__(self, source: Any, start: Callable[[], Run]) -> None:
        self._source = source
        self._start: Callable[[], Run] | None = start
        self._run: Run | None = None

    def _current(self) -> AbstractContextManager[None]:
        """Make the run current; the first step starts it."""
        if self._run is None and self._start is not None:
            self._run, self._start = self._start(), None
        return nullcontext() if self._run is None else self._run.current()

    def _stopped(self, error: BaseException) -> None:
        if self._run is not None:
            self._run.stopped(error)

    def _left(self, outcome: str) -> None:
        if self._run is not None:
            self._run.left(outcome)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def __del__(self) -> None:
        run = self._run
        if run is not None:
            in_finalizer(lambda: run.left(semconv.OUTCOME_DROPPED))


class RunSteps(_Steps):
    """The steps of a synchronous runner.

    Args:
        source: The generator of the runner's steps.
        start: Starts its run; called before the first step.
    """

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        with self._current():
            try:
                return next(self._source)
            except BaseException as error:
                self._stopped(error)
                raise

    def close(self) -> None:
        """Close the generator, and with it a model's answer that is being read; end the run."""
        self._start = None
        with self._current():
            self._source.close()
        self._left(semconv.OUTCOME_CLOSED)


class AsyncRunSteps(_Steps):
    """The steps of an asynchronous runner; see :class:`RunSteps`."""

    __slots__ = ()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        with self._current():
            try:
                return await self._source.__anext__()
            except BaseException as error:
                self._stopped(error)
                raise

    async def aclose(self) -> None:
        """Close the generator, and with it a model's answer that is being read; end the run."""
        self._start = None
        with self._current():
            await self._source.aclose()
        self._left(semconv.OUTCOME_CLOSED)
