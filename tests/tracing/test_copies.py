"""Traced functions, methods and objects that are pickled or copied."""

from __future__ import annotations

import copy
import functools
import multiprocessing
import pickle
from typing import Any

import pytest

from openlayer_otel import trace
from tests.support.span_log import SpanLog


class Tools:
    """Traced methods of each kind."""

    @trace
    def method(self, number: int) -> int:
        return number

    @trace
    @staticmethod
    def static(number: int) -> int:
        return number

    @trace
    @classmethod
    def of_class(cls, number: int) -> int:
        return number


class MoreTools(Tools):
    """Inherits them."""


class Adder:
    """An object that is called."""

    def __init__(self, first: int) -> None:
        self.first = first

    def __call__(self, second: int) -> int:
        return self.first + second


def add(first: int, second: int) -> int:
    """A plain function."""
    return first + second


class Agent:
    """An object that holds its own methods."""

    def __init__(self) -> None:
        self.handlers = [self.handle, self.__private]
        self.of_class = self.name

    @trace
    def handle(self) -> Agent:
        return self

    @trace
    def __private(self) -> Agent:
        return self

    @trace
    @classmethod
    def name(cls) -> str:
        return cls.__name__


@pytest.mark.parametrize(
    "function", [Tools.static, Tools().static, Tools.of_class, MoreTools.static, Tools().method]
)
def test_a_method_is_pickled_and_stays_traced(function: Any, steps: SpanLog) -> None:
    assert pickle.loads(pickle.dumps(function))(3) == 3
    assert steps.only().name == function.__name__


@pytest.mark.parametrize("owner", [Tools, MoreTools])
def test_a_method_of_a_class_is_pickled_and_stays_traced(owner: Any, steps: SpanLog) -> None:
    assert pickle.loads(pickle.dumps(owner.method))(Tools(), 3) == 3
    assert steps.only().name == "method"


def test_a_method_that_is_not_found_by_its_name_is_refused_as_python_does() -> None:
    class Local:
        @trace
        @staticmethod
        def static() -> None:
            """Cannot be found."""

    with pytest.raises(pickle.PicklingError):
        pickle.dumps(Local.static)


@pytest.mark.parametrize("called", [functools.partial(add, 1), Adder(1)])
def test_a_partial_and_an_object_are_pickled(called: Any) -> None:
    assert pickle.loads(pickle.dumps(trace(called)))(2) == 3


def test_the_copy_of_an_object_has_the_methods_of_the_copy(steps: SpanLog) -> None:
    agent = Agent()
    copied = copy.deepcopy(agent)
    assert [handler() is copied for handler in copied.handlers] == [True, True]
    assert [handler() is agent for handler in agent.handlers] == [True, True]
    assert copied.of_class() == "Agent"
    assert len(steps.ended) == 5


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy])
def test_the_copy_of_a_traced_object_is_another_object(copier: Any, steps: SpanLog) -> None:
    adder: Any = trace(Adder(1))
    copied = copier(adder)
    copied.first = 5
    assert (adder(1), copied(1)) == (2, 6)
    assert [step.name for step in steps.ended] == ["Adder", "Adder"]


@pytest.mark.parametrize("function", [add, pickle.dumps, len, Adder(1).__call__])
def test_a_function_that_was_traced_where_it_is_used_is_pickled_without(function: Any) -> None:
    assert pickle.loads(pickle.dumps(trace(function))).__qualname__ == function.__qualname__


def test_such_a_function_works_in_another_process() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(trace(abs), [-1]) == [1]
