"""``POST /batches``: many requests at once, answered later. No tokens are used by the call.

The conventions have no operation for it; ours is ``create_batch``.
Source: OpenAI API reference, "Batch".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.record import Endpoint, Record
from openlayer_otel.providers.openai.fields import (
    read_head,
    read_parameters,
)

_PARAMETERS = frozenset({"completion_window", "endpoint", "input_file_id"})


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """The file of requests, and the endpoint that they are for."""
    read_parameters(body, _PARAMETERS, record)


def read_response(body: Any, record: Record) -> None:
    """The batch's id."""
    if isinstance(body, dict):
        read_head(body, record)


BATCHES = Endpoint(operation=semconv.CREATE_BATCH, request=read_request, response=read_response)
