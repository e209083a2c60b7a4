"""Model calls that are no chats: Openlayer shows what they are, and no parameters of a chat's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.export_mapping.traces import Traces, said

COMPLETION_DEFAULTS = {
    "frequency_penalty": 0,
    "logit_bias": None,
    "logprobs": None,
    "max_tokens": None,
    "n": 1,
    "presence_penalty": 0,
    "seed": None,
    "stop": None,
    "temperature": 1,
    "top_p": 1,
}


def step_of(traces: Traces, operation: str, provider: str, **attributes: Any) -> dict[str, Any]:
    identity = {"gen_ai.operation.name": operation, "gen_ai.provider.name": provider}
    with traces.span(f"{operation} m", {**identity, "gen_ai.request.model": "m", **attributes}):
        pass
    return traces.step()


@pytest.mark.parametrize(
    ("operation", "provider", "attributes", "name", "parameters"),
    [
        ("generate_content", "openai", {}, "OpenAI Content Generation", {}),
        (
            "generate_content",
            "azure.ai.openai",
            {
                "gen_ai.request.choice.count": 2,
                "openlayer.request.parameters": '{"size":"1024x1024"}',
            },
            "Azure OpenAI Content Generation",
            {"n": 2, "size": "1024x1024"},
        ),
        (
            "generate_content",
            "openai",
            {"gen_ai.request.temperature": 0.5},
            "OpenAI Content Generation",
            {"temperature": 0.5},
        ),
        ("generate_content", "gcp.gemini", {}, "Gemini Generation", {}),
        ("generate_content", "aws.bedrock", {}, "AWS Bedrock Model Invocation", {}),
        ("decision", "openai", {}, "OpenAI Decision", {}),
        ("text_completion", "openai", {}, "OpenAI Completion", COMPLETION_DEFAULTS),
        (
            "text_completion",
            "openai",
            {"openlayer.request.parameters": '{"best_of":3,"logprobs":5}'},
            "OpenAI Completion",
            {**COMPLETION_DEFAULTS, "best_of": 3, "logprobs": 5},
        ),
        (
            "text_completion",
            "anthropic",
            {"gen_ai.request.max_tokens": 9},
            "Anthropic Completion",
            {
                "max_tokens_to_sample": 9,
                "stop_sequences": None,
                "temperature": 1.0,
                "top_k": None,
                "top_p": None,
            },
        ),
        (
            "chat",
            "openai",
            {"openai.api.type": "realtime", "gen_ai.request.max_tokens": 9},
            "OpenAI Realtime Response",
            {"max_output_tokens": 9, "temperature": None},
        ),
    ],
)
def test_a_call_that_is_no_chat_has_its_own_name_and_no_defaults_of_chat(
    traces: Traces,
    operation: str,
    provider: str,
    attributes: dict[str, Any],
    name: str,
    parameters: dict[str, Any],
) -> None:
    step = step_of(traces, operation, provider, **attributes)
    assert (step["name"], step["modelParameters"]) == (name, parameters)
    assert step["type"] == "chat_completion"


def test_a_decision_has_its_model_and_its_tokens(traces: Traces) -> None:
    step = step_of(
        traces,
        "decision",
        "openai",
        **{
            "gen_ai.response.model": "luna-2",
            "gen_ai.usage.input_tokens": 5,
            "gen_ai.usage.output_tokens": 1,
            "gen_ai.input.messages": said(("user", "Buy!")),
            "openlayer.step.output": '[{"type":"predicate","probability":0.5}]',
        },
    )
    assert (step["type"], step["provider"], step["model"]) == (
        "chat_completion", "OpenAI", "luna-2",
    )  # fmt: skip
    assert (step["promptTokens"], step["completionTokens"], step["tokens"]) == (5, 1, 6)
    assert step["inputs"] == {"prompt": [{"role": "user", "content": "Buy!"}]}
    assert step["output"] == [{"type": "predicate", "probability": 0.5}]
    assert traces.row()["tokens"] == 6
