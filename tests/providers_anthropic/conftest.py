"""Anthropic clients on the stand-in server, and on a wire that a test writes itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from openlayer_otel.standin.llm_server import LLMServer
from tests.support.sdk_clients import http_library, make_client

pytest.importorskip("anthropic")

PROMPT = [{"role": "user", "content": "hi"}]
CALL: dict[str, Any] = {"model": "claude-x", "max_tokens": 9, "messages": PROMPT}


@pytest.fixture
def client(llm_server: LLMServer) -> Any:
    """A synchronous client on the stand-in server."""
    return make_client("anthropic", False, llm_server.url)


@pytest.fixture
def async_client(llm_server: LLMServer) -> Any:
    """An asynchronous client on the stand-in server."""
    return make_client("anthropic", True, llm_server.url)


def message(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A message of the API with these content blocks."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": list(blocks),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 2},
        **fields,
    }


def server_sent(events: Iterable[dict[str, Any]]) -> bytes:
    """Events as the wire has them."""
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events
    )


def unread(body: bytes) -> Any:
    """A body that comes in pieces, as from the network, for either kind of client."""
    library = http_library("anthropic")
    pieces = [body[start : start + 97] for start in range(0, len(body), 97)]

    async def pieces_async(self: Any) -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    methods = {"__iter__": lambda self: iter(pieces), "__aiter__": pieces_async}
    return type("Pieces", (library.SyncByteStream, library.AsyncByteStream), methods)()


@dataclass
class Wire:
    """Answers each request with what the test has put there.

    Attributes:
        reply: A JSON object, or bytes: a stream.
        status: The status of the answer.
        requests: What was sent, as the HTTP library has it.
    """

    reply: Any = field(default_factory=lambda: message({"type": "text", "text": "hello"}))
    status: int = 200
    requests: list[Any] = field(default_factory=list)

    def answer(self, request: Any) -> Any:
        """Answer one request."""
        self.requests.append(request)
        library = http_library("anthropic")
        if isinstance(self.reply, bytes):
            headers = {"content-type": "text/event-stream"}
            return library.Response(200, headers=headers, stream=unread(self.reply))
        return library.Response(self.status, json=self.reply)

    def sent(self) -> Any:
        """The JSON of the last request."""
        return json.loads(self.requests[-1].content)


@pytest.fixture
def wire() -> Wire:
    """What a client of ``on_wire`` talks to."""
    return Wire()


@pytest.fixture
def on_wire(wire: Wire) -> Callable[..., Any]:
    """Makes a client of any class whose requests ``wire`` answers."""
    library = http_library("anthropic")

    def made(client_class: Any, **options: Any) -> Any:
        asynchronous = client_class.__name__.startswith("Async")
        http_class = library.AsyncClient if asynchronous else library.Client

        async def answer(request: Any) -> Any:
            await request.aread()
            return wire.answer(request)

        transport = library.MockTransport(answer if asynchronous else wire.answer)
        return client_class(http_client=http_class(transport=transport), max_retries=0, **options)

    return made
