"""The Anthropic SDK: its endpoints, and who serves a client's calls."""

from __future__ import annotations

from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.record import Identity
from openlayer_otel.providers.anthropic import sessions
from openlayer_otel.providers.anthropic.messages import MESSAGES
from openlayer_otel.providers.anthropic.text_completions import TEXT_COMPLETIONS
from openlayer_otel.providers.anthropic.without_generation import BATCHES, COUNT_TOKENS
from openlayer_otel.providers.hosts import identity_of
from openlayer_otel.providers.stainless_sdk import StainlessSDK

# Client classes that know who serves their calls, as the SDK says it from 1.14 on: Claude in
# Microsoft Foundry, on AWS and on Google Cloud is run by Anthropic itself.
_CLIENTS = {
    "BaseBedrockClient": semconv.PROVIDER_AWS_BEDROCK,
    "AnthropicBedrock": semconv.PROVIDER_AWS_BEDROCK,
    "AsyncAnthropicBedrock": semconv.PROVIDER_AWS_BEDROCK,
    "AnthropicBedrockMantle": semconv.PROVIDER_AWS_BEDROCK,
    "AsyncAnthropicBedrockMantle": semconv.PROVIDER_AWS_BEDROCK,
    "AnthropicVertex": semconv.PROVIDER_GCP_VERTEX_AI,
    "AsyncAnthropicVertex": semconv.PROVIDER_GCP_VERTEX_AI,
    "AnthropicFoundry": semconv.PROVIDER_ANTHROPIC,
    "AsyncAnthropicFoundry": semconv.PROVIDER_ANTHROPIC,
    "AnthropicAWS": semconv.PROVIDER_ANTHROPIC,
    "AsyncAnthropicAWS": semconv.PROVIDER_ANTHROPIC,
    "AnthropicGoogleCloud": semconv.PROVIDER_ANTHROPIC,
    "AsyncAnthropicGoogleCloud": semconv.PROVIDER_ANTHROPIC,
}


def _named_provider(client: Any) -> str | None:
    """The provider that the client's class names; None for a plain client: its host decides."""
    own = getattr(client, "_gen_ai_provider_name", None)
    if isinstance(own, str) and own not in ("", semconv.PROVIDER_ANTHROPIC):
        return own
    names = (each.__name__ for each in type(client).__mro__)
    return next((_CLIENTS[name] for name in names if name in _CLIENTS), None)


def conversation_of(client: Any) -> str | None:
    """The conversation that an Anthropic client names in its options for tracing."""
    options = getattr(client, "_open_telemetry", None)
    conversation = options.get("conversation_id") if isinstance(options, dict) else None
    return conversation if isinstance(conversation, str) else None


def identify(client: Any) -> Identity:
    """Who serves the calls of an Anthropic client: its class knows, or its base URL."""
    return identity_of(
        getattr(client, "base_url", None),
        semconv.PROVIDER_ANTHROPIC,
        _named_provider(client),
        conversation_of(client),
    )


ANTHROPIC = StainlessSDK(
    module="anthropic",
    endpoints={
        "/v1/messages": MESSAGES,
        "/v1/messages/count_tokens": COUNT_TOKENS,
        "/v1/messages/batches": BATCHES,
        "/v1/complete": TEXT_COMPLETIONS,
        "/v1/sessions": sessions.CREATE,
    },
    patterns=(
        ("post", sessions.EVENTS_PATH, sessions.SEND),
        ("get", sessions.STREAM_PATH, sessions.STREAM),
        ("get", sessions.THREAD_STREAM_PATH, sessions.THREAD_STREAM),
    ),
    identify=identify,
)
