"""``POST /completions``: the legacy API, which compatible servers still have.

Source: OpenAI API reference, "Completions (legacy)".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.record import Endpoint, Record, StreamReader, read_request_fields
from openlayer_otel.genai.text_buffer import TextBuffer
from openlayer_otel.providers.openai.chat_completions import REQUEST_FIELDS, finish_reason
from openlayer_otel.providers.openai.fields import (
    read_choice_count,
    read_head,
    read_parameters,
    read_streaming,
)
from openlayer_otel.providers.openai.usage import read_usage

_PARAMETERS = frozenset({"best_of", "echo", "logit_bias", "logprobs"})


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """The request, field by field."""
    read_request_fields(body, REQUEST_FIELDS, record)
    read_streaming(body, record)
    read_choice_count(body, record)
    read_parameters(body, _PARAMETERS, record)
    if record.with_content:
        record.input_messages = _prompts(body.get("prompt"))


def _prompts(prompt: Any) -> list[shape.Message]:
    """``prompt``: a text, token numbers, or a list of either; one message for each."""
    many = isinstance(prompt, list) and bool(prompt) and not isinstance(prompt[0], int)
    prompts = prompt if many and isinstance(prompt, list) else [prompt]
    return [shape.message("user", [_prompt(each)]) for each in prompts if each is not None]


def _prompt(prompt: Any) -> shape.Part:
    if isinstance(prompt, list):
        return shape.generic("tokens", {"tokens": prompt})
    return shape.text(prompt)


def read_response(body: Any, record: Record) -> None:
    """The response, field by field."""
    if not isinstance(body, dict):
        return
    read_head(body, record)
    read_usage(body.get("usage"), record)
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        return
    found = [each for each in choices if isinstance(each, dict)]
    reasons = [finish_reason(choice.get("finish_reason")) for choice in found]
    record.attributes[semconv.RESPONSE_FINISH_REASONS] = reasons
    if record.with_content:
        record.output_messages = [
            shape.output_message("assistant", _text(choice), reason)
            for choice, reason in zip(found, reasons, strict=True)
        ]


def _text(choice: dict[str, Any]) -> list[shape.Part]:
    text = choice.get("text")
    return [shape.text(text)] if isinstance(text, str) and text else []


class CompletionStreamReader(StreamReader):
    """Gathers the pieces of a streamed completion into the whole one.

    Args:
        content: Whether texts are gathered, too.
    """

    __slots__ = ("_choices", "_content", "_head")

    def __init__(self, content: bool) -> None:
        self._content = content
        self._head: dict[str, Any] = {}
        self._choices: dict[int, tuple[dict[str, Any], TextBuffer]] = {}

    def piece(self, event: Any) -> bool:
        """Take in what continues the text of a choice and says nothing else."""
        try:
            (choice,) = event["choices"]
            if choice["finish_reason"] is None and event.get("usage") is None:
                _, text = self._choices[choice["index"]]
                (text.take if self._content else len)(choice["text"].encode())
                return True
        except (AttributeError, KeyError, TypeError, ValueError):
            pass  # the first piece of a choice, or not its usual fields
        return False

    def read(self, event: dict[str, Any]) -> None:
        """Take in the JSON of one piece of the completion."""
        for name, value in event.items():
            if name != "choices" and value is not None and value != "":
                self._head[name] = value
        choices = event.get("choices")
        for position, choice in enumerate(choices if isinstance(choices, list) else ()):
            if not isinstance(choice, dict):
                continue
            index = choice.get("index")
            index = index if type(index) is int else position
            fields, text = self._choices.setdefault(index, ({"index": index}, TextBuffer()))
            if choice.get("finish_reason"):
                fields["finish_reason"] = choice["finish_reason"]
            if self._content and isinstance(choice.get("text"), str):
                text.append(choice["text"])

    def response(self) -> dict[str, Any]:
        """The completion as far as it was received."""
        found = [self._choices[index] for index in sorted(self._choices)]
        choices = [{**fields, "text": text.text()} for fields, text in found]
        return {**self._head, "choices": choices}


COMPLETIONS = Endpoint(
    operation=semconv.TEXT_COMPLETION,
    request=read_request,
    response=read_response,
    stream=CompletionStreamReader,
    finish_reason_due=True,
)
