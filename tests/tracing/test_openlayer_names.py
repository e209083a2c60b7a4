"""The names of Openlayer's SDK: what its users wrote works after changing the import."""

from __future__ import annotations

import asyncio
import contextvars
import json
from typing import Any

import pytest
from opentelemetry.context import attach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import set_span_in_context

from openlayer_otel import tracing as tracer
from openlayer_otel.standin.llm_server import LLMServer
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog, json_attribute


def owner(steps: SpanLog, name: str) -> tuple[Any, Any]:
    said = steps.named(name).attributes or {}
    return said.get("user.id"), said.get("session.id")


def test_a_step_by_hand_in_the_sdks_order_of_arguments(steps: SpanLog) -> None:
    with tracer.create_step("s", tracer.StepType.TOOL, {"a": 1}, "out", {"m": 1}) as step:
        step.log(function_name="f", arguments={"x": 1})
    span = steps.only()
    assert span.name == "execute_tool s"
    assert json_attribute(span, "openlayer.step.inputs") == {"a": 1}
    assert json_attribute(span, "openlayer.step.output") == "out"
    assert json_attribute(span, "openlayer.step.field.functionName") == "f"
    assert json_attribute(span, "openlayer.step.field.arguments") == {"x": 1}


def test_a_finished_model_call_is_added_with_its_own_times(steps: SpanLog) -> None:
    with tracer.start_step("root"):
        tracer.add_chat_completion_step_to_trace(
            name="My model",
            inputs={"prompt": [{"role": "user", "content": "hi"}]},
            output="hello",
            model="m",
            provider="Mine",
            prompt_tokens=3,
            completion_tokens=4,
            tokens=7,
            start_time=1_700_000_000.0,
            end_time=1_700_000_001.5,
        )
        tracer.add_embedding_step_to_trace(model="e", latency=2000, embedding_dimensions=8)
    call = steps.named("My model")
    said = call.attributes or {}
    assert (call.start_time, call.end_time) == (
        1_700_000_000_000_000_000,
        1_700_000_001_500_000_000,
    )
    assert said["openlayer.step.type"] == "chat_completion"
    assert said["gen_ai.usage.output_tokens"] == 4
    assert said["openlayer.step.field.tokens"] == "7"
    embedding = steps.named("embeddings Embedding")
    assert embedding.start_time and embedding.end_time
    assert embedding.end_time - embedding.start_time == pytest.approx(2e9, rel=0.01)


def test_the_user_of_a_trace_ends_with_the_trace(steps: SpanLog) -> None:
    def application() -> None:
        tracer.set_user_session_context(user_id=1, session_id="s")
        assert (tracer.get_current_user_id(), tracer.get_current_session_id()) == ("1", "s")
        with tracer.start_step("first"), tracer.start_step("below"):
            pass
        with tracer.start_step("second"):
            pass
        assert tracer.get_current_user_id() is None

    contextvars.copy_context().run(application)
    assert owner(steps, "first") == owner(steps, "below") == ("1", "s")
    assert owner(steps, "second") == (None, None)


def test_the_user_of_a_trace_can_be_said_inside(steps: SpanLog) -> None:
    with tracer.start_step("root"):
        with tracer.start_step("before"):
            pass
        with tracer.start_step("says"):
            tracer.update_trace_user_session(user_id="u", session_id="s")
        with tracer.start_step("after"):
            assert tracer.get_current_user_id() == "u"
        tracer.update_trace_user_session(user_id=None)
        with tracer.start_step("nobody's"):
            pass
        tracer.clear_user_session_context()
        with tracer.start_step("no session"):
            pass
    assert owner(steps, "root") == owner(steps, "after") == ("u", "s")
    assert owner(steps, "before") == (None, None)
    assert owner(steps, "nobody's") == (None, "s")
    assert owner(steps, "no session") == (None, None)
    with tracer.start_step("next trace"):
        pass
    assert owner(steps, "next trace") == (None, None)


def test_a_user_that_was_cleared_is_nobody(steps: SpanLog) -> None:
    def application() -> None:
        tracer.set_user_session_context(user_id="u")
        tracer.clear_user_session_context()
        with tracer.start_step("step"):
            pass

    contextvars.copy_context().run(application)
    assert owner(steps, "step") == (None, None)


async def test_requests_at_once_do_not_see_each_others_users(steps: SpanLog) -> None:
    async def request(number: int) -> None:
        tracer.set_user_session_context(user_id=number)
        await asyncio.sleep(0.001)
        with tracer.start_step(f"step {number}"):
            await asyncio.sleep(0.001)
            with tracer.start_step(f"below {number}"):
                pass

    def all_requests() -> Any:
        tracer.set_user_session_context(session_id="of the server")
        return [asyncio.ensure_future(request(number)) for number in range(10)]

    await asyncio.gather(*contextvars.copy_context().run(all_requests))
    for number in range(10):
        assert owner(steps, f"step {number}")[0] == str(number)
        assert owner(steps, f"below {number}")[0] == str(number)


def test_rag_values_are_those_of_this_trace(steps: SpanLog) -> None:
    with tracer.start_step("root"):
        with tracer.start_step("retrieve"):
            tracer.log_context(["c"])
            tracer.log_question("q")
        assert (tracer.get_rag_context(), tracer.get_rag_question()) == (["c"], "q")
    with tracer.start_step("next"):
        assert (tracer.get_rag_context(), tracer.get_rag_question()) == (None, None)


def test_a_coroutine_can_be_run_from_synchronous_code(steps: SpanLog) -> None:
    @tracer.trace_async(name="inner")
    async def inner() -> int:
        return 3

    with tracer.start_step("root"):
        assert tracer.run_async_func(inner()) == 3
    assert steps.tree() == [["root", ["inner"]]]


def test_trace_and_step_are_there_by_their_old_names(steps: SpanLog) -> None:
    assert tracer.get_current_trace() is None
    with tracer.start_step("root") as root:
        assert tracer.get_current_step() is root
        current = tracer.get_current_trace()
        assert current is not None
        current.update_metadata(user_id="u", anything=1)
    said = steps.only().attributes or {}
    assert said["user.id"] == "u"
    assert json.loads(str(said["openlayer.trace.column.anything"])) == 1


def test_the_user_of_a_web_servers_trace_outlasts_the_context_it_was_said_in(
    steps: SpanLog, tracer_provider: TracerProvider
) -> None:
    server = tracer_provider.get_tracer("fastapi")

    def request() -> None:
        with server.start_as_current_span("GET /"):
            with server.start_as_current_span("dependencies"):
                tracer.set_user_session_context(user_id="alice", session_id="s")
            with tracer.start_step("answer"):
                pass

    contextvars.copy_context().run(request)
    # The row of a trace has the user and session that any of its spans says.
    assert owner(steps, "dependencies") == ("alice", "s")


def test_a_user_said_after_a_span_has_ended_is_that_of_the_next_trace(
    steps: SpanLog, tracer_provider: TracerProvider
) -> None:
    def application() -> None:
        span = tracer_provider.get_tracer("server").start_span("over")
        attach(set_span_in_context(span))
        span.end()
        tracer.set_user_session_context(user_id="alice")  # the SDK would log a warning
        with tracer.start_step("answer"):
            pass

    contextvars.copy_context().run(application)
    assert owner(steps, "over") == (None, None)
    assert owner(steps, "answer") == ("alice", None)


def test_the_user_of_a_trace_inside_a_block_ends_with_the_trace(steps: SpanLog) -> None:
    def application() -> None:
        tracer.set_user_session_context(user_id="alice")
        with tracer.using_session("s", tags=["web"]):
            for name in ("first", "second"):
                with tracer.start_step(name):
                    pass
        with tracer.start_step("third"):
            pass

    contextvars.copy_context().run(application)
    assert owner(steps, "first") == ("alice", "s")
    assert owner(steps, "second") == (None, "s")
    assert owner(steps, "third") == (None, None)


def test_what_a_block_says_outlasts_the_user_of_one_trace(steps: SpanLog) -> None:
    def application() -> None:
        with tracer.using_session(user_id="bob", tags=["web"]):
            tracer.set_user_session_context(user_id="alice")
            for name in ("first", "second"):
                with tracer.start_step(name):
                    pass

    contextvars.copy_context().run(application)
    assert owner(steps, "first") == ("alice", None)
    assert owner(steps, "second") == ("bob", None)
    assert (steps.named("second").attributes or {})["openlayer.trace.tags"] == ("web",)


def test_the_user_of_a_call_without_a_step_is_not_that_of_the_next(
    instrumented: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client("openai", False, llm_server.url)

    def application() -> None:
        tracer.set_user_session_context(user_id="alice")
        for _ in range(2):
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])

    contextvars.copy_context().run(application)
    assert [(span.attributes or {}).get("user.id") for span in instrumented.ended] == [
        "alice",
        None,
    ]
