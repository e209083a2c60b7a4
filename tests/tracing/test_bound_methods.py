"""Traced methods as objects: what takes one apart, compares it or holds it weakly."""

from __future__ import annotations

import functools
import gc
import weakref
from typing import Any

import pytest

from openlayer_otel import trace, using_session
from tests.support.span_log import SpanLog


class Base:
    """Traced methods of each kind that is bound."""

    @trace
    def method(self, first: int, second: int = 2) -> tuple[str, int, int]:
        return type(self).__name__, first, second

    @using_session(user_id="u")
    @trace(name="in a block")
    def in_block(self, first: int) -> tuple[str, int]:
        return type(self).__name__, first

    @trace
    @classmethod
    def of_class(cls, first: int) -> tuple[str, int]:
        return cls.__name__, first

    with_one = functools.partialmethod(method, 1)


class Derived(Base):
    """Overrides a method."""

    def method(self, first: int, second: int = 2) -> tuple[str, int, int]:
        return super().method(first, second)


def test_a_class_gives_the_same_method_as_its_base_class() -> None:
    class Inherits(Base):
        """Overrides nothing."""

    assert Inherits.method is Base.method
    assert Inherits().in_block.__func__ is Base.in_block  # type: ignore[attr-defined]
    assert Derived.method is not Base.method


def test_a_partial_method_that_is_taken_from_the_class_gets_its_instance(steps: SpanLog) -> None:
    assert Base.with_one(Base(), 3) == Base().with_one(3) == ("Base", 1, 3)
    assert [step.name for step in steps.ended] == ["method", "method"]


@pytest.mark.parametrize(
    ("owner", "name", "step"),
    [
        (Base(), "method", "method"),
        (Base(), "in_block", "in a block"),
        (Base(), "of_class", "of_class"),
        (Base, "of_class", "of_class"),
        (Derived, "of_class", "of_class"),
    ],
)
def test_a_method_that_is_held_weakly_stays_traced(
    owner: Any, name: str, step: str, steps: SpanLog
) -> None:
    method = getattr(owner, name)
    again: Any = weakref.WeakMethod(method)()
    assert again == method
    assert again(7) == method(7)
    assert [each.name for each in steps.ended] == [step, step]


def test_a_method_of_the_base_class_that_is_held_weakly_stays_that_one(steps: SpanLog) -> None:
    derived = Derived()
    again: Any = weakref.WeakMethod(super(Derived, derived).method)()
    assert again(7) == ("Derived", 7, 2)
    assert steps.only().name == "method"


def test_a_method_that_is_held_weakly_goes_with_its_instance() -> None:
    base = Base()
    held = weakref.WeakMethod(base.method)
    del base
    gc.collect()
    assert held() is None


def test_a_class_method_under_another_name_works_when_it_is_held_weakly() -> None:
    class Renamed:
        """Its class method is not found by its name."""

        other = trace(classmethod(lambda cls: cls.__name__))  # type: ignore[arg-type,var-annotated]

    assert weakref.WeakMethod(Renamed.other)()() == "Renamed"  # type: ignore[attr-defined]
