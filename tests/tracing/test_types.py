"""Type checkers see through our decorators, blocks and executor.

``make check`` has mypy read this file as it reads a user's. An ignored error that is none any more
is an error, too: so it is seen that wrong calls are found.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from concurrent.futures import Future

from typing_extensions import assert_type

from openlayer_otel import (
    ContextThreadPoolExecutor,
    capture_content,
    carry_context,
    start_step,
    trace,
    using_session,
)
from openlayer_otel.tracing import Step


@trace
def length(text: str, *, factor: int = 1) -> int:
    return len(text) * factor


@trace(name="greet", step_type="tool", capture_input=["name"], redact=lambda text: text)
async def greet(name: str) -> str:
    return f"Hello, {name}!"


@trace()
def letters(text: str) -> Generator[str, None, int]:
    yield from text
    return len(text)


@trace
async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


class Shop:
    @trace
    def price(self, amount: int) -> float:
        return amount * 1.5

    @classmethod
    @trace
    def opened(cls, name: str) -> Shop:
        return cls()

    @trace
    @staticmethod
    def total(amounts: list[int]) -> int:
        return sum(amounts)


@using_session("session-1")
@capture_content(False)
def in_blocks(text: str) -> Iterator[str]:
    yield text


async def test_a_decorated_function_keeps_its_types() -> None:
    assert_type(length("four", factor=2), int)
    assert_type(await greet("Ann"), str)
    assert_type(letters("abc"), Generator[str, None, int])
    assert_type([each async for each in numbers(2)], list[int])
    assert_type(Shop.opened("main").price(2), float)
    assert_type(Shop.total([1, 2]), int)
    assert_type(in_blocks("a"), Iterator[str])
    assert_type(carry_context(length)("four", factor=2), int)


def test_wrong_arguments_of_a_decorated_function_are_found() -> None:
    def never_called() -> None:
        length(4)  # type: ignore[arg-type]
        length("four", 2)  # type: ignore[call-arg]
        Shop().price("2")  # type: ignore[arg-type]
        carry_context(length)(4)  # type: ignore[arg-type]
        trace(nmae="length")  # type: ignore[call-overload]

    assert callable(never_called)


def test_an_executor_gives_futures_of_what_the_function_returns() -> None:
    def never_called() -> None:
        executor.submit(length, 4)  # type: ignore[arg-type]

    with ContextThreadPoolExecutor(max_workers=1) as executor:
        assert_type(executor.submit(length, "four", factor=2), Future[int])
        assert_type(list(executor.map(length, ["four"])), list[int])
    assert callable(never_called)


async def test_a_block_gives_itself() -> None:
    with start_step("search", "retriever") as step:
        assert_type(step, Step)
    with using_session("session-1") as session:
        assert_type(session, using_session)
    async with capture_content(False) as captured:
        assert_type(captured, capture_content)


def test_what_follows_a_block_that_returns_is_not_reached() -> None:
    def answer() -> int:
        with using_session("session-1"), start_step("search"):
            return 1

    assert answer() == 1
