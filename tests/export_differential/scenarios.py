"""The scenarios of the captures, through our package: each function makes one trace."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
from opentelemetry.trace import Tracer

from openlayer_otel import (
    log_attachment,
    log_context,
    log_question,
    trace,
    update_current_step,
    update_current_trace,
    using_session,
)
from openlayer_otel.tracing.guardrails import (
    BaseGuardrail,
    BlockStrategy,
    GuardrailAction,
    GuardrailBlockedException,
    GuardrailResult,
)

MODEL = "gpt-4o-mini"
CLAUDE = "claude-sonnet-4-5"
TERSE = [
    {"role": "system", "content": "You are terse."},
    {"role": "user", "content": "Say hi"},
]
HI = [{"role": "user", "content": "Say hi"}]
WEATHER = {
    "name": "get_weather",
    "description": "w",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
FUNCTION = {"type": "function", "function": {"name": "get_weather", "parameters": {}}}


@dataclass
class World:
    """What a scenario works with: the address of the provider, and the application's tracer."""

    url: str
    tracer: Tracer

    @property
    def openai(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key="k", max_retries=0)

    @property
    def async_openai(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key="k", max_retries=0)

    @property
    def anthropic(self) -> anthropic.Anthropic:
        return anthropic.Anthropic(base_url=self.url, api_key="k", max_retries=0)


SCENARIOS: dict[str, Callable[[World], object]] = {}


def scenario(function: Callable[[World], object]) -> Callable[[World], object]:
    SCENARIOS[function.__name__] = function
    return function


def drain(stream: Any) -> None:
    for _ in stream:
        pass


def chat(world: World, content: str) -> str:
    answer = world.openai.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": content}]
    )
    return str(answer.choices[0].message.content)


@scenario
def openai_chat_nonstream(world: World) -> None:
    world.openai.chat.completions.create(
        model=MODEL, messages=TERSE, temperature=0.2, max_tokens=50
    )


@scenario
def openai_chat_inference_id_kwarg(world: World) -> None:
    """Theirs adds an argument to the provider's method; ours never does. The span says it."""
    attributes = {"openlayer.trace.inference_id": "my-inference"}
    with world.tracer.start_as_current_span("request", attributes=attributes):
        world.openai.chat.completions.create(model=MODEL, messages=TERSE)


@scenario
def openai_chat_nonstream_async(world: World) -> None:
    asyncio.run(world.async_openai.chat.completions.create(model=MODEL, messages=TERSE))  # type: ignore[arg-type]


@scenario
def openai_chat_stream(world: World) -> None:
    drain(world.openai.chat.completions.create(model=MODEL, messages=TERSE, stream=True))


@scenario
def openai_chat_stream_async(world: World) -> None:
    async def run() -> None:
        async for _ in await world.async_openai.chat.completions.create(
            model=MODEL, messages=TERSE, stream=True
        ):
            pass

    asyncio.run(run())


@scenario
def openai_chat_stream_include_usage(world: World) -> None:
    options = {"include_usage": True}
    drain(
        world.openai.chat.completions.create(
            model=MODEL, messages=TERSE, stream=True, stream_options=options
        )
    )


@scenario
def openai_chat_tools(world: World) -> None:
    world.openai.chat.completions.create(model=MODEL, messages=TERSE, tools=[FUNCTION])


@scenario
def openai_chat_tools_stream(world: World) -> None:
    drain(
        world.openai.chat.completions.create(
            model=MODEL, messages=TERSE, tools=[FUNCTION], stream=True
        )
    )


@scenario
def openai_responses(world: World) -> None:
    world.openai.responses.create(model=MODEL, instructions="Be terse", input="Say hi")


@scenario
def openai_responses_stream(world: World) -> None:
    drain(world.openai.responses.create(model=MODEL, input="Say hi", stream=True))


@scenario
def openai_responses_stream_async(world: World) -> None:
    async def run() -> None:
        async for _ in await world.async_openai.responses.create(
            model=MODEL, input="Say hi", stream=True
        ):
            pass

    asyncio.run(run())


@scenario
def openai_embeddings(world: World) -> None:
    world.openai.embeddings.create(model="text-embedding-3-small", input="hello")


@scenario
def openai_embeddings_batch(world: World) -> None:
    world.openai.embeddings.create(model="text-embedding-3-small", input=["hello", "world"])


@scenario
def openai_chat_multimodal_uploads_disabled(world: World) -> None:
    image = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
    content = [
        {"type": "text", "text": "what is it"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
        },
    ]
    world.openai.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": content}]
    )


SCENARIOS["openai_chat_multimodal_uploads_enabled.7"] = openai_chat_multimodal_uploads_disabled


@scenario
def anthropic_messages(world: World) -> None:
    world.anthropic.messages.create(
        model=CLAUDE, max_tokens=64, system="You are terse.", messages=HI
    )


@scenario
def anthropic_messages_stream(world: World) -> None:
    drain(world.anthropic.messages.create(model=CLAUDE, max_tokens=64, messages=HI, stream=True))


@scenario
def anthropic_messages_tools(world: World) -> None:
    world.anthropic.messages.create(model=CLAUDE, max_tokens=64, messages=HI, tools=[WEATHER])


@scenario
def anthropic_messages_stream_tools(world: World) -> None:
    drain(
        world.anthropic.messages.create(
            model=CLAUDE, max_tokens=64, messages=HI, tools=[WEATHER], stream=True
        )
    )


def pipeline(world: World) -> Callable[[str], dict[str, str]]:
    @trace(name="inner")
    def inner(q: str, k: int = 3) -> str:
        return chat(world, q)

    @trace(name="Pipeline", step_type="agent")
    def outer(query: str) -> dict[str, str]:
        return {"answer": inner(query)}

    return outer


@scenario
def nested_two_levels(world: World) -> None:
    pipeline(world)("hi there")


@scenario
def nested_error(world: World) -> None:
    try:
        pipeline(world)("err")
    except openai.AuthenticationError:
        pass


@scenario
def trace_generator_openai_stream(world: World) -> None:
    @trace()
    def gen(query: str) -> Iterator[str]:
        for chunk in world.openai.chat.completions.create(model=MODEL, messages=TERSE, stream=True):
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content

    drain(gen("q"))


@scenario
def trace_async_generator_openai_stream(world: World) -> None:
    @trace()
    async def agen(query: str) -> AsyncIterator[str]:
        async for chunk in await world.async_openai.chat.completions.create(
            model=MODEL, messages=TERSE, stream=True
        ):
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content

    async def run() -> None:
        async for _ in agen("q"):
            pass

    asyncio.run(run())


@scenario
def user_session_metadata_context_promote(world: World) -> None:
    @trace(name="inner")
    def inner(q: str, k: int = 3) -> str:
        return chat(world, q)

    @trace(promote={"tier": "customer_tier"})
    def rag(question: str, ctx: list[str], tier: str = "gold") -> str:
        log_context(ctx)
        log_question(question)
        update_current_trace(
            inferenceId="custom-inference-1",
            metadata={"env": "prod", "release": "1.2.3"},
            tags=["a", "b"],
        )
        update_current_step(attributes={"ground_truth": "GT"}, metadata={"model_version": "v1"})
        return inner(question)

    with using_session(user_id="user-1", session_id="sess-1"):
        rag("why?", ["c0"])


@scenario
def agent_with_tool_and_retriever_steps(world: World) -> None:
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
        openai_chat_tools(world)
        return "done"

    agent("q")


def typed(step_type: str) -> Callable[[World], None]:
    def run(world: World) -> None:
        @trace(name=step_type, step_type=step_type)
        def function(q: str) -> str:
            return "o"

        function("x")

    return run


for _type in ("chat_completion", "embedding", "guardrail", "handoff"):
    SCENARIOS[f"steptype_{_type}"] = typed(_type)


class Check(BaseGuardrail):
    """A guardrail that answers as it was told."""

    def __init__(
        self, name: str, on_input: GuardrailResult, on_output: GuardrailResult | None = None
    ) -> None:
        super().__init__(name)
        self.on_input, self.on_output = on_input, on_output

    def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
        return self.on_input

    def check_output(self, output: Any, inputs: dict[str, Any]) -> GuardrailResult:
        assert self.on_output is not None
        return self.on_output


def guarded_by(guardrail: BaseGuardrail) -> None:
    @trace(guardrails=[guardrail])
    def guarded(q: str) -> str:
        return f"out:{q}"

    try:
        guarded("secret")
    except GuardrailBlockedException:
        pass


@scenario
def guardrail_modify(world: World) -> None:
    modify = GuardrailResult(
        action=GuardrailAction.MODIFY,
        modified_data={"q": "REDACTED"},
        reason="pii",
        metadata={"n": 1},
    )
    allow = GuardrailResult(action=GuardrailAction.ALLOW, reason="fine")
    guarded_by(Check("PII Guard", modify, allow))


@scenario
def guardrail_block_error_message(world: World) -> None:
    block = GuardrailResult(
        action=GuardrailAction.BLOCK,
        reason="bad",
        block_strategy=BlockStrategy.RETURN_ERROR_MESSAGE,
        error_message="nope",
    )
    guarded_by(Check("Blocker", block, GuardrailResult(action=GuardrailAction.ALLOW)))


@scenario
def guardrail_block_raise(world: World) -> None:
    guarded_by(Check("Raiser", GuardrailResult(action=GuardrailAction.BLOCK, reason="bad")))


@scenario
def attachment_uploads_disabled(world: World) -> None:
    @trace()
    def attach_noupload(q: str) -> str:
        log_attachment(b"hello-bytes", "a.txt", "text/plain")
        return "ok"

    attach_noupload("x")


def attachment_uploads_enabled(world: World) -> None:
    @trace()
    def attach(q: str) -> str:
        log_attachment(b"hello-bytes", "a.txt", "text/plain", metadata={"k": 1})
        return "ok"

    attach("x")


SCENARIOS["attachment_uploads_enabled.3"] = attachment_uploads_enabled


def offline(world: World) -> None:
    """A traced function whose trace cannot be sent."""

    @trace(name="f")
    def f(q: str) -> str:
        return "o"

    f("q2")
