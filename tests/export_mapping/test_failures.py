"""Errors reach Openlayer with type, message, and the step in which they arose."""

from __future__ import annotations

from opentelemetry.trace import Status, StatusCode

from tests.export_mapping.traces import Traces, chat_attributes, step_in

OWN = {"openlayer.step.type": "user_call"}
MESSAGE = "Error code: 401 - Incorrect API key provided"


def test_a_failed_model_call_is_a_step_and_its_callers_name_it(traces: Traces) -> None:
    with (
        traces.span("Pipeline", OWN) as root,
        traces.span("inner", OWN, parent=root) as inner,
        traces.span("chat gpt-4o-mini", chat_attributes(), parent=inner) as chat,
    ):
        chat.set_attribute("error.type", "openai.AuthenticationError")
        for span in (root, inner, chat):
            span.set_status(Status(StatusCode.ERROR, MESSAGE))
    row = traces.row()
    root_step = row["steps"][0]
    failed = step_in(root_step, "inner", "OpenAI Chat Completion")
    assert failed["metadata"] == {
        "Exceptions": MESSAGE,
        "errorType": "openai.AuthenticationError",
    }
    for step in (root_step, step_in(root_step, "inner")):
        assert step["metadata"]["Exceptions"] == MESSAGE
        assert step["metadata"]["failedStep"] == "OpenAI Chat Completion"
    assert row["Exceptions"] == MESSAGE
    assert row["failedStep"] == "OpenAI Chat Completion"


def test_a_bare_failed_call_is_a_trace(traces: Traces) -> None:
    with traces.span("chat", chat_attributes()) as chat:
        chat.set_status(Status(StatusCode.ERROR, "boom"))
    assert traces.row()["Exceptions"] == "boom"


def test_exceptions_recorded_by_opentelemetry_itself_are_read(traces: Traces) -> None:
    with traces.span("root", OWN) as root:
        try:
            raise ValueError("bad input")
        except ValueError as error:
            root.record_exception(error)
            root.set_status(Status(StatusCode.ERROR, "ValueError: bad input"))
    assert traces.step()["metadata"]["Exceptions"] == "bad input"
    assert traces.step()["metadata"]["errorType"] == "ValueError"


def test_without_a_message_the_type_is_said(traces: Traces) -> None:
    with traces.span("root", {**OWN, "error.type": "TimeoutError"}) as root:
        root.set_status(Status(StatusCode.ERROR))
    assert traces.step()["metadata"]["Exceptions"] == "TimeoutError"


def test_an_error_that_the_application_handled_is_no_failure_of_its_caller(
    traces: Traces,
) -> None:
    with (
        traces.span("root", OWN) as root,
        traces.span("chat", chat_attributes(), parent=root) as chat,
    ):
        chat.set_status(Status(StatusCode.ERROR, "boom"))
        root.add_event("exception", {"exception.message": "boom"})
    step = traces.step()
    assert "Exceptions" not in step["metadata"]
    assert step["steps"][0]["metadata"]["Exceptions"] == "boom"


def test_another_error_in_the_caller_is_its_own(traces: Traces) -> None:
    with (
        traces.span("root", {**OWN, "error.type": "KeyError"}) as root,
        traces.span("chat", chat_attributes(**{"error.type": "Timeout"}), parent=root) as chat,
    ):
        chat.set_status(Status(StatusCode.ERROR, "slow"))
        root.set_status(Status(StatusCode.ERROR, "'answer'"))
    metadata = traces.step()["metadata"]
    assert metadata["Exceptions"] == "'answer'"
    assert "failedStep" not in metadata
