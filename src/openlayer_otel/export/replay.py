"""Sending what waits in the spool on demand: a command, and a function of Openlayer's SDK."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import NamedTuple

from opentelemetry.instrumentation.utils import suppress_instrumentation

from openlayer_otel.export.answers import Answer, Verdict
from openlayer_otel.export.client import Client
from openlayer_otel.export.kept import send_kept
from openlayer_otel.export.spool import Spool
from openlayer_otel.export.suspects import SEVERAL, is_for_all
from openlayer_otel.export.uploads import AttachmentUploads
from openlayer_otel.settings import Settings


class Replayed(NamedTuple):
    """What came of one trace.

    Attributes:
        data: The JSON body.
        answer: Openlayer's; None if the trace is for another address and was not sent.
    """

    data: bytes
    answer: Answer | None


def obstacle(settings: Settings) -> str | None:
    """Why nothing can be sent with these settings; None if something can."""
    if settings.disable_publish:
        return "Publishing is off: see OPENLAYER_DISABLE_PUBLISH"
    return None if settings.api_key else "No API key: set OPENLAYER_API_KEY"


def replay(
    settings: Settings, *, refused: bool = False, max_retries: int = 1
) -> Iterator[Replayed]:
    """Send what waits, the oldest first, until Openlayer does not answer.

    One trace that draws an error does not stop the others; several in a row do.
    What was sent is removed from the spool, what is refused is set aside, the rest stays. After a
    trace whose attachments cannot be uploaded, only those without are tried.

    Args:
        settings: Where the spool is, and where it is sent to, with which key.
        refused: Send those that Openlayer refused before, too.
        max_retries: Retries of each trace.
    """
    client = Client(settings)
    uploads = AttachmentUploads(client)
    never = threading.Event()
    held: Answer | None = None
    in_a_row = 0
    for claim in Spool(settings.spool_directory, settings.max_spool_bytes).claims(refused=refused):
        if claim.base_url != settings.base_url:
            # The key belongs to one address; it must not go to another that a file names.
            claim.release()
            yield Replayed(claim.data, None)
            continue
        if held is not None and claim.attachments:
            claim.release()
            yield Replayed(claim.data, held)
            continue
        with suppress_instrumentation():
            answer = send_kept(claim, client, uploads, never, max_retries=max_retries)
        if answer.verdict is Verdict.SENT:
            in_a_row = 0
            claim.done()
        elif answer.verdict is Verdict.REFUSED:
            claim.set_aside()
        else:
            claim.release()
        yield Replayed(claim.data, answer)
        if answer.verdict is Verdict.HELD:
            held = answer
        if answer.verdict is Verdict.LATER:
            in_a_row += 1
            if is_for_all(answer) or in_a_row >= SEVERAL:
                return
