"""Frameworks that call the SDKs: one LLM span for each request to a model.

They need packages that no supported application must have: ``make matrix ARGS=beside-others``.
"""

from __future__ import annotations

from typing import Any

import pytest

from openlayer_otel.standin.llm_server import LLMServer
from tests.support.span_log import SpanLog

pytestmark = pytest.mark.beside_others

PROMPT = "Hello"


def langchain_openai(url: str) -> Any:
    module = pytest.importorskip("langchain_openai")
    return module.ChatOpenAI(base_url=url + "/v1", api_key="k", model="m", max_retries=0)


def langchain_anthropic(url: str) -> Any:
    module = pytest.importorskip("langchain_anthropic")
    return module.ChatAnthropic(base_url=url, api_key="k", model="m", max_retries=0)


LANGCHAIN = pytest.mark.parametrize("make", [langchain_openai, langchain_anthropic])


def assert_requests_have_one_span_each(spans: SpanLog, server: LLMServer, requests: int) -> None:
    """Each request that reached the server has its span, and there is no other LLM span."""
    assert len(server.requests) == requests
    assert [span.name for span in spans.open] == []
    operations = [(s.attributes or {}).get("gen_ai.operation.name") for s in spans.ended]
    assert operations == ["chat"] * requests
    assert all("gen_ai.output.messages" in (s.attributes or {}) for s in spans.ended)


@LANGCHAIN
def test_langchain_invoke(make: Any, instrumented: SpanLog, llm_server: LLMServer) -> None:
    assert make(llm_server.url).invoke(PROMPT).text
    assert_requests_have_one_span_each(instrumented, llm_server, 1)


@LANGCHAIN
def test_langchain_stream(make: Any, instrumented: SpanLog, llm_server: LLMServer) -> None:
    assert list(make(llm_server.url).stream(PROMPT))
    assert_requests_have_one_span_each(instrumented, llm_server, 1)


@LANGCHAIN
async def test_langchain_async(make: Any, instrumented: SpanLog, llm_server: LLMServer) -> None:
    model = make(llm_server.url)
    await model.ainvoke(PROMPT)
    assert [chunk async for chunk in model.astream(PROMPT)]
    assert_requests_have_one_span_each(instrumented, llm_server, 2)


@LANGCHAIN
def test_langchain_batch(make: Any, instrumented: SpanLog, llm_server: LLMServer) -> None:
    make(llm_server.url).batch([PROMPT, PROMPT, PROMPT])
    assert_requests_have_one_span_each(instrumented, llm_server, 3)


def pydantic_ai_agent(provider: str, url: str) -> Any:
    pydantic_ai = pytest.importorskip("pydantic_ai")
    if provider == "openai":
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        model: Any = OpenAIChatModel(
            "m", provider=OpenAIProvider(base_url=url + "/v1", api_key="k")
        )
    else:
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        model = AnthropicModel("m", provider=AnthropicProvider(base_url=url, api_key="k"))
    return pydantic_ai.Agent(model)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_pydantic_ai(provider: str, instrumented: SpanLog, llm_server: LLMServer) -> None:
    agent = pydantic_ai_agent(provider, llm_server.url)
    assert (await agent.run(PROMPT)).output
    async with agent.run_stream(PROMPT) as result:
        assert await result.get_output()
    assert_requests_have_one_span_each(instrumented, llm_server, 2)


@pytest.mark.parametrize("api", ["chat completions", "responses"])
async def test_openai_agents(api: str, instrumented: SpanLog, llm_server: LLMServer) -> None:
    agents = pytest.importorskip("agents")
    import openai

    agents.set_tracing_disabled(True)
    async with openai.AsyncOpenAI(base_url=llm_server.url + "/v1", api_key="k") as client:
        kind = (
            agents.OpenAIChatCompletionsModel
            if api == "chat completions"
            else agents.OpenAIResponsesModel
        )
        agent = agents.Agent(name="a", model=kind(model="m", openai_client=client))
        assert (await agents.Runner.run(agent, PROMPT)).final_output
        streamed = agents.Runner.run_streamed(agent, PROMPT)
        assert [event async for event in streamed.stream_events()]
    assert_requests_have_one_span_each(instrumented, llm_server, 2)
