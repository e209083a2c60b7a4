"""The Videos API: a video is ordered, edited, extended or remixed. The call returns a job.

No tokens, no pixels: what the job makes is fetched later, as a file.
Source: OpenAI API reference, "Videos".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.record import Endpoint, Record
from openlayer_otel.providers.openai.fields import (
    read_head,
    read_parameters,
)

REMIX_PATH = re.compile(r"/videos/[^/]+/remix")
"""The API path of a remix."""

_PARAMETERS = frozenset({"seconds", "size"})


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """The prompt, and how long and large the video shall be."""
    record.attributes[semconv.OUTPUT_TYPE] = "video"
    read_parameters(body, _PARAMETERS, record)
    prompt = body.get("prompt")
    if record.with_content and prompt is not None:
        record.input_messages = [shape.message("user", [shape.text(prompt)])]


def read_response(body: Any, record: Record) -> None:
    """The job, and the video that will come of it as a file of the provider's."""
    if not isinstance(body, dict):
        return
    read_head(body, record)
    if record.with_content and body.get("id") is not None:
        part = shape.file(body["id"], "video", "video/mp4")
        record.output_messages = [shape.output_message("assistant", [part], None)]


VIDEOS = Endpoint(operation=semconv.GENERATE_CONTENT, request=read_request, response=read_response)
