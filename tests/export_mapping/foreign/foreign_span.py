"""One span of another package, and what several of them have in common."""

from __future__ import annotations

from typing import Any

from tests.export_mapping.traces import said

TERSE_HI = [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "Say hi"}]
CALLED = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
}


class Foreign:
    """One span of a package and what its step must say."""

    def __init__(
        self,
        scope: str,
        name: str,
        attributes: dict[str, Any],
        expected: dict[str, Any],
        events: list[tuple[str, dict[str, Any]]] = [],  # noqa: B006 - never changed
    ) -> None:
        self.scope, self.name, self.attributes = scope, name, attributes
        self.expected, self.events = expected, events


OPENAI_CALL = {
    "name": "OpenAI Chat Completion",
    "type": "chat_completion",
    "provider": "OpenAI",
    "model": "gpt-4o-mini-2024-07-18",
    "promptTokens": 11,
    "completionTokens": 5,
    "tokens": 16,
    "usageDetails": {"input_tokens": 8, "output_tokens": 5, "cached_tokens": 3},
    "inputs": {"prompt": TERSE_HI},
    "output": "Hi",
}
V1_36 = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 11,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.usage.cache_read.input_tokens": 3,
}
MESSAGES = {
    "gen_ai.input.messages": said(("system", "Be terse."), ("user", "Say hi")),
    "gen_ai.output.messages": said(("assistant", "Hi")),
}
