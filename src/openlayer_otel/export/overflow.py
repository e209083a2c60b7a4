"""Traces for which the queue has no room: to disk, on the thread that submits them.

A burst that is quicker than the worker is slowed down by this, by about a millisecond a trace, and
loses nothing; the worker gets its turn meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from openlayer_otel.diagnostics import logger
from openlayer_otel.export.backlog import Backlog
from openlayer_otel.export.making import Fate, Queued, upload_of
from openlayer_otel.settings import Settings

FULL = "the queue was full (OPENLAYER_OTEL_MAX_QUEUE_SIZE, OPENLAYER_OTEL_MAX_QUEUE_BYTES)"
"""Why a trace is lost that the disk does not take either."""


class Overflow:
    """Puts traces on disk that have no room elsewhere. Thread-safe.

    Args:
        settings: How rows are made.
        backlog: Writes them.
        settle: Told what became of a trace that is not on disk: its ticket, its fate, and why.
    """

    def __init__(
        self, settings: Settings, backlog: Backlog, settle: Callable[[int, str, str], object]
    ) -> None:
        self._settings = settings
        self._backlog = backlog
        self._settle = settle
        self._here = threading.local()

    @property
    def under_way(self) -> bool:
        """This thread is in :meth:`put`: the garbage collector has ended a span meanwhile."""
        return getattr(self._here, "under_way", False)

    def put(self, queued: Queued) -> None:
        """Put a trace on disk, or else lose it. Never raises."""
        self._here.under_way = True
        try:
            self._put(queued)
        except Exception as error:  # noqa: BLE001 - boundary: a span ends in the user's call
            logger.debug("openlayer-otel: putting a trace on disk failed", exc_info=error)
            name = type(error).__qualname__
            self._settle(queued.ticket, "lost", f"{FULL}, and their rows failed ({name})")
        finally:
            self._here.under_way = False

    def _put(self, queued: Queued) -> None:
        made = upload_of(queued, self._settings)
        if isinstance(made, Fate):
            self._settle(queued.ticket, made.name, made.reason)
            return
        self._backlog.serve(made.pipeline_id)
        self._backlog.keep(made, sync=False, in_memory=False)
        if made.spooled is None:
            self._settle(queued.ticket, "lost", FULL)
