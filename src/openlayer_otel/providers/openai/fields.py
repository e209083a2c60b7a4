"""Fields that the requests and responses of several of OpenAI's APIs share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.encoding import to_json
from openlayer_otel.genai.errors import error_code
from openlayer_otel.genai.record import Record

_RESPONSE = (
    ("id", semconv.RESPONSE_ID),
    ("model", semconv.RESPONSE_MODEL),
    ("service_tier", semconv.OPENAI_RESPONSE_SERVICE_TIER),
    ("system_fingerprint", semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT),
)


def set_text(record: Record, attribute: str, value: object) -> None:
    """Set an attribute to a text; anything else, and the empty text, sets nothing."""
    if isinstance(value, str) and value:
        record.attributes[attribute] = str.__str__(value)  # of an enum what it stands for


def read_parameters(body: Mapping[str, Any], names: frozenset[str], record: Record) -> None:
    """Request fields for which the conventions have no name, as one JSON object.

    Args:
        body: The request.
        names: The fields worth keeping. None of them may hold what a user or a model said.
        record: Gets ``openlayer.request.parameters``.
    """
    if not names.isdisjoint(body):
        given = sorted(names & body.keys())
        found = {name: body[name] for name in given if body[name] is not None}
        if found:
            record.attributes[semconv.REQUEST_PARAMETERS] = to_json(found)


def read_streaming(body: Mapping[str, Any], record: Record) -> None:
    """``stream``: recorded only where it is on."""
    if body.get("stream") is True:
        record.attributes[semconv.REQUEST_STREAM] = True


def read_choice_count(body: Mapping[str, Any], record: Record) -> None:
    """``n``: recorded only where it is not one."""
    count = body.get("n")
    if type(count) is int and count != 1:
        record.attributes[semconv.REQUEST_CHOICE_COUNT] = count


def read_service_tier(body: Mapping[str, Any], record: Record) -> None:
    """``service_tier``: recorded unless it is left to the provider."""
    tier = body.get("service_tier")
    if tier != "auto":
        set_text(record, semconv.OPENAI_REQUEST_SERVICE_TIER, tier)


def read_head(body: Mapping[str, Any], record: Record) -> None:
    """Id, model, service tier and fingerprint of an answer, and whether it says that it failed."""
    attributes = record.attributes
    for name, attribute in _RESPONSE:
        value = body.get(name)
        if value and type(value) is str:
            attributes[attribute] = value
    error = body.get("error")
    if error:
        read_failure(error, record)


def read_failure(error: object, record: Record) -> None:
    """``error`` in an answer whose status was 200: the operation has failed.

    Args:
        error: ``{"code", "type", "message"}``, any of them missing, or a text; anything else is
            no error.
        record: Gets the failure.
    """
    if isinstance(error, str) and error:
        record.failure = (semconv.ERROR_OTHER, error)
    if not isinstance(error, dict) or not error:
        return
    code = error_code(error.get("code")) or error_code(error.get("type"))
    message = error.get("message")
    text = message if isinstance(message, str) else None
    record.failure = (code or semconv.ERROR_OTHER, text)
