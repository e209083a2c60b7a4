"""The application that ``openlayer-otel demo`` runs: a small travel agent on the real SDKs.

It knows nothing of spans: ``@trace`` marks its own functions, the instrumentation does the rest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from openlayer_otel import trace

if TYPE_CHECKING:
    from anthropic import Anthropic
    from openai import AsyncOpenAI, OpenAI

Headers = dict[str, dict[str, str]]
"""Request headers by task."""

_WEATHER_TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Today's weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@dataclass(frozen=True)
class TravelAgent:
    """The agent, and what it talks to.

    Attributes:
        openai_headers: Extra request headers for each task; they tell the stand-in what to
            answer, and are empty for OpenAI itself.
        anthropic_headers: The same for Anthropic.
    """

    openai: OpenAI
    async_openai: AsyncOpenAI
    anthropic: Anthropic
    openai_model: str
    anthropic_model: str
    openai_headers: Headers = field(default_factory=dict)
    anthropic_headers: Headers = field(default_factory=dict)

    @trace(name="travel agent", step_type="agent")
    async def answer(self, question: str) -> str:
        """Answer ``question``: look up the weather, then stream the answer."""
        messages: list[Any] = [{"role": "user", "content": question}]
        reply = self.openai.chat.completions.create(
            model=self.openai_model,
            messages=messages,
            tools=[_WEATHER_TOOL],
            tool_choice="required",
            extra_headers=self.openai_headers.get("tool"),
        )
        asked = reply.choices[0].message
        messages.append(asked.model_dump(exclude_none=True))
        for call in asked.tool_calls or []:
            arguments = json.loads(call.function.arguments)  # type: ignore[union-attr]
            report = json.dumps(get_weather(arguments.get("city", "Paris")))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": report})
        stream = await self.async_openai.chat.completions.create(
            model=self.openai_model,
            messages=messages,
            stream=True,
            stream_options={"include_usage": True},
            extra_headers=self.openai_headers.get("answer"),
        )
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        return "".join(pieces)

    @trace
    def shorten(self, text: str) -> str:
        """Ask Claude for a shorter version of ``text``."""
        message = self.anthropic.messages.create(
            model=self.anthropic_model,
            max_tokens=100,
            system="You shorten texts to five words.",
            messages=[{"role": "user", "content": text}],
            extra_headers=self.anthropic_headers.get("shorten"),
        )
        return "".join(block.text for block in message.content if block.type == "text")

    @trace(name="ask a model that does not exist")
    def fail(self, question: str) -> str:
        """Fail, as a call with a mistyped model name does."""
        message = self.anthropic.messages.create(
            model="claude-of-tomorrow",
            max_tokens=100,
            messages=[{"role": "user", "content": question}],
            extra_headers=self.anthropic_headers.get("fail"),
        )
        return str(message.content)


@trace(step_type="tool")
def get_weather(city: str) -> dict[str, Any]:
    """The tool: a weather report that is always the same."""
    return {"city": city, "sky": "light rain", "celsius": 14}
