"""Puts the hooks into the OpenAI SDK once it is imported."""

from __future__ import annotations

import sys
from typing import Any

from openlayer_otel.providers.openai.sdk import OPENAI
from openlayer_otel.providers.openai.websocket import WebSocketHooks
from openlayer_otel.providers.stainless import StainlessHooks
from openlayer_otel.telemetry import Telemetry


def install(base_client: Any, telemetry: Telemetry) -> StainlessHooks:
    """Hook ``openai._base_client`` and the streaming module it has imported."""
    hooks = StainlessHooks(OPENAI, telemetry)
    hooks.install(base_client, sys.modules["openai._streaming"])
    WebSocketHooks(telemetry, hooks.patches).install(base_client)
    return hooks
