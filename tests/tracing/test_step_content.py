"""What a step must not say: content that is off, redacted or too large."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from openlayer_otel import capture_content, start_step, trace
from tests.support.span_log import SpanLog, json_attribute

INPUTS, OUTPUT = "openlayer.step.inputs", "openlayer.step.output"


class SecretError(Exception):
    """Quotes a prompt."""


def _content_everywhere(steps: SpanLog) -> str:
    spans = [*steps.ended]
    return json.dumps(
        [
            [
                dict(span.attributes or {}),
                span.status.description,
                [dict(e.attributes or {}) for e in span.events],
            ]
            for span in spans
        ],
        default=str,
    )


def _use_content() -> None:
    @trace(promote=["question"], context_kwarg="docs", question_kwarg="question")
    def ask(question: str, docs: list[str]) -> Iterator[str]:
        with start_step("part", inputs="PROMPT", output="PROMPT") as part:
            part.log(ground_truth="PROMPT", context=["PROMPT"], question="PROMPT")
            part.attach(b"PROMPT", name="PROMPT")
        yield "PROMPT"
        raise SecretError("PROMPT")

    with pytest.raises(SecretError):
        list(ask("PROMPT", ["PROMPT"]))


def test_with_content_off_no_prompt_survives_anywhere(
    settings_of_test: Callable[..., None], spans: SpanLog
) -> None:
    settings_of_test(capture_content=False)
    _use_content()
    assert "PROMPT" not in _content_everywhere(spans)
    (event,) = spans.named("ask").events
    assert dict(event.attributes or {}) == {"exception.type": f"{__name__}.SecretError"}


def test_with_content_off_for_a_block_no_prompt_of_it_survives(steps: SpanLog) -> None:
    with capture_content("none"):
        _use_content()
    assert "PROMPT" not in _content_everywhere(steps)
    steps.clear()
    _use_content()
    assert "PROMPT" in _content_everywhere(steps)


def test_redaction_sees_every_text(settings_of_test: Callable[..., None], spans: SpanLog) -> None:
    settings_of_test(redact=lambda text: text.replace("PROMPT", "[gone]"))
    _use_content()
    everything = _content_everywhere(spans)
    assert "PROMPT" not in everything
    assert "[gone]" in everything


def test_a_steps_own_redaction_comes_after_the_general_one(
    settings_of_test: Callable[..., None], spans: SpanLog
) -> None:
    settings_of_test(redact=lambda text: text.replace("one", "1"))

    @trace(redact=lambda text: text.replace("1", "I").replace("two", "2"))
    def ask(question: str) -> str:
        return question

    @trace
    def other(question: str) -> str:
        return question

    assert ask("one two") == "one two"
    assert other("one two") == "one two"
    assert json_attribute(spans.named("ask"), INPUTS) == {"question": "I 2"}
    assert json_attribute(spans.named("other"), OUTPUT) == "1 two"


@pytest.mark.may_warn
def test_a_redaction_that_fails_leaks_nothing(
    settings_of_test: Callable[..., None], spans: SpanLog
) -> None:
    def broken(text: str) -> str:
        raise ValueError(text)

    settings_of_test(redact=broken)
    _use_content()
    assert "PROMPT" not in _content_everywhere(spans)


def test_a_large_output_is_cut_and_stays_json(
    settings_of_test: Callable[..., None], spans: SpanLog
) -> None:
    settings_of_test(max_content_bytes=2000)

    @trace
    def large() -> list[str]:
        return ["x" * 1000] * 100

    @trace
    def stream() -> Iterator[dict[str, str]]:
        for _ in range(100):
            yield {"text": "x" * 100}

    large()
    list(stream())
    for span in spans.ended:
        assert len((span.attributes or {})[OUTPUT]) < 3000  # type: ignore[arg-type]
        json_attribute(span, OUTPUT)
        assert (span.attributes or {})["openlayer.content.truncated"] == (OUTPUT,)


def test_the_largest_input_does_not_take_the_others_along(
    settings_of_test: Callable[..., None], steps: SpanLog
) -> None:
    settings_of_test(max_content_bytes=2_000)
    vectors = [[0.5] * 100] * 50
    trace(lambda question, vectors, table: None)("why?", vectors, {"rows": vectors})
    inputs = json_attribute(steps.only(), "openlayer.step.inputs")
    assert inputs["question"] == "why?"
    assert inputs["vectors"][1:] == vectors[: len(inputs["vectors"]) - 1]
    assert len(inputs["vectors"]) > 1
    assert inputs["table"] == {
        "truncated": True,
        "bytes": len(json.dumps({"rows": vectors}, separators=(",", ":"))),
    }
    assert len(json.dumps(inputs, separators=(",", ":"))) <= 2_000


def test_a_large_input_takes_no_room_from_a_small_one_that_comes_after_it(
    settings_of_test: Callable[..., None], steps: SpanLog
) -> None:
    settings_of_test(max_content_bytes=2_000)
    question = "why? " * 40
    trace(lambda vectors, question: None)([[0.5] * 20] * 500, question)
    inputs = json_attribute(steps.only(), "openlayer.step.inputs")
    assert inputs["question"] == question
    assert 1 < len(inputs["vectors"]) < 500


def test_texts_are_cut_as_little_as_fits(
    settings_of_test: Callable[..., None], steps: SpanLog
) -> None:
    settings_of_test(max_content_bytes=100_000)
    trace(lambda first, second: None)("a" * 80_000, "b" * 80_000)
    inputs = json_attribute(steps.only(), "openlayer.step.inputs")
    cut = "a" * 32_768 + "… [47232 characters cut]"
    assert inputs == {"first": cut, "second": cut.replace("a" * 32_768, "b" * 32_768)}
