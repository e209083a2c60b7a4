"""Spans of Google ADK, Strands and Semantic Kernel."""

from __future__ import annotations

import json

from tests.export_mapping.foreign.foreign_span import (
    CALLED,
    TERSE_HI,
    Foreign,
)

SPANS = {
    "Google ADK, a model call": Foreign(
        "gcp.vertex.agent",
        "call_llm",
        {
            "gen_ai.system": "gcp.vertex.agent",
            "gen_ai.request.model": "gemini-2.5-flash",
            "gcp.vertex.agent.session_id": "s1",
            "gcp.vertex.agent.llm_request": json.dumps(
                {
                    "model": "gemini-2.5-flash",
                    "config": {"system_instruction": "Be terse.", "temperature": 0.1},
                    "contents": [
                        {"role": "user", "parts": [{"text": "Say hi"}]},
                        {
                            "role": "model",
                            "parts": [
                                {
                                    "function_call": {
                                        "name": "get_weather",
                                        "id": "call_1",
                                        "args": {"city": "Paris"},
                                    }
                                }
                            ],
                        },
                        {
                            "role": "user",
                            "parts": [
                                {
                                    "function_response": {
                                        "name": "get_weather",
                                        "id": "call_1",
                                        "response": {"temp": 20},
                                    }
                                }
                            ],
                        },
                    ],
                }
            ),
            "gcp.vertex.agent.llm_response": json.dumps(
                {
                    "content": {"role": "model", "parts": [{"text": "Hi"}]},
                    "usage_metadata": {
                        "prompt_token_count": 11,
                        "candidates_token_count": 2,
                        "thoughts_token_count": 3,
                    },
                }
            ),
            "gen_ai.response.finish_reasons": ["stop"],
        },
        {
            "name": "Gemini Generation",
            "provider": "gemini",
            "inputs": {
                "prompt": [
                    *TERSE_HI,
                    {"role": "assistant", "content": None, "tool_calls": [CALLED]},
                    {"role": "tool", "tool_call_id": "call_1", "content": '{"temp":20}'},
                ]
            },
            "output": "Hi",
            "promptTokens": 11,
            "completionTokens": 5,
            "modelParameters": {"temperature": 0.1},
        },
    ),
    "Google ADK, a model of another provider by way of LiteLLM": Foreign(
        "gcp.vertex.agent",
        "call_llm",
        {"gen_ai.system": "gcp.vertex.agent", "gen_ai.request.model": "openai/gpt-4o-mini"},
        {"name": "OpenAI Content Generation", "provider": "OpenAI", "model": "gpt-4o-mini"},
    ),
    "Google ADK, a model of a server that it does not know": Foreign(
        "gcp.vertex.agent",
        "call_llm",
        {"gen_ai.system": "gcp.vertex.agent", "gen_ai.request.model": "hosted_vllm/llama-4"},
        {"name": "call_llm", "provider": None, "model": "hosted_vllm/llama-4"},
    ),
    "Google ADK, a model by Google's path of it": Foreign(
        "gcp.vertex.agent",
        "call_llm",
        {
            "gen_ai.system": "gcp.vertex.agent",
            "gen_ai.request.model": "projects/p/locations/l/endpoints/123",
        },
        {"name": "Gemini Generation", "provider": "gemini"},
    ),
    "Google ADK, a tool": Foreign(
        "gcp.vertex.agent",
        "execute_tool get_weather",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "get_weather",
            "gen_ai.tool.call.id": "<not specified>",
            "gcp.vertex.agent.llm_request": "{}",
            "gcp.vertex.agent.tool_call_args": '{"city": "Paris"}',
            "gcp.vertex.agent.tool_response": '{"temp": 20}',
        },
        {"type": "tool", "arguments": {"city": "Paris"}, "output": {"temp": 20}},
    ),
    "Strands, a model call": Foreign(
        "strands.telemetry.tracer",
        "chat",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "strands-agents",
            "gen_ai.request.model": "us.anthropic.claude-sonnet-4-20250514-v1:0",
            "gen_ai.usage.prompt_tokens": 11,
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.usage.output_tokens": 5,
            "gen_ai.server.time_to_first_token": 250,
        },
        {
            "name": "AWS Bedrock Model Invocation",
            "provider": "Bedrock",
            "tokens": 16,
            "inputs": {
                "prompt": [
                    *TERSE_HI,
                    {"role": "assistant", "content": None, "tool_calls": [CALLED]},
                    {"role": "tool", "tool_call_id": "call_1", "content": "20"},
                ]
            },
            "output": "Hi",
            "metadata": {"timeToFirstToken": 250.0},
        },
        [
            ("gen_ai.system.message", {"content": '[{"text": "Be terse."}]'}),
            ("gen_ai.user.message", {"content": '[{"text": "Say hi"}]'}),
            (
                "gen_ai.assistant.message",
                {
                    "content": '[{"toolUse": {"toolUseId": "call_1", "name": "get_weather", '
                    '"input": {"city": "Paris"}}}]'
                },
            ),
            (
                "gen_ai.tool.message",
                {
                    "content": '[{"toolResult": {"toolUseId": "call_1", "status": "success", '
                    '"content": [{"text": "20"}]}}]'
                },
            ),
            ("gen_ai.choice", {"finish_reason": "end_turn", "message": '[{"text": "Hi"}]'}),
        ],
    ),
    "Strands, cached input on Bedrock": Foreign(
        "strands.telemetry.tracer",
        "chat",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "strands-agents",
            "gen_ai.request.model": "us.anthropic.claude-sonnet-4-20250514-v1:0",
            "gen_ai.usage.input_tokens": 500,
            "gen_ai.usage.output_tokens": 10,
            "gen_ai.usage.cache_read_input_tokens": 300,
            "gen_ai.usage.cache_write_input_tokens": 100,
            "gen_ai.usage.total_tokens": 910,
        },
        {
            "promptTokens": 900,
            "tokens": 910,
            "usageDetails": {
                "input_tokens": 500,
                "output_tokens": 10,
                "cached_tokens": 300,
                "cache_creation_tokens": 100,
            },
        },
    ),
    "Strands, cached input on OpenAI": Foreign(
        "strands.telemetry.tracer",
        "chat",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "strands-agents",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 500,
            "gen_ai.usage.output_tokens": 10,
            "gen_ai.usage.cache_read_input_tokens": 300,
            "gen_ai.usage.total_tokens": 510,
        },
        {
            "promptTokens": 500,
            "usageDetails": {"input_tokens": 200, "output_tokens": 10, "cached_tokens": 300},
        },
    ),
    "Strands, a tool": Foreign(
        "strands.telemetry.tracer",
        "execute_tool get_weather",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.system": "strands-agents",
            "gen_ai.tool.name": "get_weather",
            "gen_ai.tool.call.id": "call_1",
        },
        {
            "name": "get_weather",
            "arguments": {"city": "Paris"},
            "inputs": {"city": "Paris"},
            "output": "20",
        },
        [
            ("gen_ai.tool.message", {"role": "tool", "content": '{"city": "Paris"}', "id": "c"}),
            ("gen_ai.choice", {"message": '[{"text": "20"}]', "id": "call_1"}),
        ],
    ),
    "Semantic Kernel, a model call": Foreign(
        "semantic_kernel.utils.telemetry.model_diagnostics.decorators",
        "chat.completions gpt-4o-mini",
        {
            "gen_ai.operation.name": "chat.completions",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.finish_reason": "FinishReason.LENGTH",
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.usage.output_tokens": 5,
        },
        {
            "name": "OpenAI Chat Completion",
            "tokens": 16,
            "metadata": {"finishReasons": ["length"]},
        },
    ),
}
