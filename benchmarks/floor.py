"""The floor: one hand-written span for each call, with the attributes and content of ours.

Written as tightly as Python allows: no library between it and the tracer, one dict of
attributes, JSON encoded in C. It reads typed fields that are known to be there and catches
nothing, which no instrumentation could afford. Streams: ``floor_streams.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import orjson
from opentelemetry.context import attach, detach
from opentelemetry.trace import SpanKind, Tracer, set_span_in_context


def _messages(messages: list[Any]) -> str:
    return orjson.dumps(
        [
            {"role": each["role"], "parts": [{"type": "text", "content": each["content"]}]}
            for each in messages
        ]
    ).decode()


def _output(text: str) -> str:
    part = {"type": "text", "content": text}
    return orjson.dumps([{"role": "assistant", "parts": [part], "finish_reason": "stop"}]).decode()


def request_attributes(
    provider: str, operation: str, host: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider,
        "server.address": host,
        "server.port": 443,
        "gen_ai.request.model": arguments["model"],
    }


def chat_request(arguments: dict[str, Any], content: bool) -> dict[str, Any]:
    found = {
        "gen_ai.request.temperature": arguments["temperature"],
        "gen_ai.request.max_tokens": arguments["max_tokens"],
        "openai.api.type": "chat_completions",
    }
    if content:
        found["gen_ai.input.messages"] = _messages(arguments["messages"])
    return found


def chat_response(response: Any, text: str, content: bool) -> dict[str, Any]:
    usage = response.usage
    found = {
        "gen_ai.response.id": response.id,
        "gen_ai.response.model": response.model,
        "openai.response.service_tier": response.service_tier,
        "openai.response.system_fingerprint": response.system_fingerprint,
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.prompt_tokens_details.cached_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.completion_tokens_details.reasoning_tokens,
        "gen_ai.response.finish_reasons": ["stop"],
    }
    if content:
        found["gen_ai.output.messages"] = _output(text)
    return found


def anthropic_request(arguments: dict[str, Any], content: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"gen_ai.request.max_tokens": arguments["max_tokens"]}
    if content:
        found["gen_ai.input.messages"] = _messages(arguments["messages"])
        if isinstance(arguments.get("system"), str):
            part = {"type": "text", "content": arguments["system"]}
            found["gen_ai.system_instructions"] = orjson.dumps([part]).decode()
    return found


def anthropic_response(message: Any, text: str, content: bool, out: int) -> dict[str, Any]:
    usage = message.usage
    read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    found = {
        "gen_ai.response.id": message.id,
        "gen_ai.response.model": message.model,
        "gen_ai.usage.input_tokens": usage.input_tokens + read + written,
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.cache_write.input_tokens": written,
        "gen_ai.usage.output_tokens": out,
        "gen_ai.response.finish_reasons": ["stop"],
    }
    if content:
        found["gen_ai.output.messages"] = _output(text)
    return found


class Floor:
    """A span that is current during the request."""

    __slots__ = ("_token", "span", "started")

    def __init__(self, tracer: Tracer, name: str, start: dict[str, Any]) -> None:
        self.started = perf_counter()
        self.span = tracer.start_span(name, None, SpanKind.CLIENT, start)
        self._token = attach(set_span_in_context(self.span))

    def leave(self) -> None:
        detach(self._token)


def chat(tracer: Tracer, create: Callable[..., Any], content: bool) -> Callable[..., Any]:
    """``chat.completions.create``, plain."""

    def call(**arguments: Any) -> Any:
        start = request_attributes("openai", "chat", "api.openai.com", arguments)
        held = Floor(tracer, f"chat {arguments['model']}", start)
        span = held.span
        if not span.is_recording():
            response = create(**arguments)
            held.leave()
            return response
        found = chat_request(arguments, content)
        response = create(**arguments)
        held.leave()
        found.update(chat_response(response, response.choices[0].message.content, content))
        span.set_attributes(found)
        span.end()
        return response

    return call


def responses(tracer: Tracer, create: Callable[..., Any], content: bool) -> Callable[..., Any]:
    """``responses.create``."""

    def call(**arguments: Any) -> Any:
        start = request_attributes("openai", "chat", "api.openai.com", arguments)
        held = Floor(tracer, f"chat {arguments['model']}", start)
        found: dict[str, Any] = {
            "gen_ai.request.temperature": arguments["temperature"],
            "gen_ai.request.max_tokens": arguments["max_output_tokens"],
            "openai.api.type": "responses",
        }
        if content:
            found["gen_ai.input.messages"] = _messages(arguments["input"])
        response = create(**arguments)
        held.leave()
        usage = response.usage
        found["gen_ai.response.id"] = response.id
        found["gen_ai.response.model"] = response.model
        found["gen_ai.usage.input_tokens"] = usage.input_tokens
        found["gen_ai.usage.cache_read.input_tokens"] = usage.input_tokens_details.cached_tokens
        found["gen_ai.usage.output_tokens"] = usage.output_tokens
        reasoning = usage.output_tokens_details.reasoning_tokens
        found["gen_ai.usage.reasoning.output_tokens"] = reasoning
        found["gen_ai.response.finish_reasons"] = ["stop"]
        if content:
            found["gen_ai.output.messages"] = _output(response.output_text)
        held.span.set_attributes(found)
        held.span.end()
        return response

    return call


def embeddings(tracer: Tracer, create: Callable[..., Any], content: bool) -> Callable[..., Any]:
    """``embeddings.create``."""

    def call(**arguments: Any) -> Any:
        start = request_attributes("openai", "embeddings", "api.openai.com", arguments)
        held = Floor(tracer, f"embeddings {arguments['model']}", start)
        found: dict[str, Any] = {"gen_ai.request.encoding_formats": ["float"]}
        if content:
            found["openlayer.step.inputs"] = orjson.dumps({"input": arguments["input"]}).decode()
        response = create(**arguments)
        held.leave()
        found["gen_ai.response.model"] = response.model
        found["gen_ai.usage.input_tokens"] = response.usage.prompt_tokens
        found["gen_ai.embeddings.dimension.count"] = len(response.data[0].embedding)
        held.span.set_attributes(found)
        held.span.end()
        return response

    return call


def message(tracer: Tracer, create: Callable[..., Any], content: bool) -> Callable[..., Any]:
    """``messages.create``."""

    def call(**arguments: Any) -> Any:
        start = request_attributes("anthropic", "chat", "api.anthropic.com", arguments)
        held = Floor(tracer, f"chat {arguments['model']}", start)
        found = anthropic_request(arguments, content)
        response = create(**arguments)
        held.leave()
        out = response.usage.output_tokens
        found.update(anthropic_response(response, response.content[0].text, content, out))
        held.span.set_attributes(found)
        held.span.end()
        return response

    return call


FLOORS: dict[str, Callable[[Tracer, Callable[..., Any], bool], Callable[..., Any]]] = {
    "OpenAI chat": chat,
    "OpenAI responses": responses,
    "OpenAI embeddings": embeddings,
    "Anthropic messages": message,
}
"""Case -> what wraps the SDK's method."""
