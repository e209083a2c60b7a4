"""Puts the hooks into the Anthropic SDK once it is imported."""

from __future__ import annotations

import sys
from typing import Any

from opentelemetry.context import Context

from openlayer_otel.providers.anthropic.agent_runs import RUN_KEY, Run
from openlayer_otel.providers.anthropic.native_tracing import NativeTracing
from openlayer_otel.providers.anthropic.sdk import ANTHROPIC
from openlayer_otel.providers.anthropic.tool_runner import ToolRunnerHooks
from openlayer_otel.providers.stainless import StainlessHooks
from openlayer_otel.providers.stainless_call import Call
from openlayer_otel.telemetry import Telemetry

_RUNNER_MODULE = "anthropic.lib.tools._beta_runner"


class AnthropicHooks(StainlessHooks):
    """The hooks of the Anthropic SDK: those of its kind, its own tracing, its tool runners.

    Args:
        telemetry: Where the spans go.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        super().__init__(ANTHROPIC, telemetry)
        self._native = NativeTracing(ANTHROPIC, telemetry)
        if self._native.left_to_sdk:
            self.leaves_to_sdk = self._native.traces_call
        self._runners = ToolRunnerHooks(telemetry, self._native, self.patches)

    def install(self, base_client: Any, streaming: Any) -> None:
        """Hook ``_base_client`` and ``_streaming``, and the runners' module when it comes."""
        super().install(base_client, streaming)
        self._native.install(base_client, self.patches)
        self.patches.when_imported(_RUNNER_MODULE, base_client, self._runners.install)

    def started(self, call: Call, context: Context) -> None:
        """A call that an agent's run makes tells the run its answer."""
        run = context.get(RUN_KEY)
        if isinstance(run, Run):
            call.operation.when_over(run.answered)


def install(base_client: Any, telemetry: Telemetry) -> AnthropicHooks:
    """Hook ``anthropic._base_client`` and the streaming module it has imported."""
    hooks = AnthropicHooks(telemetry)
    hooks.install(base_client, sys.modules["anthropic._streaming"])
    return hooks
