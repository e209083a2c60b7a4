"""The endpoints that stream, as a table: how each is called and what its events say.

To cover another endpoint, add a row; every ending is then tried on it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from openlayer_otel import semconv
from tests.support.sdk_clients import make_client

Json = dict[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """One endpoint.

    Attributes:
        name: Its name in test ids.
        sdk: The SDK that has it.
        method: The method, dotted from the client.
        arguments: What the method is called with, besides ``stream=True`` and the model.
        text: The text that one event of the wire (as JSON) adds to the answer; None where the
            answer is no text.
        finish_reasons: Those of a complete answer.
        first_usage: Token counts that are known as soon as some text has come.
        usage: Token counts of a complete answer.
        model: The argument that names the model, to which steering keys are added.
        helper: The method of the stream helper, dotted from the client.
        helper_event: The event of the wire in an event of the helper; None if it adds none.
        error_type: ``error.type`` of the provider's error event.
        main: Whether every ending is tried on it, not only the most common ones.
    """

    name: str
    sdk: str
    method: str
    arguments: Mapping[str, Any]
    text: Callable[[Json], str] | None
    finish_reasons: tuple[str, ...] | None
    usage: Mapping[str, int]
    first_usage: Mapping[str, int] = field(default_factory=dict)
    model: str = "gpt-stand-in"
    helper: str | None = None
    helper_event: Callable[[Any], Any] = lambda event: event
    error_type: str = "server_error"
    main: bool = False

    def resolve(self, client: Any, path: str) -> Any:
        """The method at ``path`` of a client."""
        for name in path.split("."):
            client = getattr(client, name)
        return client

    def exists(self, path: str) -> bool:
        """Whether the installed SDK has a method at ``path``."""
        return _exists(self.sdk, path)


@lru_cache
def _exists(sdk: str, path: str) -> bool:
    if importlib.util.find_spec(sdk) is None:
        return False
    found: Any = make_client(sdk, False, "http://127.0.0.1:9")
    for name in path.split("."):
        found = getattr(found, name, None)
    return found is not None


def _chat_text(event: Json) -> str:
    return "".join(
        (choice.get("delta") or {}).get("content") or "" for choice in event.get("choices") or ()
    )


def _chat_helper_event(event: Any) -> Any:
    return event.chunk if event.type == "chunk" else None


def _messages_text(event: Json) -> str:
    if event.get("type") != "content_block_delta":
        return ""
    text = event["delta"].get("text")
    return text if isinstance(text, str) else ""


def _messages_helper_event(event: Any) -> Any:
    # The helper adds events of its own, such as "text", to those of the wire.
    return event if event.type == "content_block_delta" else None


_PROMPT = [{"role": "user", "content": "Say something."}]
_MESSAGES_FIRST_USAGE = {
    semconv.USAGE_INPUT_TOKENS: 16,
    semconv.USAGE_CACHE_READ_INPUT_TOKENS: 3,
    semconv.USAGE_CACHE_WRITE_INPUT_TOKENS: 2,
}

ENDPOINTS = (
    Endpoint(
        name="chat",
        main=True,
        sdk="openai",
        method="chat.completions.create",
        arguments={"messages": _PROMPT, "stream_options": {"include_usage": True}},
        text=_chat_text,
        finish_reasons=("stop",),
        usage={semconv.USAGE_INPUT_TOKENS: 11, semconv.USAGE_OUTPUT_TOKENS: 5},
        helper="chat.completions.stream",
        helper_event=_chat_helper_event,
    ),
    Endpoint(
        name="messages",
        main=True,
        sdk="anthropic",
        method="messages.create",
        arguments={"messages": _PROMPT, "max_tokens": 50},
        text=_messages_text,
        finish_reasons=("stop",),
        first_usage=_MESSAGES_FIRST_USAGE,
        usage={**_MESSAGES_FIRST_USAGE, semconv.USAGE_OUTPUT_TOKENS: 5},
        model="claude-stand-in",
        helper="messages.stream",
        helper_event=_messages_helper_event,
        error_type="overloaded_error",
    ),
    Endpoint(
        name="beta-messages",
        sdk="anthropic",
        method="beta.messages.create",
        arguments={"messages": _PROMPT, "max_tokens": 50},
        text=_messages_text,
        finish_reasons=("stop",),
        first_usage=_MESSAGES_FIRST_USAGE,
        usage={**_MESSAGES_FIRST_USAGE, semconv.USAGE_OUTPUT_TOKENS: 5},
        model="claude-stand-in",
        helper="beta.messages.stream",
        helper_event=_messages_helper_event,
        error_type="overloaded_error",
    ),
)
