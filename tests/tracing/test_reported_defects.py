"""Scripts that went wrong with the SDK before this one, at the row that reaches Openlayer."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel import (
    OpenlayerSpanProcessor,
    carry_context,
    log_question,
    trace,
    update_current_trace,
)
from openlayer_otel.standin.llm_server import LLMServer
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from openlayer_otel.tracing import (
    BaseGuardrail,
    GuardrailAction,
    GuardrailBlockedException,
    GuardrailResult,
    set_user_session_context,
    trace_async,
)
from openlayer_otel.tracing.outputs import chunk_text
from tests.support.chat_clients import ANSWER
from tests.support.sdk_clients import make_client

Rows = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def rows(
    openlayer_server: OpenlayerServer,
    tracer_provider: TracerProvider,
    instrument: Callable[..., None],
) -> Rows:
    """Call it for the rows that Openlayer has received."""
    tracer_provider.add_span_processor(
        OpenlayerSpanProcessor(
            api_key="k",
            inference_pipeline_id="p",
            base_url=openlayer_server.url,
            upload_all=True,
        )
    )
    instrument()

    def received() -> list[dict[str, Any]]:
        assert tracer_provider.force_flush(60_000)
        # Several uploads are under way at once.
        return sorted(
            (each.row for each in openlayer_server.traces),
            key=lambda row: row["inferenceTimestamp"],
        )

    return received


@pytest.fixture
def ask(llm_server: LLMServer) -> Callable[[], Any]:
    """Starts a stream of AsyncOpenAI's."""
    client = make_client("openai", True, llm_server.url)
    messages = [{"role": "user", "content": "hi"}]
    return lambda: client.chat.completions.create(model="gpt-4o", messages=messages, stream=True)


@pytest.fixture
def ask_sync(llm_server: LLMServer) -> Callable[[], Any]:
    """Starts a stream of OpenAI's."""
    client = make_client("openai", False, llm_server.url)
    messages = [{"role": "user", "content": "hi"}]
    return lambda: client.chat.completions.create(model="gpt-4o", messages=messages, stream=True)


def shape(step: dict[str, Any]) -> list[Any]:
    return [step["name"], *(shape(each) for each in step["steps"])]


CHAT = "OpenAI Chat Completion"


async def test_d17_trace_on_a_coroutine_and_an_async_generator(rows: Rows, ask: Any) -> None:
    @trace()
    async def coroutine() -> str:
        return "".join([chunk_text(chunk) or "" async for chunk in await ask()])

    @trace()
    async def stream() -> AsyncIterator[str]:
        async for chunk in await ask():
            yield chunk_text(chunk) or ""

    await coroutine()
    assert [item async for item in stream()]
    first, second = rows()
    assert (first["output"], second["output"]) == (ANSWER, ANSWER)
    assert shape(first["steps"][0]) == ["coroutine", [CHAT]]
    assert shape(second["steps"][0]) == ["stream", [CHAT]]


def test_d18_a_function_that_returns_the_stream(rows: Rows, ask_sync: Any) -> None:
    @trace()
    def stream_chunks() -> Any:
        return ask_sync()

    for _ in stream_chunks():
        pass
    (row,) = rows()
    assert row["output"] == ANSWER
    assert shape(row["steps"][0]) == ["stream_chunks", [CHAT]]


def test_d19_work_in_a_thread_pool(rows: Rows) -> None:
    @trace()
    def work(number: int) -> int:
        return number

    @trace()
    def root() -> list[int]:
        with ThreadPoolExecutor() as pool:
            return list(pool.map(carry_context(work), range(4)))

    root()
    (row,) = rows()
    assert shape(row["steps"][0]) == ["root", *([["work"]] * 4)]


def test_d21_a_stream_that_is_broken_out_of(rows: Rows, ask_sync: Any) -> None:
    @trace()
    def stream() -> Iterator[str]:
        for chunk in ask_sync():
            time.sleep(0.005)
            yield chunk_text(chunk) or ""

    for text in stream():
        if text:
            break
    gc.collect()
    (row,) = rows()
    assert row["output"] and ANSWER.startswith(row["output"])
    assert row["latency"] > 5
    assert shape(row["steps"][0]) == ["stream", [CHAT]]


async def test_d22_a_task_that_outlives_its_root(rows: Rows) -> None:
    @trace()
    async def background() -> str:
        await asyncio.sleep(0.02)
        return "late"

    tasks = []

    @trace()
    async def root() -> str:
        tasks.append(asyncio.create_task(background()))
        return "answered"

    await root()
    await tasks[0]
    (row,) = rows()
    assert shape(row["steps"][0]) == ["root", ["background"]]


class Block(BaseGuardrail):
    """Blocks everything."""

    def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
        return GuardrailResult(GuardrailAction.BLOCK, reason="no")

    def check_output(self, output: Any, inputs: dict[str, Any]) -> GuardrailResult:
        return GuardrailResult(GuardrailAction.ALLOW)


async def test_d12_async_functions_run_once_and_a_block_blocks(rows: Rows) -> None:
    ran = []

    @trace_async(promote=["score"])
    async def fails() -> None:
        ran.append("fails")
        raise ValueError("why")

    @trace_async(guardrails=[Block("b")])
    async def blocked(text: str) -> None:
        ran.append("blocked")

    with pytest.raises(ValueError, match="why"):
        await fails()
    with pytest.raises(GuardrailBlockedException):
        await blocked("secret")
    assert ran == ["fails"]
    assert len(rows()) == 2


async def test_d11_inputs_of_what_fails_or_is_cancelled(rows: Rows) -> None:
    @trace_async()
    async def fails(question: str) -> None:
        await asyncio.sleep(0)
        raise ValueError("why")

    @trace_async()
    async def waits(question: str) -> None:
        await asyncio.sleep(3600)

    with pytest.raises(ValueError, match="why"):
        await fails("q1")
    task = asyncio.create_task(waits("q2"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    failed, cancelled = rows()
    assert failed["question"] == "q1"
    assert failed["steps"][0]["metadata"]["Exceptions"] == "why"
    assert cancelled["question"] == "q2"
    assert cancelled["steps"][0]["metadata"]["outcome"] == "cancelled"


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {(1, 2): 3}, "\ud83d", object(), {1, 2}],
    ids=str,
)
def test_d13_no_value_loses_the_trace(value: Any, rows: Rows) -> None:
    @trace(step_type="tool")
    def tool(value: Any) -> Any:
        update_current_trace(odd=value)
        return value

    tool(value)
    assert len(rows()) == 1


def test_d14_names_of_arguments_do_not_overwrite_the_row(rows: Rows) -> None:
    @trace()
    def f(steps: int, output: int, latency: int, inferenceId: int, cost: int) -> str:  # noqa: N803
        return "out"

    f(3, 4, 5, 6, 7)
    (row,) = rows()
    assert row["output"] == "out"
    assert row["steps"][0]["inputs"] == {
        "steps": 3,
        "output": 4,
        "latency": 5,
        "inferenceId": 6,
        "cost": 7,
    }


def test_d15_question_and_user_do_not_leak_into_the_next_trace(rows: Rows) -> None:
    @trace()
    def first() -> None:
        log_question("why?")
        set_user_session_context(user_id="u", session_id="s")

    @trace()
    def second() -> None:
        """Somebody else's."""

    first()
    second()
    one, two = rows()
    assert (one["user_id"], one["session_id"], one["_question"]) == ("u", "s", "why?")
    assert not {"user_id", "session_id", "_question"} & two.keys()


def test_the_row_of_a_nested_trace(rows: Rows) -> None:
    @trace(step_type="retriever")
    def retrieve(q: str) -> list[str]:
        return ["d1", "d2"]

    @trace(step_type="tool")
    def get_weather(city: str) -> dict[str, int]:
        return {"temp": 20}

    @trace(step_type="agent")
    def agent(q: str) -> str:
        retrieve(q)
        get_weather("Paris")
        return "done"

    agent("q")
    (row,) = rows()
    (root,) = row["steps"]
    assert shape(root) == ["agent", ["retrieve"], ["get_weather"]]
    assert [root["type"], *(step["type"] for step in root["steps"])] == [
        "agent",
        "retriever",
        "tool",
    ]
    tool = root["steps"][1]
    assert (tool["functionName"], tool["arguments"]) == ("get_weather", {"city": "Paris"})
    assert (row["q"], row["output"]) == ("q", "done")
