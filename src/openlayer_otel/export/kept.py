"""A trace that was put away, as those see it who send it or set it aside; and its sending."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from openlayer_otel.diagnostics import report_failure
from openlayer_otel.export.answers import Answer, Verdict
from openlayer_otel.export.claim import Claim
from openlayer_otel.export.client import Client
from openlayer_otel.export.uploads import AttachmentUploads, Data

# So many seconds a trace on disk waits for attachments that cannot be uploaded; then it goes
# without them.
PATIENCE = 86_400.0


class Kept(Protocol):
    """A trace that was put away: a claimed file, or a trace in memory.

    Attributes:
        key: Its name among those that wait.
        is_on_disk: Whether it can be set aside without being lost.
        attachments: As of an upload; the trace itself is the source of their data.
        made_at: As of an upload, in seconds.
    """

    key: str
    is_on_disk: bool
    pipeline_id: str
    data: bytes
    attachments: tuple[str, ...]
    made_at: float

    def opened(self, checksum: str) -> AbstractContextManager[Data | None]: ...
    def done(self) -> None: ...
    def release(self) -> None: ...
    def set_aside(self) -> None: ...


SendOne = Callable[[Kept], Answer]
"""Tries to send a trace once. Never raises."""


class OnDisk:
    """A file of the spool, claimed to be sent."""

    is_on_disk = True

    def __init__(self, claim: Claim, on_replayed: Callable[[], None]) -> None:
        self.key = claim.key
        self.pipeline_id = claim.pipeline_id
        self.data = claim.data
        self.attachments = claim.attachments
        self.made_at = claim.made_at
        self.opened = claim.opened
        self.release = claim.release
        self.set_aside = claim.set_aside
        self._claim = claim
        self._on_replayed = on_replayed

    def done(self) -> None:
        self._claim.done()
        self._on_replayed()


def send_kept(
    kept: Kept,
    client: Client,
    uploads: AttachmentUploads,
    give_up: threading.Event,
    max_retries: int = 0,
) -> Answer:
    """Send a trace that was put away, its attachments first. Never raises.

    Attachments that were put away with it are uploaded whatever the settings of this process say:
    those of the process that put it away said so.
    """
    try:
        data = kept.data
        if kept.attachments:
            done = uploads.complete(data, kept.attachments, kept, insist=True)
            if done.trouble is not None and time.time() - kept.made_at < PATIENCE:
                return Answer(Verdict.HELD, f"attachments: {done.trouble}")
            data = done.data
        return client.deliver(kept.pipeline_id, data, give_up=give_up, max_retries=max_retries)[0]
    except Exception as error:  # noqa: BLE001 - the trace must be given back, and others tried
        report_failure("sending a trace that waited", error)
        # As a status: it says nothing about other traces.
        return Answer(Verdict.LATER, type(error).__name__, is_status=True)
