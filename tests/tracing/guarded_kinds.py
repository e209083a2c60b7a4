"""Every kind of callable under guardrails, and a guardrail that looks for words."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from openlayer_otel import trace
from openlayer_otel.tracing import (
    BaseGuardrail,
    BlockStrategy,
    GuardrailAction,
    GuardrailResult,
)

ALLOW = GuardrailResult(GuardrailAction.ALLOW, reason="fine")


class Words(BaseGuardrail):
    """Blocks 'forbidden', replaces 'secret', in inputs and outputs."""

    def __init__(self, strategy: BlockStrategy | None = None, name: str = "Word Guard") -> None:
        super().__init__(name)
        self.strategy = strategy
        self.asked: list[Any] = []

    def _look(self, data: Any, text: str) -> GuardrailResult:
        if "forbidden" in text:
            return GuardrailResult(
                GuardrailAction.BLOCK,
                reason="bad word",
                metadata={"detected_entities": ["WORD"]},
                block_strategy=self.strategy,
                error_message="say it nicely",
            )
        if "secret" in text:
            changed = json.loads(json.dumps(data).replace("secret", "REDACTED"))
            return GuardrailResult(GuardrailAction.MODIFY, changed, {"n": 1}, "pii")
        return ALLOW

    def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
        self.asked.append(dict(inputs))
        result = self._look(inputs, str(inputs.get("q", inputs.get("a"))))
        if result.action is GuardrailAction.MODIFY:
            result.modified_data = {**result.modified_data, "answer": inputs.get("answer")}
            if "a" in inputs:
                del result.modified_data["answer"]
        return result

    def check_output(self, output: Any, inputs: dict[str, Any]) -> GuardrailResult:
        self.asked.append(output)
        return self._look(output, str(output))


RAN: list[str] = []

# What the functions answer, where that must not be among their inputs.
ANSWERS: dict[str, str] = {}


def _pieces(q: str, answer: str | None) -> list[str]:
    RAN.append(q)
    text = ANSWERS.get(q, f"out:{q}") if answer is None else answer
    return [text[:3], text[3:]]


def plain(q: str, answer: str | None = None) -> str:
    return "".join(_pieces(q, answer))


async def coroutine(q: str, answer: str | None = None) -> str:
    await asyncio.sleep(0)
    return "".join(_pieces(q, answer))


def generator(q: str, answer: str | None = None) -> Iterator[str]:
    yield from _pieces(q, answer)


async def async_generator(q: str, answer: str | None = None) -> AsyncIterator[str]:
    for piece in _pieces(q, answer):
        await asyncio.sleep(0)
        yield piece


def returns_generator(q: str, answer: str | None = None) -> Iterator[str]:
    return generator(q, answer)


async def returns_async_generator(q: str, answer: str | None = None) -> AsyncIterator[str]:
    return async_generator(q, answer)


class Owner:
    """A method."""

    def method(self, q: str, answer: str | None = None) -> str:
        return plain(q, answer)


def _method(guardrails: list[Any]) -> Any:
    traced = trace(name="guarded", guardrails=guardrails)(Owner.method)
    bound = type("Bound", (), {"method": traced})
    return bound().method  # type: ignore[attr-defined]


KINDS = [
    plain,
    coroutine,
    generator,
    async_generator,
    returns_generator,
    returns_async_generator,
    Owner.method,
]

kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.__name__)

IS_STREAM = {generator, async_generator, returns_generator, returns_async_generator}


def guarded(kind: Callable[..., Any], *guardrails: Any) -> Any:
    RAN.clear()
    if kind is Owner.method:
        return _method(list(guardrails))
    return trace(name="guarded", guardrails=list(guardrails))(kind)


async def outcome(result: Any) -> Any:
    """The text that a call of any kind gives; None if it gives nothing."""
    if inspect.isawaitable(result):
        result = await result
    if inspect.isasyncgen(result):
        result = [item async for item in result]
    elif inspect.isgenerator(result):
        result = list(result)
    if isinstance(result, list):
        return "".join(result) if result else None
    return result
