"""Who is measured: this package and its peers, each switched on as its README says."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

Instrument = Callable[[TracerProvider], None]


def _openlayer(provider: TracerProvider) -> None:
    from openlayer_otel import OpenlayerInstrumentor

    OpenlayerInstrumentor().instrument(tracer_provider=provider)


def _without_content(provider: TracerProvider) -> None:
    from openlayer_otel import OpenlayerInstrumentor

    OpenlayerInstrumentor().instrument(tracer_provider=provider, capture_content="NO_CONTENT")


def _instrumentors(*paths: str) -> Instrument:
    def instrument(provider: TracerProvider) -> None:
        for path in paths:
            module, _, name = path.partition(":")
            made: Any = getattr(importlib.import_module(module), name)()
            made.instrument(tracer_provider=provider, skip_dep_check=True)

    return instrument


def _official(provider: TracerProvider) -> None:
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "SPAN_ONLY"
    _instrumentors(
        "opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",
        "opentelemetry.instrumentation.genai.anthropic:AnthropicInstrumentor",
    )(provider)


def _openlayer_sdk(provider: TracerProvider) -> None:
    # It has no spans: publishing is off, so what is measured is the tracing alone.
    os.environ["OPENLAYER_DISABLE_PUBLISH"] = "true"
    from openlayer import lib

    lib.init(api_key="k", inference_pipeline_id="p", auto_instrument=["openai", "anthropic"])


CONTROL = "control"
"""The floor once more, in the place of the instrumented client: it has to cost one floor."""

CONTENDERS: dict[str, Instrument] = {
    CONTROL: lambda provider: None,
    "openlayer-otel": _openlayer,
    "openlayer-otel, content off": _without_content,
    "official GenAI": _official,
    "OpenInference": _instrumentors(
        "openinference.instrumentation.openai:OpenAIInstrumentor",
        "openinference.instrumentation.anthropic:AnthropicInstrumentor",
    ),
    "OpenLLMetry": _instrumentors(
        "opentelemetry.instrumentation.openai:OpenAIInstrumentor",
        "opentelemetry.instrumentation.anthropic:AnthropicInstrumentor",
    ),
    "Openlayer SDK": _openlayer_sdk,
}
"""Name in the table -> how it is switched on."""

SPANLESS = frozenset({"Openlayer SDK"})
"""Contenders that make no OpenTelemetry spans, so that none can be counted."""


def global_provider(provider: TracerProvider) -> None:
    """Some peers only write to the global provider."""
    trace.set_tracer_provider(provider)
