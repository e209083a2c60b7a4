"""One variable for OTLP end to end: ``OPENLAYER_OTEL_OTLP=true``.

The SDK's own OTLP exporter then sends the traces to Openlayer's OTLP endpoint
(docs.openlayer.com/integrations/opentelemetry); nothing of this package stands in between.
Only variables of the traces signal are set, so metrics and logs go where they went before,
and never carry the key.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from urllib.parse import quote

from opentelemetry.sdk.trace import SpanProcessor

from openlayer_otel.diagnostics import warn_once
from openlayer_otel.settings import Settings

ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
HEADERS = "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
PROTOCOL = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
TRACES_EXPORTER = "OTEL_TRACES_EXPORTER"
# Set by the user, these say that the traces go somewhere else.
_ENDPOINTS = (ENDPOINT, "OTEL_EXPORTER_OTLP_ENDPOINT")


def apply(environment: MutableMapping[str, str]) -> bool:
    """Set OpenTelemetry's variables for Openlayer's OTLP endpoint, if that is asked for.

    What the user has set stays. If the user has set another endpoint, nothing is changed: the
    key must not go there.

    Args:
        environment: The variables to read (``OPENLAYER_*``) and to change.

    Returns:
        Whether the traces go to Openlayer's OTLP endpoint now.
    """
    settings = Settings.resolve(environment=environment)
    endpoint = _endpoint(settings, environment)
    if endpoint is None:
        return False
    environment[ENDPOINT] = endpoint
    environment.setdefault(PROTOCOL, "http/protobuf")
    environment.setdefault(TRACES_EXPORTER, "otlp")
    # Values are percent-encoded, as the OTLP specification has it.
    headers = (f"{name}={quote(value, safe=':')}" for name, value in _headers(settings).items())
    environment.setdefault(HEADERS, ",".join(headers))
    return True


def processor_for(settings: Settings) -> SpanProcessor | None:
    """A span processor that sends to Openlayer's OTLP endpoint, if that is asked for.

    Args:
        settings: ``otlp`` asks for it; address, key and pipeline are used.

    Returns:
        The SDK's batch processor with its OTLP exporter. None if ``otlp`` is off or cannot be used
        (which is warned about once).
    """
    endpoint = _endpoint(settings, os.environ)
    if endpoint is None:
        return None
    # Imported here: it brings an HTTP library and protobuf.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, headers=_headers(settings)))


def _headers(settings: Settings) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {settings.api_key}",
        "x-bt-parent": f"pipeline_id:{settings.inference_pipeline_id}",
    }


def _endpoint(settings: Settings, environment: Mapping[str, str]) -> str | None:
    """Openlayer's OTLP endpoint, if traces are to go and may go there."""
    if not settings.otlp:
        return None
    missing = [
        variable
        for variable, value in (
            ("OPENLAYER_API_KEY", settings.api_key),
            ("OPENLAYER_INFERENCE_PIPELINE_ID", settings.inference_pipeline_id),
        )
        if not value
    ]
    if missing:
        _refuse("OPENLAYER_OTEL_OTLP needs %s; it is ignored.", " and ".join(missing))
        return None
    endpoint = f"{settings.base_url}/otel/v1/traces"
    for variable in _ENDPOINTS:
        if environment.get(variable, endpoint).rstrip("/") not in (
            endpoint,
            f"{settings.base_url}/otel",
        ):
            _refuse("OPENLAYER_OTEL_OTLP is ignored, because %s names another address.", variable)
            return None
    return endpoint


def _refuse(message: str, name: str) -> None:
    warn_once(f"otlp:{name}", "openlayer-otel: " + message, name)
