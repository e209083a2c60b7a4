"""``OpenlayerInstrumentor``: one line that traces every call of the providers' SDKs.

Nothing of an SDK is imported here: hooks are put in when the application imports it,
before or after ``instrument()``. Under ``opentelemetry-instrument`` the entry point
``opentelemetry_instrumentor: openlayer`` calls the same class.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from openlayer_otel import telemetry as telemetry_module
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.providers.registry import Installation, selected
from openlayer_otel.settings import Settings
from openlayer_otel.telemetry import Telemetry


class OpenlayerInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Traces the calls of the OpenAI and Anthropic SDKs as OpenTelemetry GenAI spans.

    ``OpenlayerInstrumentor().instrument()`` switches tracing on for the process,
    ``.uninstrument()`` off. Keyword arguments of ``instrument()``, all optional:

    * ``tracer_provider``, ``meter_provider``, ``logger_provider``: where spans, metrics and
      events go; the global providers by default, even if they are set later.
    * ``providers``: names of the providers to trace, such as ``["openai"]``; all by default.
    * ``capture_content``: where message content is recorded, ``"SPAN_ONLY"`` (the default),
      ``"NO_CONTENT"``, ``"EVENT_ONLY"``, ``"SPAN_AND_EVENT"``, or a bool.
    * ``redact``: a function called with every content text; returns what may be kept.
    * any other field of :class:`~openlayer_otel.settings.Settings`.

    Neither method raises: what cannot be used is named in one warning.
    """

    _installation: Installation | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: each provider is looked for by itself, and a newer SDK is no conflict."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        # An exception here would keep opentelemetry-instrument from loading all others.
        try:
            providers = {
                name: kwargs.pop(name, None)
                for name in ("tracer_provider", "meter_provider", "logger_provider")
            }
            kwargs.pop("skip_dep_check", None)
            kwargs.pop("raise_exception_on_conflict", None)
            given = kwargs.pop("settings", None)
            settings = given if isinstance(given, Settings) else Settings.resolve(**kwargs)
            telemetry = Telemetry(settings, **providers)
            telemetry_module.activate(telemetry)
            installation = Installation(telemetry)
            self._installation = installation
            for provider in selected(settings.providers):
                installation.add(provider)
        except Exception as error:  # noqa: BLE001 - boundary, see above
            report_failure("instrument()", error)

    def _uninstrument(self, **kwargs: Any) -> None:
        installation, self._installation = self._installation, None
        if installation is not None:
            installation.remove()
        telemetry_module.activate(None)
