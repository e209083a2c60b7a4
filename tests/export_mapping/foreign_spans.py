"""Spans of other packages, one of each kind, and what their steps must say.

The attributes are those that the packages wrote when they were run against the stand-in
(OpenInference 0.1.66 and 3.1, OpenLLMetry 0.62, genai-openai and genai-anthropic 1.3b0,
Anthropic SDK 2.12, Pydantic AI 2.68), or that their source writes (Google ADK 2.13, Strands
1.62, Semantic Kernel 1.45, LiteLLM 1.109, Vercel AI SDK 4 and 5, Traceloop SDK 0.62).
"""

from __future__ import annotations

import json
from typing import Any

from tests.export_mapping.traces import said

TERSE_HI = [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "Say hi"}]
CALLED = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
}


class Foreign:
    """One span of a package and what its step must say."""

    def __init__(
        self,
        scope: str,
        name: str,
        attributes: dict[str, Any],
        expected: dict[str, Any],
        events: list[tuple[str, dict[str, Any]]] = [],  # noqa: B006 - never changed
    ) -> None:
        self.scope, self.name, self.attributes = scope, name, attributes
        self.expected, self.events = expected, events


OPENAI_CALL = {
    "name": "OpenAI Chat Completion",
    "type": "chat_completion",
    "provider": "OpenAI",
    "model": "gpt-4o-mini-2024-07-18",
    "promptTokens": 11,
    "completionTokens": 5,
    "tokens": 16,
    "usageDetails": {"input_tokens": 8, "output_tokens": 5, "cached_tokens": 3},
    "inputs": {"prompt": TERSE_HI},
    "output": "Hi",
}
V1_36 = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 11,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.usage.cache_read.input_tokens": 3,
}
MESSAGES = {
    "gen_ai.input.messages": said(("system", "Be terse."), ("user", "Say hi")),
    "gen_ai.output.messages": said(("assistant", "Hi")),
}

FOREIGN = {
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
    "OpenInference, a model call": Foreign(
        "openinference.instrumentation.openai",
        "ChatCompletion",
        {
            "openinference.span.kind": "LLM",
            "llm.system": "openai",
            "llm.provider": "openai",
            "llm.model_name": "gpt-4o-mini-2024-07-18",
            "input.value": '{"model":"gpt-4o-mini"}',
            "output.value": '{"id":"chatcmpl-1"}',
            "llm.invocation_parameters": '{"model":"gpt-4o-mini","temperature":0.2,"user":"u"}',
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": "Be terse.",
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.contents.0.message_content.type": "text",
            "llm.input_messages.1.message.contents.0.message_content.text": "Say hi",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "Hi",
            "llm.token_count.prompt": 11,
            "llm.token_count.completion": 5,
            "llm.token_count.total": 16,
            "llm.token_count.prompt_details.cache_read": 3,
            "llm.cost.total": 0.002,
        },
        {
            **OPENAI_CALL,
            "cost": 0.002,
            "modelParameters": {
                "frequency_penalty": 0,
                "logit_bias": None,
                "logprobs": False,
                "top_logprobs": None,
                "max_tokens": None,
                "n": 1,
                "presence_penalty": 0,
                "seed": None,
                "stop": None,
                "temperature": 0.2,
                "top_p": 1,
                "user": "u",
            },
        },
    ),
    "OpenInference, tool calls in history and answer": Foreign(
        "openinference.instrumentation.anthropic",
        "messages.create",
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "anthropic",
            "llm.input_messages.0.message.role": "assistant",
            "llm.input_messages.0.message.tool_calls.0.tool_call.id": "call_1",
            "llm.input_messages.0.message.tool_calls.0.tool_call.function.name": "get_weather",
            "llm.input_messages.0.message.tool_calls.0.tool_call.function.arguments": (
                '{"city": "Paris"}'
            ),
            "llm.input_messages.0.message.contents.0.message_content.type": "tool_use",
            "llm.input_messages.1.message.role": "tool",
            "llm.input_messages.1.message.tool_call_id": "call_1",
            "llm.input_messages.1.message.content": "20",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{}",
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
    "OpenInference, a retriever": Foreign(
        "openinference.instrumentation.langchain",
        "VectorStoreRetriever",
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": "capital?",
            "retrieval.documents.0.document.content": "Paris is …",
            "retrieval.documents.0.document.score": 0.9,
            "retrieval.documents.0.document.metadata": '{"source":"a"}',
        },
        {
            "name": "VectorStoreRetriever",
            "type": "retriever",
            "inputs": {"input": "capital?"},
            "documents": [{"content": "Paris is …", "score": 0.9, "metadata": {"source": "a"}}],
        },
    ),
    "OpenInference, a chain": Foreign(
        "openinference.instrumentation.langchain",
        "RunnableSequence",
        {
            "openinference.span.kind": "CHAIN",
            "input.value": '{"question":"why?"}',
            "input.mime_type": "application/json",
            "output.value": "because",
            "metadata": '{"env":"prod"}',
        },
        {
            "name": "RunnableSequence",
            "type": "user_call",
            "inputs": {"question": "why?"},
            "output": "because",
            "metadata": {"env": "prod"},
        },
    ),
    "OpenInference, embeddings": Foreign(
        "openinference.instrumentation.openai",
        "CreateEmbeddings",
        {
            "openinference.span.kind": "EMBEDDING",
            "llm.system": "openai",
            "embedding.model_name": "text-embedding-3-small",
            "embedding.embeddings.0.embedding.text": "a",
            "embedding.embeddings.1.embedding.text": "b",
            "embedding.embeddings.0.embedding.vector": (0.1, 0.2),
            "llm.token_count.prompt": 8,
        },
        {
            "name": "OpenAI Embedding",
            "inputs": {"input": ["a", "b"]},
            "output": None,
            "embeddingCount": 2,
            "promptTokens": 8,
        },
    ),
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
                                {"function_call": {"name": "get_weather", "id": "call_1",
                                                   "args": {"city": "Paris"}}}
                            ],
                        },
                        {
                            "role": "user",
                            "parts": [
                                {"function_response": {"name": "get_weather", "id": "call_1",
                                                       "response": {"temp": 20}}}
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
}  # fmt: skip
