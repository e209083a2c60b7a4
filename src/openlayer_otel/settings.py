"""Every switch of the package, from arguments and the environment: one frozen dataclass.

An argument wins over its environment variable, which wins over the default. A value
that cannot be used is named in one warning and the next source is used instead, so a
typing error never stops an application. A setting that protects does what protects most
instead: no content, no upload. ``docs/configuration.md`` is the user's page.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from openlayer_otel.content_capture import ContentCapture, content_capture
from openlayer_otel.diagnostics import warn_once
from openlayer_otel.environment import is_set
from openlayer_otel.setting_values import (
    count,
    default_directory,
    directory,
    headers,
    is_blank,
    names,
    one_of,
    redaction,
    seconds,
    switch,
    text,
    url,
)

DEFAULT_BASE_URL = "https://api.openlayer.com/v1"

Redact = Callable[[str], str]
"""Given one content text (a message, a tool argument, an error message), returns what may stay."""


class _Instead(NamedTuple):
    """What a setting that protects is, where its value cannot be used."""

    value: Any
    meaning: str


# Used as the address where the one that was given cannot be used: no file of the spool is for it.
_NOWHERE = ""
_NO_UPLOAD = "nothing is uploaded to Openlayer"


def _setting(
    default: Any,
    variable: str | None,
    read: Callable[[object], Any],
    doc: str,
    *,
    unusable: _Instead | None = None,
) -> Any:
    # Keys and headers stay out of repr(), which ends up in logs.
    return field(
        default=default,
        repr=variable not in ("OPENLAYER_API_KEY", "OPENLAYER_CUSTOM_HEADERS"),
        metadata={"variable": variable, "read": read, "doc": doc, "unusable": unusable},
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All settings, resolved. Make one with :meth:`resolve`."""

    # --- what is traced ---
    providers: tuple[str, ...] | None = _setting(
        None, "OPENLAYER_OTEL_PROVIDERS", names, "Providers to trace; all known ones by default."
    )
    anthropic_tracing: str = _setting(
        "openlayer",
        "OPENLAYER_OTEL_ANTHROPIC_TRACING",
        one_of("openlayer", "sdk"),
        "Who records Anthropic calls where the SDK can trace itself: 'openlayer' or 'sdk'.",
    )
    # --- content ---
    capture_content: ContentCapture = _setting(
        ContentCapture.SPAN_ONLY,
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        content_capture,
        "Where message content is recorded.",
        unusable=_Instead(ContentCapture.NO_CONTENT, "no content is recorded"),
    )
    redact: Redact | None = _setting(
        None, None, redaction, "Called with every content text; returns what may be kept."
    )
    max_content_bytes: int = _setting(
        1_000_000,
        "OPENLAYER_OTEL_MAX_CONTENT_BYTES",
        count,
        "Largest size of one content attribute, in characters of JSON; 0 means no limit.",
    )
    # --- signals besides spans ---
    metrics: bool = _setting(
        True, "OPENLAYER_OTEL_METRICS", switch, "Record the GenAI client metrics."
    )
    chunk_metrics: bool = _setting(
        False, "OPENLAYER_OTEL_CHUNK_METRICS", switch, "Record the time of every output chunk."
    )
    # --- Openlayer: where to ---
    api_key: str | None = _setting(None, "OPENLAYER_API_KEY", text, "Openlayer API key.")
    inference_pipeline_id: str | None = _setting(
        None, "OPENLAYER_INFERENCE_PIPELINE_ID", text, "Inference pipeline that gets the traces."
    )
    base_url: str = _setting(
        DEFAULT_BASE_URL,
        "OPENLAYER_BASE_URL",
        url,
        "Openlayer API address.",
        unusable=_Instead(_NOWHERE, _NO_UPLOAD),
    )
    disable_publish: bool = _setting(
        False,
        "OPENLAYER_DISABLE_PUBLISH",
        switch,
        "Build spans but upload nothing.",
        unusable=_Instead(True, _NO_UPLOAD),
    )
    verify_ssl: bool = _setting(
        True,
        "OPENLAYER_VERIFY_SSL",
        switch,
        "Verify TLS certificates.",
        unusable=_Instead(True, "certificates are verified"),
    )
    custom_headers: Mapping[str, str] | None = _setting(
        None, "OPENLAYER_CUSTOM_HEADERS", headers, "Extra request headers, 'Name: value' lines."
    )
    otlp: bool = _setting(
        False,
        "OPENLAYER_OTEL_OTLP",
        switch,
        "Send traces to Openlayer's OTLP endpoint with the SDK's own exporter.",
    )
    # --- Openlayer: delivery ---
    timeout: float = _setting(
        10.0, "OPENLAYER_OTEL_TIMEOUT", seconds, "Seconds for one upload request."
    )
    deadline: float = _setting(
        60.0, "OPENLAYER_OTEL_DEADLINE", seconds, "Seconds for one trace, all retries included."
    )
    max_retries: int = _setting(
        5, "OPENLAYER_OTEL_MAX_RETRIES", count, "Retries of one upload after the first try."
    )
    exit_timeout: float = _setting(
        5.0,
        "OPENLAYER_OTEL_EXIT_TIMEOUT",
        seconds,
        "Longest delay of the exit, in seconds.",
    )
    max_queue_size: int = _setting(
        2048, "OPENLAYER_OTEL_MAX_QUEUE_SIZE", count, "Traces waiting to be sent, in memory."
    )
    max_queue_bytes: int = _setting(
        64_000_000, "OPENLAYER_OTEL_MAX_QUEUE_BYTES", count, "Bytes waiting to be sent, in memory."
    )
    max_body_bytes: int = _setting(
        8_000_000, "OPENLAYER_OTEL_MAX_BODY_BYTES", count, "Largest upload; content is cut to fit."
    )
    max_rows: int = _setting(
        32,
        "OPENLAYER_OTEL_MAX_ROWS",
        count,
        "Traces in one upload, when several wait for the same pipeline.",
    )
    spool: bool = _setting(
        True,
        "OPENLAYER_OTEL_SPOOL",
        switch,
        "Keep on disk what cannot be sent now.",
    )
    spool_directory: Path = _setting(
        default_directory("otel-spool"),
        "OPENLAYER_OTEL_SPOOL_DIRECTORY",
        directory,
        "Where the spool lives.",
    )
    max_spool_bytes: int = _setting(
        256_000_000, "OPENLAYER_OTEL_MAX_SPOOL_BYTES", count, "Largest size of the spool."
    )
    # --- Openlayer: which traces, and how they are put together ---
    upload_all: bool = _setting(
        False,
        "OPENLAYER_OTEL_UPLOAD_ALL",
        switch,
        "Upload traces without GenAI spans, too.",
    )
    max_open_traces: int = _setting(
        10_000, "OPENLAYER_OTEL_MAX_OPEN_TRACES", count, "Traces held in memory until complete."
    )
    max_open_bytes: int = _setting(
        256_000_000, "OPENLAYER_OTEL_MAX_OPEN_BYTES", count, "Bytes of spans held until complete."
    )
    max_trace_age: float = _setting(
        300.0,
        "OPENLAYER_OTEL_MAX_TRACE_AGE",
        seconds,
        "Seconds a trace whose root ended waits for spans that do not end.",
    )
    exporter_grace: float = _setting(
        2.0,
        "OPENLAYER_OTEL_EXPORTER_GRACE",
        seconds,
        "Seconds the exporter by name waits for stragglers after the root.",
    )
    # --- Openlayer: attachments ---
    upload_attachments: bool = _setting(
        False, "OPENLAYER_OTEL_UPLOAD_ATTACHMENTS", switch, "Upload binary content to Openlayer."
    )
    inline_attachments: bool = _setting(
        False, "OPENLAYER_OTEL_INLINE_ATTACHMENTS", switch, "Send binary content inside the trace."
    )

    @classmethod
    def resolve(
        cls, variables: Mapping[str, str] | None = None, /, **arguments: object
    ) -> Settings:
        """Settings from arguments, the environment and the defaults, in that order.

        Args:
            variables: The environment to read; that of the process by default. It has no name,
                for any name may be among the arguments.
            arguments: Settings by name. ``None``, or an empty text, means "not given". A name
                that is no setting is warned about and ignored.

        Returns:
            The settings. Values that cannot be used are warned about once, by name.
        """
        environment = os.environ if variables is None else variables
        known = {each.name: each for each in fields(cls)}
        for name in arguments.keys() - known.keys():
            warn_once(
                f"setting:{name}", "openlayer-otel: there is no setting %r; it is ignored.", name
            )
        values: dict[str, Any] = {}
        for name, each in known.items():
            for source, value in _sources(each, arguments, environment):
                instead: _Instead | None = each.metadata["unusable"]
                try:
                    values[name] = each.metadata["read"](value)
                except Exception as error:  # noqa: BLE001 - the value's own __str__ may raise any
                    _say_unusable(source, error, each, instead)
                    if instead is None:
                        continue
                    values[name] = instead.value
                break
        if values.get("base_url") == _NOWHERE:
            values["disable_publish"] = True
        return cls(**values)


def _sources(
    setting: Field[Any], arguments: Mapping[str, object], environment: Mapping[str, str]
) -> Iterator[tuple[str, object]]:
    """Where a setting is given, in words for the user, and the value there."""
    variable = setting.metadata["variable"]
    value = arguments.get(setting.name)
    # What cannot come from the environment is no text: there an empty one is a mistake.
    if value is not None and not (variable and is_blank(value)):
        yield f"argument {setting.name}=", value
    if variable and is_set(environment, variable):
        yield f"environment variable {variable}", environment[variable]


def _say_unusable(
    source: str, error: Exception, setting: Field[Any], instead: _Instead | None
) -> None:
    # The value itself may be a secret: only its setting is named.
    told = isinstance(error, ValueError) and setting.name != "api_key"
    warn_once(
        f"setting:{source}",
        "openlayer-otel: %s cannot be used (%s); %s.",
        source,
        str(error) if told else type(error).__qualname__,
        "it is ignored" if instead is None else instead.meaning,
    )
