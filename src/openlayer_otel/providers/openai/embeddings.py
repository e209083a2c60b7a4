"""``POST /embeddings``. The vectors are never recorded, only how many numbers they have.

Source: OpenAI API reference, "Embeddings"; conventions: embeddings span.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.record import Endpoint, Record, read_request_fields
from openlayer_otel.providers.openai.fields import (
    read_head,
    read_parameters,
)
from openlayer_otel.providers.openai.usage import read_usage

_REQUEST = {
    "dimensions": (semconv.EMBEDDINGS_DIMENSION_COUNT, int),
    # The SDK asks for base64 by itself where the application names no format.
    "encoding_format": (semconv.REQUEST_ENCODING_FORMATS, list),
}
_PARAMETERS = frozenset({"dimensions"})
_BYTES_OF_A_NUMBER = 4


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """The request, field by field. The conventions have no messages for embeddings."""
    read_request_fields(body, _REQUEST, record)
    read_parameters(body, _PARAMETERS, record)
    if record.with_content and body.get("input") is not None:
        record.steps = {semconv.STEP_INPUTS: {"input": body["input"]}}


def read_response(body: Any, record: Record) -> None:
    """Model and usage, and the size of the vectors where the request named none."""
    if not isinstance(body, dict):
        return
    read_head(body, record)
    read_usage(body.get("usage"), record)
    # An embedding has no output tokens, whatever a compatible server says of them.
    record.attributes.pop(semconv.USAGE_OUTPUT_TOKENS, None)
    data = body.get("data")
    if isinstance(data, list) and data and isinstance(data[0], dict):
        size = _size(data[0].get("embedding"))
        if size:
            record.attributes.setdefault(semconv.EMBEDDINGS_DIMENSION_COUNT, size)


def _size(vector: object) -> int:
    """How many numbers a vector has: a list, or base64 text of 32-bit numbers."""
    if isinstance(vector, list):
        return len(vector)
    if isinstance(vector, str):
        return len(vector.rstrip("=")) * 3 // 4 // _BYTES_OF_A_NUMBER
    return 0


EMBEDDINGS = Endpoint(operation=semconv.EMBEDDINGS, request=read_request, response=read_response)
