"""Spans of OpenTelemetry's own packages, old and new, and of the Anthropic SDK itself."""

from __future__ import annotations

import json

from tests.export_mapping.foreign.foreign_span import (
    MESSAGES,
    OPENAI_CALL,
    TERSE_HI,
    V1_36,
    Foreign,
)
from tests.export_mapping.traces import said

SPANS = {
    "official, v1.36 names and events": Foreign(
        "opentelemetry.instrumentation.openai_v2",
        "chat gpt-4o-mini",
        V1_36,
        OPENAI_CALL,
        [
            ("gen_ai.system.message", {"content": "Be terse."}),
            ("gen_ai.user.message", {"content": "Say hi"}),
            (
                "gen_ai.choice",
                {"index": 0, "finish_reason": "stop", "message": '{"content":"Hi"}'},
            ),
        ],
    ),
    "official, v1.27 prompt and completion events": Foreign(
        "opentelemetry.instrumentation.openai",
        "chat gpt-4o-mini",
        V1_36,
        OPENAI_CALL,
        [
            ("gen_ai.content.prompt", {"gen_ai.prompt": json.dumps(TERSE_HI)}),
            (
                "gen_ai.content.completion",
                {"gen_ai.completion": '[{"role":"assistant","content":"Hi"}]'},
            ),
        ],
    ),
    "official, v1.26 token names": Foreign(
        "some.package",
        "chat gpt-4o-mini",
        {
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.usage.prompt_tokens": 11,
            "gen_ai.usage.completion_tokens": 5,
            **MESSAGES,
        },
        {"provider": "OpenAI", "tokens": 16, "model": "gpt-4o-mini", "output": "Hi"},
    ),
    "official, current": Foreign(
        "opentelemetry.instrumentation.genai.openai",
        "chat gpt-4o-mini",
        {
            **{key: value for key, value in V1_36.items() if key != "gen_ai.system"},
            "gen_ai.provider.name": "openai",
            "openai.api.type": "chat_completions",
            "gen_ai.response.time_to_first_chunk": 0.5,
            **MESSAGES,
        },
        {**OPENAI_CALL, "metadata": {"timeToFirstToken": 500.0}},
    ),
    "official, content on a details event": Foreign(
        "opentelemetry.instrumentation.genai.openai",
        "chat gpt-4o-mini",
        V1_36,
        OPENAI_CALL,
        [("gen_ai.client.inference.operation.details", MESSAGES)],
    ),
    "the Anthropic SDK itself": Foreign(
        "com.anthropic.sdk.python",
        "anthropic.messages.create",
        {
            "gen_ai.provider.name": "anthropic",
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "claude-sonnet-4-5",
            "gen_ai.request.max_tokens": 20,
            "gen_ai.usage.input_tokens": 16,
            "gen_ai.usage.output_tokens": 5,
            "gen_ai.usage.cache_write.input_tokens": 2,
            "gen_ai.usage.cache_read.input_tokens": 3,
            "gen_ai.system_instructions": '[{"type":"text","content":"Be terse."}]',
            "gen_ai.input.messages": (
                '[{"role":"user","parts":[{"type":"text","content":"Say hi"}]},'
                '{"role":"assistant","parts":[{"type":"tool_call","id":"tu","name":"f",'
                '"arguments":{"a":1}}]},{"role":"user","parts":[{"type":"tool_call_response",'
                '"id":"tu","response":[{"type":"text","text":"42"}]}]}]'
            ),
            "gen_ai.output.messages": said(("assistant", "Hi")),
            "http.route": "/v1/messages",
            "anthropic.message.stop_reason": "end_turn",
        },
        {
            "name": "Anthropic Message Creation",
            "provider": "Anthropic",
            "promptTokens": 16,
            "usageDetails": {
                "input_tokens": 11,
                "output_tokens": 5,
                "cached_tokens": 3,
                "cache_creation_tokens": 2,
            },
            "inputs": {
                "prompt": [
                    *TERSE_HI,
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {
                                "id": "tu",
                                "type": "function",
                                "function": {"name": "f", "arguments": '{"a":1}'},
                            }
                        ],
                    },
                    {"role": "tool", "tool_call_id": "tu", "content": "42"},
                ]
            },
            "output": "Hi",
            "metadata": {},
        },
    ),
}
