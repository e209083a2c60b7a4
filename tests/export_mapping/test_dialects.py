"""Spans of other packages become the same steps as ours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openlayer_otel.export.weight import is_of_interest
from tests.export_mapping.foreign import FOREIGN
from tests.export_mapping.traces import Traces, chat_attributes, outline


@pytest.mark.parametrize("package", FOREIGN)
def test_a_foreign_span_becomes_a_step(traces: Traces, package: str) -> None:
    foreign = FOREIGN[package]
    with traces.span(foreign.name, foreign.attributes, scope=foreign.scope) as span:
        for name, attributes in foreign.events:
            span.add_event(name, attributes)
    step = traces.step()
    assert {name: step.get(name, "(absent)") for name in foreign.expected} == foreign.expected


@pytest.mark.parametrize("package", FOREIGN)
def test_what_a_dialect_recognises_is_held_until_it_is_sent(traces: Traces, package: str) -> None:
    """``PREFIXES`` decides where the span ends, long before a dialect reads it."""
    foreign = FOREIGN[package]
    with traces.span(foreign.name, foreign.attributes, scope=foreign.scope):
        pass
    (span,) = traces.ended()
    assert is_of_interest(span)


@pytest.mark.parametrize(
    ("scope", "name", "attributes"),
    [
        (
            "com.anthropic.sdk.python",
            "anthropic.messages.count_tokens",
            {"gen_ai.provider.name": "anthropic", "http.request.method": "POST"},
        ),
        ("gcp.vertex.agent", "invocation", {"gcp.vertex.agent.invocation_id": "x"}),
        (
            "strands.telemetry.tracer",
            "execute_event_loop_cycle",
            {"gen_ai.operation.name": "execute_event_loop_cycle", "event_loop.cycle_id": "1"},
        ),
        ("litellm", "raw_gen_ai_request", {"llm.openai.model": "gpt-4o"}),
        ("litellm", "auth /chat", {"service": "auth"}),
        ("opentelemetry.instrumentation.httpx", "POST", {"http.request.method": "POST"}),
    ],
)
def test_what_is_no_step_is_left_out(
    traces: Traces, scope: str, name: str, attributes: dict[str, Any]
) -> None:
    with traces.span(name, attributes, scope=scope):
        pass
    assert traces.body() is None


def test_an_adk_model_call_and_the_span_inside_it_are_one_step(traces: Traces) -> None:
    outer = FOREIGN["Google ADK, a model call"]
    inner = {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.system": "gemini",
        "gen_ai.request.model": "gemini-2.5-flash",
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 5,
    }
    with (
        traces.span("invocation", {"gcp.vertex.agent.x": "y"}, scope=outer.scope) as invocation,
        traces.span(
            "invoke_agent helper",
            {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper"},
            scope=outer.scope,
            parent=invocation,
        ) as agent,
        traces.span(outer.name, outer.attributes, scope=outer.scope, parent=agent) as call,
        traces.span("generate_content", inner, scope=outer.scope, parent=call),
    ):
        pass
    assert outline(traces.step()) == ("helper", ["Gemini Generation"])


def test_an_adk_model_call_by_way_of_litellm_is_of_the_provider_that_served_it(
    traces: Traces,
) -> None:
    outer = {"gen_ai.system": "gcp.vertex.agent", "gen_ai.request.model": "openai/gpt-4o-mini"}
    with (
        traces.span("call_llm", outer, scope="gcp.vertex.agent") as call,
        traces.span("chat gpt-4o-mini", chat_attributes(), parent=call),
    ):
        pass
    step = traces.step()
    assert outline(step) == "OpenAI Chat Completion"
    assert (step["provider"], step["model"]) == ("OpenAI", "gpt-4o-mini-2024-07-18")


ADK_INNER = {
    "gen_ai.operation.name": "generate_content",
    "gen_ai.system": "gemini",
    "gen_ai.request.model": "gemini-2.5-flash",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 14,
}
ADK_THOUGHT = {
    "prompt_token_count": 100,
    "candidates_token_count": 14,
    "thoughts_token_count": 700,
    "cached_content_token_count": 50,
}


def adk_call(usage: dict[str, int], **more: int) -> dict[str, Any]:
    return {
        "gen_ai.system": "gcp.vertex.agent",
        "gen_ai.request.model": "gemini-2.5-flash",
        "gcp.vertex.agent.llm_response": json.dumps({"usage_metadata": usage}),
        **more,
    }


@pytest.mark.parametrize("total", [{}, {"total_token_count": 814}])
@pytest.mark.parametrize(
    "said", [{}, {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 14}]
)
@pytest.mark.parametrize(
    "scope", ["gcp.vertex.agent", "opentelemetry.instrumentation.google_genai"]
)
def test_an_adk_model_call_counts_its_thoughts_and_its_cached_input_once(
    traces: Traces, total: dict[str, int], said: dict[str, int], scope: str
) -> None:
    attributes = adk_call({**ADK_THOUGHT, **total}, **said)
    with (
        traces.span("call_llm", attributes, scope="gcp.vertex.agent") as call,
        traces.span("generate_content", ADK_INNER, scope=scope, parent=call),
    ):
        pass
    step = traces.step()
    assert outline(step) == "Gemini Generation"
    assert (step["promptTokens"], step["completionTokens"]) == (100, 714)
    assert step["usageDetails"] == {"input_tokens": 50, "output_tokens": 714, "cached_tokens": 50}


def test_adks_candidates_include_the_thoughts_where_the_total_says_so(traces: Traces) -> None:
    usage = {**ADK_THOUGHT, "candidates_token_count": 714, "total_token_count": 814}
    with traces.span("call_llm", adk_call(usage), scope="gcp.vertex.agent"):
        pass
    assert traces.step()["completionTokens"] == 714


def test_another_call_inside_an_adk_model_call_is_another_call(traces: Traces) -> None:
    scope = "gcp.vertex.agent"
    checked = {**ADK_INNER, "gen_ai.usage.input_tokens": 30}
    with traces.span("call_llm", adk_call(ADK_THOUGHT), scope=scope) as call:
        with traces.span("generate_content", checked, parent=call, start=0.1):
            pass
        with traces.span("generate_content", ADK_INNER, scope=scope, parent=call, start=0.2):
            pass
    step = traces.step()
    assert [(each["promptTokens"], each["steps"]) for each in step["steps"]] == [(30, [])]
    assert (step["promptTokens"], step["completionTokens"]) == (100, 714)


def test_sessions_and_users_of_other_packages_are_columns(traces: Traces) -> None:
    attributes = {
        "traceloop.span.kind": "workflow",
        "traceloop.association.properties.session_id": "s",
        "traceloop.association.properties.user_id": "u",
        "traceloop.association.properties.tenant": "acme",
    }
    with traces.span("joke.workflow", attributes):
        pass
    row = traces.row()
    assert (row["session_id"], row["user_id"], row["tenant"]) == ("s", "u", "acme")


def test_openinference_tags_and_session_are_columns(traces: Traces) -> None:
    attributes = {
        "openinference.span.kind": "AGENT",
        "session.id": "s",
        "user.id": "u",
        "tag.tags": ("a", "b"),
    }
    with traces.span("agent", attributes):
        pass
    row = traces.row()
    assert (row["session_id"], row["user_id"], row["tags"]) == ("s", "u", ["a", "b"])


def test_vercels_telemetry_metadata_is_on_the_row(traces: Traces) -> None:
    attributes = {
        "ai.operationId": "ai.generateText",
        "ai.telemetry.metadata.sessionId": "s",
        "ai.telemetry.metadata.userId": "u",
        "ai.telemetry.metadata.plan": "pro",
    }
    with traces.span("ai.generateText", attributes):
        pass
    row = traces.row()
    assert (row["session_id"], row["user_id"], row["plan"]) == ("s", "u", "pro")


def test_a_span_beside_another_with_the_same_response_id_is_the_same_call(
    traces: Traces,
) -> None:
    native = FOREIGN["the Anthropic SDK itself"]
    call = {**native.attributes, "gen_ai.response.id": "msg_1"}
    peer = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.response.id": "msg_1",
        "gen_ai.usage.input_tokens": 16,
        "gen_ai.usage.output_tokens": 6,
    }
    with traces.span("root", {"openlayer.step.type": "user_call"}) as root:
        with traces.span("anthropic.chat", peer, parent=root):
            pass
        with traces.span(native.name, call, scope=native.scope, parent=root, start=0.1):
            pass
    root_step = traces.step()
    assert outline(root_step) == ("root", ["Anthropic Message Creation"])
    assert root_step["steps"][0]["output"] == "Hi"


def test_calls_one_after_the_other_with_the_same_response_id_are_two(traces: Traces) -> None:
    """Ollama numbers its answers at random, up to 999."""
    with traces.span("root", {"openlayer.step.type": "user_call"}) as root:
        for number in range(3):
            call = chat_attributes(
                **{"gen_ai.response.id": "chatcmpl-7", "gen_ai.usage.input_tokens": number}
            )
            # Each recorded by two packages, beside each other.
            for start in (number, number + 0.25):
                with traces.span("chat", call, parent=root, start=start, end=number + 0.5):
                    pass
    steps = traces.step()["steps"]
    assert [step["promptTokens"] for step in steps] == [0, 1, 2]
