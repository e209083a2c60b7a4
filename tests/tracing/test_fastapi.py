"""A FastAPI application under real concurrent load: one whole trace for each request."""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
import uvicorn
from fastapi import Depends, FastAPI
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from openlayer_otel import log_context, start_step, trace, using_session
from openlayer_otel.standin.llm_server import LLMServer
from openlayer_otel.tracing.outputs import chunk_text
from tests.support.chat_clients import ANSWER
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog, json_attribute

REQUESTS = 40
DEADLINE = 120


def _application(client: openai.AsyncOpenAI, sync_client: openai.OpenAI) -> FastAPI:
    app = FastAPI()

    async def tokens(question: str) -> AsyncIterator[str]:
        with start_step("retrieve", step_type="retriever"):
            log_context([question])
            await asyncio.sleep(0)
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": question}], stream=True
        )
        async for chunk in stream:
            yield chunk_text(chunk) or ""

    @trace(name="answer")
    async def answer(question: str) -> AsyncIterator[str]:
        async for token in tokens(question):
            yield token

    @trace(name="answer")
    def answer_in_a_thread(question: str) -> Iterator[str]:
        with start_step("retrieve", step_type="retriever"):
            pass
        for chunk in sync_client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": question}], stream=True
        ):
            yield chunk_text(chunk) or ""

    @app.get("/traced-generator")
    async def traced_generator(q: str) -> StreamingResponse:
        with using_session(session_id=q):
            return StreamingResponse(answer(q))

    @app.get("/traced-sync-generator")
    def traced_sync_generator(q: str) -> StreamingResponse:
        with using_session(session_id=q):
            return StreamingResponse(answer_in_a_thread(q))

    @app.get("/traced-endpoint")
    @trace(name="answer")
    async def traced_endpoint(question: str = Depends(_question)) -> StreamingResponse:
        return StreamingResponse(tokens(question))

    @app.get("/events")
    async def events(q: str) -> StreamingResponse:
        with using_session(session_id=q):
            stream = answer(q)

        async def frames() -> AsyncIterator[str]:
            async for token in stream:
                yield f"data: {json.dumps(token)}\n\n"

        return StreamingResponse(frames(), media_type="text/event-stream")

    return app


@trace(name="question")
def _question(q: str) -> str:
    """A dependency that is traced, too."""
    return q


class Served:
    """An application on a port of its own."""

    def __init__(self, app: FastAPI) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],), daemon=True)

    def __enter__(self) -> Served:
        self.thread.start()
        wait_until(lambda: self.server.started)
        return self

    def __exit__(self, *details: object) -> None:
        self.server.should_exit = True
        self.thread.join(DEADLINE)
        self.socket.close()


def wait_until(done: Callable[[], bool]) -> None:
    """Wait for something that happens soon."""
    deadline = time.monotonic() + DEADLINE
    while not done():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.01)


@pytest.fixture
def server(instrumented: SpanLog, llm_server: LLMServer) -> Iterator[Served]:
    app = _application(
        make_client("openai", True, llm_server.url), make_client("openai", False, llm_server.url)
    )
    with Served(app) as served:
        yield served


async def _load(url: str, numbers: range) -> list[str]:
    async with httpx.AsyncClient(timeout=DEADLINE, trust_env=False) as client:

        async def one(number: int) -> str:
            response = await client.get(url, params={"q": f"question {number}"})
            assert response.status_code == 200
            return response.text

        return await asyncio.gather(*(one(number) for number in numbers))


PATHS = ["/traced-generator", "/traced-sync-generator", "/traced-endpoint", "/events"]


@pytest.mark.parametrize("path", PATHS)
async def test_each_of_many_requests_at_once_is_one_whole_trace(
    path: str, server: Served, instrumented: SpanLog
) -> None:
    texts = await _load(server.url + path, range(REQUESTS))
    wait_until(lambda: not instrumented.open)

    expected: list[Any] = [["answer", ["retrieval retrieve"], ["chat m"]]]
    roots = [branch for branch in instrumented.tree() if branch != ["question"]]
    assert roots == expected * REQUESTS
    if path == "/events":
        assert all(text.startswith("data: ") for text in texts)
    else:
        assert texts == [ANSWER] * REQUESTS

    asked = []
    for span in instrumented.ended:
        if span.name != "answer":
            continue
        assert json_attribute(span, "openlayer.step.output") == ANSWER
        question = json_attribute(span, "openlayer.step.inputs")["question"]
        asked.append(question)
        for child in instrumented.children_of(span):
            if child.name == "chat m":
                assert question in str((child.attributes or {})["gen_ai.input.messages"])
            if path != "/traced-endpoint":
                assert (child.attributes or {})["session.id"] == question
    assert sorted(asked) == sorted(f"question {number}" for number in range(REQUESTS))


async def test_a_client_that_goes_away_ends_the_step(server: Served, instrumented: SpanLog) -> None:
    async with httpx.AsyncClient(timeout=DEADLINE, trust_env=False) as client:
        for _ in range(5):
            async with client.stream(
                "GET", server.url + "/traced-generator", params={"q": "x"}
            ) as response:
                async for _ in response.aiter_bytes():
                    break
    await asyncio.to_thread(wait_until, lambda: not instrumented.open)
    assert len(instrumented.tree()) == 5


def test_dependency_injection_sees_the_signature_of_the_function() -> None:
    assert list(inspect.signature(_question).parameters) == ["q"]
    schema = _application(openai.AsyncOpenAI(api_key="x"), openai.OpenAI(api_key="x")).openapi()
    (parameter,) = schema["paths"]["/traced-endpoint"]["get"]["parameters"]
    assert (parameter["name"], parameter["in"]) == ("q", "query")


class Notify:
    """An object to be awaited when it is called, as background tasks may be."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def __call__(self, question: str) -> None:
        self.told.append(question)


@pytest.mark.parametrize("decorator", [trace, using_session(user_id="u")])
async def test_a_decorated_object_is_a_background_task_that_is_awaited(
    decorator: Any, steps: SpanLog
) -> None:
    notify = Notify()
    await BackgroundTask(decorator(decorator(notify)), "hello")()
    assert notify.told == ["hello"]
    assert len(steps.ended) == (2 if decorator is trace else 0)


@pytest.mark.parametrize("decorator", [trace, using_session(user_id="u")])
def test_a_decorated_object_says_what_kind_of_function_calls_it(
    decorator: Any, steps: SpanLog
) -> None:
    decorated = decorator(Notify())
    assert inspect.iscoroutinefunction(decorated.__call__)
    assert inspect.signature(decorated.__call__) == inspect.signature(Notify().__call__)
    assert inspect.signature(decorated) == inspect.signature(Notify())
    assert asyncio.run(decorated.__call__("hi")) is None
    assert len(steps.ended) == (1 if decorator is trace else 0)
