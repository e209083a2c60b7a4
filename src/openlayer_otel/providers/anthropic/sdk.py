"""The Anthropic SDK: its endpoints, and who serves a client's calls."""

from __future__ import annotations

from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.record import Identity
from openlayer_otel.providers.anthropic.messages import MESSAGES
from openlayer_otel.providers.hosts import identity_of
from openlayer_otel.providers.stainless import StainlessSDK

# Client classes that say themselves who serves their calls.
_CLIENTS = {
    "BaseBedrockClient": semconv.PROVIDER_AWS_BEDROCK,
    "AnthropicBedrock": semconv.PROVIDER_AWS_BEDROCK,
    "AsyncAnthropicBedrock": semconv.PROVIDER_AWS_BEDROCK,
    "AnthropicBedrockMantle": semconv.PROVIDER_AWS_BEDROCK,
    "AsyncAnthropicBedrockMantle": semconv.PROVIDER_AWS_BEDROCK,
    "AnthropicAWS": semconv.PROVIDER_AWS_BEDROCK,
    "AsyncAnthropicAWS": semconv.PROVIDER_AWS_BEDROCK,
    "AnthropicVertex": semconv.PROVIDER_GCP_VERTEX_AI,
    "AsyncAnthropicVertex": semconv.PROVIDER_GCP_VERTEX_AI,
    "AnthropicGoogleCloud": semconv.PROVIDER_GCP_VERTEX_AI,
    "AsyncAnthropicGoogleCloud": semconv.PROVIDER_GCP_VERTEX_AI,
    "AnthropicFoundry": semconv.PROVIDER_AZURE_INFERENCE,
    "AsyncAnthropicFoundry": semconv.PROVIDER_AZURE_INFERENCE,
}


def identify(client: Any) -> Identity:
    """Who serves the calls of an Anthropic client: its class knows, or its base URL."""
    fixed = next((_CLIENTS[c.__name__] for c in type(client).__mro__ if c.__name__ in _CLIENTS), None)
    return identity_of(getattr(client, "base_url", None), semconv.PROVIDER_ANTHROPIC, fixed)


ANTHROPIC = StainlessSDK(
    module="anthropic",
    endpoints={"/v1/messages": MESSAGES},
    identify=identify,
)
