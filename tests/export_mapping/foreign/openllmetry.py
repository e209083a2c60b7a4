"""Spans of OpenLLMetry and of Traceloop's decorators."""

from __future__ import annotations

from tests.export_mapping.foreign.foreign_span import (
    CALLED,
    MESSAGES,
    OPENAI_CALL,
    Foreign,
)

SPANS = {
    "OpenLLMetry, current": Foreign(
        "opentelemetry.instrumentation.openai.v1",
        "openai.chat",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.response.id": "chatcmpl-1",
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.usage.output_tokens": 5,
            "gen_ai.usage.cache_read.input_tokens": 3,
            **MESSAGES,
        },
        OPENAI_CALL,
    ),
    "OpenLLMetry, flattened names": Foreign(
        "opentelemetry.instrumentation.openai.v1",
        "openai.chat",
        {
            "llm.request.type": "chat",
            "gen_ai.system": "OpenAI",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "Be terse.",
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": "Say hi",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "Hi",
            "gen_ai.completion.0.finish_reason": "stop",
            "gen_ai.usage.prompt_tokens": 11,
            "gen_ai.usage.completion_tokens": 5,
            "gen_ai.usage.cache_read_input_tokens": 3,
            "llm.usage.total_tokens": 16,
        },
        OPENAI_CALL,
    ),
    "OpenLLMetry, flattened tool calls": Foreign(
        "opentelemetry.instrumentation.openai.v1",
        "openai.chat",
        {
            "llm.request.type": "chat",
            "gen_ai.system": "OpenAI",
            "gen_ai.prompt.0.role": "assistant",
            "gen_ai.prompt.0.tool_calls.0.id": "call_1",
            "gen_ai.prompt.0.tool_calls.0.name": "get_weather",
            "gen_ai.prompt.0.tool_calls.0.arguments": '{"city": "Paris"}',
            "gen_ai.prompt.1.role": "tool",
            "gen_ai.prompt.1.tool_call_id": "call_1",
            "gen_ai.prompt.1.content": "20",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.tool_calls.0.name": "f",
            "gen_ai.completion.0.tool_calls.0.arguments": "{}",
        },
        {
            "inputs": {
                "prompt": [
                    {"role": "assistant", "content": None, "tool_calls": [CALLED]},
                    {"role": "tool", "tool_call_id": "call_1", "content": "20"},
                ]
            },
            "output": {"name": "f", "arguments": {}},
        },
    ),
    "Traceloop, a decorated tool": Foreign(
        "traceloop.tracer",
        "get_weather.tool",
        {
            "traceloop.span.kind": "tool",
            "traceloop.entity.name": "get_weather",
            "traceloop.entity.input": '{"args": [], "kwargs": {"city": "Paris"}}',
            "traceloop.entity.output": '{"temp": 20}',
            "traceloop.association.properties.session_id": "s",
            "traceloop.association.properties.tenant": "acme",
        },
        {
            "name": "get_weather",
            "type": "tool",
            "functionName": "get_weather",
            "arguments": {"city": "Paris"},
            "output": {"temp": 20},
            "metadata": {},
        },
    ),
}
