"""The floor of streams: as ``floor.py``, the text taken from each chunk as it passes.

The *current floor* makes its span current while a chunk is read, too, so that what is logged or
called meanwhile belongs to the call. That takes two changes of a context variable for each chunk,
for which there is no cheaper way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from functools import partial
from time import perf_counter
from typing import Any

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import Span, Tracer, set_span_in_context

from benchmarks.floor import (
    Floor,
    anthropic_request,
    anthropic_response,
    chat_request,
    chat_response,
    request_attributes,
)

Reading = Callable[[Any, Span], Any]
"""Given a stream and its span, returns what is iterated over."""


def _as_it_is(stream: Any, span: Span) -> Any:
    return stream


def _variable() -> ContextVar[Context]:
    token = attach(get_current())
    detach(token)
    return token.var


# Set directly: OpenTelemetry's own functions take 0.4 µs longer.
_context = _variable()


def _current(stream: Any, span: Span) -> Iterator[Any]:
    attach, reset, context = _context.set, _context.reset, set_span_in_context(span)
    token = attach(context)
    for chunk in stream:
        reset(token)
        yield chunk
        token = attach(context)
    reset(token)


async def _current_async(stream: Any, span: Span) -> AsyncIterator[Any]:
    attach, reset, context = _context.set, _context.reset, set_span_in_context(span)
    token = attach(context)
    async for chunk in stream:
        reset(token)
        yield chunk
        token = attach(context)
    reset(token)


def _opened(tracer: Tracer, provider: str, host: str, arguments: dict[str, Any]) -> Floor:
    start = request_attributes(provider, "chat", host, arguments)
    return Floor(tracer, f"chat {arguments['model']}", start)


def chat_streamed(
    tracer: Tracer, create: Callable[..., Any], content: bool, reading: Reading = _as_it_is
) -> Callable[..., Any]:
    """``chat.completions.create(stream=True)``."""

    def call(**arguments: Any) -> Iterator[Any]:
        held = _opened(tracer, "openai", "api.openai.com", arguments)
        found = {"gen_ai.request.stream": True, **chat_request(arguments, content)}
        stream = create(**arguments)
        held.leave()
        pieces: list[str] = []
        chunk = None
        for chunk in reading(stream, held.span):
            if "gen_ai.response.time_to_first_chunk" not in found:
                elapsed = perf_counter() - held.started
                found["gen_ai.response.time_to_first_chunk"] = elapsed
            choices = chunk.choices
            if choices and choices[0].delta.content:
                pieces.append(choices[0].delta.content)
            yield chunk
        found.update(chat_response(chunk, "".join(pieces), content))
        held.span.set_attributes(found)
        held.span.end()

    return call


def chat_streamed_async(
    tracer: Tracer, create: Callable[..., Any], content: bool, reading: Reading = _as_it_is
) -> Callable[..., Any]:
    """The same, asynchronous."""

    async def call(**arguments: Any) -> AsyncIterator[Any]:
        held = _opened(tracer, "openai", "api.openai.com", arguments)
        found = {"gen_ai.request.stream": True, **chat_request(arguments, content)}
        stream = await create(**arguments)
        held.leave()

        async def chunks() -> AsyncIterator[Any]:
            pieces: list[str] = []
            chunk = None
            async for chunk in reading(stream, held.span):
                if "gen_ai.response.time_to_first_chunk" not in found:
                    elapsed = perf_counter() - held.started
                    found["gen_ai.response.time_to_first_chunk"] = elapsed
                choices = chunk.choices
                if choices and choices[0].delta.content:
                    pieces.append(choices[0].delta.content)
                yield chunk
            found.update(chat_response(chunk, "".join(pieces), content))
            held.span.set_attributes(found)
            held.span.end()

        return chunks()

    return call


def message_streamed(
    tracer: Tracer, create: Callable[..., Any], content: bool, reading: Reading = _as_it_is
) -> Callable[..., Any]:
    """``messages.create(stream=True)``."""

    def call(**arguments: Any) -> Iterator[Any]:
        held = _opened(tracer, "anthropic", "api.anthropic.com", arguments)
        found = {"gen_ai.request.stream": True, **anthropic_request(arguments, content)}
        stream = create(**arguments)
        held.leave()
        pieces: list[str] = []
        whole: Any = None
        out = 0
        for event in reading(stream, held.span):
            kind = event.type
            if kind == "content_block_delta":
                if event.delta.type == "text_delta":
                    pieces.append(event.delta.text)
            elif kind == "message_start":
                elapsed = perf_counter() - held.started
                found["gen_ai.response.time_to_first_chunk"] = elapsed
                whole = event.message
            elif kind == "message_delta":
                out = event.usage.output_tokens
            yield event
        found.update(anthropic_response(whole, "".join(pieces), content, out))
        held.span.set_attributes(found)
        held.span.end()

    return call


Floors = dict[str, Callable[[Tracer, Callable[..., Any], bool], Callable[..., Any]]]

FLOORS: Floors = {
    "OpenAI chat, streamed": chat_streamed,
    "OpenAI chat, streamed, async": chat_streamed_async,
    "Anthropic messages, streamed": message_streamed,
}
"""Case -> what wraps the SDK's method. The streaming helper has none: it would be the stream's."""

CURRENT_FLOORS: Floors = {
    "OpenAI chat, streamed": partial(chat_streamed, reading=_current),
    "OpenAI chat, streamed, async": partial(chat_streamed_async, reading=_current_async),
    "Anthropic messages, streamed": partial(message_streamed, reading=_current),
}
"""The same with the span current while a chunk is read."""
