"""``openlayer.lib`` by its old names: what its users wrote works with ``openlayer_otel.lib``.

``docs/migration.md`` has each line. Names that no longer do anything (a client need not be
wrapped) are here so that nothing breaks; new code uses :mod:`openlayer_otel`.
"""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel import bootstrap
from openlayer_otel.instrumentor import OpenlayerInstrumentor
from openlayer_otel.tracing import (
    Attachment,
    StepType,
    add_chat_completion_step_to_trace,
    add_embedding_step_to_trace,
    clear_user_session_context,
    create_step,
    get_current_session_id,
    get_current_step,
    get_current_trace,
    get_current_user_id,
    log_attachment,
    log_context,
    log_output,
    log_question,
    set_user_session_context,
    trace,
    trace_async,
    update_current_step,
    update_current_trace,
    update_trace_user_session,
)

__all__ = [
    "Attachment",
    "StepType",
    "add_chat_completion_step_to_trace",
    "add_embedding_step_to_trace",
    "clear_user_session_context",
    "configure",
    "create_step",
    "get_current_session_id",
    "get_current_step",
    "get_current_trace",
    "get_current_user_id",
    "init",
    "log_attachment",
    "log_context",
    "log_output",
    "log_question",
    "set_user_session_context",
    "trace",
    "trace_anthropic",
    "trace_async",
    "trace_async_openai",
    "trace_openai",
    "update_current_step",
    "update_current_trace",
    "update_trace_user_session",
]

Client = TypeVar("Client")

# Arguments of the SDK's init() -> our settings.
_SETTINGS = {
    "offline_buffer_enabled": "spool",
    "offline_buffer_path": "spool_directory",
    "attachment_upload_enabled": "upload_attachments",
    "background_publish_max_queue_size": "max_queue_size",
}
# What has no counterpart: publishing is always in the background, the spool counts bytes.
_WITHOUT_MEANING = frozenset({"background_publish_enabled", "max_buffer_size"})


def init(*, auto_instrument: bool | list[str] = True, **arguments: Any) -> TracerProvider:
    """As :func:`openlayer_otel.init`, with the arguments of the SDK's.

    Args:
        auto_instrument: Whether to trace the providers' SDKs, or the names of those to trace.
        arguments: ``api_key``, ``inference_pipeline_id``, ``base_url``, ``timeout`` and so on.
            What the SDK calls otherwise is translated, what has no meaning here left out.
    """
    given = {
        _SETTINGS.get(name, name): value
        for name, value in arguments.items()
        if name not in _WITHOUT_MEANING
    }
    if isinstance(auto_instrument, (list, tuple, set)):
        given["providers"] = tuple(auto_instrument)
    return bootstrap.init(instrument=bool(auto_instrument), **given)


def configure(**arguments: Any) -> TracerProvider:
    """As :func:`init` without tracing the providers' SDKs; deprecated, as in the SDK."""
    warnings.warn("configure() is deprecated; use init()", DeprecationWarning, stacklevel=2)
    return init(**{"auto_instrument": False, **arguments})


def trace_openai(client: Client) -> Client:
    """Trace the providers' SDKs: all clients, not this one alone.

    Returns:
        ``client``, as it is.
    """
    instrumentor = OpenlayerInstrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument()
    return client


trace_async_openai = trace_openai
trace_anthropic = trace_openai
