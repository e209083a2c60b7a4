"""What a client returns where it decodes no JSON: a response, a text, a stream class of one's own.

Compared with the bare SDK; the span holds the answer wherever the provider sent one.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from openlayer_otel.standin.llm_server import LLMServer
from tests.endings.application import run, settle
from tests.support.sdk_clients import http_library, make_client
from tests.support.span_log import SpanLog

EACH = pytest.mark.parametrize(
    ("sdk", "asynchronous"),
    [("openai", False), ("openai", True), ("anthropic", False), ("anthropic", True)],
    ids=["openai-sync", "openai-async", "anthropic-sync", "anthropic-async"],
)
PATHS = {"openai": "/chat/completions", "anthropic": "/v1/messages"}


def _request(stream: bool) -> dict[str, Any]:
    messages = [{"role": "user", "content": "Hi"}]
    return {"model": "m", "max_tokens": 9, "messages": messages, "stream": stream}


def _client(
    sdk: str,
    asynchronous: bool,
    server: LLMServer,
    kind: str,
    stream: bool = False,
    body: bytes | None = None,
    **options: Any,
) -> Any:
    """A client that gets the stand-in's answer, or ``body``, with another content type."""
    library = http_library(sdk)
    if body is None:
        prefix = "/v1" if sdk == "openai" else ""
        body = library.post(server.url + prefix + PATHS[sdk], json=_request(stream)).content

    async def pieces() -> Any:
        yield body

    def respond(request: Any) -> Any:
        content = pieces() if asynchronous else iter([body])
        return library.Response(200, headers={"content-type": kind}, content=content)

    transport = library.MockTransport(respond)
    return make_client(sdk, asynchronous, server.url, transport, **options)


def _post(sdk: str, asynchronous: bool, client: Any, cast_to: Any, **more: Any) -> Any:
    async def work() -> Any:
        body = _request("stream_cls" in more or bool(more.get("stream")))
        return await settle(client.post(PATHS[sdk], cast_to=cast_to, body=body, **more))

    return run(asynchronous, work())


@pytest.mark.matrix
@EACH
@pytest.mark.parametrize("wanted", ["response", "str"])
def test_a_response_or_its_text_is_returned_and_read(
    sdk: str,
    asynchronous: bool,
    wanted: str,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    spans: SpanLog,
) -> None:
    cast_to = http_library(sdk).Response if wanted == "response" else str

    def returned() -> Any:
        client = _client(sdk, asynchronous, llm_server, "application/json")
        return _post(sdk, asynchronous, client, cast_to)

    bare = returned()
    instrument()
    result = returned()
    assert type(result) is type(bare)
    text = result if wanted == "str" else result.text
    answer = json.loads(text)
    span = spans.only()
    assert (span.attributes or {})["gen_ai.response.id"] == answer["id"]
    assert "gen_ai.output.messages" in (span.attributes or {})
    assert span.status.status_code is StatusCode.UNSET


@pytest.mark.matrix
@EACH
def test_json_that_is_called_a_text_is_read(
    sdk: str,
    asynchronous: bool,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    spans: SpanLog,
) -> None:
    def returned() -> Any:
        client = _client(sdk, asynchronous, llm_server, "text/plain")
        resource = client.messages if sdk == "anthropic" else client.chat.completions

        async def work() -> Any:
            return await settle(resource.create(**_request(False)))

        return run(asynchronous, work())

    bare = returned()
    instrument()
    assert type(returned()) is type(bare)
    assert (spans.only().attributes or {})["gen_ai.response.id"]


@pytest.mark.matrix
@EACH
@pytest.mark.parametrize("strict", [False, True])
def test_a_page_in_place_of_an_answer_is_returned_or_raised_as_without_tracing(
    sdk: str,
    asynchronous: bool,
    strict: bool,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    spans: SpanLog,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")

    def outcome() -> Any:
        options: dict[str, Any] = {"_strict_response_validation": strict}
        page = b"<html>\xc3\xa9</html>"
        client = _client(sdk, asynchronous, llm_server, "text/html", body=page, **options)
        try:
            return _post(sdk, asynchronous, client, importlib.import_module(sdk).BaseModel)
        except Exception as error:
            return type(error), str(error)

    bare = outcome()
    instrument()
    assert outcome() == bare
    span = spans.only()
    assert "gen_ai.response.id" not in (span.attributes or {})
    assert span.status.status_code is (StatusCode.ERROR if strict else StatusCode.UNSET)
    assert caplog.records == []


@pytest.mark.matrix
@EACH
def test_an_answer_that_the_sdk_refuses_is_recorded_with_its_error(
    sdk: str, asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    module = importlib.import_module(sdk)
    options: dict[str, Any] = {"_strict_response_validation": True}
    client = _client(sdk, asynchronous, llm_server, "text/plain", **options)
    with pytest.raises(module.APIResponseValidationError):
        _post(sdk, asynchronous, client, object)
    span = instrumented.only()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["gen_ai.response.id"]
    assert (span.attributes or {})["gen_ai.usage.output_tokens"]


@pytest.mark.matrix
@EACH
def test_a_result_that_cannot_be_looked_into_is_returned_with_one_warning(
    sdk: str,
    asynchronous: bool,
    llm_server: LLMServer,
    instrumented: SpanLog,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    module = importlib.import_module(sdk)
    base = module.AsyncStream if asynchronous else module.Stream

    class Closed(base[module.BaseModel]):  # type: ignore[misc, name-defined]
        def __stream__(self) -> Any:
            return iter(())

        @property
        def http_response(self) -> Any:
            raise RuntimeError("no")

    client = _client(sdk, asynchronous, llm_server, "text/event-stream", stream=True)
    result = _post(sdk, asynchronous, client, module.BaseModel, stream=True, stream_cls=Closed)
    assert type(result) is Closed
    (record,) = caplog.records
    assert "looking at a response failed with RuntimeError" in record.getMessage()
    assert instrumented.only().name == "chat m"


@pytest.mark.matrix
@EACH
def test_a_stream_that_cannot_be_watched_is_read_whole_with_one_warning(
    sdk: str,
    asynchronous: bool,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    spans: SpanLog,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    module = importlib.import_module(sdk)
    base = module.AsyncStream if asynchronous else module.Stream

    class Shy(base[module.BaseModel]):  # type: ignore[misc, name-defined]
        """Its source can be made; whoever asks for the response before that gets an error."""

        begun = False

        def __stream__(self) -> Any:
            self.begun = True
            return super().__stream__()

        @property
        def response(self) -> Any:
            if self.begun and sys._getframe(1).f_code.co_name == "tapped_source":
                raise RuntimeError("no")
            return self.held

        @response.setter
        def response(self, response: Any) -> None:
            self.held = response

    def events() -> list[Any]:
        client = _client(sdk, asynchronous, llm_server, "text/event-stream", stream=True)

        async def work() -> list[Any]:
            stream = await settle(
                client.post(
                    PATHS[sdk], cast_to=dict, body=_request(True), stream=True, stream_cls=Shy
                )
            )
            return [each async for each in stream] if asynchronous else list(stream)

        found: list[Any] = run(asynchronous, work())
        return found

    bare = events()
    instrument()
    assert len(events()) == len(events()) == len(bare) > 3
    (record,) = caplog.records
    assert "stream hook failed with RuntimeError" in record.getMessage()
    for span in spans.ended:
        assert "gen_ai.output.messages" in (span.attributes or {})
    assert len(spans.ended) == 2


class Stopped(BaseException):
    """Not turned into an error of the SDK's, which is why it is no Exception."""

    @property
    def response(self) -> Any:
        raise RuntimeError("no")


@pytest.mark.matrix
@EACH
def test_an_error_that_cannot_be_looked_into_is_raised_with_one_warning(
    sdk: str,
    asynchronous: bool,
    llm_server: LLMServer,
    instrumented: SpanLog,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    stopped = Stopped()

    def respond(request: Any) -> Any:
        raise stopped

    transport = http_library(sdk).MockTransport(respond)
    client = make_client(sdk, asynchronous, llm_server.url, transport)
    with pytest.raises(Stopped) as raised:
        _post(sdk, asynchronous, client, object)
    assert raised.value is stopped
    (record,) = caplog.records
    assert "looking at an error failed with RuntimeError" in record.getMessage()
    assert instrumented.only().status.status_code is StatusCode.ERROR


@pytest.mark.matrix
@EACH
def test_a_stream_class_of_ones_own_reads_its_lines_and_the_span_has_them(
    sdk: str, asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    module = importlib.import_module(sdk)

    class Lines(module.Stream[module.BaseModel]):  # type: ignore[misc, name-defined]
        def __stream__(self) -> Any:
            yield from self.response.iter_lines()

    class AsyncLines(module.AsyncStream[module.BaseModel]):  # type: ignore[misc, name-defined]
        async def __stream__(self) -> Any:
            async for line in self.response.aiter_lines():
                yield line

    chosen = AsyncLines if asynchronous else Lines
    client = _client(sdk, asynchronous, llm_server, "text/event-stream", stream=True)

    async def work() -> list[Any]:
        stream = await settle(
            client.post(
                PATHS[sdk],
                cast_to=module.BaseModel,
                body=_request(True),
                stream=True,
                stream_cls=chosen,
            )
        )
        assert instrumented.ended == []
        if not asynchronous:
            return list(stream.__stream__())
        return [line async for line in stream.__stream__()]

    lines = run(asynchronous, work())
    assert any(line.startswith("data:") for line in lines)
    attributes = instrumented.only().attributes or {}
    assert "gen_ai.output.messages" in attributes
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)


@pytest.mark.matrix
@EACH
def test_an_unread_response_ends_its_span_when_it_is_read(
    sdk: str, asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    client = _client(sdk, asynchronous, llm_server, "text/event-stream", stream=True)
    kind = importlib.import_module(sdk)
    stream_class = (kind.AsyncStream if asynchronous else kind.Stream)[kind.BaseModel]

    async def work() -> bytes:
        response = await settle(
            client.post(
                PATHS[sdk],
                cast_to=http_library(sdk).Response,
                body=_request(True),
                stream=True,
                stream_cls=stream_class,
            )
        )
        assert instrumented.ended == []
        body: bytes = await response.aread() if asynchronous else response.read()
        return body

    assert b"data:" in run(asynchronous, work())
    assert "gen_ai.output.messages" in (instrumented.only().attributes or {})
