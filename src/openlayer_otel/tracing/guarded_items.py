"""The items of a guarded generator or stream: as they come, or gathered and checked as a whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Any

from openlayer_otel.tracing.checking import Verdict
from openlayer_otel.tracing.outputs import chunk_text
from openlayer_otel.tracing.resuming import first_send


async def forwarded(
    source_of: Callable[[], Awaitable[AsyncGenerator[Any, Any]]],
) -> AsyncGenerator[Any, Any]:
    """An async generator that does as the one does that ``source_of`` gives.

    Args:
        source_of: Is awaited when the first item is asked for.
    """
    source = await source_of()
    resume: Any = first_send(source)
    value: Any = None
    while True:
        try:
            item = await resume(value)
        except StopAsyncIteration:
            return
        finally:
            value = None  # a thrown exception holds this frame
        try:
            value = yield item
            resume = source.asend
        except BaseException as thrown:  # noqa: BLE001 - aclose(), athrow(): the source's to handle
            value = thrown
            resume = source.athrow


async def given_out(items: list[Any]) -> AsyncGenerator[Any, None]:
    """An async generator of ``items``."""
    for item in items:
        yield item


def gathered(source: Iterator[Any]) -> tuple[list[Any], Any]:
    """All items of ``source``, and what it returned."""
    items: list[Any] = []
    iterator = iter(source)
    try:
        while True:
            items.append(next(iterator))
    except StopIteration as stop:
        return items, stop.value


def kept(items: list[Any], verdict: Verdict) -> list[Any]:
    """What the consumer of a checked stream gets."""
    if not verdict.modified:
        return items
    if isinstance(verdict.data, list):
        return verdict.data
    return [] if verdict.data is None else [verdict.data]


def joined(items: list[Any]) -> Any:
    """What guardrails see of a stream: its text, or its items if they are no text."""
    texts = [item if isinstance(item, str) else _text(item) for item in items]
    return items if not texts or None in texts else "".join(text for text in texts if text)


def _text(item: Any) -> str | None:
    try:
        return chunk_text(item)
    except Exception:  # noqa: BLE001 - an item's own properties may raise anything
        return None
