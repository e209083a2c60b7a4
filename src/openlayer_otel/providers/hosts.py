"""Who serves a call, from the client's base URL: compatible servers are not the SDK's vendor."""

from __future__ import annotations

from typing import Any

from openlayer_otel.genai.record import Identity

# End of the host name -> gen_ai.provider.name. Well-known names of the conventions where they
# have one, else the vendor's own name.
_PROVIDERS = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "inference.ai.azure.com": "azure.ai.inference",
    "models.github.ai": "azure.ai.inference",
    "api.anthropic.com": "anthropic",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.x.ai": "x_ai",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "api.moonshot.ai": "moonshot_ai",
    "api.moonshot.cn": "moonshot_ai",
    "api.kimi.com": "moonshot_ai",
    "openrouter.ai": "openrouter",
    "api.together.xyz": "together_ai",
    "api.together.ai": "together_ai",
    "api.fireworks.ai": "fireworks_ai",
    "api.cerebras.ai": "cerebras",
    "router.huggingface.co": "huggingface",
    "api-inference.huggingface.co": "huggingface",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "api.portkey.ai": "portkey",
    "api.novita.ai": "novita_ai",
    "api.sambanova.ai": "sambanova",
    "integrate.api.nvidia.com": "nvidia",
    "dashscope.aliyuncs.com": "alibaba",
    "dashscope-intl.aliyuncs.com": "alibaba",
    "ml.cloud.ibm.com": "ibm.watsonx.ai",
    "azuredatabricks.net": "databricks",
    "cloud.databricks.com": "databricks",
    "gcp.databricks.com": "databricks",
    "api.ai21.com": "ai21",
    "api.deepinfra.com": "deepinfra",
    "api.hyperbolic.xyz": "hyperbolic",
    "api.lambda.ai": "lambda_ai",
    "api.minimax.io": "minimax",
    "api.minimaxi.com": "minimax",
    "api.studio.nebius.com": "nebius",
    "api.replicate.com": "replicate",
    "api.siliconflow.cn": "siliconflow",
    "api.siliconflow.com": "siliconflow",
    "api.upstage.ai": "upstage",
    "api.z.ai": "zhipu_ai",
    "open.bigmodel.cn": "zhipu_ai",
    "inference.baseten.co": "baseten",
    "ai-gateway.vercel.sh": "vercel_ai_gateway",
}
# Servers that people run themselves, by the port they are known for.
_LOCAL_PORTS = {11434: "ollama"}
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "host.docker.internal"})


def provider_of(host: str) -> str | None:
    """The provider that a host name belongs to; None if it is not a well-known one."""
    host = host.lower().rstrip(".")
    if host.startswith(("bedrock-runtime.", "bedrock-mantle.")):
        return "aws.bedrock"
    if host.endswith("-aiplatform.googleapis.com"):
        return "gcp.vertex_ai"
    while host:
        found = _PROVIDERS.get(host)
        if found is not None:
            return found
        _, _, host = host.partition(".")
    return None


def identity_of(
    base_url: Any, default: str, fixed: str | None = None, conversation: str | None = None
) -> Identity:
    """Provider, address and port of a client.

    Args:
        base_url: The client's base URL (httpx or httpx2, or text).
        default: The provider to name for a host that is not well known.
        fixed: The provider that the client's class says; wins over the host.
        conversation: The conversation that the client's calls belong to, if it names one.
    """
    host = str(getattr(base_url, "host", "") or "")
    port = getattr(base_url, "port", None)
    if not port:
        port = {"http": 80, "https": 443}.get(str(getattr(base_url, "scheme", "")))
    local = _LOCAL_PORTS.get(port or 0) if host in _LOCAL_HOSTS else None
    provider = fixed or provider_of(host) or local or default
    return Identity(provider, host or None, port, conversation)
