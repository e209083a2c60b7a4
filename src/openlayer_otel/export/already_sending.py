"""Whether a tracer provider sends its traces to Openlayer already, by whichever way."""

from __future__ import annotations

import os
from typing import Any

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from openlayer_otel.environment import value_of
from openlayer_otel.export import otlp_preset
from openlayer_otel.export.exporter import OpenlayerSpanExporter
from openlayer_otel.export.otlp_preset import OtlpSpanProcessor
from openlayer_otel.export.processor import OpenlayerSpanProcessor
from openlayer_otel.settings import DEFAULT_BASE_URL, Settings


def sends_to_openlayer(provider: TracerProvider, settings: Settings) -> bool:
    """Whether one of the provider's processors sends to Openlayer, and has not been shut down.

    The SDK has no public way to list them; if its private one changes, the answer is no.

    Args:
        provider: Whose processors to look at.
        settings: They name Openlayer's address, as does the environment.
    """
    processors = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
    # The variable itself: what else the environment says may be overruled, and no fault.
    configured = value_of(os.environ, "OPENLAYER_BASE_URL") or DEFAULT_BASE_URL
    addresses = {otlp_preset.address(each) for each in (settings.base_url, configured)}
    return any(_sends(each, addresses) for each in processors)


def _sends(processor: SpanProcessor, addresses: set[str]) -> bool:
    if isinstance(processor, (OpenlayerSpanProcessor, OtlpSpanProcessor)):
        return not processor.is_shut_down
    batch = getattr(processor, "_batch_processor", processor)
    exporter = getattr(batch, "_exporter", getattr(processor, "span_exporter", None))
    if isinstance(exporter, OpenlayerSpanExporter):
        return not exporter.is_shut_down
    return _sends_otlp(exporter, addresses)


def _sends_otlp(exporter: Any, addresses: set[str]) -> bool:
    """Whether this is an OTLP exporter of the SDK's that sends to one of the addresses."""
    endpoint = getattr(exporter, "_endpoint", None)
    if not isinstance(endpoint, str) or endpoint.rstrip("/") not in addresses:
        return False
    return not getattr(exporter, "_shutdown", False)
