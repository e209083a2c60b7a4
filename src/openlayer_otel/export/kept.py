"""A trace that was put away, as those see it who send it or set it aside."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from openlayer_otel.export.answers import Answer
from openlayer_otel.export.claim import Claim
from openlayer_otel.export.uploads import Data


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
