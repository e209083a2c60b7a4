"""The floor of streams: as ``floor.py``, the text taken from each chunk as it passes.

The loops are written out: a function for the synchronous and the asynchronous one would cost a
chunk as much as the reading does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from types import SimpleNamespace
from typing import Any

from opentelemetry.trace import Tracer

from benchmarks.floor import (
    Floor,
    anthropic_request,
    anthropic_response,
    chat_request,
    chat_response,
    request_attributes,
)

_FIRST = "gen_ai.response.time_to_first_chunk"


class _Stream(Floor):
    """A span that is current during the request, and ends with the stream."""

    __slots__ = ("found",)

    def __init__(
        self, tracer: Tracer, provider: str, arguments: dict[str, Any], request: dict[str, Any]
    ) -> None:
        host = f"api.{provider}.com"
        start = request_attributes(provider, "chat", host, arguments)
        super().__init__(tracer, f"chat {arguments['model']}", start)
        self.found = {"gen_ai.request.stream": True, **request}

    def first(self) -> None:
        """The first chunk has come."""
        self.found[_FIRST] = perf_counter() - self.started

    def end(self, response: dict[str, Any]) -> None:
        """The stream is over."""
        self.found.update(response)
        self.span.set_attributes(self.found)
        self.span.end()


def chat_streamed(tracer: Tracer, create: Callable[..., Any], content: bool) -> Callable[..., Any]:
    """``chat.completions.create(stream=True)``."""

    def call(**arguments: Any) -> Iterator[Any]:
        held = _Stream(tracer, "openai", arguments, chat_request(arguments, content))
        stream = create(**arguments)
        held.leave()
        found, pieces, chunk = held.found, [], None
        for chunk in stream:
            if _FIRST not in found:
                held.first()
            choices = chunk.choices
            if choices and choices[0].delta.content:
                pieces.append(choices[0].delta.content)
            yield chunk
        held.end(chat_response(chunk, "".join(pieces), content))

    return call


def chat_streamed_async(
    tracer: Tracer, create: Callable[..., Any], content: bool
) -> Callable[..., Any]:
    """The same, asynchronous."""

    async def call(**arguments: Any) -> AsyncIterator[Any]:
        held = _Stream(tracer, "openai", arguments, chat_request(arguments, content))
        stream = await create(**arguments)
        held.leave()
        return chunks(stream, held)

    async def chunks(stream: Any, held: _Stream) -> AsyncIterator[Any]:
        found, pieces, chunk = held.found, [], None
        async for chunk in stream:
            if _FIRST not in found:
                held.first()
            choices = chunk.choices
            if choices and choices[0].delta.content:
                pieces.append(choices[0].delta.content)
            yield chunk
        held.end(chat_response(chunk, "".join(pieces), content))

    return call


def message_streamed(
    tracer: Tracer, create: Callable[..., Any], content: bool
) -> Callable[..., Any]:
    """``messages.create(stream=True)``."""

    def call(**arguments: Any) -> Iterator[Any]:
        held = _Stream(tracer, "anthropic", arguments, anthropic_request(arguments, content))
        stream = create(**arguments)
        held.leave()
        pieces: list[str] = []
        seen: dict[str, Any] = {}
        for event in stream:
            if event.type != "content_block_delta":
                seen[event.type] = event
                if event.type == "message_start":
                    held.first()
            elif event.delta.type == "text_delta":
                pieces.append(event.delta.text)
            yield event
        whole, out = seen["message_start"].message, seen["message_delta"].usage.output_tokens
        held.end(anthropic_response(whole, "".join(pieces), content, out))

    return call


def message_helper(
    tracer: Tracer, open_stream: Callable[..., Any], content: bool
) -> Callable[..., Any]:
    """``messages.stream``, of which the texts are read."""

    @contextmanager
    def call(**arguments: Any) -> Iterator[Any]:
        held = _Stream(tracer, "anthropic", arguments, anthropic_request(arguments, content))
        with open_stream(**arguments) as stream:
            held.leave()
            yield SimpleNamespace(text_stream=texts(stream, held))

    def texts(stream: Any, held: _Stream) -> Iterator[str]:
        found, pieces = held.found, []
        for text in stream.text_stream:
            if _FIRST not in found:
                held.first()
            pieces.append(text)
            yield text
        whole = stream.current_message_snapshot
        out = whole.usage.output_tokens
        held.end(anthropic_response(whole, "".join(pieces), content, out))

    return call


Floors = dict[str, Callable[[Tracer, Callable[..., Any], bool], Callable[..., Any]]]

FLOORS: Floors = {
    "OpenAI chat, streamed": chat_streamed,
    "OpenAI chat, streamed, async": chat_streamed_async,
    "Anthropic messages, streamed": message_streamed,
    "Anthropic messages, helper": message_helper,
}
"""Case -> what wraps the SDK's method."""
