"""``beta.messages.tool_runner``: an agent's span above its calls and its tools."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest
from opentelemetry.context import attach, detach, get_current, set_value
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from openlayer_otel import semconv
from tests.support.span_log import SpanLog, json_attribute

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.skipif(
        not hasattr(anthropic, "beta_tool"), reason="this version of the SDK has no tool runner"
    ),
]

CALL: dict[str, Any] = {
    "model": "claude-x;mode=tool",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "Weather?"}],
}
CHAT = "chat claude-x;mode=tool"
TOOL = "execute_tool get_weather"
TREE = [["invoke_agent", [CHAT], [TOOL], [CHAT]]]


def get_weather(city: str, unit: str = "c") -> str:
    """Tells the weather."""
    return f"sunny in {city}"


async def get_weather_later(city: str, unit: str = "c") -> str:
    """Tells the weather."""
    await asyncio.sleep(0)
    return f"sunny in {city}"


def runner(client: Any, function: Any = get_weather, **options: Any) -> Any:
    asynchronous = asyncio.iscoroutinefunction(function)
    tool = (anthropic.beta_async_tool if asynchronous else anthropic.beta_tool)(
        function, name="get_weather"
    )
    return client.beta.messages.tool_runner(**CALL, tools=[tool], **options)


def read(answer: Any) -> None:
    if hasattr(answer, "text_stream"):
        list(answer)


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_one_agent_above_its_calls_and_tools(
    streamed: bool, instrumented: SpanLog, client: Any
) -> None:
    for answer in runner(client, stream=streamed):
        assert get_current_span().get_span_context().is_valid is False, "in the application"
        read(answer)
    assert instrumented.tree() == TREE
    assert instrumented.open == []
    agent, tool = instrumented.named("invoke_agent"), instrumented.named(TOOL)
    assert (agent.kind, tool.kind) == (SpanKind.INTERNAL, SpanKind.INTERNAL)
    said = dict(tool.attributes or {})
    assert said[semconv.OPERATION_NAME] == "execute_tool"
    assert said[semconv.TOOL_NAME] == "get_weather"
    assert said[semconv.TOOL_CALL_ID] == "toolu_call_1"
    assert json.loads(said[semconv.TOOL_CALL_ARGUMENTS])["city"] == "Paris"
    assert "sunny in Paris" in said[semconv.TOOL_CALL_RESULT]


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
async def test_one_agent_above_its_calls_and_tools_in_an_async_client(
    streamed: bool, instrumented: SpanLog, async_client: Any
) -> None:
    async for answer in runner(async_client, get_weather_later, stream=streamed):
        if streamed:
            assert [event async for event in answer]
    assert instrumented.tree() == TREE
    assert instrumented.open == []


def test_the_agent_holds_the_first_question_and_the_last_answer(
    instrumented: SpanLog, client: Any
) -> None:
    last = runner(client).until_done()
    agent = instrumented.named("invoke_agent")
    said = agent.attributes or {}
    assert said[semconv.OPERATION_NAME] == "invoke_agent"
    assert said[semconv.REQUEST_MODEL] == CALL["model"]
    assert json_attribute(agent, semconv.INPUT_MESSAGES) == [
        {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]}
    ]
    [output] = json_attribute(agent, semconv.OUTPUT_MESSAGES)
    assert output["parts"] == [{"type": "text", "content": last.content[0].text}]
    assert not [name for name in said if name.startswith("gen_ai.usage.")], "counted twice"


def test_the_agent_names_the_conversation_of_its_client(instrumented: SpanLog, client: Any) -> None:
    if not hasattr(client, "open_telemetry"):
        pytest.skip("not in this version of the SDK")
    options = {**client.open_telemetry, "conversation_id": "conv_1"}
    runner(client.with_options(open_telemetry=options)).until_done()
    agent = instrumented.named("invoke_agent").attributes or {}
    assert agent[semconv.CONVERSATION_ID] == "conv_1"


def test_without_content_an_agent_holds_no_words(
    instrument: Callable[..., None], spans: SpanLog, client: Any
) -> None:
    instrument(capture_content=False)
    runner(client).until_done()
    assert spans.tree() == TREE
    said = json.dumps([dict(span.attributes or {}) for span in spans.ended])
    assert "Weather?" not in said and "Paris" not in said and "lorem" not in said


def test_what_a_tool_does_is_below_it(
    instrumented: SpanLog, tracer_provider: TracerProvider, client: Any
) -> None:
    def get_weather(city: str, unit: str = "c") -> str:
        """Asks another model."""
        with tracer_provider.get_tracer("application").start_as_current_span("look up"):
            client.messages.create(**{**CALL, "model": "claude-other"})
        return "sunny"

    agent = runner(client, get_weather)
    next(agent)
    agent.generate_tool_call_response()
    del agent
    gc.collect()
    below = [TOOL, ["look up", ["chat claude-other"]]]
    assert instrumented.tree() == [["invoke_agent", [CHAT], below]]
    [output] = json_attribute(instrumented.named("invoke_agent"), semconv.OUTPUT_MESSAGES)
    kinds = [part["type"] for part in output["parts"]]
    assert kinds == ["text", "tool_call"], "the runner's answer, not that of the tool's call"


def test_a_tool_that_fails_is_a_failure_of_its_own(instrumented: SpanLog, client: Any) -> None:
    def get_weather(city: str, unit: str = "c") -> str:
        """Fails."""
        raise LookupError("no such city")

    runner(client, get_weather).until_done()
    assert instrumented.tree() == TREE
    tool = instrumented.named(TOOL)
    assert tool.status.status_code is StatusCode.ERROR
    assert (tool.attributes or {})[semconv.ERROR_TYPE] in ("tool_error", "LookupError")
    assert instrumented.named("invoke_agent").status.status_code is StatusCode.UNSET


def test_a_failed_call_fails_the_agent(instrumented: SpanLog, client: Any) -> None:
    failing = client.beta.messages.tool_runner(**{**CALL, "model": "x;error=500"}, tools=[])
    with pytest.raises(anthropic.InternalServerError):
        failing.until_done()
    assert instrumented.tree() == [["invoke_agent", ["chat x;error=500"]]]
    agent = instrumented.named("invoke_agent")
    assert agent.status.status_code is StatusCode.ERROR
    assert (agent.attributes or {})[semconv.ERROR_TYPE] == "api_error"


def leave_by_close(running: Any) -> None:
    next(running)
    if not hasattr(running, "close"):
        pytest.skip("runners of this version of the SDK cannot be closed")
    running.close()


def leave_by_break(running: Any) -> None:
    for _ in running:
        break


@pytest.mark.parametrize("leave", [leave_by_close, leave_by_break])
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_a_runner_that_is_left_early_ends(
    leave: Callable[[Any], None], streamed: bool, instrumented: SpanLog, client: Any
) -> None:
    leave(runner(client, stream=streamed))
    gc.collect()
    assert instrumented.open == []
    assert instrumented.tree() == [["invoke_agent", [CHAT]]]
    agent = instrumented.named("invoke_agent")
    assert agent.status.status_code is StatusCode.UNSET
    outcome = "closed" if leave is leave_by_close else "dropped"
    assert (agent.attributes or {})[semconv.OUTCOME] == outcome


async def test_an_async_runner_that_is_closed_ends(
    instrumented: SpanLog, async_client: Any
) -> None:
    running = runner(async_client, get_weather_later)
    if not hasattr(running, "close"):
        pytest.skip("runners of this version of the SDK cannot be closed")
    await running.__anext__()
    await running.close()
    assert instrumented.tree() == [["invoke_agent", [CHAT]]]
    assert [answer async for answer in running] == []


async def test_a_cancelled_runner_is_no_failure(instrumented: SpanLog, async_client: Any) -> None:
    slow = {**CALL, "model": "claude-x;first_delay=20"}
    running = async_client.beta.messages.tool_runner(**slow, tools=[])
    task = asyncio.create_task(running.until_done())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    agent = instrumented.named("invoke_agent")
    assert agent.status.status_code is StatusCode.UNSET
    assert (agent.attributes or {})[semconv.OUTCOME] == "cancelled"


def test_a_runner_that_never_runs_leaves_nothing(instrumented: SpanLog, client: Any) -> None:
    runner(client)
    gc.collect()
    assert instrumented.started == []


def test_two_runners_in_turns_keep_to_themselves(instrumented: SpanLog, client: Any) -> None:
    both = [runner(client), runner(client)]
    for _ in range(2):
        for each in both:
            next(each)
    for each in both:
        assert next(each, None) is None
    assert instrumented.tree() == TREE * 2


def test_tools_that_the_application_asks_for_are_below_the_agent(
    instrumented: SpanLog, client: Any
) -> None:
    running = runner(client)
    next(running)
    assert running.generate_tool_call_response() is not None
    running.until_done()
    assert instrumented.tree() == TREE


@pytest.fixture
def suppressed() -> Iterator[None]:
    token = attach(set_value(semconv.OTEL_SUPPRESS_INSTRUMENTATION_KEY, True, get_current()))
    yield
    detach(token)


def test_suppressed_runners_leave_no_span(
    suppressed: None, instrumented: SpanLog, client: Any
) -> None:
    runner(client).until_done()
    assert instrumented.started == []


def test_an_agent_that_is_sampled_out_takes_its_calls_with_it(
    instrument: Callable[..., None], spans: SpanLog, client: Any
) -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(spans)
    instrument(tracer_provider=provider)
    assert runner(client).until_done().content
    assert spans.started == []


def test_after_uninstrument_a_runner_is_the_sdks_own(
    instrument: Callable[..., None], spans: SpanLog, client: Any
) -> None:
    from openlayer_otel import OpenlayerInstrumentor

    instrument()
    OpenlayerInstrumentor().uninstrument()
    running = runner(client)
    assert type(running._iterator).__name__ == "generator"
    running.until_done()
    assert spans.started == []


def test_tools_that_run_while_the_answer_streams_are_below_the_agent(
    instrumented: SpanLog, client: Any
) -> None:
    try:
        running = runner(client, stream=True, run_tools_eagerly=True)
    except TypeError:
        pytest.skip("not in this version of the SDK")
    for answer in running:
        read(answer)
    assert instrumented.tree() == TREE
    chat = min(instrumented.children_of(instrumented.named("invoke_agent")), key=started)
    tool = instrumented.named(TOOL)
    assert started(chat) < started(tool) < (chat.end_time or 0), "while the answer streams"


def started(span: ReadableSpan) -> int:
    return span.start_time or 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "Tells the weather."),
        ({"redact": lambda text: text.replace("weather", "w.")}, "Tells the w.."),
        ({"capture_content": False}, None),
        ({"capture_content": "EVENT_ONLY"}, None),
    ],
    ids=["default", "redacted", "off", "events"],
)
def test_what_describes_a_tool_is_content(
    settings: dict[str, Any],
    said: str | None,
    instrument: Callable[..., None],
    spans: SpanLog,
    client: Any,
) -> None:
    instrument(**settings)
    runner(client).until_done()
    assert (spans.named(TOOL).attributes or {}).get(semconv.TOOL_DESCRIPTION) == said


class _RefusesTools(SpanProcessor):
    """A processor of somebody's that raises when the span of a tool starts."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        if span.name == TOOL:
            raise ValueError("no tools")


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_tool_runs_whose_span_a_processor_refuses(
    asynchronous: bool,
    instrumented: SpanLog,
    tracer_provider: TracerProvider,
    client: Any,
    async_client: Any,
) -> None:
    tracer_provider.add_span_processor(_RefusesTools())
    if asynchronous:
        last = await runner(async_client, get_weather_later).until_done()
    else:
        last = runner(client).until_done()
    assert last.content[0].text
    assert instrumented.tree() == [["invoke_agent", [CHAT], [CHAT]]]
