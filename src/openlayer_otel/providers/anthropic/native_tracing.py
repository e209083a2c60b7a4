"""The Anthropic SDK's own tracing (1.14 and later) beside ours: one span for each call.

With a tracer provider, the SDK makes a *native span* for each of its methods and for what its
helpers do. By default a call that we trace gets no native span: the SDK is handed our span in
its place, as one that records nothing and names the same trace, so that whatever the SDK does
with its span (making it current, sending its trace context with every attempt, after the
request is signed) it does with ours, or leaves undone where the client has it switched off.
Tool runners have none either (see ``tool_runner.py``); native spans of everything else stay.
With ``anthropic_tracing="sdk"`` it is the other way round: what the SDK traces gets no span of
ours.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import NonRecordingSpan, get_current_span

from openlayer_otel.diagnostics import warn_once
from openlayer_otel.providers.patching import Patches
from openlayer_otel.providers.stainless_sdk import StainlessSDK
from openlayer_otel.telemetry import Telemetry

_START = "start_api_call_span"


class NativeTracing:
    """What the SDK traces by itself, and what of it is silenced.

    Args:
        sdk: Says which requests we cover.
        telemetry: Has the setting ``anthropic_tracing``.

    Attributes:
        left_to_sdk: Whether what the SDK traces gets no span of ours.
    """

    def __init__(self, sdk: StainlessSDK, telemetry: Telemetry) -> None:
        self._sdk = sdk
        self.left_to_sdk = telemetry.settings.anthropic_tracing == "sdk"

    def install(self, base_client: Any, patches: Patches) -> None:
        """Silence the native spans of covered calls, if the SDK has any.

        Args:
            base_client: The module ``anthropic._base_client``.
            patches: Gets what is wrapped.
        """
        if self.left_to_sdk or not hasattr(base_client.BaseClient, "_tracer"):
            return
        if hasattr(base_client, _START):
            patches.wrap(base_client, _START, self._start_span)
            return
        warn_once(
            "anthropic:native",
            "openlayer-otel: this version of the anthropic SDK traces its calls in a way not "
            "known here, so each has a second span below ours; "
            "Anthropic(open_telemetry=False) or ANTHROPIC_OPEN_TELEMETRY=false switches it off.",
        )

    def _start_span(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        options = args[2] if len(args) > 2 else kwargs["options"]
        if not options.span_name or self._sdk.endpoint(options.method, options.url) is None:
            return wrapped(*args, **kwargs)
        # Ours; or, where ours is not due (suppressed, or made by a framework), the one above.
        current = get_current_span().get_span_context()
        return NonRecordingSpan(current) if current.is_valid else None

    def traces_call(self, client: Any, options: Any) -> bool:
        """Whether the SDK traces a call itself."""
        return (
            bool(getattr(options, "span_name", None))
            and getattr(client, "_tracer", None) is not None
        )
