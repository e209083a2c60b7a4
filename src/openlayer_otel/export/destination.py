"""Everything between finished spans and Openlayer, for one set of settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel.diagnostics import logger, warn_once
from openlayer_otel.export.assembly import Assembly
from openlayer_otel.export.client import Client
from openlayer_otel.export.completed import CompletedTrace
from openlayer_otel.export.delivery import Delivery
from openlayer_otel.export.grouping import Grouping
from openlayer_otel.export.tally import DeliveryCounts, warn_missing
from openlayer_otel.setting_scopes import TRACING_SETTINGS, warn_without_effect
from openlayer_otel.setting_values import fits_header
from openlayer_otel.settings import Settings


class Destination:
    """Assembly, queue, threads and connections of all who export with the same settings.

    Args:
        settings: Resolved settings.

    Attributes:
        settings: As given.
        users: How many processors and exporters share it (``sharing`` counts).
        enabled: Whether anything is uploaded: there is a key and publishing is not disabled.
        assembly: Puts the traces together that a processor sees.
        grouping: Puts the traces together that an exporter by name sees.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.users = 0
        self.enabled = can_upload(settings)
        self._delivery = Delivery(settings, Client(settings))
        self.assembly = Assembly(
            self._hand_over,
            upload_all=settings.upload_all,
            max_open_traces=settings.max_open_traces,
            max_open_bytes=settings.max_open_bytes,
            max_age=settings.max_trace_age,
            on_waiting=self.wake,
        )
        self.grouping = Grouping(
            self._hand_over,
            grace=settings.exporter_grace,
            upload_all=settings.upload_all,
            max_open_traces=settings.max_open_traces,
            max_open_bytes=settings.max_open_bytes,
            max_age=settings.max_trace_age,
        )
        self._delivery.add_collector(self.assembly.collect)
        self._delivery.add_collector(self.grouping.collect)
        if self.enabled:
            self._delivery.look_at_spool()

    @property
    def wants_binaries(self) -> bool:
        """Whether it uploads binary content, or sends it inside the traces."""
        settings = self.settings
        return self.enabled and (settings.upload_attachments or settings.inline_attachments)

    def _hand_over(self, trace: CompletedTrace, weight: int) -> None:
        self._delivery.submit(trace, weight)

    def wake(self) -> None:
        """Have the worker look for traces that wait."""
        self._delivery.wake()

    def flush(self, timeout: float) -> bool:
        """Send all complete traces; see :meth:`Delivery.flush`."""
        self.grouping.collect(roots=True)
        return self._delivery.flush(timeout)

    def drain(self, timeout: float) -> bool:
        """Send or spool everything, complete or not; see :meth:`Delivery.drain`."""
        self.assembly.collect(everything=True)
        self.grouping.collect(everything=True)
        return self._delivery.drain(timeout)

    def close(self, timeout: float) -> bool:
        """Like :meth:`drain`, and end the threads."""
        self.assembly.collect(everything=True)
        self.grouping.collect(everything=True)
        return self._delivery.close(timeout)

    def counts(self) -> DeliveryCounts:
        """What became of the traces so far."""
        return self._delivery.counts()

    def after_fork(self) -> None:
        """In the child: nothing of the parent is sent, and nothing of it is used."""
        self.assembly.after_fork()
        self.grouping.after_fork()
        self._delivery.after_fork()


def can_upload(settings: Settings) -> bool:
    """Whether traces can be uploaded with these settings; says once what is missing if not."""
    if settings.disable_publish:
        logger.info("openlayer-otel: OPENLAYER_DISABLE_PUBLISH is set: nothing is uploaded.")
        return False
    if not settings.api_key:
        warn_missing("OPENLAYER_API_KEY", "no API key, so no trace is uploaded to Openlayer")
        return False
    if not fits_header(settings.api_key):
        warn_once(
            "api_key:header",
            "openlayer-otel: OPENLAYER_API_KEY (api_key=) holds a character that HTTP does not "
            "allow in a header, such as a curly quotation mark or the end of a line, so Openlayer "
            "cannot be asked; traces are kept.",
        )
    if not settings.inference_pipeline_id:
        warn_missing(
            "OPENLAYER_INFERENCE_PIPELINE_ID",
            "no inference pipeline, so only traces that name one themselves are uploaded",
        )
    return True


def settings_of(owner: str, given: object, arguments: Mapping[str, Any]) -> Settings:
    """The settings of a processor or exporter.

    Args:
        owner: Its class's name.
        given: What it got as ``settings``.
        arguments: What else it got, by name.
    """
    if isinstance(given, Settings):
        return given
    if given is not None:
        warn_once(
            f"settings:{owner}",
            "openlayer-otel: the argument settings= of %s is %s, no Settings; it is ignored. Give "
            "settings by name, such as api_key=.",
            owner,
            type(given).__qualname__,
        )
    unused = [name for name in (*TRACING_SETTINGS, "otlp") if arguments.get(name) is not None]
    warn_without_effect(unused, owner, "init() or instrument()")
    return Settings.resolve(**arguments)
