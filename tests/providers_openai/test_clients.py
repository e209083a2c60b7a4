"""Every client class, however and whenever it was made; the provider is who serves the call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from openlayer_otel.standin.llm_server import LLMServer
from tests.providers_openai.conftest import HTTP
from tests.support.span_log import SpanLog

pytestmark = pytest.mark.matrix

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
    ],
}
MESSAGES: Any = [{"role": "user", "content": "hi"}]


def _provider(spans: SpanLog) -> tuple[Any, Any]:
    attributes = spans.only().attributes or {}
    return attributes["gen_ai.provider.name"], attributes["server.address"]


@pytest.mark.parametrize(
    ("base_url", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://me.openai.azure.com/openai/v1", "azure.ai.openai"),
        ("https://me.services.ai.azure.com/models", "azure.ai.inference"),
        ("https://models.github.ai/inference", "azure.ai.inference"),
        ("https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1", "aws.bedrock"),
        ("https://bedrock-mantle.us-east-1.api.aws/v1", "aws.bedrock"),
        ("https://us-central1-aiplatform.googleapis.com/v1/x", "gcp.vertex_ai"),
        ("https://aiplatform.googleapis.com/v1/x", "gcp.vertex_ai"),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "gcp.gemini"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://api.x.ai/v1", "x_ai"),
        ("https://api.mistral.ai/v1", "mistral_ai"),
        ("https://api.perplexity.ai", "perplexity"),
        ("https://api.moonshot.cn/v1", "moonshot_ai"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.together.xyz/v1", "together_ai"),
        ("https://api.fireworks.ai/inference/v1", "fireworks_ai"),
        ("https://api.cohere.ai/compatibility/v1", "cohere"),
        ("https://us-south.ml.cloud.ibm.com/ml/v1", "ibm.watsonx.ai"),
        ("https://adb-1.azuredatabricks.net/serving-endpoints", "databricks"),
        ("http://localhost:11434/v1", "ollama"),
        # Look-alikes and unknown hosts: the SDK's vendor is the best guess.
        ("https://api.groq.com.example.net/v1", "openai"),
        ("https://notapi.x.ai.example/v1", "openai"),
        ("https://llm.example.com/v1", "openai"),
    ],
)
def test_the_provider_is_the_one_that_the_base_url_names(
    base_url: str, provider: str, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    client = transport(ANSWER, base_url=base_url)
    client.chat.completions.create(model="m", messages=MESSAGES)
    host = base_url.partition("://")[2].partition("/")[0].partition(":")[0]
    assert _provider(instrumented) == (provider, host)


def test_an_azure_client_is_azure_behind_any_host(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    options = {"azure_endpoint": "https://proxy.example.com", "api_version": "2024-10-21"}
    client = transport(ANSWER, made=openai.AzureOpenAI, **options)
    client.chat.completions.create(model="my-deployment", messages=MESSAGES)
    assert _provider(instrumented) == ("azure.ai.openai", "proxy.example.com")
    assert instrumented.only().name == "chat my-deployment"


@pytest.mark.skipif(not hasattr(openai, "BedrockOpenAI"), reason="no Bedrock client")
def test_a_bedrock_client_is_bedrock(
    transport: Callable[..., Any], instrumented: SpanLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "token")
    client = transport(ANSWER, made=openai.BedrockOpenAI, aws_region="us-east-1", api_key="token")
    client.chat.completions.create(model="m", messages=MESSAGES)
    assert _provider(instrumented)[0] == "aws.bedrock"


@pytest.fixture
def module_client(llm_server: LLMServer) -> Iterator[None]:
    openai.api_key = "k"
    openai.base_url = f"{llm_server.url}/v1/"
    yield
    openai.api_key = openai.base_url = None
    openai._reset_client()


@pytest.mark.usefixtures("module_client")
def test_the_module_itself_is_a_client(instrumented: SpanLog) -> None:
    openai.chat.completions.create(model="m", messages=MESSAGES)
    openai.embeddings.create(model="m", input="x")
    assert [span.name for span in instrumented.ended] == ["chat m", "embeddings m"]


@pytest.mark.usefixtures("module_client")
def test_the_module_may_be_given_another_base_url(instrumented: SpanLog) -> None:
    openai.chat.completions.create(model="m", messages=MESSAGES)
    openai.base_url = str(openai.base_url).replace("127.0.0.1", "localhost")
    openai.chat.completions.create(model="m", messages=MESSAGES)
    addresses = [(span.attributes or {})["server.address"] for span in instrumented.ended]
    assert addresses == ["127.0.0.1", "localhost"]


def test_clients_and_methods_made_before_instrumenting_are_traced(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    client = transport(ANSWER)
    bound = client.chat.completions.create
    raw = client.chat.completions.with_raw_response
    instrument()
    client.chat.completions.create(model="a", messages=MESSAGES)
    bound(model="b", messages=MESSAGES)
    raw.create(model="c", messages=MESSAGES)
    client.with_options(timeout=5).chat.completions.create(model="d", messages=MESSAGES)
    client.post("/chat/completions", cast_to=object, body={"model": "e", "messages": MESSAGES})
    assert [span.name for span in spans.ended] == [f"chat {model}" for model in "abcde"]


def test_a_copy_with_another_base_url_is_another_provider(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    client = transport(ANSWER, base_url="https://api.openai.com/v1")
    client.chat.completions.create(model="m", messages=MESSAGES)
    groq = client.with_options(base_url="https://api.groq.com/openai/v1")
    groq.chat.completions.create(model="m", messages=MESSAGES)
    client.base_url = "https://openrouter.ai/api/v1"
    client.chat.completions.create(model="m", messages=MESSAGES)
    providers = [(span.attributes or {})["gen_ai.provider.name"] for span in instrumented.ended]
    assert providers == ["openai", "groq", "openrouter"]


def test_a_query_behind_the_path_does_not_hide_the_endpoint(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    client = transport(ANSWER, default_query={"tenant": "t"})
    client.post("/chat/completions?beta=true", cast_to=object, body={"model": "m"})
    assert instrumented.only().name == "chat m"


def test_requests_that_call_no_model_have_no_span(
    llm_server: LLMServer, instrumented: SpanLog
) -> None:
    client = openai.OpenAI(api_key="k", base_url=f"{llm_server.url}/v1")
    client.models.list()
    client.post("/conversations", cast_to=object, body={})
    client.get("/threads/thread_1/runs/run_1", cast_to=object)
    assert instrumented.started == []
    assert HTTP is not None
