"""Model calls become chat_completion and embedding steps with all their fields."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openlayer_otel import attachments
from tests.export_mapping.traces import Traces, chat_attributes, said

OPENAI_DEFAULTS = {
    "frequency_penalty": 0,
    "logit_bias": None,
    "logprobs": False,
    "top_logprobs": None,
    "max_tokens": None,
    "n": 1,
    "presence_penalty": 0,
    "seed": None,
    "stop": None,
    "temperature": 1,
    "top_p": 1,
}


def chat_step(traces: Traces, **attributes: Any) -> dict[str, Any]:
    given = {name.replace("__", "."): value for name, value in attributes.items()}
    with traces.span("chat gpt-4o-mini", chat_attributes(**given)):
        pass
    return traces.step()


def test_a_chat_call_has_the_fields_of_openlayers_sdk_in_their_order(traces: Traces) -> None:
    with traces.span("chat gpt-4o-mini", chat_attributes(), start=1, end=3.5):
        pass
    step = traces.step()
    assert list(step) == [
        "name", "id", "type", "inputs", "output", "groundTruth", "metadata", "steps", "latency",
        "startTime", "endTime", "provider", "promptTokens", "completionTokens", "tokens", "cost",
        "model", "modelParameters", "rawOutput", "usageDetails",
    ]  # fmt: skip
    assert step["name"] == "OpenAI Chat Completion"
    assert step["type"] == "chat_completion"
    assert step["inputs"] == {"prompt": [{"role": "user", "content": "Say hi"}]}
    assert step["output"] == "Hello!"
    assert step["metadata"] == {}
    assert (step["startTime"], step["endTime"], step["latency"]) == (
        1_800_000_001.0, 1_800_000_003.5, 2500.0,
    )  # fmt: skip
    assert (step["provider"], step["model"]) == ("OpenAI", "gpt-4o-mini-2024-07-18")
    assert (step["promptTokens"], step["completionTokens"], step["tokens"]) == (11, 4, 15)
    assert step["usageDetails"] == {"input_tokens": 11, "output_tokens": 4}
    assert step["modelParameters"] == OPENAI_DEFAULTS
    assert step["cost"] is None


def test_its_row_is_that_of_a_bare_call(traces: Traces) -> None:
    with traces.span("chat gpt-4o-mini", chat_attributes()):
        pass
    content = traces.content()
    row = content["rows"][0]
    assert content["config"] == {
        "outputColumnName": "output",
        "inputVariableNames": ["prompt"],
        "latencyColumnName": "latency",
        "costColumnName": "cost",
        "timestampColumnName": "inferenceTimestamp",
        "inferenceIdColumnName": "inferenceId",
        "numOfTokenColumnName": "tokens",
    }
    assert list(row) == [
        "inferenceTimestamp", "inferenceId", "output", "latency", "cost", "tokens", "steps",
        "prompt",
    ]  # fmt: skip
    assert row["inferenceId"] == row["steps"][0]["id"]
    assert (row["cost"], row["tokens"]) == (None, 15)


def test_a_stream_says_when_its_first_token_came(traces: Traces) -> None:
    step = chat_step(traces, gen_ai__response__time_to_first_chunk=0.25)
    assert step["metadata"] == {"timeToFirstToken": 250.0}


def test_parameters_come_under_the_names_of_the_api(traces: Traces) -> None:
    attributes = chat_attributes(
        **{
            "gen_ai.request.temperature": 0.2,
            "gen_ai.request.max_tokens": 50,
            "gen_ai.request.choice.count": 2,
            "gen_ai.request.stop_sequences": ["END"],
            "gen_ai.request.reasoning.level": "low",
            "openlayer.request.parameters": '{"logprobs":true,"tool_choice":"auto"}',
        }
    )
    with traces.span("chat", attributes):
        pass
    assert traces.step()["modelParameters"] == {
        **OPENAI_DEFAULTS,
        "temperature": 0.2,
        "max_tokens": 50,
        "n": 2,
        "stop": ["END"],
        "logprobs": True,
        "reasoning_effort": "low",
        "tool_choice": "auto",
    }


def test_a_responses_call_has_its_own_name_and_parameters(traces: Traces) -> None:
    attributes = chat_attributes(**{"openai.api.type": "responses", "gen_ai.request.max_tokens": 9})
    with traces.span("chat", attributes):
        pass
    step = traces.step()
    assert step["name"] == "OpenAI Response"
    assert step["modelParameters"] == {
        "max_output_tokens": 9,
        "temperature": 1,
        "top_p": 1,
        "reasoning": None,
        "parallel_tool_calls": None,
        "max_tool_calls": None,
        "background": None,
        "truncation": None,
        "include": None,
    }


def test_an_anthropic_call_has_system_tools_and_its_parameters(traces: Traces) -> None:
    tool = {"type": "function", "name": "get_weather", "description": "w", "parameters": {"a": 1}}
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-4-5",
        "gen_ai.request.max_tokens": 64,
        "gen_ai.system_instructions": '[{"type":"text","content":"Be terse."}]',
        "gen_ai.input.messages": said(("user", "Say hi")),
        "gen_ai.output.messages": said(("assistant", "Hi")),
        "gen_ai.tool.definitions": json.dumps([tool]),
    }
    with traces.span("chat", attributes):
        pass
    step = traces.step()
    assert step["name"] == "Anthropic Message Creation"
    assert step["provider"] == "Anthropic"
    assert step["inputs"]["prompt"][0] == {"role": "system", "content": "Be terse."}
    assert step["modelParameters"] == {
        "max_tokens": 64,
        "stop_sequences": None,
        "temperature": 1.0,
        "tool_choice": {},
        "tools": [{"name": "get_weather", "description": "w", "input_schema": {"a": 1}}],
        "top_k": None,
        "top_p": None,
    }


@pytest.mark.parametrize(
    ("provider", "model", "string", "name", "bare"),
    [
        ("azure.ai.openai", "gpt-4o", "Azure", "Azure OpenAI Chat Completion", "gpt-4o"),
        ("gcp.gemini", "models/gemini-2.5-pro", "gemini", "Gemini Generation", "gemini-2.5-pro"),
        ("gcp.vertex_ai", "claude-sonnet-4", "Anthropic", "Anthropic Message Creation", None),
        ("aws.bedrock", "us.amazon.nova", "Bedrock", "AWS Bedrock Model Invocation", None),
        ("mistral_ai", "mistral-large", "Mistral", "Mistral Chat Completion", None),
        ("together_ai", "meta-llama/Llama-3", "Together_AI", "Together_AI Chat Completion", None),
        ("deepseek", "deepseek-chat", "DeepSeek", "DeepSeek Chat Completion", None),
        ("litellm", "openai/gpt-4o", "OpenAI", "OpenAI Chat Completion", "gpt-4o"),
        # LiteLLM
        ("cohere_chat", "command-r", "Cohere", "Cohere Chat Completion", None),
        ("ollama_chat", "ollama_chat/qwen3", "Ollama", "Ollama Chat Completion", "qwen3"),
        ("azure_ai", "azure_ai/grok-4", "Azure", "Azure OpenAI Chat Completion", "grok-4"),
        ("azure_text", "gpt-35-turbo", "Azure", "Azure OpenAI Chat Completion", None),
        ("vertex_ai_beta", "gemini-2.5-pro", "gemini", "Gemini Generation", None),
        ("anthropic_text", "claude-2", "Anthropic", "Anthropic Message Creation", None),
        ("text-completion-openai", "davinci-002", "OpenAI", "OpenAI Chat Completion", None),
        # Vercel
        ("vertex.anthropic.messages", "claude-x", "Anthropic", "Anthropic Message Creation", None),
        ("googleVertex.anthropic.messages", "claude-x", "Anthropic",
         "Anthropic Message Creation", None),
        ("googleVertex.chat", "gemini-2.5-pro", "gemini", "Gemini Generation", None),
        ("moonshot_ai", "kimi-k2", "moonshot_ai", "moonshot_ai Chat Completion", None),
    ],
)  # fmt: skip
def test_providers_are_spelled_as_openlayer_prices_them(
    traces: Traces, provider: str, model: str, string: str, name: str, bare: str | None
) -> None:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
    }
    with traces.span("chat", attributes):
        pass
    step = traces.step()
    assert (step["provider"], step["name"], step["model"]) == (string, name, bare or model)


def test_an_embedding_says_how_many_vectors_of_what_size_but_not_the_vectors(
    traces: Traces, kept_content: None
) -> None:
    attributes = {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "text-embedding-3-small",
        "gen_ai.embeddings.dimension.count": 4,
        "gen_ai.usage.input_tokens": 6,
        "openlayer.step.inputs": '{"input":["hello","world"]}',
    }
    with traces.span("embeddings", attributes) as span:
        body = {"data": [{"embedding": [0.1, 0.2, 0.3, 0.4], "index": 0}], "model": "m"}
        attachments.raw_outputs.keep(span.get_span_context().span_id, json.dumps(body).encode())
    step = traces.step()
    assert step["name"] == "OpenAI Embedding"
    assert step["inputs"] == {"input": ["hello", "world"]}
    assert (step["embeddingDimensions"], step["embeddingCount"]) == (4, 2)
    assert (step["promptTokens"], step["tokens"]) == (6, 6)
    assert step["metadata"] == {"provider": "OpenAI"}
    assert step["modelParameters"] == {"dimensions": None, "encoding_format": None, "user": None}
    assert step["rawOutput"] == {
        "data": [{"embedding": "[4 numbers]", "index": 0}],
        "model": "m",
    }
    assert step["output"] is None


def test_the_raw_answer_is_kept_without_binary_data(traces: Traces, kept_content: None) -> None:
    with traces.span("chat", chat_attributes()) as span:
        body = {"id": "x", "choices": [{"b64_json": "A" * 5000, "text": "kept " * 1000}]}
        attachments.raw_outputs.keep(span.get_span_context().span_id, json.dumps(body).encode())
    raw = traces.step()["rawOutput"]
    assert raw["choices"][0]["b64_json"] == "[5000 characters of binary data]"
    assert raw["choices"][0]["text"] == "kept " * 1000


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["infinity", "byte order mark"])
def test_a_raw_answer_that_only_pythons_json_reads_is_kept(
    mark: bytes, traces: Traces, kept_content: None
) -> None:
    with traces.span("chat", chat_attributes()) as span:
        body = json.dumps({"id": "x", "score": float("-inf")} if not mark else {"id": "x"})
        attachments.raw_outputs.keep(span.get_span_context().span_id, mark + body.encode())
    assert traces.step()["rawOutput"]["id"] == "x"


@pytest.mark.parametrize(
    ("attributes", "metadata"),
    [
        ({"gen_ai.response.finish_reasons": ["length"]}, {"finishReasons": ["length"]}),
        ({"openlayer.operation.outcome": "cancelled"}, {"outcome": "cancelled"}),
        (
            {"openlayer.operation.outcome": "closed", "gen_ai.response.finish_reasons": ["error"]},
            {"outcome": "closed", "finishReasons": ["error"]},
        ),
        (
            {"openlayer.content.truncated": ["gen_ai.input.messages"]},
            {"truncated": ["gen_ai.input.messages"]},
        ),
    ],
)
def test_an_unusual_end_is_said(
    traces: Traces, attributes: dict[str, Any], metadata: dict[str, Any]
) -> None:
    with traces.span("chat", chat_attributes(**attributes)):
        pass
    assert traces.step()["metadata"] == metadata
