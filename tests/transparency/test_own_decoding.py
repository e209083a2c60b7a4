"""Where the SDK makes objects of a stream's events is not always where it usually is."""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from openlayer_otel import OpenlayerInstrumentor, semconv
from openlayer_otel.standin.llm_server import LLMServer
from tests.endings.application import run, settle
from tests.support.sdk_clients import http_library, make_client
from tests.support.span_log import SpanLog

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"]),
]
_BOTH = pytest.mark.parametrize("sdk", ["openai", "anthropic"])
MESSAGES = [{"role": "user", "content": "Hi"}]


def _decoding(client: Any, process: Callable[..., Any]) -> Any:
    """``client`` as one of a class with its own ``_process_response_data``."""
    client.__class__ = type("Own", (type(client),), {"_process_response_data": process})
    return client


def _text_of(event: Any) -> str:
    choices = getattr(event, "choices", None)
    delta = choices[0].delta if choices else getattr(event, "delta", None)
    return getattr(delta, "content", None) or getattr(delta, "text", None) or ""


async def _read(client: Any, asynchronous: bool) -> str:
    """The text of a stream."""
    messages = getattr(client, "messages", None)
    create = client.chat.completions.create if messages is None else messages.create
    limit = {} if messages is None else {"max_tokens": 9}
    stream = await settle(create(model="m", messages=MESSAGES, stream=True, **limit))
    if asynchronous:
        return "".join([_text_of(event) async for event in stream])
    return "".join([_text_of(event) for event in stream])


def _recorded_text(spans: SpanLog) -> str:
    attributes = spans.only().attributes or {}
    assert attributes[semconv.RESPONSE_FINISH_REASONS] == ("stop",)
    (message,) = json.loads(str(attributes[semconv.OUTPUT_MESSAGES]))
    return "".join(part["content"] for part in message["parts"])


@_BOTH
def test_a_client_that_calls_the_sdks_decoding_has_each_event_recorded_once(
    sdk: str, asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    client = make_client(sdk, asynchronous, llm_server.url)
    inherited = type(client)._process_response_data
    seen = []

    def process(self: Any, **given: Any) -> Any:
        seen.append(given)
        return inherited.__get__(self)(**given)

    text = run(asynchronous, _read(_decoding(client, process), asynchronous))
    assert len(seen) > 3
    assert text == _recorded_text(instrumented)


@_BOTH
def test_a_client_that_decodes_events_itself_has_them_recorded(
    sdk: str, asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    construct = importlib.import_module(f"{sdk}._models").construct_type

    def process(self: Any, *, data: Any, cast_to: Any, response: Any) -> Any:
        return construct(type_=cast_to, value=data)

    client = _decoding(make_client(sdk, asynchronous, llm_server.url), process)
    text = run(asynchronous, _read(client, asynchronous))
    assert text
    assert text == _recorded_text(instrumented)


@_BOTH
def test_a_client_that_decodes_an_event_twice_has_it_recorded_once(
    sdk: str, asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    client = make_client(sdk, asynchronous, llm_server.url)
    inherited = type(client)._process_response_data

    def process(self: Any, **given: Any) -> Any:
        inherited.__get__(self)(**{**given, "cast_to": object})
        return inherited.__get__(self)(**given)

    text = run(asynchronous, _read(_decoding(client, process), asynchronous))
    assert text
    assert text == _recorded_text(instrumented)


@_BOTH
def test_a_client_that_decodes_some_events_itself_has_all_recorded(
    sdk: str, asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    client = make_client(sdk, asynchronous, llm_server.url)
    inherited = type(client)._process_response_data
    construct = importlib.import_module(f"{sdk}._models").construct_type
    seen = []

    def process(self: Any, *, data: Any, cast_to: Any, response: Any) -> Any:
        seen.append(data)
        if len(seen) % 2:
            return construct(type_=cast_to, value=data)
        return inherited.__get__(self)(data=data, cast_to=cast_to, response=response)

    text = run(asynchronous, _read(_decoding(client, process), asynchronous))
    assert text
    assert text == _recorded_text(instrumented)


@_BOTH
def test_a_function_put_over_the_decoding_in_between_counts_no_event_twice(
    sdk: str,
    asynchronous: bool,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    spans: SpanLog,
) -> None:
    base_client = importlib.import_module(f"{sdk}._base_client").BaseClient
    original = base_client._process_response_data
    instrument()
    hooked = base_client._process_response_data

    def process(self: Any, *, data: Any, cast_to: Any, response: Any) -> Any:
        return hooked(self, data=data, cast_to=cast_to, response=response)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base_client, "_process_response_data", process)
        OpenlayerInstrumentor().uninstrument()
        instrument()
        client = make_client(sdk, asynchronous, llm_server.url)
        text = run(asynchronous, _read(client, asynchronous))
        OpenlayerInstrumentor().uninstrument()
    base_client._process_response_data = original
    assert text
    assert text == _recorded_text(spans)


@_BOTH
def test_decoding_without_a_signature_is_left_alone(
    sdk: str,
    asynchronous: bool,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    spans: SpanLog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base_client = importlib.import_module(f"{sdk}._base_client").BaseClient
    original = base_client._process_response_data

    class Compiled:
        """As a method of an extension module is, which does not say what it takes."""

        __signature__ = "none"

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            return self if instance is None else functools.partial(original, instance)

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return original(*args, **kwargs)

    sync_client = importlib.import_module(f"{sdk}._base_client").SyncAPIClient
    request = sync_client.request
    monkeypatch.setattr(base_client, "_process_response_data", Compiled())
    instrument()
    text = run(asynchronous, _read(make_client(sdk, asynchronous, llm_server.url), asynchronous))
    assert text
    assert text == _recorded_text(spans)
    OpenlayerInstrumentor().uninstrument()
    assert sync_client.request is request


@_BOTH
def test_an_sdk_whose_decoding_is_called_otherwise_has_events_recorded(
    sdk: str,
    asynchronous: bool,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    spans: SpanLog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base_client = importlib.import_module(f"{sdk}._base_client").BaseClient
    original = base_client._process_response_data

    def process(self: Any, *, data: Any, cast_to: Any, response: Any, newer: Any = None) -> Any:
        return original(self, data=data, cast_to=cast_to, response=response)

    monkeypatch.setattr(base_client, "_process_response_data", process)
    instrument()
    text = run(asynchronous, _read(make_client(sdk, asynchronous, llm_server.url), asynchronous))
    assert text
    assert text == _recorded_text(spans)


class _Body:
    """A streamed body whose reading asks the client for something else in between."""

    def __init__(self, ask: Callable[[], Any], asynchronous: bool) -> None:
        self._ask, self._asynchronous = ask, asynchronous

    @staticmethod
    def _chunk(text: str, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
        usage = {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}
        event = {"id": "c", "model": "m", "choices": [choice], "usage": usage if reason else None}
        return b"data: " + json.dumps(event).encode() + b"\n\n"

    def __iter__(self) -> Any:
        yield self._chunk("one")
        yield self._chunk(" two")
        self._ask()
        yield self._chunk(" three", "stop")

    async def __aiter__(self) -> Any:
        yield self._chunk("one")
        yield self._chunk(" two")
        await self._ask()
        yield self._chunk(" three", "stop")


def test_what_the_client_decodes_for_another_request_is_no_event_of_the_stream(
    asynchronous: bool, instrumented: SpanLog
) -> None:
    library = http_library("openai")
    foreign = json.loads(_Body._chunk("FOREIGN")[6:])

    def answer(request: Any) -> Any:
        if request.method == "GET":
            return library.Response(200, json=foreign)
        kind = library.AsyncByteStream if asynchronous else library.SyncByteStream
        body = type("Body", (_Body, kind), {})(ask, asynchronous)
        headers = {"content-type": "text/event-stream"}
        return library.Response(200, headers=headers, stream=body)

    client = make_client("openai", asynchronous, "http://test", library.MockTransport(answer))
    got = []

    def ask() -> Any:
        got.append(client.get("/thing", cast_to=object))
        return got[-1]

    assert run(asynchronous, _read(client, asynchronous)) == "one two three"
    assert got
    assert _recorded_text(instrumented) == "one two three"


def test_what_a_task_of_the_request_has_decoded_is_no_answer(
    asynchronous: bool, instrumented: SpanLog
) -> None:
    if not asynchronous:
        pytest.skip("a synchronous request has no tasks")
    library = http_library("openai")
    foreign = json.loads(_Body._chunk("FOREIGN", "stop")[6:])
    got = []

    async def ask() -> None:
        got.append(await client.get("/thing", cast_to=object))

    async def answer(request: Any) -> Any:
        if request.method == "GET":
            return library.Response(200, json=foreign)
        await asyncio.create_task(ask())
        body = type("Body", (_Body, library.AsyncByteStream), {})(ask, True)
        headers = {"content-type": "text/event-stream"}
        return library.Response(200, headers=headers, stream=body)

    client = make_client("openai", True, "http://test", library.MockTransport(answer))

    async def read() -> str:
        create = client.chat.completions.with_raw_response.create
        raw = await create(model="m", messages=MESSAGES, stream=True)
        return "".join([_text_of(event) async for event in raw.parse()])

    assert run(True, read()) == "one two three"
    assert got
    assert _recorded_text(instrumented) == "one two three"


def _hostile(sdk: str) -> Any:
    class Hostile(importlib.import_module(sdk).BaseModel):  # type: ignore[misc, name-defined]
        """A class of the application's own, for a request that it makes by path."""

        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

    return Hostile


async def _read_hostile(client: Any, sdk: str, asynchronous: bool) -> set[str]:
    module, hostile = importlib.import_module(sdk), _hostile(sdk)
    stream_class = module.AsyncStream if asynchronous else module.Stream
    stream = await settle(
        client.post(
            "/chat/completions" if sdk == "openai" else "/v1/messages",
            cast_to=hostile,
            body={"model": "m", "messages": MESSAGES, "stream": True, "max_tokens": 9},
            stream=True,
            stream_cls=stream_class[hostile],
        )
    )
    if asynchronous:
        return {type(event).__name__ async for event in stream}
    return {type(event).__name__ for event in stream}


@_BOTH
def test_events_whose_objects_cannot_be_looked_into_are_recorded(
    sdk: str,
    asynchronous: bool,
    llm_server: LLMServer,
    instrumented: SpanLog,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    client = make_client(sdk, asynchronous, llm_server.url)
    assert run(asynchronous, _read_hostile(client, sdk, asynchronous)) == {"Hostile"}
    assert _recorded_text(instrumented)
    assert not caplog.records


@_BOTH
def test_events_that_cannot_be_read_at_all_are_delivered_with_one_warning(
    sdk: str,
    asynchronous: bool,
    llm_server: LLMServer,
    instrumented: SpanLog,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")

    def process(self: Any, *, data: Any, cast_to: Any, response: Any) -> Any:
        return cast_to.__new__(cast_to)

    client = _decoding(make_client(sdk, asynchronous, llm_server.url), process)
    assert run(asynchronous, _read_hostile(client, sdk, asynchronous)) == {"Hostile"}
    (record,) = caplog.records
    assert "reading a stream event failed with RuntimeError" in record.getMessage()
    assert instrumented.only().name == "chat m"
