"""One variable for OTLP end to end: ``OPENLAYER_OTEL_OTLP=true``.

The SDK's own OTLP exporter then sends the traces to Openlayer's OTLP endpoint
(docs.openlayer.com/integrations/opentelemetry); nothing of this package stands in between.
Only variables of the traces signal are set, so metrics and logs go where they went before,
and never carry the key.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import quote
from weakref import WeakSet

from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from openlayer_otel.diagnostics import warn_once
from openlayer_otel.environment import is_set, set_default, value_of
from openlayer_otel.export.child_ends import when_child_ends
from openlayer_otel.export.http_libraries import import_requests, say_unverified
from openlayer_otel.settings import Settings
from openlayer_otel.time_limits import within

ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
HEADERS = "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
PROTOCOL = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
TRACES_EXPORTER = "OTEL_TRACES_EXPORTER"
TIMEOUT = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"
# Set by the user, these say that the traces go somewhere else.
_ENDPOINTS = (ENDPOINT, "OTEL_EXPORTER_OTLP_ENDPOINT")
_TIMEOUTS = (TIMEOUT, "OTEL_EXPORTER_OTLP_TIMEOUT")


class OtlpSpanProcessor(BatchSpanProcessor):
    """The SDK's batch processor, which here knows whether it has been shut down.

    In children that run no exit hooks, so that nobody shuts it down, it sends what it has.

    Args:
        exporter: Sends the spans.
        exit_timeout: Seconds that such a child may take for it as it ends.
    """

    def __init__(self, exporter: SpanExporter, exit_timeout: float) -> None:
        super().__init__(exporter)
        self._is_over = False
        self._exit_timeout = exit_timeout
        when_child_ends(_empty_all)
        _processors.add(self)

    def empty(self) -> None:
        """Send what there is, in the time that the settings allow at exit."""
        within(self._exit_timeout, self.force_flush)

    def shutdown(self) -> None:
        """Send what is left, then stop."""
        self._is_over = True
        super().shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int | None = None) -> bool:
        """Wait until all ended spans are sent; whether they are."""
        # After its end nothing waits here, but the SDK says that it failed.
        return self._is_over or super().force_flush(timeout_millis)

    @property
    def is_shut_down(self) -> bool:
        """Whether :meth:`shutdown` has been called, by the tracer provider for instance."""
        return self._is_over


# Those of this process, and of a child that is forked.
_processors: WeakSet[OtlpSpanProcessor] = WeakSet()


def _empty_all() -> None:
    for each in list(_processors):
        each.empty()


def apply(environment: MutableMapping[str, str]) -> bool:
    """Set OpenTelemetry's variables for Openlayer's OTLP endpoint, if that is asked for.

    What the user has set stays. If the user has set another endpoint, nothing is changed: the
    key must not go there.

    Args:
        environment: The variables to read (``OPENLAYER_*``) and to change.

    Returns:
        Whether the traces go to Openlayer's OTLP endpoint now.
    """
    settings = Settings.resolve(environment)
    endpoint = _endpoint(settings, environment)
    if endpoint is None:
        return False
    environment[ENDPOINT] = endpoint
    set_default(environment, PROTOCOL, "http/protobuf")
    set_default(environment, TRACES_EXPORTER, "otlp")
    # Percent-encoded, as the OTLP specification has it.
    headers = (
        f"{quote(name)}={quote(value, safe=':')}" for name, value in _headers(settings).items()
    )
    set_default(environment, HEADERS, ",".join(headers))
    timeout = _timeout(settings)
    if timeout is not None and not any(is_set(environment, each) for each in _TIMEOUTS):
        environment[TIMEOUT] = str(math.ceil(timeout))  # older SDKs read whole seconds only
    if not settings.verify_ssl:
        warn_once(
            "otlp:verify",
            "openlayer-otel: OPENLAYER_VERIFY_SSL is ignored by the exporter that "
            "OPENLAYER_OTEL_OTLP selects: TLS is verified. "
            "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE can name a certificate to trust.",
        )
    return True


def applies(environment: Mapping[str, str]) -> bool:
    """Whether traces are to go to Openlayer's OTLP endpoint, and may."""
    return _endpoint(Settings.resolve(environment), environment) is not None


def processor_for(settings: Settings) -> OtlpSpanProcessor | None:
    """A span processor that sends to Openlayer's OTLP endpoint, if that is asked for.

    Args:
        settings: ``otlp`` asks for it; address, key, pipeline, ``custom_headers``, ``timeout``
            and ``verify_ssl`` are used.

    Returns:
        The SDK's batch processor with its OTLP exporter. None if ``otlp`` is off or cannot be used
        (which is warned about once), and if nothing is to be uploaded.
    """
    endpoint = _endpoint(settings, os.environ)
    if endpoint is None:
        return None
    # Imported here: it brings an HTTP library and protobuf.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(
        endpoint=endpoint,
        headers=_headers(settings),
        timeout=_timeout(settings),
        session=None if settings.verify_ssl else _unverified_session(),
    )
    return OtlpSpanProcessor(exporter, settings.exit_timeout)


def address(base_url: str) -> str:
    """The OTLP endpoint for traces of the Openlayer at ``base_url``."""
    return f"{base_url.rstrip('/')}/otel/v1/traces"


def _headers(settings: Settings) -> dict[str, str]:
    return {
        **(settings.custom_headers or {}),
        "Authorization": f"Bearer {settings.api_key}",
        "x-bt-parent": f"pipeline_id:{settings.inference_pipeline_id}",
    }


def _timeout(settings: Settings) -> float | None:
    """Seconds for one request, if they are not the default: that is for OpenTelemetry to say."""
    return None if settings.timeout == Settings().timeout else settings.timeout


def _unverified_session() -> Any:
    """A ``requests.Session`` that verifies no certificate, whatever the exporter asks it for."""
    session: Any = import_requests().Session()
    merged = session.merge_environment_settings

    def unverified(*request: Any) -> dict[str, Any]:
        # The exporter sets or passes verify itself; requests asks here what is to hold.
        return {**merged(*request), "verify": False}

    session.merge_environment_settings = unverified
    say_unverified()
    return session


def _endpoint(settings: Settings, environment: Mapping[str, str]) -> str | None:
    """Openlayer's OTLP endpoint, if traces are to go and may go there."""
    if not settings.otlp or settings.disable_publish:
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
    endpoint = address(settings.base_url)
    for variable in _ENDPOINTS:
        given = value_of(environment, variable).rstrip("/")
        if given not in ("", endpoint, f"{settings.base_url}/otel"):
            _refuse("OPENLAYER_OTEL_OTLP is ignored, because %s names another address.", variable)
            return None
    return endpoint


def _refuse(message: str, name: str) -> None:
    warn_once(f"otlp:{name}", "openlayer-otel: " + message, name)
