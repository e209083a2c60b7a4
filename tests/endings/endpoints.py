"""The endpoints that stream, as a table: how each is called and what its events say.

To cover another endpoint, add a row; every ending is then tried on it.
"""

from __future__ import annotations

import importlib.util
import inspect
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
        stream: The argument that asks for a stream.
        ways: The ways of streaming that it has.
        fault_after: The number of events after which the answer has begun and not ended.
        error: What the stand-in's error event is: "raised" by the SDK, an "event" like others
            that says that the answer failed, or "foreign" to the endpoint.
        chunks: Whether the time to the first chunk is recorded.
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
    stream: Mapping[str, Any] = field(default_factory=lambda: {"stream": True})
    ways: tuple[str, ...] = ("create", "raw", "helper", "parse", "lines", "bytes")
    fault_after: int = 6
    error: str = "raised"
    chunks: bool = True
    main: bool = False

    def resolve(self, client: Any, path: str) -> Any:
        """The method at ``path`` of a client."""
        for name in path.split("."):
            client = getattr(client, name)
        return client

    def exists(self, path: str) -> bool:
        """Whether the installed SDK has a method at ``path``."""
        arguments = (*self.arguments, *(self.stream if path == self.method else ()))
        return _exists(self.sdk, path, arguments)


@lru_cache
def _exists(sdk: str, path: str, arguments: tuple[str, ...]) -> bool:
    if importlib.util.find_spec(sdk) is None:
        return False
    found: Any = make_client(sdk, False, "http://127.0.0.1:9")
    for name in path.split("."):
        found = getattr(found, name, None)
    return found is not None and set(arguments) <= set(inspect.signature(found).parameters)


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


def _choices_text(event: Json) -> str:
    return "".join(choice.get("text") or "" for choice in event.get("choices") or ())


def _delta_of(kind: str) -> Callable[[Json], str]:
    return lambda event: event["delta"] if event.get("type") == kind else ""


def _run_text(event: Json) -> str:
    data = event.get("data", event)
    if data.get("object") != "thread.message.delta":
        return ""
    return "".join(part["text"]["value"] for part in data["delta"]["content"])


def _completion_text(event: Json) -> str:
    return event.get("completion") or ""


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
    Endpoint(
        name="responses",
        sdk="openai",
        method="responses.create",
        arguments={"input": "Say something."},
        text=_delta_of("response.output_text.delta"),
        finish_reasons=("stop",),
        usage={semconv.USAGE_INPUT_TOKENS: 11, semconv.USAGE_OUTPUT_TOKENS: 5},
        helper="responses.stream",
        error="event",
    ),
    Endpoint(
        name="legacy-completions",
        sdk="openai",
        method="completions.create",
        arguments={"prompt": "Say something."},
        text=_choices_text,
        finish_reasons=("stop",),
        usage={},
        fault_after=3,
    ),
    Endpoint(
        name="images",
        sdk="openai",
        method="images.generate",
        arguments={"prompt": "A cat.", "partial_images": 3},
        text=None,
        finish_reasons=None,
        usage={semconv.USAGE_INPUT_TOKENS: 10, semconv.USAGE_OUTPUT_TOKENS: 20},
        error="foreign",
        fault_after=2,
    ),
    Endpoint(
        name="transcriptions",
        sdk="openai",
        method="audio.transcriptions.create",
        arguments={"file": ("a.wav", b"RIFF")},
        text=_delta_of("transcript.text.delta"),
        finish_reasons=None,
        usage={semconv.USAGE_INPUT_TOKENS: 3, semconv.USAGE_OUTPUT_TOKENS: 4},
        error="foreign",
        fault_after=3,
    ),
    Endpoint(
        name="speech",
        sdk="openai",
        method="audio.speech.create",
        arguments={"input": "Hello.", "voice": "alloy"},
        text=None,
        finish_reasons=None,
        usage={semconv.USAGE_INPUT_TOKENS: 1, semconv.USAGE_OUTPUT_TOKENS: 2},
        stream={"stream_format": "sse"},
        ways=("lines", "bytes"),
        chunks=False,
        fault_after=1,
    ),
    Endpoint(
        name="runs",
        sdk="openai",
        method="beta.threads.runs.create",
        arguments={"thread_id": "thread_1", "assistant_id": "asst_1"},
        text=_run_text,
        finish_reasons=("stop",),
        usage={semconv.USAGE_INPUT_TOKENS: 11, semconv.USAGE_OUTPUT_TOKENS: 5},
        fault_after=5,
    ),
    Endpoint(
        name="legacy-anthropic",
        sdk="anthropic",
        method="completions.create",
        arguments={"prompt": "Say something.", "max_tokens_to_sample": 50},
        text=_completion_text,
        finish_reasons=("stop",),
        usage={},
        model="claude-stand-in",
        error_type="overloaded_error",
        fault_after=3,
    ),
)
