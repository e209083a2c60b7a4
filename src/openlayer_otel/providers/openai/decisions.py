"""``POST /decisions``: a model answers questions about an input by class or by score.

The conventions have no operation for it; ours is ``decision``.
Source: OpenAI API reference, "Decisions".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.record import Endpoint, Record
from openlayer_otel.providers.openai.fields import read_head
from openlayer_otel.providers.openai.response_items import input_messages
from openlayer_otel.providers.openai.usage import read_usage


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """The input, and the questions as instructions."""
    if record.with_content:
        record.input_messages = input_messages(body.get("input"))
        questions = body.get("questions")
        if isinstance(questions, list):
            record.system_instructions = [
                shape.generic("question", {**each, "question_type": each.get("type")})
                for each in questions
                if isinstance(each, dict)
            ]


def read_response(body: Any, record: Record) -> None:
    """The answers, in the order of the questions."""
    if not isinstance(body, dict):
        return
    read_head(body, record)
    read_usage(body.get("usage"), record)
    if record.with_content and isinstance(body.get("answers"), list):
        record.steps = {semconv.STEP_OUTPUT: body["answers"]}


DECISIONS = Endpoint(operation=semconv.DECISION, request=read_request, response=read_response)
