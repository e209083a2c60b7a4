"""The current step in threads and executors."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from openlayer_otel import (
    ContextThreadPoolExecutor,
    carry_context,
    log_attachment,
    start_step,
    trace,
    update_current_step,
    update_current_trace,
    using_session,
)
from tests.support.span_log import SpanLog, json_attribute

EXPECTED = [["root", ["work"], ["work"], ["work"]]]


@trace(name="work")
def work(number: int) -> int:
    return number


def test_an_executor_that_carries_the_context(steps: SpanLog) -> None:
    with ContextThreadPoolExecutor(2) as pool:
        with start_step("root"), using_session("s1"):
            assert [*pool.map(work, [1, 2])] == [1, 2]
            assert pool.submit(work, number=3).result(60) == 3
        assert pool.submit(work, 4).result(60) == 4
    assert steps.tree() == [*EXPECTED, ["work"]]
    sessions = [(span.attributes or {}).get("session.id") for span in steps.ended]
    assert sorted(str(each) for each in sessions) == ["None", "None", "s1", "s1", "s1"]


def test_any_executor_with_a_function_that_carries_the_context(steps: SpanLog) -> None:
    with ThreadPoolExecutor(2) as pool:
        with start_step("root"):
            carried = carry_context(work)
            list(pool.map(carried, [1, 2, 3]))
        pool.submit(work, 4).result(60)
    assert steps.tree() == [*EXPECTED, ["work"]]
    assert carried.__name__ == "work"


def test_an_object_that_is_called_there_need_not_have_a_name() -> None:
    class Lazy:
        """Answers for something else, which is not there."""

        def __call__(self) -> int:
            return 3

        def __getattr__(self, name: str) -> object:
            raise RuntimeError("outside of a request")

    with ContextThreadPoolExecutor(1) as pool:
        assert pool.submit(Lazy()).result() == 3


def test_a_thread(steps: SpanLog) -> None:
    with start_step("root"):
        for number in range(3):
            thread = threading.Thread(target=carry_context(work), args=(number,))
            thread.start()
            thread.join()
    assert steps.tree() == EXPECTED


async def test_run_in_executor(steps: SpanLog) -> None:
    loop = asyncio.get_running_loop()
    with ContextThreadPoolExecutor(1) as pool:
        with start_step("root"):
            await loop.run_in_executor(None, carry_context(work), 1)
            await loop.run_in_executor(pool, work, 2)
            await asyncio.to_thread(work, 3)
    assert steps.tree() == EXPECTED


async def test_tasks_carry_the_context_by_themselves(steps: SpanLog) -> None:
    async def child(number: int) -> int:
        return work(number)

    with start_step("root"):
        await asyncio.gather(child(1), asyncio.create_task(child(2)), child(3))
    assert steps.tree() == EXPECTED


def test_metadata_that_several_threads_add_is_all_there(steps: SpanLog) -> None:
    def add(thread: int) -> None:
        for number in range(30):
            update_current_trace(metadata={f"{thread}.{number}": 1})
            update_current_step(metadata={f"{thread}.{number}": 1})

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ContextThreadPoolExecutor(8) as pool, start_step("root"):
            list(pool.map(add, range(8)))
    finally:
        sys.setswitchinterval(interval)
    step = steps.only()
    assert len(json_attribute(step, "openlayer.trace.metadata")) == 240
    assert len(json_attribute(step, "openlayer.step.metadata")) == 240


def test_attachments_that_two_threads_add_are_both_there(
    settings_of_test: Callable[..., None], spans: SpanLog
) -> None:
    under_way, added = threading.Event(), threading.Event()

    def redact(text: str) -> str:
        if text == "first.png" and not under_way.is_set():
            under_way.set()
            assert added.wait(60)
        return text

    settings_of_test(redact=redact)
    with start_step("root"):
        first = threading.Thread(target=carry_context(log_attachment), args=(b"1", "first.png"))
        first.start()
        assert under_way.wait(60)
        log_attachment(b"2", name="second.png")
        added.set()
        first.join()
    attached = json_attribute(spans.only(), "openlayer.step.attachments")
    assert [each["name"] for each in attached] == ["first.png", "second.png"]
