"""Answers that no provider should send do not reach the application any differently.

Real answers are mutated at random (with a fixed seed): values of wrong types, missing fields,
nulls, deep nesting. With and without tracing the application must get the same.
"""

from __future__ import annotations

import copy
import json
import logging
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from openlayer_otel.standin.llm_server import LLMServer
from tests.endings.application import run, settle
from tests.support.sdk_clients import http_library, make_client
from tests.support.span_log import SpanLog

_STRANGE: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1.5, "", "text", "\ud83d", [], [None], [[]], {}, {"a": None}, ["x"],
    {"type": "text"}, {"type": []}, [{"type": {}}], {"index": "0"}, [1, "a", None, {}],
)  # fmt: skip
_ROUNDS = 40

Make = Callable[[Any, bool], Any]


def _chat(client: Any, stream: bool) -> Any:
    return client.chat.completions.create(model="m", messages=[], stream=stream)


def _messages(client: Any, stream: bool) -> Any:
    return client.messages.create(model="m", max_tokens=9, messages=[], stream=stream)


def _resource(path: str, **arguments: Any) -> Make:
    def make(client: Any, stream: bool) -> Any:
        for name in path.split("."):
            client = getattr(client, name)
        return client(model="m", **arguments, **({"stream": True} if stream else {}))

    return make


_ENDPOINTS: dict[str, tuple[str, Make, str, bool]] = {
    "chat": ("openai", _chat, "chat", True),
    "messages": ("anthropic", _messages, "messages", True),
    "responses": ("openai", _resource("responses.create", input="x"), "responses", True),
    "completions": ("openai", _resource("completions.create", prompt="x"), "completions", True),
    "embeddings": ("openai", _resource("embeddings.create", input="x"), "embeddings", False),
    "images": ("openai", _resource("images.generate", prompt="x"), "images", False),
    "moderations": ("openai", _resource("moderations.create", input="x"), "moderations", False),
}
_STREAMS = [name for name, entry in _ENDPOINTS.items() if entry[3]]


def _mutated(value: Any, dice: random.Random) -> Any:
    """``value`` with one to three places replaced, removed or doubled."""
    value = copy.deepcopy(value)
    for _ in range(dice.randint(1, 3)):
        places = list(_places(value))
        if not places:
            break
        holder, key = dice.choice(places)
        kind = dice.random()
        if kind < 0.15 and isinstance(holder, dict):
            del holder[key]
        elif kind < 0.25 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        else:
            holder[key] = copy.deepcopy(dice.choice(_STRANGE))
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        yield value, key
        if isinstance(item, (dict, list)):
            yield from _places(item)


def _get(sdk: str, make: Make, asynchronous: bool, stream: bool, body: bytes) -> Any:
    """What the application gets when the server answers with ``body``."""
    library = http_library(sdk)
    kind = "text/event-stream" if stream else "application/json"

    def answer(request: Any) -> Any:
        return library.Response(200, headers={"content-type": kind}, content=body)

    async def work() -> Any:
        transport = library.MockTransport(answer)
        client = make_client(sdk, asynchronous, "http://127.0.0.1:9", transport)
        got: list[str] = []
        try:
            value = await settle(make(client, stream))
            if not stream:
                return repr(value)
            if asynchronous:
                async for event in value:
                    got.append(repr(event))
            else:
                got.extend(repr(event) for event in value)
        except Exception as error:
            got.append(f"{type(error).__qualname__}: {error}")
        return got

    return run(asynchronous, work())


def _recorded(name: str, stream: bool, server: LLMServer) -> list[Any]:
    """A real answer: the JSON of the body, or that of each event with the event's name."""
    sdk, make, _, _ = _ENDPOINTS[name]
    client = make_client(sdk, False, server.url)
    got: list[bytes] = []

    def keep(response: Any) -> None:
        got.append(response.read())

    client._client.event_hooks["response"] = [keep]
    result = make(client, stream)
    if not stream:
        return [(None, json.loads(got[0]))]
    list(result)
    events = []
    event_name = None
    for line in got[0].decode().splitlines():
        if line.startswith("event: "):
            event_name = line.removeprefix("event: ")
        elif line.startswith("data: {"):
            events.append((event_name, json.loads(line.removeprefix("data: "))))
    return events


def _body(events: list[Any], stream: bool) -> bytes:
    if not stream:
        return json.dumps(events[0][1]).encode()
    lines = [
        (f"event: {name}\n" if name else "") + f"data: {json.dumps(data)}\n\n"
        for name, data in events
    ]
    return "".join(lines).encode() + b"data: [DONE]\n\n"


def _is_unicode(value: Any) -> bool:
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("name", _ENDPOINTS)
def test_mutated_answers_reach_the_application_unchanged(
    name: str,
    stream: bool,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    spans: SpanLog,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sdk, make, path, _ = _ENDPOINTS[name]
    if stream and name not in _STREAMS:
        pytest.skip("does not stream")
    if not hasattr(make_client(sdk, False, "http://127.0.0.1:9"), path):
        pytest.skip("this version does not have it")
    dice = random.Random(f"{name} {stream}")
    events = _recorded(name, stream, llm_server)
    bodies = []
    for _ in range(_ROUNDS):
        mutated = list(events)
        for _ in range(dice.randint(1, 3) if stream else 1):
            place = dice.randrange(len(mutated))
            event_name, data = mutated[place]
            if not isinstance(data, (dict, list)):
                continue
            whole = dice.random() < 0.05
            mutated[place] = event_name, dice.choice(_STRANGE) if whole else _mutated(data, dice)
        bodies.append((bool(dice.getrandbits(1)), _body(mutated, stream)))
    bare = [_get(sdk, make, mode, stream, body) for mode, body in bodies]
    instrument()
    caplog.set_level(logging.DEBUG, "openlayer_otel")
    for (mode, body), expected in zip(bodies, bare, strict=True):
        spans.clear()
        assert _get(sdk, make, mode, stream, body) == expected
        assert spans.open == []
        assert len(spans.ended) == 1
        attributes = spans.ended[0].attributes or {}
        assert len(attributes) < 100
        assert [name for name, value in attributes.items() if not _is_unicode(value)] == []
    # A reader of ours that raised is a defect, even though nobody else saw it.
    complaints = [each for each in caplog.records if each.name == "openlayer_otel"]
    assert [logging.Formatter().format(each) for each in complaints] == []
