"""Spans of other packages, one of each kind, and what their steps must say.

The attributes are those that the packages wrote when they were run against the stand-in
(OpenInference 0.1.66 and 3.1, OpenLLMetry 0.62, genai-openai and genai-anthropic 1.3b0,
Anthropic SDK 2.12, Pydantic AI 2.68), or that their source writes (Google ADK 2.13, Strands
1.62, Semantic Kernel 1.45, LiteLLM 1.109, Vercel AI SDK 4 and 5, Traceloop SDK 0.62).
"""

from __future__ import annotations

from tests.export_mapping.foreign import (
    agent_frameworks,
    gateways,
    official,
    openinference,
    openllmetry,
    pydantic_ai,
)

FOREIGN = {
    **official.SPANS,
    **openinference.SPANS,
    **openllmetry.SPANS,
    **pydantic_ai.SPANS,
    **agent_frameworks.SPANS,
    **gateways.SPANS,
}
