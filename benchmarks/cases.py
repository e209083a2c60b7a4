"""What is measured: one call of a real SDK client, over and over, in steps.

A *step* is what the application waits for at a time: the call, and each chunk of a stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2

from benchmarks.transports import CHUNKS, MESSAGES, Answers

_USER = [each for each in MESSAGES if each["role"] != "system"]


Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]


def unwrapped(create: Callable[..., Any]) -> Callable[..., Any]:
    """The SDK's method as it is."""
    return create


@dataclass(frozen=True)
class Case:
    """One kind of call.

    Attributes:
        name: As in the table.
        provider: ``openai`` or ``anthropic``.
        chunks: Events of a streamed answer; 0 for a plain call.
        make: Makes the function that makes one call; its argument wraps the SDK's method. The
            function returns an iterator that yields after each step.
        asynchronous: The iterator is asynchronous.
    """

    name: str
    provider: str
    chunks: int
    make: Callable[[Wrap], Callable[[], Any]]
    asynchronous: bool = False


# The SDKs are imported where a client is made: each client has a copy of them, see copies.py.


def _openai() -> Any:
    import openai

    transport = httpx2.MockTransport(Answers())
    return openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport))


def _async_openai() -> Any:
    import openai

    transport = httpx2.MockTransport(Answers().asynchronously)
    return openai.AsyncOpenAI(api_key="k", http_client=httpx2.AsyncClient(transport=transport))


def _anthropic() -> Any:
    import anthropic

    # The SDK's own tracing is off: what is measured is the instrumentation.
    transport = httpx2.MockTransport(Answers())
    client = httpx2.Client(transport=transport)
    return anthropic.Anthropic(api_key="k", http_client=client, open_telemetry=False)


def _chat(wrap: Wrap) -> Callable[[], Any]:
    create = wrap(_openai().chat.completions.create)

    def call() -> Iterator[None]:
        create(model="gpt-4o-mini", messages=MESSAGES, temperature=0.2, max_tokens=100)
        yield

    return call


def _chat_streamed(wrap: Wrap) -> Callable[[], Any]:
    create = wrap(_openai().chat.completions.create)

    def call() -> Iterator[None]:
        stream = create(
            model="gpt-4o-mini", messages=MESSAGES, temperature=0.2, max_tokens=100, stream=True
        )
        yield
        for _ in stream:
            yield

    return call


def _chat_streamed_async(wrap: Wrap) -> Callable[[], Any]:
    create = wrap(_async_openai().chat.completions.create)

    async def call() -> AsyncIterator[None]:
        stream = await create(
            model="gpt-4o-mini", messages=MESSAGES, temperature=0.2, max_tokens=100, stream=True
        )
        yield
        async for _ in stream:
            yield

    return call


def _responses(wrap: Wrap) -> Callable[[], Any]:
    create = wrap(_openai().responses.create)

    def call() -> Iterator[None]:
        create(model="gpt-4o-mini", input=MESSAGES, temperature=0.2, max_output_tokens=100)
        yield

    return call


def _embeddings(wrap: Wrap) -> Callable[[], Any]:
    create = wrap(_openai().embeddings.create)

    def call() -> Iterator[None]:
        create(model="text-embedding-3-small", input="What is it?", encoding_format="float")
        yield

    return call


def _message(wrap: Wrap) -> Callable[[], Any]:
    create = wrap(_anthropic().messages.create)
    system = MESSAGES[0]["content"]

    def call() -> Iterator[None]:
        create(model="claude-opus-4-6", max_tokens=100, messages=_USER, system=system)
        yield

    return call


def _message_streamed(wrap: Wrap) -> Callable[[], Any]:
    create = wrap(_anthropic().messages.create)

    def call() -> Iterator[None]:
        stream = create(model="claude-opus-4-6", max_tokens=100, messages=_USER, stream=True)
        yield
        for _ in stream:
            yield

    return call


def _message_helper(wrap: Wrap) -> Callable[[], Any]:
    stream_helper = wrap(_anthropic().messages.stream)

    def call() -> Iterator[None]:
        with stream_helper(model="claude-opus-4-6", max_tokens=100, messages=_USER) as stream:
            yield
            for _ in stream.text_stream:
                yield

    return call


CASES = {
    each.name: each
    for each in (
        Case("OpenAI chat", "openai", 0, _chat),
        Case("OpenAI chat, streamed", "openai", CHUNKS, _chat_streamed),
        Case("OpenAI chat, streamed, async", "openai", CHUNKS, _chat_streamed_async, True),
        Case("OpenAI responses", "openai", 0, _responses),
        Case("OpenAI embeddings", "openai", 0, _embeddings),
        Case("Anthropic messages", "anthropic", 0, _message),
        Case("Anthropic messages, streamed", "anthropic", CHUNKS, _message_streamed),
        Case("Anthropic messages, helper", "anthropic", CHUNKS, _message_helper),
    )
}


def repeat(case: Case, call: Callable[[], Any], times: int) -> Callable[[], None]:
    """A function that makes ``times`` calls one after the other."""

    def run() -> None:
        for _ in range(times):
            for _ in call():
                pass

    async def run_async() -> None:
        for _ in range(times):
            async for _ in call():
                pass

    return (lambda: asyncio.run(run_async())) if case.asynchronous else run
