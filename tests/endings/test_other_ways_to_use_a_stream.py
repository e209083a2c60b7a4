"""Two streams at once, raw responses, the shortcuts of helpers, interruptions, threads."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from openlayer_otel import semconv
from openlayer_otel.standin.llm_server import LLMServer
from tests.endings.application import Application, Case, run, settle
from tests.endings.endpoints import ENDPOINTS, Endpoint
from tests.endings.test_endings import recorded_text
from tests.support.sdk_clients import http_library, make_client
from tests.support.span_log import SpanLog

MAIN = [endpoint for endpoint in ENDPOINTS if endpoint.main]
BOTH = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
EACH_SDK = pytest.mark.parametrize("endpoint", MAIN, ids=[each.name for each in MAIN])

Scenario = Callable[[Application], Any]


def _run(
    endpoint: Endpoint, asynchronous: bool, server: LLMServer, scenario: Scenario, **steering: Any
) -> Any:
    async def work() -> Any:
        client = make_client(endpoint.sdk, asynchronous, server.url)
        app = Application(Case(endpoint, "create", asynchronous), client, steering)
        return await scenario(app)

    return run(asynchronous, work())


def _outcome(span: Any) -> Any:
    return span.attributes.get(semconv.OUTCOME)


@EACH_SDK
@BOTH
def test_two_streams_read_in_turns_keep_their_answers_apart(
    endpoint: Endpoint, asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    async def scenario(first: Application) -> None:
        second = Application(first.case, first.client, {"chunks": 3, "chunk_chars": 2})
        await first.open()
        await second.open()
        for _ in range(4):
            await first.next()
            await second.next()
        await second.loop()
        assert len(instrumented.ended) == 1
        await first.close()
        assert [recorded_text(span) for span in instrumented.ended] == [
            second.received.text,
            first.received.text,
        ]

    _run(endpoint, asynchronous, llm_server, scenario)
    assert [_outcome(span) for span in instrumented.ended] == [None, "closed"]


@EACH_SDK
@BOTH
def test_a_raw_response_that_nobody_parses_ends_when_it_goes(
    endpoint: Endpoint, asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    async def scenario(app: Application) -> None:
        raw = await settle(app.raw_method()(**app.arguments(), stream=True))
        assert instrumented.ended == []
        assert raw.headers["x-request-id"]
        del raw
        gc.collect()

    _run(endpoint, asynchronous, llm_server, scenario)
    assert _outcome(instrumented.only()) == "dropped"


@EACH_SDK
@BOTH
def test_a_raw_response_can_be_parsed_after_a_while(
    endpoint: Endpoint, asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    async def scenario(app: Application) -> None:
        raw = await settle(app.raw_method()(**app.arguments(), stream=True))
        app.stream = await settle(raw.parse())
        del raw
        gc.collect()
        await app.loop()
        assert recorded_text(instrumented.only()) == app.received.text != ""

    _run(endpoint, asynchronous, llm_server, scenario)
    assert _outcome(instrumented.only()) is None


@EACH_SDK
@BOTH
@pytest.mark.parametrize("way", ["read", "text", "parse", "json", "nothing"])
def test_a_streaming_response_ends_with_its_block_or_its_body(
    endpoint: Endpoint, asynchronous: bool, way: str, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    """The body of a call that is no stream of events, read by the application itself."""

    async def scenario(app: Application) -> None:
        arguments = {k: v for k, v in app.arguments().items() if k != "stream_options"}
        manager = app.raw_method("with_streaming_response")(**arguments)
        app.manager = manager
        response = await app._enter(manager)
        assert instrumented.ended == []
        if way != "nothing":
            assert await settle(getattr(response, way)())
            assert len(instrumented.ended) == 1
        await app.within(_nothing)

    _run(endpoint, asynchronous, llm_server, scenario)
    span = instrumented.only()
    assert _outcome(span) == ("closed" if way == "nothing" else None)
    assert bool(recorded_text(span)) == (way != "nothing")


async def _nothing() -> None:
    pass


@BOTH
def test_a_streaming_response_of_events_can_be_read_in_one_piece(
    asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    async def scenario(app: Application) -> None:
        app.manager = app.raw_method("with_streaming_response")(**app.arguments(), stream=True)
        response = await app._enter(app.manager)
        body = await settle(response.read())
        assert b"[DONE]" in body
        assert recorded_text(instrumented.only()) == "lorem ipsum dolor sit amet con"

    _run(MAIN[0], asynchronous, llm_server, scenario)
    assert _outcome(instrumented.only()) is None


@BOTH
@pytest.mark.parametrize("shortcut", ["text_stream", "get_final_message", "until_done"])
def test_the_shortcuts_of_the_message_stream_are_seen(
    asynchronous: bool, shortcut: str, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    async def scenario(app: Application) -> None:
        manager = app.client.messages.stream(**app.arguments())
        stream = await app._enter(manager)
        if shortcut != "text_stream":
            await settle(getattr(stream, shortcut)())
        elif asynchronous:
            assert [text async for text in stream.text_stream]
        else:
            assert list(stream.text_stream)

    _run(MAIN[1], asynchronous, llm_server, scenario)
    span = instrumented.only()
    assert recorded_text(span) == "lorem ipsum dolor sit amet con"
    assert _outcome(span) is None


@BOTH
def test_a_helper_that_is_left_while_its_text_comes_keeps_what_came(
    asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    async def scenario(app: Application) -> str:
        app.manager = app.client.messages.stream(**app.arguments())
        stream = await app._enter(app.manager)
        first: str
        if asynchronous:
            first = await stream.text_stream.__anext__()
        else:
            first = next(stream.text_stream)
        await app.within(_nothing)
        return first

    assert _run(MAIN[1], asynchronous, llm_server, scenario) == "lorem "
    span = instrumented.only()
    assert recorded_text(span) == "lorem "
    assert _outcome(span) == "closed"
    assert span.status.status_code is StatusCode.UNSET


@BOTH
@pytest.mark.parametrize("endpoint", MAIN, ids=[each.name for each in MAIN])
def test_a_helper_that_is_never_entered_makes_no_span(
    endpoint: Endpoint, asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    async def scenario(app: Application) -> None:
        if not Case(endpoint, "helper", asynchronous).exists():
            pytest.skip("this version has no helper")
        manager = endpoint.resolve(app.client, str(endpoint.helper))(**app.arguments())
        if asynchronous:  # the SDK has made a coroutine that somebody has to close
            for name, value in vars(manager).items():
                if "request" in name and hasattr(value, "close"):
                    value.close()

    _run(endpoint, asynchronous, llm_server, scenario)
    assert instrumented.started == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
@BOTH
def test_an_interruption_while_a_chunk_is_awaited_is_no_error(
    asynchronous: bool, interruption: type[BaseException], instrumented: SpanLog
) -> None:
    """Ctrl-C arrives in the SDK's own code: it goes on to the application, as it is."""
    library = http_library("openai")
    event = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"half"}}]}\n\n'

    class Interrupted(library.SyncByteStream, library.AsyncByteStream):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Any:
            yield event
            raise interruption

        async def __aiter__(self) -> Any:
            yield event
            raise interruption

    def answer(request: Any) -> Any:
        headers = {"content-type": "text/event-stream"}
        return library.Response(200, headers=headers, stream=Interrupted())

    async def work() -> str:
        transport = library.MockTransport(answer)
        client = make_client("openai", asynchronous, "http://127.0.0.1:9", transport)
        app = Application(Case(MAIN[0], "create", asynchronous), client)
        await app.open()
        try:
            await app.loop()
        except interruption:
            return app.received.text
        raise AssertionError("the interruption was lost")

    assert run(asynchronous, work()) == "half"
    span = instrumented.only()
    assert _outcome(span) == "cancelled"
    assert span.status.status_code is StatusCode.UNSET
    assert recorded_text(span) == "half"


def test_many_threads_stream_at_once(llm_server: LLMServer, instrumented: SpanLog) -> None:
    client = make_client("openai", False, llm_server.url)
    texts: list[str] = []

    def work(count: int) -> None:
        app = Application(Case(MAIN[0], "create", False), client, {"chunks": count})
        run(False, app.open())
        run(False, app.loop())
        texts.append(app.received.text)

    threads = [threading.Thread(target=work, args=(count,)) for count in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(recorded_text(span) for span in instrumented.ended) == sorted(texts)
    assert len(texts) == 8


def test_a_task_that_is_never_finished_leaves_no_complaint(
    llm_server: LLMServer, instrumented: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    """The loop ends while a stream waits: ``asyncio.run`` cancels what is left."""

    async def work() -> None:
        client = make_client("openai", True, llm_server.url)
        app = Application(Case(MAIN[0], "create", True), client, {"delay": 20})
        task = asyncio.ensure_future(app.open())
        await task
        app.waiting = asyncio.ensure_future(app.loop())  # type: ignore[attr-defined]
        await asyncio.sleep(0.05)

    asyncio.run(work())
    assert _outcome(instrumented.only()) == "cancelled"
    assert caplog.records == []


@EACH_SDK
def test_a_task_begun_during_the_request_can_close_the_stream(
    endpoint: Endpoint, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    async def scenario(app: Application) -> None:
        wanted = asyncio.Event()
        begun: list[asyncio.Task[None]] = []

        async def watch(response: Any) -> None:
            async def close() -> None:
                await wanted.wait()
                await response.aclose()

            begun.append(asyncio.ensure_future(close()))

        app.client._client.event_hooks = {"response": [watch]}
        await app.open()
        await app.some()
        wanted.set()
        await begun[0]
        assert _outcome(instrumented.only()) == "closed"

    _run(endpoint, True, llm_server, scenario)


def _streaming(body: bytes) -> Any:
    """Chat completions whose body the application reads itself."""
    library = http_library("openai")

    def respond(request: Any) -> Any:
        kind = {"content-type": "text/event-stream"}
        return library.Response(200, headers=kind, content=iter([body]))

    client = make_client("openai", False, "http://test", library.MockTransport(respond))
    return client.chat.completions.with_streaming_response


def test_a_last_line_without_its_end_is_read_by_lines(instrumented: SpanLog) -> None:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    events = [{**head, "choices": [choice]}, {**head, "choices": [], "usage": usage}]
    body = "\n\n".join(f"data: {json.dumps(event)}" for event in events).encode()

    with _streaming(body).create(model="m", messages=[], stream=True) as response:
        assert [line for line in response.iter_lines() if line][-1].endswith("}")
    attributes = instrumented.only().attributes or {}
    assert attributes["gen_ai.usage.output_tokens"] == 2


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("way", ["iter_lines", "iter_bytes", "read"])
def test_events_whose_json_is_written_in_several_lines_are_read(
    way: str, newline: str, instrumented: SpanLog
) -> None:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    events = [{**head, "choices": [choice]}, {**head, "choices": [], "usage": usage}]
    lines = [": a comment", ""]
    for event in events:
        lines += [f"data: {line}" for line in json.dumps(event, indent=1).splitlines()] + [""]
    body = newline.join([*lines, "data: [DONE]", "", ""]).encode()

    with _streaming(body).create(model="m", messages=[], stream=True) as response:
        list(getattr(response, way)())
    attributes = instrumented.only().attributes or {}
    assert attributes["gen_ai.usage.output_tokens"] == 2
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
