"""Requests about messages that generate none: counting tokens, and creating a batch.

The conventions have no operation for them, so ``count_tokens`` and ``create_batch`` are names
of ours. Neither says ``gen_ai.usage.*``: no token is used or billed by them, and whoever adds
up usage must not count them. The messages they are about are not recorded: those of a count
are recorded with the request that follows it, those of a batch can be a hundred thousand.

Source: Anthropic API reference, "Count tokens in a Message", "Create a Message Batch".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.record import Endpoint, Record


def _read_nothing(body: Mapping[str, Any], record: Record) -> None:
    """The request says nothing but its model, which is read at the start."""


def _read_count(body: Any, record: Record) -> None:
    tokens = body.get("input_tokens") if isinstance(body, dict) else None
    record.usage(semconv.ANTHROPIC_COUNTED_INPUT_TOKENS, tokens)
    if record.with_content and type(tokens) is int:
        record.steps = {semconv.STEP_OUTPUT: {"input_tokens": tokens}}


COUNT_TOKENS = Endpoint(operation=semconv.COUNT_TOKENS, request=_read_nothing, response=_read_count)


def _read_batch_request(body: Mapping[str, Any], record: Record) -> None:
    """The model, if all requests of the batch are for the same one."""
    requests = body.get("requests")
    if not isinstance(requests, list):
        return
    each = [request.get("params") for request in requests if isinstance(request, dict)]
    models = {params.get("model") for params in each if isinstance(params, dict)}
    model = models.pop() if len(models) == 1 else None
    if isinstance(model, str):
        record.attributes[semconv.REQUEST_MODEL] = model


def _read_batch(body: Any, record: Record) -> None:
    if isinstance(body, dict) and isinstance(body.get("id"), str):
        record.attributes[semconv.RESPONSE_ID] = body["id"]


BATCHES = Endpoint(
    operation=semconv.CREATE_BATCH,
    request=_read_batch_request,
    response=_read_batch,
    model=lambda body, path: None,
)
