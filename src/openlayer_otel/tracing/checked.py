"""Proxies for streams under guardrails: they give out what the guardrails let through.

A *checked* stream passes for what it wraps, and gives out the items that passed instead of its
own; what would go past that raises ``AttributeError``. A *manager* is the object of an SDK whose
request is sent when it is entered, which gives the stream.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from typing import Any

from openlayer_otel.tracing.proxies import FollowedManager, Proxy
from openlayer_otel.tracing.stream_kinds import RESPONSE_MANAGER, STREAM_MANAGER, is_manager_class

# Ways past the iteration of a stream: those of OpenAI's and Anthropic's streams and of the
# handlers of OpenAI's Assistants.
_READERS = frozenset(
    {
        "text_stream",
        "text_deltas",
        "until_done",
        "get_final_message",
        "get_final_messages",
        "get_final_text",
        "get_final_completion",
        "get_final_response",
        "get_final_run",
        "get_final_run_steps",
        "current_event",
        "current_run",
        "current_run_step_snapshot",
        "current_message_snapshot",
        "current_completion_snapshot",
    }
)
# Ways to the body of the HTTP response that a stream reads; its status and headers are none.
_BODY = frozenset(
    {"read", "aread", "content", "text", "json", "stream"}
    | {f"{prefix}iter_{what}" for prefix in ("", "a") for what in ("bytes", "text", "lines", "raw")}
)
_RAW_RESPONSE = "APIResponse"
# How a coroutine is driven by hand.
_DRIVEN_BY = frozenset({"send", "throw"})


def is_stream_manager(value: Any) -> bool:
    """Whether ``value`` gives a stream of an SDK when it is entered."""
    kind = type(value)
    if kind is FollowedManager:  # of a traced function that was called inside
        return is_stream_manager(value.__wrapped__)
    return kind is CheckedManager or any(
        is_manager_class(base, STREAM_MANAGER) for base in kind.__mro__
    )


def is_unread_response(value: Any) -> bool:
    """Whether ``value`` is a raw response of an SDK, or gives one when it is entered."""
    kind = type(value)
    if kind is FollowedManager:
        return is_unread_response(value.__wrapped__)
    return any(
        is_manager_class(base, RESPONSE_MANAGER)
        or (base.__name__.endswith(_RAW_RESPONSE) and hasattr(base, "http_request"))
        for base in kind.__mro__
    )


def gives_when_entered(value: Any) -> bool:
    """Whether ``value`` gives a stream or a raw response of an SDK when it is entered."""
    kind = type(value)
    return kind is FollowedManager or any(
        is_manager_class(base, suffix)
        for base in kind.__mro__
        for suffix in (STREAM_MANAGER, RESPONSE_MANAGER)
    )


class _Refusing(Proxy):
    """Offers what it wraps but for ``_self_refused``."""

    _self_refused: frozenset[str] = _BODY

    def __getattr__(self, name: str) -> Any:
        if name in self._self_refused:
            raise AttributeError(
                f"{name}: iterate over the stream; its output passes guardrails first"
            )
        return super().__getattr__(name)


class _Checked(_Refusing):
    _self_refused = _READERS

    def __init__(self, wrapped: Any, items: Any) -> None:
        super().__init__(wrapped)
        self._self_items = items

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        return _Refusing(value) if name == "response" and value is not None else value


class CheckedStream(_Checked):
    """A stream whose items were checked as a whole."""

    def __init__(self, wrapped: Any, items: Generator[Any, Any, Any]) -> None:
        super().__init__(wrapped, items)

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return next(self._self_items)

    def __enter__(self) -> Any:
        self.__wrapped__.__enter__()
        return self


class CheckedAsyncStream(_Checked):
    """An async stream whose items were checked as a whole."""

    def __init__(self, wrapped: Any, items: AsyncGenerator[Any, None]) -> None:
        super().__init__(wrapped, items)

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        return await self._self_items.__anext__()

    async def __aenter__(self) -> Any:
        await self.__wrapped__.__aenter__()
        return self


class CheckedEitherStream(CheckedStream, CheckedAsyncStream):
    """A stream for synchronous and asynchronous callers alike."""

    def __init__(
        self, wrapped: Any, items: Generator[Any, Any, Any], async_items: AsyncGenerator[Any, None]
    ) -> None:
        super().__init__(wrapped, items)
        self._self_async_items = async_items

    async def __anext__(self) -> Any:
        return await self._self_async_items.__anext__()


class CheckedManager(Proxy):
    """A manager of a stream: what it gives when it is entered is checked.

    Args:
        wrapped: The manager.
        checked: Gives what stands for what a synchronous manager gives.
        checked_async: The same for an asynchronous one.
    """

    def __init__(
        self,
        wrapped: Any,
        checked: Callable[[Any], Any],
        checked_async: Callable[[Any], Awaitable[Any]],
    ) -> None:
        super().__init__(wrapped)
        self._self_checked = checked
        self._self_checked_async = checked_async

    def __enter__(self) -> Any:
        return self._self_checked(self.__wrapped__.__enter__())

    def __exit__(self, *details: Any) -> Any:
        return self.__wrapped__.__exit__(*details)

    async def __aenter__(self) -> Any:
        return await self._self_checked_async(await self.__wrapped__.__aenter__())

    async def __aexit__(self, *details: Any) -> Any:
        return await self.__wrapped__.__aexit__(*details)


class CheckedAwaitable(CheckedManager):
    """An object with ``__await__`` that is neither a coroutine nor a future.

    What it gives when it is entered is checked as well, if it can be entered.

    Args:
        wrapped: The object.
        finished: Awaits it, and gives what stands for its result.
        checked: As for a manager.
        checked_async: As for a manager.
    """

    def __init__(
        self,
        wrapped: Any,
        finished: Callable[[Any], Coroutine[Any, Any, Any]],
        checked: Callable[[Any], Any],
        checked_async: Callable[[Any], Awaitable[Any]],
    ) -> None:
        super().__init__(wrapped, checked, checked_async)
        self._self_finished = finished

    def __getattr__(self, name: str) -> Any:
        if name in _DRIVEN_BY:
            raise AttributeError(f"{name}: await it; its output passes guardrails first")
        return super().__getattr__(name)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._self_finished(self.__wrapped__).__await__()


class CheckedAwaitableIterable(CheckedAwaitable):
    """An object to be awaited or iterated over (a paginator).

    Args:
        items: The items, checked as a whole.
    """

    def __init__(self, wrapped: Any, *checks: Any, items: AsyncGenerator[Any, None]) -> None:
        super().__init__(wrapped, *checks)
        self._self_items = items

    def __aiter__(self) -> Any:
        return self._self_items
