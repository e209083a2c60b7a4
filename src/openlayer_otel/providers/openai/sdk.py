"""The OpenAI SDK: its endpoints, and who serves a client's calls."""

from __future__ import annotations

from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.record import Identity
from openlayer_otel.providers.hosts import identity_of
from openlayer_otel.providers.openai.chat_completions import CHAT_COMPLETIONS
from openlayer_otel.providers.stainless import StainlessSDK

# Client classes that say themselves who serves their calls.
_CLIENTS = {
    "AzureOpenAI": semconv.PROVIDER_AZURE_OPENAI,
    "AsyncAzureOpenAI": semconv.PROVIDER_AZURE_OPENAI,
    "_AzureModuleClient": semconv.PROVIDER_AZURE_OPENAI,
    "BedrockOpenAI": semconv.PROVIDER_AWS_BEDROCK,
    "AsyncBedrockOpenAI": semconv.PROVIDER_AWS_BEDROCK,
    "_BedrockModuleClient": semconv.PROVIDER_AWS_BEDROCK,
}


def identify(client: Any) -> Identity:
    """Who serves the calls of an OpenAI client: its class knows, or its base URL."""
    fixed = next(
        (_CLIENTS[c.__name__] for c in type(client).__mro__ if c.__name__ in _CLIENTS), None
    )
    return identity_of(getattr(client, "base_url", None), semconv.PROVIDER_OPENAI, fixed)


OPENAI = StainlessSDK(
    module="openai",
    endpoints={"/chat/completions": CHAT_COMPLETIONS},
    identify=identify,
)
