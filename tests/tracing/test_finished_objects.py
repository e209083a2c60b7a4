"""Objects that are a value when a function returns them, whatever they offer besides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from openlayer_otel import trace
from tests.support.span_log import SpanLog
from tests.tracing.streaming_kinds import OUTCOME


class Page:
    """As the pages of OpenAI's SDK: the caller reads the data, or iterates over all pages."""

    def __init__(self) -> None:
        self.data = [1, 2]

    async def __aiter__(self) -> AsyncIterator[int]:
        for item in self.data:
            yield item


class QuerySet(Page):
    """As Django's: for synchronous and asynchronous callers alike."""

    def __iter__(self) -> Iterator[int]:
        return iter(self.data)


class KafkaStreamManager:
    """A user's class that is called like the SDKs' managers."""

    def start(self) -> str:
        return "started"


class RawResponseContextManager:
    """Another one, which can be entered."""

    def __enter__(self) -> RawResponseContextManager:
        return self

    def __exit__(self, *details: object) -> None:
        """Nothing to do."""

    def start(self) -> str:
        return "started"


class ScalarResult:
    """As SQLAlchemy's: an iterator over what the database has found, and its ``all()``."""

    def __iter__(self) -> ScalarResult:
        return self

    def __next__(self) -> int:
        raise StopIteration

    def fetchmany(self, size: int) -> list[int]:
        return self.all()

    def all(self) -> list[int]:
        return []


@pytest.mark.parametrize(
    "kind", [Page, QuerySet, KafkaStreamManager, RawResponseContextManager, ScalarResult]
)
def test_the_step_is_over_when_it_is_returned(kind: Any, steps: SpanLog) -> None:
    value = kind()
    given = trace(lambda: value)()
    said = steps.only().attributes or {}
    assert given is value
    assert OUTCOME not in said
    assert "openlayer.step.output" in said


async def test_what_is_iterable_can_be_iterated_over_as_before(steps: SpanLog) -> None:
    @trace
    async def find() -> QuerySet:
        return QuerySet()

    found = await find()
    assert list(found) == [item async for item in found] == [1, 2]
    assert OUTCOME not in (steps.only().attributes or {})
