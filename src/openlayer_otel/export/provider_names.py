"""How Openlayer spells providers, and what it calls their steps.

Openlayer prices a model by an exact, case-insensitive match of provider and model. The
provider strings are those that its own SDK sends (openlayer 0.36,
``integrations/langchain_callback.py`` and the tracer of each integration); separators
count ("Together_AI" has prices, "Together AI" has none), and so do path prefixes of the
model ("models/gemini-2.5-pro" has none).
"""

from __future__ import annotations

import re
from functools import lru_cache

PRICED = frozenset(
    {
        "OpenAI",
        "Azure",
        "Anthropic",
        "Google",
        "gemini",
        "Cohere",
        "Mistral",
        "Bedrock",
        "Ollama",
        "HuggingFace",
        "Replicate",
        "Together_AI",
        "Groq",
        "DeepSeek",
        "Fireworks_AI",
        "Perplexity",
        "OCI",
        "Azure_Speech",
    }
)
"""The provider strings that Openlayer knows prices for."""

# gen_ai.provider.name, gen_ai.system, llm.provider, llm.system, ai.model.provider of the
# conventions and of other packages (lower case, separators as they come) -> Openlayer's string.
# LiteLLM has a name for each API of a provider (``litellm.types.utils.LlmProviders``).
_STRINGS = {
    "openai": "OpenAI",
    "text-completion-openai": "OpenAI",
    "azure.ai.openai": "Azure",
    "azure.ai.inference": "Azure",
    "az.ai.openai": "Azure",
    "az.ai.inference": "Azure",
    "azure": "Azure",
    "azure_openai": "Azure",
    "azure-openai": "Azure",
    "azure_ai": "Azure",
    "azure_text": "Azure",
    "anthropic": "Anthropic",
    "anthropic_text": "Anthropic",
    "aws.bedrock": "Bedrock",
    "aws_bedrock": "Bedrock",
    "bedrock": "Bedrock",
    "bedrock_converse": "Bedrock",
    "amazon-bedrock": "Bedrock",
    "aws": "Bedrock",
    "gcp.gemini": "gemini",
    "gcp.gen_ai": "gemini",
    "gcp.vertex_ai": "gemini",
    "gcp.vertex.agent": "gemini",
    "gemini": "gemini",
    "google": "gemini",
    "google-gla": "gemini",
    "google-vertex": "gemini",
    "google.generative-ai": "gemini",
    "google.vertex": "gemini",
    "vertex_ai": "gemini",
    "vertex_ai_beta": "gemini",
    "vertexai": "gemini",
    "vertex": "gemini",
    "googlevertex": "gemini",
    "cohere": "Cohere",
    "cohere_chat": "Cohere",
    "mistral_ai": "Mistral",
    "mistralai": "Mistral",
    "mistral": "Mistral",
    "groq": "Groq",
    "deepseek": "DeepSeek",
    "perplexity": "Perplexity",
    "ollama": "Ollama",
    "ollama_chat": "Ollama",
    "hugging_face": "HuggingFace",
    "huggingface": "HuggingFace",
    "replicate": "Replicate",
    "together_ai": "Together_AI",
    "together": "Together_AI",
    "togetherai": "Together_AI",
    "fireworks": "Fireworks_AI",
    "fireworks_ai": "Fireworks_AI",
    "oci": "OCI",
    "oracle": "OCI",
    "azure_speech": "Azure_Speech",
}
# Who serves a model that a framework names without its provider: beginnings of model ids.
_BEGINNINGS = (
    (re.compile(r"^(us|eu|apac|global)\.[a-z]+\."), "Bedrock"),
    (re.compile(r"^(anthropic|amazon|meta|cohere|mistral|ai21|deepseek)\.[a-z]"), "Bedrock"),
    (re.compile(r"^arn:aws"), "Bedrock"),
    (re.compile(r"^claude"), "Anthropic"),
    (re.compile(r"^(gpt-|chatgpt-|o[1345](-|$)|text-embedding-)"), "OpenAI"),
    (re.compile(r"^gemini"), "gemini"),
    (re.compile(r"^(mistral|codestral|ministral|pixtral)-"), "Mistral"),
    (re.compile(r"^command"), "Cohere"),
    (re.compile(r"^deepseek-"), "DeepSeek"),
)
_MODEL_PATH = re.compile(r"^(?:.*/)?models/([^/]+)$")
_STEP_PREFIX = {
    "Azure": "Azure OpenAI",
    "gemini": "Gemini",
    "Google": "Gemini",
    "OCI": "Oracle OCI",
}


# Pure, and asked about a few models again and again.
@lru_cache(maxsize=512)
def bare_model(model: str, provider: str | None = None) -> str:
    """A model's name without what breaks Openlayer's price lookup.

    Args:
        model: Such as ``models/gemini-2.5-pro`` or ``openai/gpt-4o``.
        provider: Openlayer's string; ``provider/`` before the model is cut if it says the same.
    """
    path = _MODEL_PATH.match(model)
    if path:
        return path.group(1)
    prefix, slash, rest = model.partition("/")
    if slash and rest and provider and _STRINGS.get(prefix.lower()) == provider:
        return rest
    return model


@lru_cache(maxsize=512)
def openlayer_provider(provider: str | None, model: str | None = None) -> str | None:
    """Openlayer's string for a provider.

    Args:
        provider: The name on the span, in any convention; a framework's name
            (``strands-agents``) is no provider.
        model: The model's name, which tells the provider where ``provider`` does not.

    Returns:
        One of :data:`PRICED`, or the name as it came if Openlayer has no prices for it.
    """
    name = (provider or "").strip().lower()
    known = _STRINGS.get(name)
    if known is None and "." in name:
        # The Vercel AI SDK names the API, too: "openai.chat", "anthropic.messages", and for Claude
        # "vertex.anthropic.messages" (``@ai-sdk/google-vertex``), newer "googleVertex.anthropic.…".
        known = _STRINGS.get(name.partition(".")[0])
    bare = (model or "").lower()
    if known == "gemini" and bare.startswith("claude"):
        return "Anthropic"  # Claude on Vertex AI: Openlayer prices it as Anthropic's
    if known is not None:
        return known
    prefix, slash, rest = bare.partition("/")
    if slash and rest and prefix in _STRINGS:
        return _STRINGS[prefix]
    if name in _FRAMEWORKS or not name:
        for beginning, string in _BEGINNINGS:
            if beginning.match(bare):
                return string
    return provider or None


# Names that frameworks put in the provider's place.
_FRAMEWORKS = frozenset(
    {"strands-agents", "langchain", "crewai", "litellm", "litellm_proxy", "semantic_kernel"}
)


@lru_cache(maxsize=512)
def model_step_name(provider: str | None, operation: str, api: str | None) -> str | None:
    """What Openlayer's own SDK calls the step of a model call, or would call it.

    Args:
        provider: Openlayer's string.
        operation: ``gen_ai.operation.name``.
        api: ``openai.api.type``; ``responses`` and ``realtime`` have names of their own.

    Returns:
        The name, or None if the provider is not known.
    """
    if not provider:
        return None
    if provider == "Bedrock":
        return "AWS Bedrock Embedding" if operation == "embeddings" else _BEDROCK
    prefix = _STEP_PREFIX.get(provider, provider)
    if operation == "embeddings":
        return f"{prefix} Embedding"
    if prefix == "Gemini":
        return "Gemini Generation"
    if provider == "Anthropic" and operation != "text_completion":
        return "Anthropic Message Creation"
    return f"{prefix} {_MADE.get(api or '') or _MADE.get(operation) or 'Chat Completion'}"


# API or operation -> what a call of it makes; where neither is here, it is a chat completion.
_MADE = {
    "text_completion": "Completion",
    "generate_content": "Content Generation",
    "decision": "Decision",
    "chat_completions": "Chat Completion",  # whatever a framework around it calls the operation
    "responses": "Response",
    "realtime": "Realtime Response",
}
_BEDROCK = "AWS Bedrock Model Invocation"
