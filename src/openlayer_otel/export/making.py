"""Queued traces to uploads: the row is made, encoded, and cut to size."""

from __future__ import annotations

from typing import NamedTuple

from openlayer_otel.export.backlog import Upload
from openlayer_otel.export.completed import CompletedTrace
from openlayer_otel.export.fitting import encode_to_fit
from openlayer_otel.export.payload import body_of
from openlayer_otel.export.tally import warn_missing
from openlayer_otel.settings import Settings


class Queued(NamedTuple):
    """A trace in the queue: its number, when it was complete (nanoseconds since 1970)."""

    ticket: int
    made_at: int
    trace: CompletedTrace


class Fate(NamedTuple):
    """What becomes of a trace that is not uploaded: a field of ``DeliveryCounts``, and why."""

    name: str
    reason: str = ""


def upload_of(queued: Queued, settings: Settings) -> Upload | Fate:
    """The upload that a trace becomes. Raises what making its row raises."""
    body = body_of(queued.trace, settings)
    if body is None:
        return Fate("not_uploaded")
    if body.pipeline_id is None:
        variable = "OPENLAYER_INFERENCE_PIPELINE_ID"
        warn_missing(variable, "a trace has no inference pipeline to go to")
        return Fate("lost", f"they had no pipeline ({variable})")
    data = encode_to_fit(body.content, settings.max_body_bytes)
    attachments = body.checksums if settings.upload_attachments else ()
    return Upload(queued.ticket, body.pipeline_id, data, queued.made_at, attachments)
