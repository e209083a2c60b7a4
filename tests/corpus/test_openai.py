"""Every recorded exchange with OpenAI, Azure and compatible servers, through the OpenAI SDK."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import openai
import pytest
from opentelemetry.trace import StatusCode

from tests.corpus.openai_reading import (
    PROVIDERS,
    expected,
    expected_input,
    expected_output,
    is_broken,
    merged,
    simplified,
    stream_error,
)
from tests.corpus.replay import (
    MODES,
    Exchange,
    Invocation,
    Player,
    check,
    exchanges,
    parameters,
    said,
    tally,
)
from tests.support.span_log import SpanLog

_METHODS = {
    "chat.completions": ("chat.completions", "create"),
    "completions": ("completions", "create"),
    "embeddings": ("embeddings", "create"),
    "images": ("images", "generate"),
    "responses": ("responses", "create"),
    "responses.compact": ("responses", "compact"),
    "responses.input_tokens": ("responses.input_tokens", "count"),
    "responses.retrieve": ("responses", "retrieve"),
    "threads": ("beta.threads.runs", "create"),
}


def _traced(exchange: Exchange) -> bool:
    """Whether a span is due: models, files and messages of threads call no model."""
    if exchange.endpoint == "threads":
        return exchange.method == "POST" and exchange.path.endswith("/runs")
    # Portkey's stored prompts are an API of its own.
    return exchange.endpoint in _METHODS and "/prompts/" not in exchange.path


CORPUS = exchanges("openai", "azure", "openai_compatible", "openai_other", "groq")
TRACED = [each for each in CORPUS if _traced(each)]
OTHERS = [each for each in CORPUS if not _traced(each)]


def client(exchange: Exchange, asynchronous: bool, http: Any) -> Any:
    """The client that an application would use for the exchange's provider."""
    common = {"api_key": "k", "max_retries": 0, "http_client": http}
    if "/deployments/" in exchange.path:
        azure = openai.AsyncAzureOpenAI if asynchronous else openai.AzureOpenAI
        return azure(azure_endpoint="https://corpus.openai.azure.com", api_version="v", **common)
    made = openai.AsyncOpenAI if asynchronous else openai.OpenAI
    return made(base_url=PROVIDERS[exchange.provider][0], **common)


def invocation(client: Any, exchange: Exchange) -> Invocation:
    """The method that was called, by endpoint and by the helper that the recording names."""
    path, method = _METHODS[exchange.endpoint]
    arguments = dict(exchange.request or {})
    if exchange.endpoint == "responses.retrieve":
        arguments = {"response_id": exchange.path.rpartition("/")[2]}
        for name, value in re.findall(r"(\w+)=(\w+)", exchange.query):
            arguments[name] = value == "true" if name == "stream" else int(value)
    if exchange.endpoint == "threads":
        arguments["thread_id"] = exchange.path.split("/")[-2]
    resource = client
    if any("chat.completions.parse" in each for each in exchange.features):
        arguments.pop("stream", None)
        path = "chat.completions" if hasattr(client.chat.completions, "parse") else "beta." + path
        method = "parse"
    for name in path.split("."):
        resource = getattr(resource, name, None)
    if getattr(resource, method, None) is None:
        pytest.skip(f"openai {openai.__version__} has no {path}.{method}")
    if exchange.endpoint == "responses.retrieve":
        known = inspect.signature(resource.retrieve).parameters
        if "stream" not in known and arguments.pop("stream"):
            pytest.skip(f"openai {openai.__version__} cannot re-attach to a stream")
    return Invocation(resource, method, arguments)


def other(client: Any, exchange: Exchange) -> Invocation:
    """A request that calls no model."""
    arguments: dict[str, Any] = {"path": exchange.path.removeprefix("/v1"), "cast_to": object}
    if exchange.request is not None:
        arguments["body"] = exchange.request
    return Invocation(client, exchange.method.lower(), arguments)


def compare_content(exchange: Exchange, attributes: dict[str, Any]) -> int:
    """Compare what was said, both ways; returns how many messages were compared."""
    given, answered = expected_input(exchange), expected_output(exchange)
    compared = 0
    if given is not None:
        found = simplified(attributes.get("gen_ai.input.messages"))
        if exchange.endpoint.startswith("responses"):
            found = merged(found)
        assert found == given
        compared += len(given)
    if answered is not None:
        assert simplified(attributes.get("gen_ai.output.messages")) == answered
        compared += len(answered)
    if exchange.endpoint == "embeddings":
        assert attributes["openlayer.step.inputs"] == {"input": exchange.request["input"]}
        compared += 1
    if (exchange.request or {}).get("instructions"):
        told = attributes["gen_ai.system_instructions"]
        assert [each["content"] for each in told] == [exchange.request["instructions"]]
    named = [
        (each.get("function") or each.get("custom") or each).get("name") or each["type"]
        for each in (exchange.request or {}).get("tools") or []
    ]
    assert [each["name"] for each in attributes.get("gen_ai.tool.definitions") or []] == named or (
        "functions" in exchange.request
    )
    return compared


@pytest.mark.parametrize("exchange", parameters(TRACED))
def test_a_call_gives_one_span_that_says_what_was_on_the_wire(
    exchange: Exchange, instrument: Callable[..., None], spans: SpanLog
) -> None:
    player = Player("openai", client, invocation)
    bare = {mode: player.play(exchange, mode) for mode in MODES}
    instrument(providers=["openai"])
    for mode in MODES:
        spans.clear()
        assert player.play(exchange, mode) == bare[mode], mode
        if not bare[mode].sent:
            assert spans.started == []
            continue
        span = spans.only()
        if is_broken(exchange):
            continue
        check(exchange, span, expected(exchange))
        failed = exchange.failed or stream_error(exchange) is not None
        status = StatusCode.ERROR if failed else StatusCode.UNSET
        assert span.status.status_code is status
        place = f"{exchange.provider}: {exchange.endpoint}"
        tally[place, "fields"] += compare_content(exchange, said(span))


@pytest.mark.parametrize("exchange", parameters(OTHERS))
def test_a_request_that_calls_no_model_gives_no_span(
    exchange: Exchange, instrument: Callable[..., None], spans: SpanLog
) -> None:
    player = Player("openai", client, other)
    bare = {mode: player.play(exchange, mode) for mode in ("sync", "async")}
    instrument(providers=["openai"])
    for mode, outcome in bare.items():
        assert player.play(exchange, mode) == outcome
    assert spans.started == []
    tally["no span due", "replays"] += len(bare)
