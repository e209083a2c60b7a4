"""A program that uses the Anthropic SDK under a global tracer provider, in a process of its own.

``python -m tests.providers_anthropic.native_program CONFIGURATION`` runs every scenario below and
prints, as JSON, the spans that each left and the headers of the requests that it sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import anthropic
from opentelemetry import trace
from opentelemetry.context import attach, detach, set_value
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from openlayer_otel import OpenlayerInstrumentor
from openlayer_otel.standin.llm_server import LLMServer
from tests.support.span_log import SpanLog

CALL: dict[str, Any] = {
    "model": "claude-x",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "hi"}],
}


class DropOurs(Sampler):
    """Drops the spans that we make, whatever is above them; keeps those of the SDK."""

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, *_: Any, **__: Any
    ) -> Any:
        drop = name.startswith("chat")
        return SamplingResult(Decision.DROP if drop else Decision.RECORD_AND_SAMPLE)

    def get_description(self) -> str:
        return "drops chats"


class Program:
    """The scenarios, by name, on one server."""

    def __init__(self, configuration: str, server: LLMServer) -> None:
        self.server = server
        self.log, self.other_log = SpanLog(), SpanLog()
        sampler = DropOurs() if configuration == "sampled-out" else None
        provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        provider.add_span_processor(self.log)
        self.client_before = self.client()
        settings: dict[str, Any] = {}
        if configuration == "sdk":
            settings["anthropic_tracing"] = "sdk"
        if configuration == "other-provider":
            settings["tracer_provider"] = TracerProvider(shutdown_on_exit=False)
            settings["tracer_provider"].add_span_processor(self.other_log)
        trace.set_tracer_provider(provider)
        if configuration != "native":
            OpenlayerInstrumentor().instrument(metrics=False, **settings)

    def client(self, asynchronous: bool = False, **options: Any) -> Any:
        made = anthropic.AsyncAnthropic if asynchronous else anthropic.Anthropic
        return made(api_key="k", base_url=self.server.url, max_retries=0, **options)

    def run(self, scenario: Callable[[Program], Any]) -> dict[str, Any]:
        """Run one scenario; what it left."""
        self.server.reset()
        for log in (self.log, self.other_log):
            log.clear()
        scenario(self)
        return {
            "spans": [described(span) for span in self.log.ended],
            "other": [described(span) for span in self.other_log.ended],
            "open": [span.name for span in [*self.log.open, *self.other_log.open]],
            "headers": [request["headers"] for request in self.server.requests],
        }


def described(span: Any) -> dict[str, Any]:
    context = span.get_span_context()
    return {
        "name": span.name,
        "scope": span.instrumentation_scope.name,
        "id": f"{context.span_id:016x}",
        "trace": f"{context.trace_id:032x}",
        "parent": None if span.parent is None else f"{span.parent.span_id:016x}",
        "operation": span.attributes.get("gen_ai.operation.name"),
        "error": span.attributes.get("error.type"),
    }


def create(program: Program) -> None:
    program.client().messages.create(**CALL)


def create_async(program: Program) -> None:
    async def main() -> None:
        async with program.client(True) as client:
            await client.messages.create(**CALL)

    asyncio.run(main())


def below_a_span(program: Program) -> None:
    with trace.get_tracer("application").start_as_current_span("application"):
        create(program)


def stream(program: Program) -> None:
    list(program.client().messages.create(**CALL, stream=True))


def stream_async(program: Program) -> None:
    async def main() -> None:
        async with program.client(True) as client:
            async for _ in await client.messages.create(**CALL, stream=True):
                pass

    asyncio.run(main())


def stream_left(program: Program) -> None:
    with program.client().messages.create(**CALL, stream=True) as events:
        next(iter(events))


def helper(program: Program) -> None:
    with program.client().messages.stream(**CALL) as events:
        events.get_final_message()


def beta(program: Program) -> None:
    program.client().beta.messages.create(**CALL)


def raw(program: Program) -> None:
    program.client().messages.with_raw_response.create(**CALL).parse()


def streaming_response(program: Program) -> None:
    with program.client().messages.with_streaming_response.create(**CALL) as response:
        response.read()


def failing(program: Program) -> None:
    with contextlib.suppress(anthropic.APIStatusError):
        program.client().messages.create(**{**CALL, "model": "claude-x;error=529"})


def suppressed(program: Program) -> None:
    token = attach(set_value("suppress_instrumentation", True))
    create(program)
    detach(token)


def client_made_before(program: Program) -> None:
    program.client_before.messages.create(**CALL)


def switched_off(program: Program) -> None:
    program.client(open_telemetry=False).messages.create(**CALL)


def without_propagation(program: Program) -> None:
    program.client(open_telemetry={"propagation": False}).messages.create(**CALL)


def count_tokens(program: Program) -> None:
    program.client().messages.count_tokens(model="claude-x", messages=CALL["messages"])


def other_endpoint(program: Program) -> None:
    """The stand-in has no such path; the SDK's span is made all the same."""
    with contextlib.suppress(anthropic.APIStatusError):
        program.client().messages.batches.retrieve("msgbatch_1")


@anthropic.beta_tool
def get_weather(city: str, unit: str = "c") -> str:
    """Tells the weather."""
    with trace.get_tracer("application").start_as_current_span("in the tool"):
        return "sunny"


def tool_runner(program: Program, client: Any = None) -> None:
    call = {**CALL, "model": "claude-x;mode=tool"}
    client = client or program.client()
    client.beta.messages.tool_runner(**call, tools=[get_weather]).until_done()


def tool_runner_switched_off(program: Program) -> None:
    tool_runner(program, program.client(open_telemetry=False))


def tool_runner_suppressed(program: Program) -> None:
    token = attach(set_value("suppress_instrumentation", True))
    tool_runner(program)
    detach(token)


SCENARIOS: Sequence[Callable[[Program], None]] = (
    create,
    create_async,
    below_a_span,
    stream,
    stream_async,
    stream_left,
    helper,
    beta,
    raw,
    streaming_response,
    failing,
    suppressed,
    client_made_before,
    switched_off,
    without_propagation,
    count_tokens,
    other_endpoint,
    tool_runner,
    tool_runner_switched_off,
    tool_runner_suppressed,
)


def main() -> None:
    """Run the scenarios and print what they left."""
    for name in list(os.environ):
        if name.startswith(("OPENLAYER_", "OTEL_", "ANTHROPIC_")):
            del os.environ[name]
    with LLMServer() as server:
        program = Program(sys.argv[1], server)
        print(json.dumps({each.__name__: program.run(each) for each in SCENARIOS}))


if __name__ == "__main__":
    main()
