"""Spans of LiteLLM and the Vercel AI SDK."""

from __future__ import annotations

import json

from tests.export_mapping.foreign.foreign_span import (
    CALLED,
    MESSAGES,
    OPENAI_CALL,
    TERSE_HI,
    Foreign,
)

SPANS = {
    "LiteLLM, its first callback": Foreign(
        "litellm",
        "litellm_request",
        {
            "gen_ai.operation.name": "acompletion",
            "llm.request.type": "acompletion",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "openai/gpt-4o-mini",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.usage.output_tokens": 5,
            "gen_ai.usage.cache_read_input_tokens": 3,
            "gen_ai.response.finish_reasons": '["stop"]',
            "gen_ai.cost.total_cost": 0.003,
            **MESSAGES,
        },
        {**OPENAI_CALL, "cost": 0.003, "metadata": {}},
    ),
    "OpenLIT, a model without a price": Foreign(
        "openlit",
        "chat gpt-of-tomorrow",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-of-tomorrow",
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.usage.output_tokens": 5,
            "gen_ai.usage.cost": 0,
        },
        {"model": "gpt-of-tomorrow", "tokens": 16, "cost": None},
    ),
    "OpenLIT, a model with a price": Foreign(
        "openlit",
        "chat gpt-4o-mini",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.usage.cost": 0.002,
        },
        {"model": "gpt-4o-mini", "cost": 0.002},
    ),
    "LiteLLM, a guardrail": Foreign(
        "litellm",
        "guardrail",
        {
            "guardrail_name": "pii",
            "guardrail_mode": "pre_call",
            "guardrail_action": "block",
            "guardrail_response": '{"found":1}',
        },
        {
            "name": "pii",
            "type": "guardrail",
            "action": "block",
            "dataType": "pre_call",
            "output": {"found": 1},
        },
    ),
    "Vercel AI SDK 5, a model call": Foreign(
        "ai",
        "ai.generateText.doGenerate",
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "operation.name": "ai.generateText.doGenerate",
            "ai.model.provider": "openai.chat",
            "ai.model.id": "gpt-4o-mini",
            "ai.prompt.messages": json.dumps(
                [
                    {"role": "system", "content": "Be terse."},
                    {"role": "user", "content": [{"type": "text", "text": "Say hi"}]},
                    {
                        "role": "assistant",
                        "content": [
                            {
                                "type": "tool-call",
                                "toolCallId": "call_1",
                                "toolName": "get_weather",
                                "input": {"city": "Paris"},
                            }
                        ],
                    },
                    {
                        "role": "tool",
                        "content": [
                            {
                                "type": "tool-result",
                                "toolCallId": "call_1",
                                "toolName": "get_weather",
                                "output": {"type": "json", "value": {"temp": 20}},
                            }
                        ],
                    },
                ]
            ),
            "ai.response.text": "Hi",
            "ai.response.finishReason": "stop",
            "ai.response.model": "gpt-4o-mini-2024-07-18",
            "ai.usage.inputTokens": 11,
            "ai.usage.outputTokens": 5,
            "ai.usage.cachedInputTokens": 3,
            "gen_ai.system": "openai.chat",
        },
        {
            **OPENAI_CALL,
            "inputs": {
                "prompt": [
                    *TERSE_HI,
                    {"role": "assistant", "content": None, "tool_calls": [CALLED]},
                    {"role": "tool", "tool_call_id": "call_1", "content": '{"temp":20}'},
                ]
            },
        },
    ),
    "Vercel AI SDK 4, tool calls": Foreign(
        "ai",
        "ai.streamText.doStream",
        {
            "ai.operationId": "ai.streamText.doStream",
            "ai.model.provider": "openai.responses",
            "ai.model.id": "gpt-4o-mini",
            "ai.usage.promptTokens": 11,
            "ai.usage.completionTokens": 5,
            "ai.response.msToFirstChunk": 250.0,
            "ai.response.toolCalls": (
                '[{"toolCallType":"function","toolCallId":"c","toolName":"f","args":"{}"}]'
            ),
            "ai.response.finishReason": "tool-calls",
        },
        {
            "provider": "OpenAI",
            "tokens": 16,
            "output": {"name": "f", "arguments": {}},
            "metadata": {"timeToFirstToken": 250.0},
        },
    ),
    "Vercel AI SDK, the application's call": Foreign(
        "ai",
        "ai.generateText",
        {
            "ai.operationId": "ai.generateText",
            "ai.telemetry.functionId": "summarise",
            "ai.prompt": '{"prompt":"Say hi"}',
            "ai.response.text": "Hi",
            "ai.usage.inputTokens": 11,
        },
        {
            "name": "summarise",
            "type": "user_call",
            "inputs": {"prompt": "Say hi"},
            "output": "Hi",
        },
    ),
    "Vercel AI SDK, a tool": Foreign(
        "ai",
        "ai.toolCall",
        {
            "ai.operationId": "ai.toolCall",
            "ai.toolCall.name": "get_weather",
            "ai.toolCall.id": "c",
            "ai.toolCall.args": '{"city":"Paris"}',
            "ai.toolCall.result": '{"temp":20}',
        },
        {
            "name": "get_weather",
            "type": "tool",
            "arguments": {"city": "Paris"},
            "output": {"temp": 20},
        },
    ),
}
