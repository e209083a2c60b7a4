"""``redact=`` sees every content value before it is recorded; when it fails, nothing is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel import OpenlayerSpanProcessor, start_step, trace
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.privacy.canaries import CANARY, RECORDED, at
from tests.privacy.conftest import Traces, call
from tests.support.sdk_clients import http_library, make_client


def hide(text: str) -> str:
    """What a user might pass: the word goes, the rest stays."""
    return text.replace(CANARY, "******")


def fail(text: str) -> str:
    """A defect of the user's; its message quotes the content."""
    raise ValueError(f"cannot redact {text}")


def forget(text: str) -> Any:
    """A defect of the user's: no text comes back."""
    return [text]


def test_every_content_value_is_redacted_and_the_rest_of_it_stays(
    record: Callable[..., None], traces: Traces, sdk: str, how: str
) -> None:
    record(capture_content="SPAN_AND_EVENT", redact=hide)
    call(sdk, how)
    assert CANARY not in traces.everywhere()
    assert "****** prompt" in traces.on_spans()
    assert "****** prompt" in traces.in_events()
    if how == "plain":
        missing = [place for place in RECORDED[sdk] if f"****** {place}" not in traces.on_spans()]
        assert missing == []


def test_structure_is_not_given_to_redact(
    record: Callable[..., None], traces: Traces, sdk: str
) -> None:
    seen: list[str] = []
    record(redact=lambda text: seen.append(text) or "-")
    call(sdk, "plain")
    attributes = traces.spans.only().attributes or {}
    messages = json.loads(str(attributes["gen_ai.input.messages"]))
    assert {"user", "assistant"} <= {message["role"] for message in messages}
    assert "tool_call" in {part["type"] for message in messages for part in message["parts"]}
    assert not {"user", "assistant", "system", "text", "c1"} & set(seen)
    assert attributes["gen_ai.response.model"] == "m"


@pytest.mark.parametrize("broken", [fail, forget])
def test_a_failing_redaction_drops_the_content(
    record: Callable[..., None],
    traces: Traces,
    sdk: str,
    how: str,
    broken: Callable[[str], Any],
) -> None:
    record(capture_content="SPAN_AND_EVENT", redact=broken)
    call(sdk, how)
    span = traces.spans.only()
    assert CANARY not in traces.everywhere()
    assert "redaction failed" in str((span.attributes or {})["gen_ai.input.messages"])


def test_a_redaction_without_an_answer_is_said_once(
    record: Callable[..., None], traces: Traces, sdk: str, caplog: pytest.LogCaptureFixture
) -> None:
    record(redact=lambda text: None)
    call(sdk, "plain")
    (warning,) = [each.getMessage() for each in caplog.records if "redact" in each.getMessage()]
    assert "redact= returned NoneType, which is no text" in warning
    assert CANARY not in warning


def test_names_that_are_content_are_redacted_too(
    record: Callable[..., None], traces: Traces
) -> None:
    record(redact=hide)

    @trace
    def look_up(people: dict[str, Any]) -> dict[str, Any]:
        return people

    look_up({"canary@example.com": {"name": "x"}})
    assert CANARY not in traces.on_spans()
    assert "******@example.com" in traces.on_spans()


class _Application:
    """A user's own code with canaries in everything it passes around."""

    @trace
    def answer(self, question: str, *, hint: Any = None) -> dict[str, Any]:
        """A function."""
        return {"answer": at("output")}

    @trace
    def tokens(self, question: str) -> Iterator[str]:
        """A generator."""
        yield at("first token")
        yield at("second token")

    @trace
    def fails(self, question: str) -> None:
        """A function that raises."""
        raise ValueError(at("exception"))

    def run(self) -> None:
        """All of it."""
        self.answer(at("input"), hint={"deep": [at("deep input")]})
        list(self.tokens(at("generator input")))
        with pytest.raises(ValueError, match=CANARY):
            self.fails(at("failing input"))
        with start_step("step", inputs={"a": at("step input")}) as step:
            step.log(output=at("step output"))


def test_functions_say_nothing_without_content(record: Callable[..., None], traces: Traces) -> None:
    record(capture_content=False)
    _Application().run()
    assert len(traces.spans.ended) == 4
    assert CANARY not in traces.everywhere()


@pytest.mark.parametrize("redact", [hide, fail])
def test_functions_are_redacted(
    record: Callable[..., None], traces: Traces, redact: Callable[[str], str]
) -> None:
    record(redact=redact)
    _Application().run()
    assert len(traces.spans.ended) == 4
    assert CANARY not in traces.everywhere()
    if redact is hide:
        for place in ("output", "deep input", "first token", "exception", "step output"):
            assert f"****** {place}" in traces.on_spans()


@pytest.mark.parametrize(
    "settings",
    [{"redact": hide}, {"redact": fail}, {"capture_content": False}],
    ids=["redacted", "redaction fails", "no content"],
)
def test_openlayer_gets_no_more_than_the_spans(
    record: Callable[..., None],
    tracer_provider: TracerProvider,
    openlayer_server: OpenlayerServer,
    sdk: str,
    how: str,
    settings: dict[str, Any],
) -> None:
    """The answer's body goes to Openlayer beside the span; it follows the same rules."""
    processor = OpenlayerSpanProcessor(
        api_key="k", inference_pipeline_id="p", base_url=openlayer_server.url
    )
    tracer_provider.add_span_processor(processor)
    record(**settings)
    call(sdk, how)
    processor.force_flush()
    (uploaded,) = openlayer_server.wait_for_traces(1)
    processor.shutdown()
    assert CANARY not in json.dumps(uploaded.row)


def test_what_is_no_function_lets_nothing_pass(
    record: Callable[..., None],
    traces: Traces,
    sdk: str,
    how: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    record(capture_content="SPAN_AND_EVENT", redact="hide")
    call(sdk, how)
    assert CANARY not in traces.everywhere()
    assert "[withheld: redact= is no function]" in traces.on_spans()
    (warning,) = [each.getMessage() for each in caplog.records if "redact" in each.getMessage()]
    assert "redact= is no function" in warning


def _answered(sdk: str, answer: dict[str, Any]) -> Any:
    """A client that always gets ``answer``."""
    library = http_library(sdk)
    transport = library.MockTransport(lambda request: library.Response(200, json=answer))
    return make_client(sdk, False, "http://test", transport)


def test_numbers_are_redacted_as_the_texts_that_they_are(
    record: Callable[..., None], traces: Traces
) -> None:
    record(redact=lambda text: re.sub(r"\d{13,16}", "[card]", text))
    arguments = '{"card": 4242424242424242, "count": 3, "price": 1.5, "sure": true}'
    function = {"name": "pay", "arguments": arguments}
    calls = [{"id": "x", "type": "function", "function": function}]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    choices = [{"index": 0, "finish_reason": "tool_calls", "message": message}]
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    messages: Any = [{"role": "user", "content": "hi"}]
    _answered("openai", {**answer, "choices": choices}).chat.completions.create(
        model="m", messages=messages
    )
    (recorded,) = json.loads(str((traces.spans.only().attributes or {})["gen_ai.output.messages"]))
    assert recorded["parts"][0]["arguments"] == {
        "card": "[card]",
        "count": 3,
        "price": 1.5,
        "sure": True,
    }


def test_the_name_of_a_messages_author_is_redacted(
    record: Callable[..., None], traces: Traces
) -> None:
    record(redact=lambda text: text.replace("Ada", "[name]"))
    messages: Any = [{"role": "user", "name": "Ada", "content": "I am Ada"}]
    _answered("openai", {"id": "c", "choices": []}).chat.completions.create(
        model="m", messages=messages
    )
    (recorded,) = json.loads(str((traces.spans.only().attributes or {})["gen_ai.input.messages"]))
    assert recorded["name"] == "[name]"
    assert recorded["role"] == "user"
