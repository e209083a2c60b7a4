"""``POST /moderations``: is a text or a picture harmful?

The conventions have no operation for it; ours is ``moderation``.
Source: OpenAI API reference, "Moderations".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.record import Endpoint, Record
from openlayer_otel.providers.openai.fields import read_head
from openlayer_otel.providers.openai.messages import content_parts


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """``input``: a text, a list of texts, or a list of content parts."""
    if record.with_content:
        record.input_messages = [shape.message("user", content_parts(body.get("input")))]


def read_response(body: Any, record: Record) -> None:
    """What was found, by input: flagged or not, and which categories apply."""
    if not isinstance(body, dict):
        return
    read_head(body, record)
    results = body.get("results")
    if record.with_content and isinstance(results, list):
        found = [_result(each) for each in results if isinstance(each, dict)]
        record.steps = {semconv.STEP_OUTPUT: found[0] if len(found) == 1 else found}


def _result(result: dict[str, Any]) -> dict[str, Any]:
    """The verdict and the categories that apply, with the scores of all."""
    categories = result.get("categories")
    flagged = (
        [name for name, yes in categories.items() if yes] if isinstance(categories, dict) else []
    )
    return {
        "flagged": result.get("flagged"),
        "categories": flagged,
        "category_scores": result.get("category_scores"),
    }


MODERATIONS = Endpoint(operation=semconv.MODERATION, request=read_request, response=read_response)
