"""Calls as applications make them, with and without tracing, for comparison."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pydantic

from tests.endings.application import run, settle
from tests.support.sdk_clients import make_client

MESSAGES = [{"role": "user", "content": "Hi"}]


class Person(pydantic.BaseModel):
    """What a call with structured output asks for."""

    name: str
    age: int


@dataclass(frozen=True)
class Call:
    """One call.

    Attributes:
        name: Its name in test ids.
        sdk: The SDK that makes it.
        make: Makes it on a client; for asynchronous clients what it returns is awaited.
        needs: The method, dotted from the client, that the installed SDK must have.
    """

    name: str
    sdk: str
    make: Callable[[Any], Any]
    needs: str

    def __str__(self) -> str:
        return self.name


def _openai(model: str = "gpt", **arguments: Any) -> Callable[[Any], Any]:
    return lambda client: client.chat.completions.create(
        **{"model": model, "messages": MESSAGES, **arguments}
    )


def _anthropic(model: str = "claude", **arguments: Any) -> Callable[[Any], Any]:
    return lambda client: client.messages.create(
        **{"model": model, "max_tokens": 9, "messages": MESSAGES, **arguments}
    )


_CHAT, _MESSAGES = "chat.completions.create", "messages.create"
_TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}

CALLS = (
    Call("chat", "openai", _openai(), _CHAT),
    Call("chat-tools", "openai", _openai("gpt;mode=tools2", tools=[_TOOL]), _CHAT),
    Call("chat-n", "openai", _openai(n=3, logprobs=True, seed=1, stop=["x"]), _CHAT),
    Call("chat-refusal", "openai", _openai("gpt;mode=refusal"), _CHAT),
    Call("chat-empty", "openai", _openai("gpt;mode=empty"), _CHAT),
    Call("chat-bad-request", "openai", _openai("gpt;error=400"), _CHAT),
    Call("chat-unauthorized", "openai", _openai("gpt;error=401"), _CHAT),
    Call("chat-rate-limit", "openai", _openai("gpt;error=429"), _CHAT),
    Call("chat-server-error", "openai", _openai("gpt;error=500"), _CHAT),
    Call("chat-broken-json", "openai", _openai("gpt;nonjson=1"), _CHAT),
    Call("chat-wrong-argument", "openai", lambda c: c.chat.completions.create(nonsense=1), _CHAT),
    Call("chat-no-messages", "openai", lambda c: c.chat.completions.create(model="gpt"), _CHAT),
    Call("chat-timeout", "openai", _openai("gpt;hang=5", timeout=0.05), _CHAT),
    Call("chat-stream", "openai", _openai(stream=True), _CHAT),
    Call(
        "chat-parse",
        "openai",
        lambda c: c.chat.completions.parse(model="gpt", messages=MESSAGES, response_format=Person),
        "chat.completions.parse",
    ),
    Call(
        "chat-parse-wrong-json",
        "openai",
        lambda c: c.chat.completions.parse(
            model="gpt;mode=text", messages=MESSAGES, response_format=Person
        ),
        "chat.completions.parse",
    ),
    Call(
        "chat-raw",
        "openai",
        lambda c: c.chat.completions.with_raw_response.create(model="gpt", messages=MESSAGES),
        _CHAT,
    ),
    Call("post", "openai", lambda c: c.post("/chat/completions", cast_to=dict, body={}), "post"),
    Call("models", "openai", lambda c: c.models.retrieve("gpt"), "models.retrieve"),
    Call("embeddings", "openai", lambda c: c.embeddings.create(model="e", input="x"), "embeddings"),
    Call("responses", "openai", lambda c: c.responses.create(model="g", input="x"), "responses"),
    Call("messages", "anthropic", _anthropic(), _MESSAGES),
    Call("messages-thinking", "anthropic", _anthropic("claude;mode=thinking"), _MESSAGES),
    Call("messages-tools", "anthropic", _anthropic("claude;mode=tools2"), _MESSAGES),
    Call("messages-overloaded", "anthropic", _anthropic("claude;error=529"), _MESSAGES),
    Call("messages-unauthorized", "anthropic", _anthropic("claude;error=401"), _MESSAGES),
    Call("messages-broken-json", "anthropic", _anthropic("claude;nonjson=1"), _MESSAGES),
    Call("messages-wrong-argument", "anthropic", lambda c: c.messages.create(x=1), _MESSAGES),
    Call("messages-stream", "anthropic", _anthropic(stream=True), _MESSAGES),
    Call(
        "messages-raw",
        "anthropic",
        lambda c: c.messages.with_raw_response.create(
            model="claude", max_tokens=9, messages=MESSAGES
        ),
        _MESSAGES,
    ),
)


@dataclass
class Result:
    """What an application gets of a call, in a form that can be compared."""

    kind: str
    value: str
    error: tuple[str, str, str] | None
    headers: dict[str, str]
    copied: str
    coroutine: bool


def result_of(call: Call, asynchronous: bool, url: str) -> Result:
    """Make a call and describe everything that the application can see of its result."""

    async def work() -> Result:
        client = make_client(call.sdk, asynchronous, url)
        coroutine = False
        try:
            returned = call.make(client)
            coroutine = inspect.iscoroutine(returned)
            value = await settle(returned)
        except Exception as error:
            return Result("", "", _described(error), {}, "", coroutine)
        finally:
            await settle(client.close())
        response = getattr(value, "response", None) or getattr(value, "http_response", None)
        headers = dict(response.headers) if response is not None else {}
        shown = vars(value) if call.name.endswith("-stream") else value
        text = sorted(shown) if call.name.endswith("-stream") else _plain(value)
        return Result(
            f"{type(value).__module__}.{type(value).__qualname__} {type(value).__mro__}",
            str(text),
            None,
            headers,
            _copied(value),
            coroutine,
        )

    return run(asynchronous, work())  # type: ignore[no-any-return]


def _plain(value: Any) -> str:
    parse = getattr(value, "parse", None)
    if callable(parse) and hasattr(value, "http_response"):
        parsed = parse()
        if inspect.iscoroutine(parsed):
            parsed.close()
            return "a response to be awaited"
        value = parsed
    return re.sub(r"0x[0-9a-f]+", "", repr(value))


def _copied(value: Any) -> str:
    found = []
    for way in (copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))):
        try:
            found.append(_plain(way(value)))
        except Exception as error:
            found.append(type(error).__qualname__)
    return re.sub(r"0x[0-9a-f]+", "", str(found))


def _described(error: BaseException) -> tuple[str, str, str]:
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if "openlayer_otel" not in code.co_filename and "wrapt" not in code.co_filename:
            frames.append(code.co_name)
        traceback = traceback.tb_next
    cause = type(error.__cause__).__qualname__
    # A wrapped function is called by one frame more.
    return type(error).__qualname__, f"{error} {error.args} {cause}", " > ".join(frames)
