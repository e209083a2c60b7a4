"""``@trace`` on a class: one step for each call of a method, whatever stands around the method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from openlayer_otel import capture_content, trace, using_session
from openlayer_otel.tracing import get_current_user_id
from tests.support.span_log import SpanLog


@trace
class Agent:
    """Its methods have decorators of their own."""

    @using_session(user_id="u")
    def in_block(self, a: int) -> str | None:
        return get_current_user_id()

    @capture_content(False)
    def quiet(self, a: int) -> int:
        return a

    @using_session(user_id="u")
    @trace(name="own in a block")
    def own_in_block(self) -> int:
        return 1

    @using_session(user_id="u")
    @classmethod
    def class_method(cls, a: int) -> str:
        return cls.__name__

    @classmethod
    @trace(name="own class method")
    def own_class_method(cls) -> str:
        return cls.__name__

    @staticmethod
    @trace(name="own static method")
    def own_static_method() -> int:
        return 1

    @staticmethod
    @using_session(user_id="u")
    def static_in_block(a: int) -> int:
        return a


CALLS: dict[str, tuple[Callable[[], Any], Any]] = {
    "Agent.in_block": (lambda: Agent().in_block(1), "u"),
    "Agent.quiet": (lambda: Agent().quiet(1), 1),
    "own in a block": (lambda: Agent().own_in_block(), 1),
    "Agent.class_method": (lambda: Agent.class_method(1), "Agent"),
    "own class method": (lambda: Agent.own_class_method(), "Agent"),
    "own static method": (lambda: Agent.own_static_method(), 1),
    "Agent.static_in_block": (lambda: Agent.static_in_block(1), 1),
}


@pytest.mark.parametrize("name", CALLS)
def test_each_call_is_one_step(name: str, steps: SpanLog) -> None:
    call, expected = CALLS[name]
    assert call() == expected
    assert steps.only().name == name
