"""Every client class of the SDK: traced, and named after who serves its calls."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from openlayer_otel import semconv
from tests.providers_anthropic.conftest import CALL, Wire, message, server_sent
from tests.support.span_log import SpanLog, json_attribute

pytestmark = pytest.mark.matrix

OnWire = Callable[..., Any]

AWS = {"aws_access_key": "a", "aws_secret_key": "s", "aws_region": "us-east-1"}
VERTEX = {"region": "europe-west1", "project_id": "p", "access_token": "t"}
# Class, its arguments, provider, host.
CLIENTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "Anthropic": ({"api_key": "k"}, "anthropic", "api.anthropic.com"),
    "AnthropicBedrock": (AWS, "aws.bedrock", "bedrock-runtime.us-east-1.amazonaws.com"),
    "AnthropicBedrockMantle": (
        {**AWS, "api_key": "k"},
        "aws.bedrock",
        "bedrock-mantle.us-east-1.api.aws",
    ),
    "AnthropicVertex": (VERTEX, "gcp.vertex_ai", "europe-west1-aiplatform.googleapis.com"),
    "AnthropicFoundry": (
        {"resource": "r", "api_key": "k"},
        "anthropic",
        "r.services.ai.azure.com",
    ),
    "AnthropicAWS": (
        {**AWS, "api_key": "k", "workspace_id": "w"},
        "anthropic",
        "aws-external-anthropic.us-east-1.api.aws",
    ),
    "AnthropicGoogleCloud": (
        {"project": "p", "location": "global", "workspace_id": "w", "token_provider": lambda: "t"},
        "anthropic",
        "claude.googleapis.com",
    ),
}
_HOMES = ("anthropic", "anthropic.lib.aws", "anthropic.lib.google_cloud", "anthropic.lib.foundry")


def client_class(name: str) -> Any:
    """A client class of the SDK; skips the test if the installed version lacks it."""
    for home in _HOMES:
        try:
            return getattr(importlib.import_module(home), name)
        except (ImportError, AttributeError):
            continue
    return pytest.skip("not in this version of the SDK")


def made(name: str, on_wire: OnWire) -> Any:
    options, _, _ = CLIENTS[name.removeprefix("Async")]
    if "token_provider" in options and name.startswith("Async"):

        async def token() -> str:
            return "t"

        options = {**options, "token_provider": token}
    if "Bedrock" in name and "api_key" not in options:
        pytest.importorskip("boto3", reason="Bedrock requests are signed with boto3")
    if "Vertex" in name:
        pytest.importorskip("google.auth", reason="Vertex clients need google-auth")
    found = client_class(name)
    try:
        return on_wire(found, **options)
    except TypeError as error:
        pytest.skip(f"made in another way in this version of the SDK: {error}")


@pytest.mark.parametrize("name", CLIENTS)
def test_calls_name_who_serves_them(name: str, instrumented: SpanLog, on_wire: OnWire) -> None:
    client = made(name, on_wire)
    client.messages.create(**CALL)
    said = instrumented.only().attributes or {}
    _, provider, host = CLIENTS[name]
    assert said[semconv.PROVIDER_NAME] == provider
    assert said[semconv.SERVER_ADDRESS] == host
    assert said[semconv.SERVER_PORT] == 443
    assert said[semconv.REQUEST_MODEL] == "claude-x"
    assert json_attribute(instrumented.only(), semconv.OUTPUT_MESSAGES)


@pytest.mark.parametrize("name", CLIENTS)
async def test_calls_of_async_clients_name_who_serves_them(
    name: str, instrumented: SpanLog, on_wire: OnWire
) -> None:
    client = made(f"Async{name}", on_wire)
    await client.messages.create(**CALL)
    assert (instrumented.only().attributes or {})[semconv.PROVIDER_NAME] == CLIENTS[name][1]


def test_beta_calls_of_platform_clients_are_traced(instrumented: SpanLog, on_wire: OnWire) -> None:
    client = made("AnthropicVertex", on_wire)
    client.beta.messages.create(**CALL)
    assert instrumented.only().name == "chat claude-x"


def test_bedrock_streams_are_read_in_amazons_framing(
    instrumented: SpanLog, llm_server: Any
) -> None:
    pytest.importorskip("boto3", reason="Bedrock requests are signed with boto3")
    client = client_class("AnthropicBedrock")(base_url=llm_server.url, max_retries=0, **AWS)
    events = list(client.messages.create(**CALL, stream=True))
    assert events
    said = instrumented.only().attributes or {}
    assert said[semconv.USAGE_INPUT_TOKENS] == 16
    assert said[semconv.RESPONSE_FINISH_REASONS] == ("stop",)


@pytest.mark.parametrize(
    ("base_url", "provider"),
    [
        ("https://openrouter.ai/api", "openrouter"),
        ("https://api.deepseek.com/anthropic", "deepseek"),
        ("https://api.moonshot.ai/anthropic", "moonshot_ai"),
        ("https://api.kimi.com/coding/", "moonshot_ai"),
        ("https://api.minimaxi.com/anthropic", "minimax"),
        ("https://proxy.example.com", "anthropic"),
    ],
)
def test_compatible_servers_are_named_by_their_host(
    base_url: str, provider: str, instrumented: SpanLog, on_wire: OnWire
) -> None:
    on_wire(anthropic.Anthropic, api_key="k", base_url=base_url).messages.create(**CALL)
    assert (instrumented.only().attributes or {})[semconv.PROVIDER_NAME] == provider


def test_clients_and_methods_made_before_are_traced(
    instrument: Callable[..., None], spans: SpanLog, on_wire: OnWire
) -> None:
    client = on_wire(anthropic.Anthropic, api_key="k")
    create, raw = client.messages.create, client.messages.with_raw_response.create
    instrument()
    create(**CALL)
    raw(**CALL)
    client.with_options(timeout=5).messages.create(**CALL)
    assert [span.name for span in spans.ended] == ["chat claude-x"] * 3


def test_the_conversation_that_a_client_names_is_recorded(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    client = on_wire(anthropic.Anthropic, api_key="k")
    if not hasattr(client, "open_telemetry"):
        pytest.skip("not in this version of the SDK")
    options = {**client.open_telemetry, "conversation_id": "conv_1"}
    client.with_options(open_telemetry=options).messages.create(**CALL)
    client.messages.create(**CALL)
    first, second = instrumented.ended
    assert (first.attributes or {})[semconv.CONVERSATION_ID] == "conv_1"
    assert semconv.CONVERSATION_ID not in (second.attributes or {})


def test_raw_responses_stay_what_they_are(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    client = on_wire(anthropic.Anthropic, api_key="k")
    raw = client.messages.with_raw_response.create(**CALL)
    assert raw.parse().content[0].text == "hello"
    wire.reply = server_sent([{"type": "message_start", "message": message()}])
    with client.messages.with_streaming_response.create(**CALL) as response:
        assert response.status_code == 200
    assert [span.name for span in instrumented.ended] == ["chat claude-x"] * 2
