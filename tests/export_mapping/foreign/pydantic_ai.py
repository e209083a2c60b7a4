"""Spans of Pydantic AI and Logfire."""

from __future__ import annotations

import json

from tests.export_mapping.foreign.foreign_span import (
    OPENAI_CALL,
    TERSE_HI,
    V1_36,
    Foreign,
)
from tests.export_mapping.traces import said

SPANS = {
    "Pydantic AI, a tool of version 2": Foreign(
        "pydantic-ai",
        "running tool",
        {
            "gen_ai.tool.name": "get_weather",
            "gen_ai.tool.call.id": "call_1",
            "tool_arguments": '{"city":"Paris"}',
            "tool_response": '{"temp":20}',
            "logfire.msg": "running tool: get_weather",
        },
        {
            "name": "get_weather",
            "type": "tool",
            "arguments": {"city": "Paris"},
            "output": {"temp": 20},
        },
    ),
    "Pydantic AI 1.x, cached input": Foreign(
        "pydantic-ai",
        "chat gpt-4o",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 1200,
            "gen_ai.usage.output_tokens": 10,
            "gen_ai.usage.details.cache_read_tokens": 1000,
            "gen_ai.usage.details.cache_write_tokens": 50,
            "gen_ai.usage.details.input_audio_tokens": 90,
            "gen_ai.usage.details.cache_audio_read_tokens": 60,
        },
        {
            "promptTokens": 1200,
            "usageDetails": {
                "input_tokens": 120,
                "output_tokens": 10,
                "cached_tokens": 1000,
                "cache_creation_tokens": 50,
                "audio_input_tokens": 30,
            },
        },
    ),
    "Pydantic AI, an agent's run": Foreign(
        "pydantic-ai",
        "invoke_agent helper",
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "helper",
            "model_name": "gpt-4o-mini",
            "gen_ai.aggregated_usage.input_tokens": 11,
            "pydantic_ai.all_messages": said(("user", "Say hi"), ("assistant", "Hi")),
            "gen_ai.system_instructions": '[{"type":"text","content":"Be terse."}]',
            "final_result": "Hi",
        },
        {"name": "helper", "type": "agent", "inputs": {"prompt": TERSE_HI}, "output": "Hi"},
    ),
    "Pydantic AI, events as an attribute": Foreign(
        "pydantic-ai",
        "chat gpt-4o-mini",
        {
            **V1_36,
            "events": json.dumps(
                [
                    {"event.name": "gen_ai.system.message", "content": "Be terse."},
                    {"event.name": "gen_ai.user.message", "content": "Say hi", "role": "user"},
                    {
                        "event.name": "gen_ai.choice",
                        "index": 0,
                        "message": {"role": "assistant", "content": "Hi"},
                    },
                ]
            ),
            "operation.cost": 0.001,
        },
        {**OPENAI_CALL, "cost": 0.001},
    ),
    "Logfire, its OpenAI integration": Foreign(
        "logfire.openai",
        "Chat Completion with {request_data[model]!r}",
        {
            "request_data": json.dumps({"model": "gpt-4o-mini", "messages": TERSE_HI}),
            "response_data": '{"message": {"role": "assistant", "content": "Hi"}}',
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.usage.output_tokens": 5,
            "gen_ai.usage.cache_read.input_tokens": 3,
        },
        OPENAI_CALL,
    ),
}
