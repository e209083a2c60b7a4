"""``openlayer.lib`` by its old names: what its users wrote works with ``openlayer_otel.lib``.

``docs/migration.md`` has each line. Names that no longer do anything (a client need not be
wrapped) are here so that nothing breaks; new code uses :mod:`openlayer_otel`.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import orjson
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel import bootstrap, setting_values, telemetry
from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.export.answers import Verdict
from openlayer_otel.export.replay import obstacle, replay
from openlayer_otel.export.spool import Spool
from openlayer_otel.instrumentor import OpenlayerInstrumentor, renew
from openlayer_otel.providers.registry import PROVIDERS
from openlayer_otel.settings import Settings
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
    "auto_instrument",
    "clear_offline_buffer",
    "clear_user_session_context",
    "configure",
    "create_step",
    "get_buffer_status",
    "get_current_session_id",
    "get_current_step",
    "get_current_trace",
    "get_current_user_id",
    "get_tracer_config",
    "init",
    "log_attachment",
    "log_context",
    "log_output",
    "log_question",
    "replay_buffered_traces",
    "set_user_session_context",
    "trace",
    "trace_anthropic",
    "trace_async",
    "trace_async_openai",
    "trace_openai",
    "unpatch_all",
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
_BY_POSITION = ("api_key", "inference_pipeline_id", "base_url")
# Without init(), the environment's key is enough, as it is for the SDK.
telemetry.start_with(bootstrap.init_from_environment)
# What init() was given so far: like the SDK's, it adds to earlier calls.
_given: dict[str, Any] = {}
# What has no counterpart: publishing is always in the background, the spool counts bytes.
_WITHOUT_MEANING = frozenset({"background_publish_enabled", "max_buffer_size"})


def init(
    *values: Any, auto_instrument: bool | str | Sequence[str] | None = True, **arguments: Any
) -> TracerProvider:
    """As :func:`openlayer_otel.init`, with the arguments of the SDK's.

    It adds to what earlier calls have said; an argument that is ``None`` takes that back.

    Args:
        values: ``api_key``, ``inference_pipeline_id`` and ``base_url``, if given by position.
        auto_instrument: Whether to trace the providers' SDKs, or the names of those to trace, in
            a list or one text; ``None`` means all.
        arguments: ``api_key``, ``inference_pipeline_id``, ``base_url``, ``timeout`` and so on.
            What the SDK calls otherwise is translated, what has no meaning here left out.
    """
    if len(values) > len(_BY_POSITION):
        raise TypeError(f"init() takes its arguments after {_BY_POSITION[-1]} by name")
    arguments = {**dict(zip(_BY_POSITION, values, strict=False)), **arguments}
    if not bootstrap.is_started():
        _given.clear()
    for name, value in arguments.items():
        if name not in _WITHOUT_MEANING:
            _given[_SETTINGS.get(name, name)] = value
    traced = _names("auto_instrument=", auto_instrument)
    _given["providers"] = traced or None
    given = {name: value for name, value in _given.items() if value is not None}
    return bootstrap.init(instrument=traced != (), **given)


def configure(**arguments: Any) -> TracerProvider:
    """As :func:`init` without tracing the providers' SDKs; deprecated, as in the SDK."""
    warnings.warn("configure() is deprecated; use init()", DeprecationWarning, stacklevel=2)
    return init(**{"auto_instrument": False, **arguments})


def get_tracer_config() -> dict[str, Any]:
    """The settings in use by the SDK's names, without the key."""
    settings = bootstrap.settings_in_use()
    return {
        "api_key": "***" if settings.api_key else None,
        "inference_pipeline_id": settings.inference_pipeline_id,
        "base_url": settings.base_url,
        "timeout": settings.timeout,
        "max_retries": settings.max_retries,
        "publish": not settings.disable_publish,
        "verify_ssl": settings.verify_ssl,
        **{theirs: getattr(settings, ours) for theirs, ours in _SETTINGS.items()},
    }


# --- the providers' SDKs ---


def _names(source: str, targets: object) -> tuple[str, ...] | None:
    """The providers that are meant; None for all, also where it cannot be told."""
    try:
        return setting_values.names(targets)
    except Exception as error:  # noqa: BLE001 - a name's own __str__ may raise anything
        reason = str(error) if isinstance(error, ValueError) else type(error).__qualname__
        warn_once(
            f"lib:{source}",
            "openlayer-otel: %s cannot be used (%s); all providers are traced.",
            source,
            reason,
        )
        return None


def auto_instrument(targets: bool | str | Sequence[str] | None = True) -> dict[str, bool]:
    """Trace the providers' SDKs, with the settings of :func:`init`.

    Args:
        targets: The names of those to trace, in a list or one text; true and ``None`` mean all.

    Returns:
        The providers that were asked for. What is not installed is traced once it is imported.
    """
    names = _names("auto_instrument()", targets)
    if names == ():
        return {}
    instrumentor = OpenlayerInstrumentor()
    now = telemetry.active()
    instrumented = instrumentor.is_instrumented_by_opentelemetry
    traced = now.settings.providers if instrumented else ()
    if traced is not None and (names is None or not set(names) <= set(traced)):
        wanted = None if names is None else tuple(dict.fromkeys((*traced, *names)))
        settings = dataclasses.replace(now.settings, providers=wanted)
        renew(settings, tracer_provider=now.tracer_provider)
    return {name: True for name in PROVIDERS if names is None or name in names}


def unpatch_all() -> None:
    """Trace the providers' SDKs no more; ``@trace`` goes on, with the settings it had."""
    now = telemetry.active()
    OpenlayerInstrumentor().uninstrument()
    telemetry.activate(now)


def trace_openai(client: Client) -> Client:
    """Trace the providers' SDKs: all clients, not this one alone.

    Returns:
        ``client``, as it is.
    """
    auto_instrument()
    return client


trace_async_openai = trace_openai
trace_anthropic = trace_openai


# --- the offline buffer, which is the spool here ---

_NOT_ENABLED = "Offline buffer not enabled"


def replay_buffered_traces(
    max_retries: int = 3,
    on_replay_success: Callable[[dict[str, Any], dict[str, Any]], object] | None = None,
    on_replay_failure: Callable[[dict[str, Any], dict[str, Any], Exception], object] | None = None,
) -> dict[str, Any]:
    """Send now what could not be sent before. It is sent later by itself, too.

    Args:
        max_retries: Attempts for each trace.
        on_replay_success: Called with the row and the config of each trace that was sent.
        on_replay_failure: Likewise with the exception, for each that was tried in vain.

    Returns:
        ``total_traces``, ``success_count``, ``failure_count`` (those that were not tried
        because Openlayer does not answer are failures, too) and ``failed_traces``.
    """
    settings = bootstrap.settings_in_use()
    counts: dict[str, Any] = {"total_traces": 0, "success_count": 0, "failure_count": 0}
    why = obstacle(settings) if settings.spool else _NOT_ENABLED
    if why is not None:
        return {**counts, "failed_traces": [], "error": why}
    failed, refused = [], 0
    for data, answer in replay(settings, max_retries=max(1, max_retries) - 1):
        body = orjson.loads(data)
        row, config = body["rows"][0], body["config"]
        if answer is not None and answer.verdict is Verdict.SENT:
            counts["success_count"] += 1
            _call(on_replay_success, row, config)
            continue
        refused += answer is not None and answer.verdict is Verdict.REFUSED
        error = ConnectionError("it is for another address" if answer is None else answer.reason)
        failed.append({"trace_id": row.get("inferenceId", "unknown"), "error": str(error)})
        _call(on_replay_failure, row, config, error)
    counts["failure_count"] = refused + _spool(settings).status().files
    counts["total_traces"] = counts["success_count"] + counts["failure_count"]
    return {**counts, "failed_traces": failed}


def _call(callback: Callable[..., object] | None, *arguments: Any) -> None:
    if callback is not None:
        try:
            callback(*arguments)
        except Exception as error:  # noqa: BLE001 - the user's function; the others go on
            report_failure("replay_buffered_traces()", error)


def get_buffer_status() -> dict[str, Any]:
    """What waits to be sent: where, how many, how much, since when.

    Sizes are in bytes, ``max_buffer_size`` as well.
    """
    settings = bootstrap.settings_in_use()
    if not settings.spool:
        return {"enabled": False, "error": _NOT_ENABLED}
    found = _spool(settings).status()
    return {
        "enabled": True,
        "buffer_path": str(settings.spool_directory),
        "total_traces": found.files,
        "max_buffer_size": settings.max_spool_bytes,
        "total_size_bytes": found.size,
        "oldest_trace": _when(found.oldest),
        "newest_trace": _when(found.newest),
    }


def clear_offline_buffer() -> dict[str, Any]:
    """Remove what waits, unsent."""
    settings = bootstrap.settings_in_use()
    if not settings.spool:
        return {"traces_removed": 0, "error": _NOT_ENABLED}
    return {"traces_removed": _spool(settings).clear()}


def _spool(settings: Settings) -> Spool:
    return Spool(settings.spool_directory, settings.max_spool_bytes)


def _when(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds).astimezone().isoformat()
