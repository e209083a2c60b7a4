"""Values that somebody notices being read: mocks, remote objects, lazy ones, and huge ones."""

from __future__ import annotations

import array
import sys
import types
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock, MagicMock, Mock, create_autospec

import pytest

from openlayer_otel import trace
from openlayer_otel.genai.encoding import to_json
from tests.support.span_log import SpanLog, json_attribute

MOCKS: dict[str, Callable[[], Any]] = {
    "Mock": Mock,
    "MagicMock": MagicMock,
    "AsyncMock": AsyncMock,
    "of a dict": lambda: MagicMock(spec=dict),
    "of a text": lambda: MagicMock(spec=str),
    "of a class": lambda: create_autospec(array.array),
}


@pytest.mark.parametrize("kind", MOCKS)
def test_a_mock_has_the_calls_of_the_application_only(kind: str, steps: SpanLog) -> None:
    client = MOCKS[kind]()

    @trace
    def work(client: Any, *more: Any) -> Any:
        return client

    assert work(client, {"in": [client], 1j: client}) is client
    assert client.mock_calls == []
    assert "Mock" in json_attribute(steps.only(), "openlayer.step.output") or kind == "of a class"


class Remote:
    """A client of a service, each attribute of which is a method that calls it."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Callable[[], str]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda: self.called.append(name) or name  # type: ignore[func-returns-value]


def test_a_remote_object_is_not_called(steps: SpanLog) -> None:
    remote = Remote()
    trace(lambda service: None)(remote)
    trace(lambda service: None)({1j: remote})
    assert remote.called == []


@pytest.fixture
def django() -> types.SimpleNamespace:
    """The two lazy classes of Django, under its names."""
    asked: list[str] = []

    class QuerySet:
        def __init__(self) -> None:
            self.model = Name
            self._result_cache: list[str] | None = None

        def __repr__(self) -> str:
            if self._result_cache is None:
                asked.append("query set")
            return "<QuerySet ['all']>"

    class LazyObject:
        def __init__(self) -> None:
            self.__dict__["_wrapped"] = object()

        @property
        def __class__(self) -> Any:
            asked.append("lazy object")
            return str

        @__class__.setter
        def __class__(self, kind: Any) -> None:
            """Cannot be set."""

        def __str__(self) -> str:
            asked.append("lazy object")
            return "user"

    class Name:
        """A model."""

    QuerySet.__module__ = "django.db.models.query"
    LazyObject.__module__ = "django.utils.functional"
    return types.SimpleNamespace(QuerySet=QuerySet, LazyObject=LazyObject, asked=asked)


def test_a_query_set_is_not_evaluated(django: types.SimpleNamespace, steps: SpanLog) -> None:
    class OwnQuerySet(django.QuerySet):  # type: ignore[misc,name-defined]
        """A subclass of the application's."""

    trace(lambda found: found)(OwnQuerySet())
    assert django.asked == []
    assert json_attribute(steps.only(), "openlayer.step.output") == (
        "[OwnQuerySet of Name, not evaluated]"
    )


def test_a_query_set_that_was_evaluated_is_recorded(
    django: types.SimpleNamespace, steps: SpanLog
) -> None:
    found = django.QuerySet()
    found._result_cache = ["all"]
    trace(lambda found: None)(found)
    assert json_attribute(steps.only(), "openlayer.step.inputs") == {"found": "<QuerySet ['all']>"}


def test_a_lazy_object_is_recorded_once_it_is_known(
    django: types.SimpleNamespace, steps: SpanLog
) -> None:
    user = django.LazyObject()
    trace(lambda user: None)(user)
    trace(lambda user: None)({1j: user})
    assert django.asked == []
    assert json_attribute(steps.ended[0], "openlayer.step.inputs") == {
        "user": "[LazyObject, not evaluated]"
    }
    user.__dict__["_wrapped"] = {"name": "Ada"}
    trace(lambda user: None)(user)
    assert django.asked == []
    assert json_attribute(steps.ended[2], "openlayer.step.inputs") == {"user": {"name": "Ada"}}


class Table:
    """As a data frame: writing it out takes long, its text is a summary."""

    def __init__(self, rows: int) -> None:
        self.shape = (rows, 10)
        self.written_out = False

    def to_dict(self) -> dict[str, int]:
        """Every row."""
        self.written_out = True
        return {"rows": self.shape[0]}

    def __str__(self) -> str:
        return f"[{self.shape[0]} rows]"


def test_of_a_large_table_or_array_there_is_its_summary(steps: SpanLog) -> None:
    table = Table(1_000_000)
    trace(lambda small, large: None)(Table(3), table)
    assert not table.written_out, "the caller waits for it"
    assert json_attribute(steps.only(), "openlayer.step.inputs") == {
        "small": {"rows": 3},
        "large": "[1000000 rows]",
    }
    assert to_json(array.array("i", [1, 2])) == "[1,2]"
    large = array.array("b", bytes(1_000_000))
    assert to_json(large).startswith("\"array('b', [0, 0, ")
    assert sys.getsizeof(to_json(large)) < 2_000
