"""Spans of OpenInference."""

from __future__ import annotations

from tests.export_mapping.foreign.foreign_span import (
    CALLED,
    OPENAI_CALL,
    Foreign,
)

SPANS = {
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
    "OpenInference, a call of OpenAI's Responses": Foreign(
        "openinference.instrumentation.openai",
        "Response",
        {
            "openinference.span.kind": "LLM",
            "llm.system": "openai",
            "llm.model_name": "gpt-4o-mini-2024-07-18",
            "input.value": '{"model":"gpt-4o-mini","input":"Say hi"}',
            "output.value": '{"id":"resp_1","object":"response","model":"gpt-4o-mini-2024-07-18"}',
            "llm.invocation_parameters": '{"model":"gpt-4o-mini","max_output_tokens":50}',
        },
        {
            "name": "OpenAI Response",
            "modelParameters": {
                "max_output_tokens": 50,
                "temperature": 1,
                "top_p": 1,
                "reasoning": None,
                "parallel_tool_calls": None,
                "max_tool_calls": None,
                "background": None,
                "truncation": None,
                "include": None,
            },
        },
    ),
    "OpenInference, a call of OpenAI's legacy completions": Foreign(
        "openinference.instrumentation.openai",
        "Completion",
        {
            "openinference.span.kind": "LLM",
            "llm.system": "openai",
            "llm.model_name": "gpt-3.5-turbo-instruct",
            "output.value": '{"id":"cmpl-1","object":"text_completion"}',
            "llm.prompts.0.prompt.text": "Say hi",
            "llm.choices.0.completion.text": "Hi",
        },
        {
            "name": "OpenAI Completion",
            "inputs": {"prompt": [{"role": "user", "content": "Say hi"}]},
            "output": "Hi",
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
}
