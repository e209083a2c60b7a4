"""Two spans of one model call become one step, with the usage once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from openlayer_otel.settings import Settings
from tests.export_mapping.traces import Traces, chat_attributes, outline, said

OWN = {"openlayer.step.type": "user_call"}


def without(attributes: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in names}


NATIVE = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.response.id": "msg_1",
    "gen_ai.usage.input_tokens": 170,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.usage.cache_read.input_tokens": 50,
}


def test_the_sdks_own_span_inside_ours_is_the_same_call(traces: Traces) -> None:
    ours = {
        **NATIVE,
        "gen_ai.input.messages": said(("user", "Say hi")),
        "gen_ai.output.messages": said(("assistant", "Hi")),
    }
    with (
        traces.span("root", OWN) as root,
        traces.span("chat claude", ours, parent=root) as chat,
        traces.span(
            "anthropic.messages.create", NATIVE, parent=chat, scope="com.anthropic.sdk.python"
        ),
    ):
        pass
    root_step = traces.step()
    assert outline(root_step) == ("root", ["Anthropic Message Creation"])
    step = root_step["steps"][0]
    assert (step["tokens"], step["output"]) == (177, "Hi")


def test_the_inner_span_may_be_the_richer_one(traces: Traces) -> None:
    outer = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "langchain",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.input.messages": said(("user", "hi")),
    }
    with (
        traces.span("ChatOpenAI.chat", outer, start=0, end=3) as chat,
        traces.span("chat gpt-4o-mini", chat_attributes(), parent=chat, start=1, end=2),
    ):
        pass
    step = traces.step()
    assert step["steps"] == []
    assert (step["provider"], step["tokens"], step["output"]) == ("OpenAI", 15, "Hello!")
    assert step["inputs"]["prompt"] == [{"role": "user", "content": "Say hi"}]
    assert step["latency"] == 3000.0


def test_what_hangs_on_the_inner_span_moves_to_the_one_step(traces: Traces) -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"}
    with (
        traces.span("outer", chat_attributes()) as outer,
        traces.span("inner", chat_attributes(), parent=outer) as inner,
        traces.span("tool", tool, parent=inner),
    ):
        pass
    assert outline(traces.step()) == ("OpenAI Chat Completion", ["t"])


def test_three_instrumentations_of_one_call_are_one_step(traces: Traces) -> None:
    with (
        traces.span("a", chat_attributes()) as a,
        traces.span("b", without(chat_attributes(), "gen_ai.response.id"), parent=a) as b,
        traces.span("c", chat_attributes(), parent=b),
    ):
        pass
    assert outline(traces.step()) == "OpenAI Chat Completion"


@pytest.mark.parametrize("settings", [Settings(), Settings(upload_all=True)])
@pytest.mark.parametrize("attributes", [{}, {"openinference.span.kind": "CHAIN"}])
def test_a_step_between_two_spans_of_a_call_stays_and_the_call_is_one(
    traces: Traces, settings: Settings, attributes: dict[str, str]
) -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"}
    with (
        traces.span("framework", chat_attributes()) as framework,
        traces.span("between", attributes, parent=framework) as between,
        traces.span("sdk", chat_attributes(), parent=between) as sdk,
        traces.span("tool", tool, parent=sdk),
    ):
        pass
    step = traces.step(settings=settings)
    inside = [("between", ["t"])] if attributes or settings.upload_all else ["t"]
    assert outline(step) == ("OpenAI Chat Completion", inside)
    assert step["tokens"] == 15


def test_another_call_behind_a_step_between_is_another_call(traces: Traces) -> None:
    with (
        traces.span("framework", chat_attributes()) as framework,
        traces.span("between", OWN, parent=framework) as between,
        traces.span("sdk", chat_attributes(**{"gen_ai.response.id": "other"}), parent=between),
    ):
        pass
    call = "OpenAI Chat Completion"
    assert outline(traces.step()) == (call, [("between", [call])])


def test_a_count_that_only_one_span_gives_makes_no_other_call(traces: Traces) -> None:
    outer = without(chat_attributes(), "gen_ai.response.id", "gen_ai.usage.output_tokens")
    with (
        traces.span("outer", outer) as span,
        traces.span("inner", chat_attributes(), parent=span),
    ):
        pass
    step = traces.step()
    assert step["steps"] == []
    assert (step["promptTokens"], step["completionTokens"]) == (11, 4)


def test_counts_that_two_spans_give_between_them_are_those_of_the_call(traces: Traces) -> None:
    outer = without(chat_attributes(), "gen_ai.response.id", "gen_ai.usage.output_tokens")
    inner = without(chat_attributes(), "gen_ai.response.id", "gen_ai.usage.input_tokens")
    with traces.span("outer", outer) as span, traces.span("inner", inner, parent=span):
        pass
    step = traces.step()
    assert (step["steps"], step["tokens"]) == ([], 15)


def test_a_single_count_does_not_tell_which_of_two_calls_it_is(traces: Traces) -> None:
    outer = without(chat_attributes(), "gen_ai.response.id", "gen_ai.usage.output_tokens")
    with traces.span("outer", outer) as span:
        for number in (1, 2):
            ids = {"gen_ai.response.id": f"id-{number}", "gen_ai.usage.output_tokens": number}
            inner = chat_attributes(**ids)
            with traces.span("inner", inner, parent=span, start=number / 10):
                pass
    assert [step["completionTokens"] for step in traces.step()["steps"]] == [1, 2]


def test_cached_input_may_be_counted_in_one_span_and_beside_it_in_the_other(
    traces: Traces,
) -> None:
    outer = without(NATIVE, "gen_ai.response.id")
    inner = without(outer, "gen_ai.usage.cache_read.input_tokens")
    inner["gen_ai.usage.input_tokens"] = 120
    with traces.span("outer", outer) as span, traces.span("inner", inner, parent=span):
        pass
    step = traces.step()
    assert (step["steps"], step["promptTokens"]) == ([], 170)


def test_other_ids_are_other_calls(traces: Traces) -> None:
    with (
        traces.span("outer", chat_attributes()) as outer,
        traces.span("inner", chat_attributes(**{"gen_ai.response.id": "other"}), parent=outer),
    ):
        pass
    assert len(traces.step()["steps"]) == 1


def test_other_models_are_other_calls(traces: Traces) -> None:
    inner = without(chat_attributes(), "gen_ai.response.id", "gen_ai.response.model")
    inner["gen_ai.request.model"] = "gpt-5"
    with (
        traces.span("outer", chat_attributes()) as outer,
        traces.span("inner", inner, parent=outer),
    ):
        pass
    assert len(traces.step()["steps"]) == 1


def test_two_calls_inside_a_call_without_ids_are_not_swallowed(traces: Traces) -> None:
    outer = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"}
    with traces.span("outer", outer) as span:
        for number in (1, 2):
            attributes = chat_attributes(**{"gen_ai.response.id": f"id-{number}"})
            with traces.span("inner", attributes, parent=span, start=number / 10):
                pass
    assert len(traces.step()["steps"]) == 2


def test_a_model_step_that_the_user_made_is_a_step_of_its_own(traces: Traces) -> None:
    own = {
        "openlayer.step.type": "chat_completion",
        "openlayer.step.name": "ask",
        "gen_ai.operation.name": "chat",
    }
    with (
        traces.span("ask", own) as ask,
        traces.span("chat gpt-4o-mini", chat_attributes(), parent=ask),
    ):
        pass
    assert outline(traces.step()) == ("ask", ["OpenAI Chat Completion"])


# What OpenInference writes of a model call of the OpenAI Agents SDK.
OPENINFERENCE = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o-mini"}


def test_messages_are_shown_rather_than_a_larger_dump_of_the_framework_s_own_object(
    traces: Traces,
) -> None:
    dumped = json.dumps([{"id": "__fake_id__", "object": "response", "output": ["x" * 999]}])
    outer = {**OPENINFERENCE, "input.value": "y" * 999, "output.value": dumped}
    with (
        traces.span("response", outer, start=0, end=3) as response,
        traces.span("chat gpt-4o-mini", chat_attributes(), parent=response, start=1, end=2),
    ):
        pass
    step = traces.step()
    assert step["steps"] == []
    assert step["inputs"]["prompt"][-1]["role"] == "user"
    assert step["output"] == "Hello!"


FAILED = {
    **without(chat_attributes(), "gen_ai.output.messages", "gen_ai.usage.output_tokens"),
    "error.type": "server_error",
}


@pytest.mark.parametrize(
    ("same_id", "answered", "failed"),
    [(False, False, True), (True, True, True), (False, True, False)],
    ids=["no answer", "the answer that failed", "an answer from elsewhere"],
)
def test_a_call_whose_outer_span_marks_no_failure_has_failed(
    traces: Traces, same_id: bool, answered: bool, failed: bool
) -> None:
    outer = without(FAILED, "error.type", "gen_ai.response.id")
    if same_id:
        outer["gen_ai.response.id"] = FAILED["gen_ai.response.id"]
    if answered:
        outer["gen_ai.output.messages"] = said(("assistant", "H"))
    with (
        traces.span("ChatOpenAI", outer, start=0, end=3) as chat,
        traces.span("chat gpt-4o-mini", FAILED, parent=chat, start=1, end=2),
    ):
        pass
    step = traces.step()
    assert step["steps"] == []
    assert step["metadata"].get("errorType") == ("server_error" if failed else None)


def test_the_type_of_an_error_is_known_from_the_span_that_says_it(traces: Traces) -> None:
    """The OpenAI Agents SDK's instrumentations have a text of their own and no type."""
    with traces.span("response", OPENINFERENCE, start=0, end=3) as response:
        response.set_status(StatusCode.ERROR, "Error getting response: {'error': 'overloaded'}")
        with traces.span("chat gpt-4o-mini", FAILED, parent=response, start=1, end=2) as chat:
            chat.set_status(StatusCode.ERROR, "overloaded")
    metadata = traces.step()["metadata"]
    assert (metadata["errorType"], metadata["Exceptions"]) == ("server_error", "overloaded")
