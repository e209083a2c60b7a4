"""Puts the hooks into the Anthropic SDK once it is imported."""

from __future__ import annotations

import sys
from typing import Any

from openlayer_otel.providers.anthropic.sdk import ANTHROPIC
from openlayer_otel.providers.stainless import StainlessHooks
from openlayer_otel.telemetry import Telemetry


def install(base_client: Any, telemetry: Telemetry) -> StainlessHooks:
    """Hook ``anthropic._base_client`` and the streaming module it has imported."""
    hooks = StainlessHooks(ANTHROPIC, telemetry)
    hooks.install(base_client, sys.modules["anthropic._streaming"])
    return hooks
