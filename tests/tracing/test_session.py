"""Sessions, users, metadata and tags: on every span inside, on none outside."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import attach, detach, get_current
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel import (
    current_trace,
    start_step,
    trace,
    update_current_trace,
    using_session,
)
from openlayer_otel.standin.llm_server import LLMServer
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog, json_attribute

SESSION, USER, CONVERSATION = "session.id", "user.id", "gen_ai.conversation.id"


def owners(steps: SpanLog) -> dict[str, Any]:
    """The session of each span by its name."""
    return {span.name: (span.attributes or {}).get(SESSION) for span in steps.ended}


def test_every_span_inside_has_it_and_none_outside(steps: SpanLog) -> None:
    with start_step("around"):
        with using_session("s1", "u1", metadata={"env": "prod"}, tags=["a"]):
            with start_step("inside"), start_step("deeper"):
                pass
        with start_step("after"):
            pass
    assert owners(steps) == {"around": None, "inside": "s1", "deeper": "s1", "after": None}
    said = steps.named("deeper").attributes or {}
    assert (said[USER], said[CONVERSATION]) == ("u1", "s1")
    assert json.loads(str(said["openlayer.trace.metadata"])) == {"env": "prod"}
    assert said["openlayer.trace.tags"] == ("a",)


def test_llm_calls_inside_have_it(instrumented: SpanLog, llm_server: LLMServer) -> None:
    client = make_client("openai", False, llm_server.url)
    with using_session(session_id="s1", user_id=5):
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
    said = instrumented.only().attributes or {}
    assert (said[SESSION], said[USER], said[CONVERSATION]) == ("s1", "5", "s1")


def test_blocks_nest_the_inner_one_wins_and_metadata_is_merged(steps: SpanLog) -> None:
    with using_session("s1", "u1", metadata={"a": 1, "b": 1}, tags=["x"]):
        with using_session("s2", metadata={"b": 2}, tags=["y", "x"]), start_step("inner"):
            pass
        with start_step("outer"):
            pass
    inner = steps.named("inner").attributes or {}
    assert (inner[SESSION], inner[USER]) == ("s2", "u1")
    assert json.loads(str(inner["openlayer.trace.metadata"])) == {"a": 1, "b": 2}
    assert inner["openlayer.trace.tags"] == ("x", "y")
    assert owners(steps)["outer"] == "s1"


async def test_tasks_at_once_each_have_their_own(steps: SpanLog) -> None:
    async def handle(number: int) -> None:
        async with using_session(f"s{number}"):
            await asyncio.sleep(0.001 * (number % 3))
            with start_step(f"step {number}"):
                await asyncio.sleep(0)

    await asyncio.gather(*(handle(number) for number in range(30)))
    assert owners(steps) == {f"step {number}": f"s{number}" for number in range(30)}


def test_one_object_serves_many_threads_and_nests_in_itself(steps: SpanLog) -> None:
    session = using_session("shared")
    barrier = threading.Barrier(4)
    left = []

    def work() -> None:
        with session:
            barrier.wait(60)
            with session, start_step("inside"):
                barrier.wait(60)
            barrier.wait(60)
        left.append(dict(get_current()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert owners(steps) == {"inside": "shared"}
    assert left == [{}] * 4


def test_an_exception_ends_the_block(steps: SpanLog) -> None:
    with pytest.raises(ValueError), using_session("s1"):
        raise ValueError
    with start_step("after"):
        pass
    assert owners(steps) == {"after": None}


class Decorated:
    """Every kind of function in a session."""

    @using_session("s1")
    def function(self) -> None:
        with start_step("step"):
            pass

    @using_session("s1")
    async def coroutine(self) -> None:
        await asyncio.sleep(0)
        with start_step("step"):
            pass

    @using_session("s1")
    def generator(self) -> Iterator[int]:
        yield 1
        with start_step("step"):
            pass

    @using_session("s1")
    async def async_generator(self) -> AsyncIterator[int]:
        yield 1
        with start_step("step"):
            pass


@pytest.mark.parametrize("kind", ["function", "coroutine", "generator", "async_generator"])
async def test_a_decorated_function_of_any_kind_runs_in_its_session(
    kind: str, steps: SpanLog
) -> None:
    def between() -> None:
        with start_step("consumer"):
            pass

    result = getattr(Decorated(), kind)()
    if kind == "coroutine":
        await result
    elif kind == "generator":
        for _ in result:
            between()
    elif kind == "async_generator":
        async for _ in result:
            between()
    between()
    assert owners(steps) == {"step": "s1", "consumer": None}


def test_it_combines_with_trace_in_either_order(steps: SpanLog) -> None:
    @using_session("s1")
    @trace(name="inner")
    def one() -> Iterator[int]:
        yield 1

    @trace(name="outer")
    @using_session("s2")
    def two() -> None:
        with start_step("below"):
            pass

    assert list(one()) == [1]
    two()
    assert owners(steps) == {"inner": "s1", "below": "s2", "outer": None}


def test_nothing_leaves_the_process_unless_asked_for() -> None:
    for propagate, expected in ((False, {}), (True, {"session.id": "s1", "user.id": "u1"})):
        with using_session("s1", "u1", propagate=propagate):
            carrier: dict[str, str] = {}
            W3CBaggagePropagator().inject(carrier)
            assert dict(baggage.get_all()) == expected
            assert bool(carrier) is propagate
        assert baggage.get_all() == {}


def test_what_was_sent_is_received_where_that_is_asked_for(steps: SpanLog) -> None:
    carrier: dict[str, str] = {}
    with using_session("s 1", "ü", metadata={"a": "b;c,d"}, tags=["t"], propagate=True):
        W3CBaggagePropagator().inject(carrier)

    token = attach(W3CBaggagePropagator().extract(carrier))
    try:
        with start_step("not asked"):
            pass
        with using_session(from_baggage=True), start_step("asked"):
            pass
        with using_session(user_id="own", from_baggage=True), start_step("own"):
            pass
    finally:
        detach(token)
    assert owners(steps) == {"not asked": None, "asked": "s 1", "own": "s 1"}
    said = steps.named("asked").attributes or {}
    assert (said[USER], said["openlayer.trace.tags"]) == ("ü", ("t",))
    assert json.loads(str(said["openlayer.trace.metadata"])) == {"a": "b;c,d"}
    assert (steps.named("own").attributes or {})[USER] == "own"


@pytest.mark.parametrize("tags", ["7", "web", "{}", "null"])
def test_baggage_of_others_that_is_not_as_ours_harms_nothing(tags: str, steps: SpanLog) -> None:
    context = baggage.set_baggage("session.id", "s 1")
    for name, value in {"trace.tags": tags, "trace.metadata": "[1]"}.items():
        context = baggage.set_baggage(f"openlayer.{name}", value, context)
    token = attach(context)
    try:
        with using_session(from_baggage=True, tags=["own"]), start_step("asked"):
            pass
    finally:
        detach(token)
    attributes = steps.only().attributes or {}
    assert (attributes["session.id"], attributes["openlayer.trace.tags"]) == ("s 1", ("own",))
    assert "openlayer.trace.metadata" not in attributes


def test_tags_of_a_step_are_joined_to_those_of_the_block(steps: SpanLog) -> None:
    @trace(tags=["beta"])
    def answer() -> None:
        """Nothing to do."""

    with using_session(tags=["web"]):
        answer()
    assert (steps.only().attributes or {})["openlayer.trace.tags"] == ("web", "beta")


def test_one_tag_is_a_tag(steps: SpanLog) -> None:
    trace(tags="beta")(lambda: None)()  # type: ignore[arg-type]
    assert (steps.only().attributes or {})["openlayer.trace.tags"] == ("beta",)


def test_the_user_of_one_trace_of_a_block_is_not_that_of_the_next(
    steps: SpanLog, tracer_provider: TracerProvider
) -> None:
    tracer = tracer_provider.get_tracer("of the application")
    with using_session(tags=["web"]):
        with tracer.start_as_current_span("first"):
            update_current_trace(user_id="alice")
            with start_step("hers"):
                pass
        with tracer.start_as_current_span("second"), start_step("somebody's"):
            pass
        with start_step("third"):
            pass
    users = {span.name: (span.attributes or {}).get(USER) for span in steps.ended}
    assert users == {
        "first": "alice",
        "hers": "alice",
        "second": None,
        "somebody's": None,
        "third": None,
    }


def test_the_user_said_of_another_trace_is_not_that_of_this_one(steps: SpanLog) -> None:
    with start_step("first"):
        first = current_trace()
        assert first is not None

        def elsewhere() -> None:
            with using_session(tags=["web"]), start_step("second"):
                first.update(user_id="alice")
                with start_step("below second"):
                    pass

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    users = {span.name: (span.attributes or {}).get(USER) for span in steps.ended}
    assert users == {"first": "alice", "second": None, "below second": None}


def test_metadata_and_tags_of_other_types_do_not_stop_the_block(steps: SpanLog) -> None:
    with using_session(metadata=7, tags=5), start_step("s", tags=6):  # type: ignore[arg-type]
        pass
    said = steps.only().attributes or {}
    assert json_attribute(steps.only(), "openlayer.trace.metadata") == {"metadata": 7}
    assert said["openlayer.trace.tags"] == ("5", "6")
