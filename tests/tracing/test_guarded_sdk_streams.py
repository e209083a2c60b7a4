"""Guardrails on functions that give an SDK's stream: held back until it has passed."""

from __future__ import annotations

from typing import Any

import pytest

from openlayer_otel import trace
from openlayer_otel.standin.llm_server import LLMServer
from openlayer_otel.tracing import (
    GuardrailAction,
    GuardrailBlockedException,
    GuardrailResult,
)
from openlayer_otel.tracing.outputs import chunk_text
from tests.support.chat_clients import ANSWER
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog, json_attribute
from tests.tracing.guarded_kinds import (
    Words,
)


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_an_sdk_stream_is_held_back_until_it_has_passed(
    sdk: str, is_async: bool, instrumented: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client(sdk, is_async, llm_server.url)

    def create() -> Any:
        given = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
        if sdk == "openai":
            return client.chat.completions.create(**given)
        return client.messages.create(**given, max_tokens=9)

    async def create_async() -> Any:
        return await create()

    async def read(guard: Any) -> str:
        stream = trace(name="guarded", guardrails=[guard])(create_async if is_async else create)()
        if is_async:
            stream = await stream
            return "".join([chunk_text(chunk) or "" async for chunk in stream])
        return "".join(chunk_text(chunk) or "" for chunk in stream)

    guard = Words()
    assert await read(guard) == ANSWER
    assert guard.asked[-1] == ANSWER
    tree = instrumented.tree()
    assert tree == [["guarded", ["Word Guard - Input"], ["chat m"], ["Word Guard - Output"]]]
    assert json_attribute(instrumented.named("guarded"), "openlayer.step.output") == ANSWER

    class Strict(Words):
        def check_output(self, output: Any, inputs: dict[str, Any]) -> GuardrailResult:
            return GuardrailResult(GuardrailAction.BLOCK, reason="no")

    with pytest.raises(GuardrailBlockedException):
        await read(Strict())


def test_helpers_of_a_stream_are_no_way_around_the_guardrails(
    instrumented: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client("anthropic", False, llm_server.url)

    @trace(guardrails=[Words()])
    def ask() -> Any:
        manager = client.messages.stream(
            model="m", messages=[{"role": "user", "content": "x"}], max_tokens=9
        )
        return manager.__enter__()

    stream = ask()
    with pytest.raises(AttributeError, match="guardrails"):
        stream.get_final_message()
    assert "".join(chunk_text(event) or "" for event in stream) == ANSWER
    stream.close()
