"""Tools that wrap ``request`` of a client's class, as OpenInference and Logfire do, beside ours.

What such a tool leaves in ``OpenAI`` hides the base class's method, which is the one we hook.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import wrapt

from openlayer_otel import OpenlayerInstrumentor
from openlayer_otel.providers.patching import layers
from openlayer_otel.standin.llm_server import LLMServer
from tests.support.chat_clients import ChatClient
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog

Wrap = Callable[[Any, list[str]], None]


def by_wrapt(owner: Any, calls: list[str]) -> None:
    def recorder(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
        calls.append("theirs")
        return wrapped(*args, **kwargs)

    wrapt.wrap_function_wrapper(owner, "request", recorder)


def by_function(owner: Any, calls: list[str]) -> None:
    original = owner.request

    @functools.wraps(original)
    def recorder(*args: Any, **kwargs: Any) -> Any:
        calls.append("theirs")
        return original(*args, **kwargs)

    owner.request = recorder


EACH_WAY = pytest.mark.parametrize("wrap", [by_wrapt, by_function])


@pytest.fixture
def owner(chat: ChatClient) -> Iterator[Any]:
    """The class of the client, without a method of its own before and after the test."""
    found = type(chat.client)
    assert "request" not in vars(found)
    yield found
    OpenlayerInstrumentor().uninstrument()
    if "request" in vars(found):
        del found.request


@EACH_WAY
def test_a_tool_that_was_there_first_hides_no_call(
    wrap: Wrap, owner: Any, chat: ChatClient, instrument: Callable[..., None], spans: SpanLog
) -> None:
    calls: list[str] = []
    wrap(owner, calls)
    held = vars(owner)["request"]
    instrument()
    chat.ask()
    chat.drain()
    with pytest.raises(chat.error):
        chat.ask(model="m;error=400")
    with chat.stream() as stream:
        next(iter(stream))
    assert len(spans.ended) == len(calls) == 4
    assert spans.open == []
    OpenlayerInstrumentor().uninstrument()
    assert vars(owner)["request"] is held
    chat.ask()
    assert (len(spans.ended), len(calls)) == (4, 5)


@EACH_WAY
def test_a_tool_that_came_between_hides_no_call(
    wrap: Wrap, owner: Any, chat: ChatClient, instrument: Callable[..., None], spans: SpanLog
) -> None:
    calls: list[str] = []
    instrument()
    wrap(owner, calls)
    chat.ask()
    OpenlayerInstrumentor().uninstrument()
    chat.ask()
    assert (len(spans.ended), len(calls)) == (1, 2)
    instrument()
    chat.ask()
    assert (len(spans.ended), len(calls)) == (2, 3)


def test_what_is_said_later_holds_below_a_tool(
    owner: Any, chat: ChatClient, instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    by_wrapt(owner, [])
    OpenlayerInstrumentor().instrument(redact=lambda text: "gone")
    chat.ask()
    (span,) = spans.ended
    assert "gone" in str((span.attributes or {})["gen_ai.input.messages"])


def test_what_a_tool_has_put_back_hides_no_call(
    owner: Any, chat: ChatClient, instrument: Callable[..., None], spans: SpanLog
) -> None:
    original = owner.request
    by_wrapt(owner, [])
    owner.request = original
    instrument()
    chat.ask()
    assert len(spans.ended) == 1
    OpenlayerInstrumentor().uninstrument()
    assert owner.request is original


def test_layers_do_not_pile_up_when_a_tool_puts_back_what_it_found(
    owner: Any, chat: ChatClient, instrument: Callable[..., None], spans: SpanLog
) -> None:
    for _ in range(30):
        instrument()
        found = owner.request
        by_wrapt(owner, [])
        OpenlayerInstrumentor().uninstrument()
        owner.request = found
    instrument()
    assert len(list(layers(owner.request))) == 2
    chat.ask()
    assert len(spans.ended) == 1


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
async def test_an_asynchronous_client_is_no_exception(
    sdk: str, llm_server: LLMServer, instrument: Callable[..., None], spans: SpanLog
) -> None:
    calls: list[str] = []
    client = make_client(sdk, True, llm_server.url)
    owner: Any = type(client)
    by_wrapt(owner, calls)
    try:
        instrument()
        messages: Any = [{"role": "user", "content": "x"}]
        if sdk == "openai":
            await client.chat.completions.create(model="m", messages=messages)
        else:
            await client.messages.create(model="m", messages=messages, max_tokens=9)
        assert len(spans.ended) == len(calls) == 1
    finally:
        OpenlayerInstrumentor().uninstrument()
        del owner.request
        await client.close()


def test_a_class_of_the_application_that_calls_the_sdk_s_has_one_span(
    llm_server: LLMServer, instrument: Callable[..., None], spans: SpanLog
) -> None:
    openai = importlib.import_module("openai")

    class Client(openai.OpenAI):  # type: ignore[misc, name-defined]
        @functools.wraps(openai.OpenAI.request)
        def request(self, *args: Any, **kwargs: Any) -> Any:
            return super().request(*args, **kwargs)

    instrument()
    with Client(base_url=llm_server.url + "/v1", api_key="k") as client:
        client.chat.completions.create(model="m", messages=[])
    assert len(spans.ended) == 1


def test_a_class_of_the_sdk_that_calls_the_base_class_s_has_one_span(
    llm_server: LLMServer, instrument: Callable[..., None], spans: SpanLog
) -> None:
    """Only what was found in the base class and kept hides our hook; a call by name meets it."""
    openai = importlib.import_module("openai")

    class Client(openai.OpenAI):  # type: ignore[misc, name-defined]
        __module__ = "openai.of_a_later_version"

        def request(self, *args: Any, **kwargs: Any) -> Any:
            return super().request(*args, **kwargs)

    instrument()
    with Client(base_url=llm_server.url + "/v1", api_key="k") as client:
        client.chat.completions.create(model="m", messages=[])
    assert len(spans.ended) == 1
