"""The OpenAI SDK: its endpoints, and who serves a client's calls."""

from __future__ import annotations

import re
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.record import Identity
from openlayer_otel.providers.hosts import identity_of
from openlayer_otel.providers.openai.agent_sessions import SESSIONS
from openlayer_otel.providers.openai.assistants import RUNS, RUNS_PATH
from openlayer_otel.providers.openai.audio import SPEECH, TRANSCRIPTIONS
from openlayer_otel.providers.openai.batches import BATCHES
from openlayer_otel.providers.openai.chat_completions import CHAT_COMPLETIONS
from openlayer_otel.providers.openai.completions import COMPLETIONS
from openlayer_otel.providers.openai.decisions import DECISIONS
from openlayer_otel.providers.openai.embeddings import EMBEDDINGS
from openlayer_otel.providers.openai.images import IMAGES
from openlayer_otel.providers.openai.moderations import MODERATIONS
from openlayer_otel.providers.openai.responses import (
    COMPACT,
    FETCH_RESPONSE,
    INPUT_TOKENS,
    RESPONSES,
)
from openlayer_otel.providers.openai.vector_stores import SEARCH_PATH, VECTOR_STORE_SEARCH
from openlayer_otel.providers.openai.videos import REMIX_PATH, VIDEOS
from openlayer_otel.providers.stainless_sdk import StainlessSDK

# Client classes that say themselves who serves their calls.
_CLIENTS = {
    "AzureOpenAI": semconv.PROVIDER_AZURE_OPENAI,
    "AsyncAzureOpenAI": semconv.PROVIDER_AZURE_OPENAI,
    "_AzureModuleClient": semconv.PROVIDER_AZURE_OPENAI,
    "BedrockOpenAI": semconv.PROVIDER_AWS_BEDROCK,
    "AsyncBedrockOpenAI": semconv.PROVIDER_AWS_BEDROCK,
    "_BedrockModuleClient": semconv.PROVIDER_AWS_BEDROCK,
}
# OpenAI(provider=...): what the SDK calls it.
_CLIENT_PROVIDERS = {
    "bedrock": semconv.PROVIDER_AWS_BEDROCK,
    "vertex": semconv.PROVIDER_GCP_VERTEX_AI,
}

ENDPOINTS = {
    "/chat/completions": CHAT_COMPLETIONS,
    "/responses": RESPONSES,
    "/responses/compact": COMPACT,
    "/responses/input_tokens": INPUT_TOKENS,
    "/completions": COMPLETIONS,
    "/embeddings": EMBEDDINGS,
    "/images/generations": IMAGES,
    "/images/edits": IMAGES,
    "/images/variations": IMAGES,
    "/audio/speech": SPEECH,
    "/audio/transcriptions": TRANSCRIPTIONS,
    "/audio/translations": TRANSCRIPTIONS,
    "/moderations": MODERATIONS,
    "/decisions": DECISIONS,
    "/videos": VIDEOS,
    "/videos/edits": VIDEOS,
    "/videos/extensions": VIDEOS,
    "/batches": BATCHES,
    "/agents/sessions": SESSIONS,
}
"""API path of a POST -> endpoint. All others (files, models, threads) are no GenAI operation."""

PATTERNS = (
    ("get", re.compile(r"/responses/[^/]+"), FETCH_RESPONSE),
    ("post", re.compile(r"/responses/[^/]+/cancel"), FETCH_RESPONSE),
    ("post", SEARCH_PATH, VECTOR_STORE_SEARCH),
    ("post", RUNS_PATH, RUNS),
    ("post", REMIX_PATH, VIDEOS),
)
"""Method, pattern of a whole path, endpoint: for paths with an id in them."""


def identify(client: Any) -> Identity:
    """Who serves the calls of an OpenAI client: its class knows, or its base URL."""
    fixed = next(
        (_CLIENTS[c.__name__] for c in type(client).__mro__ if c.__name__ in _CLIENTS), None
    )
    if fixed is None:
        runtime = getattr(client, "_provider_runtime", None)
        fixed = _CLIENT_PROVIDERS.get(str(getattr(runtime, "name", "")))
    return identity_of(getattr(client, "base_url", None), semconv.PROVIDER_OPENAI, fixed)


OPENAI = StainlessSDK(
    module="openai",
    endpoints=ENDPOINTS,
    identify=identify,
    patterns=PATTERNS,
    shared=frozenset({"_ModuleClient"}),
)
