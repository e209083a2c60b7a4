"""OpenTelemetry-native tracing for applications that call LLMs, for users of Openlayer.

The names below are the public API. They are loaded when first used, so importing the
package costs next to nothing and imports no provider's SDK.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from openlayer_otel.version import __version__

if TYPE_CHECKING:
    from openlayer_otel.bootstrap import flush, init, shutdown
    from openlayer_otel.export.exporter import OpenlayerSpanExporter
    from openlayer_otel.export.processor import OpenlayerSpanProcessor
    from openlayer_otel.instrumentor import OpenlayerInstrumentor
    from openlayer_otel.tracing.decorator import trace
    from openlayer_otel.tracing.session import capture_content, using_session
    from openlayer_otel.tracing.steps import (
        current_step,
        current_trace,
        log_attachment,
        log_context,
        log_output,
        log_question,
        start_step,
        update_current_step,
        update_current_trace,
    )
    from openlayer_otel.tracing.threads import ContextThreadPoolExecutor, carry_context

# Public name -> the module that defines it.
_HOMES = {
    "ContextThreadPoolExecutor": "openlayer_otel.tracing.threads",
    "OpenlayerInstrumentor": "openlayer_otel.instrumentor",
    "OpenlayerSpanExporter": "openlayer_otel.export.exporter",
    "OpenlayerSpanProcessor": "openlayer_otel.export.processor",
    "capture_content": "openlayer_otel.tracing.session",
    "carry_context": "openlayer_otel.tracing.threads",
    "current_step": "openlayer_otel.tracing.steps",
    "current_trace": "openlayer_otel.tracing.steps",
    "flush": "openlayer_otel.bootstrap",
    "init": "openlayer_otel.bootstrap",
    "log_attachment": "openlayer_otel.tracing.steps",
    "log_context": "openlayer_otel.tracing.steps",
    "log_output": "openlayer_otel.tracing.steps",
    "log_question": "openlayer_otel.tracing.steps",
    "shutdown": "openlayer_otel.bootstrap",
    "start_step": "openlayer_otel.tracing.steps",
    "trace": "openlayer_otel.tracing.decorator",
    "update_current_step": "openlayer_otel.tracing.steps",
    "update_current_trace": "openlayer_otel.tracing.steps",
    "using_session": "openlayer_otel.tracing.session",
}

__all__ = [
    "ContextThreadPoolExecutor",
    "OpenlayerInstrumentor",
    "OpenlayerSpanExporter",
    "OpenlayerSpanProcessor",
    "__version__",
    "capture_content",
    "carry_context",
    "current_step",
    "current_trace",
    "flush",
    "init",
    "log_attachment",
    "log_context",
    "log_output",
    "log_question",
    "shutdown",
    "start_step",
    "trace",
    "update_current_step",
    "update_current_trace",
    "using_session",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
