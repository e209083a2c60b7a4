"""Proxies for streams that offer no way to learn of their end.

A proxy passes for what it wraps (``isinstance``, attributes, ``with``). A *followed* object
tells a :class:`~openlayer_otel.tracing.generators.Guard` what it yields and how it ends; the
step's context is current during each read only.
"""

from __future__ import annotations

import functools
import time
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import wrapt
from opentelemetry.context import Context, attach

from openlayer_otel.genai.current import take_back
from openlayer_otel.tracing.generators import Guard, StreamGuard
from openlayer_otel.tracing.resuming import Watcher, drive_coroutine
from openlayer_otel.tracing.stream_kinds import is_handle, is_stream

Settle = Callable[[Any], Any]

_CLOSERS = frozenset({"close", "aclose"})
# How a coroutine is driven by hand.
_DRIVEN_BY = frozenset({"send", "throw"})


class Proxy(wrapt.ObjectProxy):  # type: ignore[type-arg]
    """What all proxies share: copies are the proxy itself, as a stream cannot be read twice."""

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)


class _Closing(Watcher):
    """A close is under way: whatever comes of it, the stream is over."""

    __slots__ = ("_guard",)

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def over(self, result: Any = None) -> Any:
        """The close is done."""
        self._guard.left(GeneratorExit())
        return result

    def left(self, error: BaseException) -> None:
        """The close raised; the stream was left early all the same."""
        self._guard.left(GeneratorExit())


class _Followed(Proxy):
    def __init__(self, wrapped: Any, guard: StreamGuard, context: Context, settle: Settle) -> None:
        super().__init__(wrapped)
        self._self_guard = guard
        self._self_context = context
        self._self_settle = settle

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        if name not in _CLOSERS:
            return value
        return functools.partial(self._self_closing, value)

    def _self_closing(self, close: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call something that closes the stream, and may have to be awaited, inside the step."""
        closing = _Closing(self._self_guard)
        token = attach(self._self_context)
        try:
            result = close(*args, **kwargs)
        except BaseException as error:
            closing.left(error)
            raise
        finally:
            take_back(token)
        if type(result) is types.CoroutineType:
            return drive_coroutine(self._self_context, result, closing)
        return closing.over(result)

    def _self_same(self, given: Any) -> Any:
        """``given``, or this proxy where it is what the proxy wraps."""
        if given is self.__wrapped__:
            return self
        return type(self)(given, self._self_guard, self._self_context, self._self_settle)

    def _self_given(self, given: Any) -> Any:
        """What the caller gets of ``given``, for which what the proxy wraps has been asked."""
        if given is self.__wrapped__:  # a pool that is opened so, say: it is not followed again
            self._self_guard.over(given)
            return given
        self._self_guard.hand_over()
        return self._self_settle(given)


class FollowedStream(_Followed):
    """An iterator."""

    def __iter__(self) -> Any:
        return self._self_same(iter(self.__wrapped__))

    def __next__(self) -> Any:
        guard, token = self._self_guard, attach(self._self_context)
        try:
            item = next(self.__wrapped__)
        except StopIteration:
            take_back(token)
            guard.over()
            raise
        except BaseException as error:
            take_back(token)
            guard.left(error)
            raise
        take_back(token)
        guard.add(item)
        return item

    def __enter__(self) -> Any:
        return self._self_same(self.__wrapped__.__enter__())

    def __exit__(self, *details: Any) -> Any:
        return self._self_closing(self.__wrapped__.__exit__, *details)


class FollowedAsyncStream(_Followed):
    """An async iterator."""

    def __aiter__(self) -> Any:
        return self._self_same(self.__wrapped__.__aiter__())

    async def __anext__(self) -> Any:
        guard, token = self._self_guard, attach(self._self_context)
        try:
            item = await self.__wrapped__.__anext__()
        except StopAsyncIteration:
            take_back(token)
            guard.over()
            raise
        except BaseException as error:
            take_back(token)
            if _is_cancellation(error):
                guard.cancelled_at = time.time_ns()
                del guard, self  # the task keeps the exception, and with it this frame
            else:
                guard.left(error)
            raise
        take_back(token)
        guard.cancelled_at = None
        guard.add(item)
        return item

    async def __aenter__(self) -> Any:
        return self._self_same(await self.__wrapped__.__aenter__())

    async def __aexit__(self, *details: Any) -> Any:
        return await self._self_closing(self.__wrapped__.__aexit__, *details)


class FollowedEitherStream(FollowedStream, FollowedAsyncStream):
    """A stream for synchronous and asynchronous callers alike."""


class FollowedAwaitable(_Followed):
    """An object with ``__await__`` that is neither a coroutine nor a future."""

    _self_driver: Coroutine[Any, Any, Any] | None = None

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._self_awaited().__await__()

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        # As a task does it with what is a coroutine to ``collections.abc``: aiohttp's requests.
        return functools.partial(self._self_driven, name) if name in _DRIVEN_BY else value

    def _self_driven(self, name: str, *args: Any) -> Any:
        if self._self_driver is None:
            self._self_driver = self._self_awaited()
        return getattr(self._self_driver, name)(*args)

    async def _self_awaited(self) -> Any:
        token = attach(self._self_context)
        try:
            result = await self.__wrapped__
        except BaseException as error:
            take_back(token)
            self._self_guard.left(error)
            raise
        take_back(token)
        return self._self_given(result)


class FollowedManager(_Followed):
    """A manager (``with client.messages.stream(…) as stream``): its stream is what counts."""

    def __enter__(self) -> Any:
        token = attach(self._self_context)
        try:
            stream = self.__wrapped__.__enter__()
        except BaseException as error:
            take_back(token)
            self._self_guard.left(error)
            raise
        take_back(token)
        return self._self_given(stream)

    def __exit__(self, *details: Any) -> Any:
        return self.__wrapped__.__exit__(*details)

    async def __aenter__(self) -> Any:
        token = attach(self._self_context)
        try:
            stream = await self.__wrapped__.__aenter__()
        except BaseException as error:
            take_back(token)
            self._self_guard.left(error)
            raise
        take_back(token)
        return self._self_given(stream)

    async def __aexit__(self, *details: Any) -> Any:
        return await self.__wrapped__.__aexit__(*details)


class FollowedAwaitableManager(FollowedAwaitable, FollowedManager):
    """An object to be awaited or entered, whichever the caller likes (``session.get(…)``)."""


class FollowedAwaitableIterable(FollowedAwaitableManager):
    """An object to be awaited or iterated over (a paginator)."""

    def __aiter__(self) -> Any:
        items = self.__wrapped__.__aiter__()
        return FollowedAsyncStream(items, self._self_guard, self._self_context, self._self_settle)


class FollowedAwaitableStream(FollowedAsyncStream, FollowedAwaitable):
    """An async iterator that can be awaited, too."""

    def _self_given(self, given: Any) -> Any:
        return self if given is self.__wrapped__ else super()._self_given(given)


def followed_as(value: Any) -> type[_Followed] | None:
    """The proxy for what is not over when a function returns it; None for a finished value.

    What is only iterable is finished: it can be iterated over again, and has fields to be read.
    """
    kind = type(value)
    if is_stream(value):
        both = hasattr(kind, "__aiter__") or hasattr(kind, "__anext__")
        return FollowedEitherStream if both else FollowedStream
    awaitable = hasattr(kind, "__await__") and kind.__module__ != "unittest.mock"
    if hasattr(kind, "__anext__") and not is_handle(value):
        return FollowedAwaitableStream if awaitable else FollowedAsyncStream
    if not awaitable:
        return None
    if hasattr(kind, "__aiter__"):
        return FollowedAwaitableIterable
    return FollowedAwaitableManager if hasattr(kind, "__aenter__") else FollowedAwaitable


def _is_cancellation(error: BaseException) -> bool:
    """Whether only a read was cancelled, in whichever library's way."""
    return not isinstance(error, (Exception, GeneratorExit, KeyboardInterrupt, SystemExit))
