"""Two spans of one model call become one step, with the usage once."""

from __future__ import annotations

from typing import Any

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
