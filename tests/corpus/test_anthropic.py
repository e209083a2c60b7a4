"""Every recorded exchange with Anthropic, through the Anthropic SDK.

What a span must say is read here from the recorded bytes alone: tokens, ids and reasons, and
each message in the conventions' shape.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from hashlib import md5
from typing import Any

import anthropic
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from tests.corpus.replay import (
    MODES,
    Exchange,
    Invocation,
    Outcome,
    Player,
    check,
    exchanges,
    parameters,
    said,
    seen,
)
from tests.support.span_log import SpanLog

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

Json = dict[str, Any]

CORPUS = exchanges("anthropic")
COMPLETE = [each for each in CORPUS if each.endpoint == "complete"]
OTHERS = [each for each in CORPUS if each.endpoint != "complete"]
STREAMED = [each for each in OTHERS if each.stream]
_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_call",
}
# One reader of the provider for three kinds of blocks with other names and the same fields.
_RESULTS = "_tool_result"


def client(exchange: Exchange, asynchronous: bool, http: Any) -> Any:
    made = anthropic.AsyncAnthropic if asynchronous else anthropic.Anthropic
    url = "https://api.anthropic.com"
    return made(api_key="k", base_url=url, max_retries=0, http_client=http)


def invocation(client: Any, exchange: Exchange) -> Invocation:
    beta = "beta=true" in exchange.query
    messages = client.beta.messages if beta else client.messages
    method = "count_tokens" if exchange.endpoint == "messages.count_tokens" else "create"
    # Without a timeout the SDK refuses long answers that are not streamed.
    return Invocation(messages, method, {**exchange.request, "timeout": 60.0})


PLAYER = Player("anthropic", client, invocation)


def playable(exchange: Exchange) -> None:
    """Skip what the installed SDK has no method for."""
    resource = client(exchange, False, None)
    if "beta=true" in exchange.query:
        resource = resource.beta
    method = "count_tokens" if exchange.endpoint == "messages.count_tokens" else "create"
    if not hasattr(resource.messages, method):
        pytest.skip("not in this version of the SDK")


# --- What the recorded bytes say --------------------------------------------------------------


def answer(exchange: Exchange) -> Json:
    """The message that was answered; events put together."""
    if not exchange.stream:
        found = exchange.json()
        return found if isinstance(found, dict) else {}
    message: Json = {}
    blocks: list[Json] = []
    inputs: dict[int, str] = {}
    for event in exchange.events():
        if event["type"] == "message_start":
            message = dict(event["message"])
        elif event["type"] == "content_block_start":
            blocks.append(dict(event["content_block"]))
        elif event["type"] == "content_block_delta":
            block, delta = blocks[event["index"]], event["delta"]
            if delta["type"] == "text_delta":
                block["text"] += delta["text"]
            elif delta["type"] == "thinking_delta":
                block["thinking"] += delta["thinking"]
            elif delta["type"] == "input_json_delta":
                inputs[event["index"]] = inputs.get(event["index"], "") + delta["partial_json"]
        elif event["type"] == "message_delta":
            message.update(event["delta"])
            message["usage"] = {**message["usage"], **event["usage"]}
    for index, text in inputs.items():
        if text:
            blocks[index]["input"] = json.loads(text)
    return {**message, "content": blocks}


def without_opaque(value: Any) -> Any:
    """JSON without encrypted fields."""
    if isinstance(value, list):
        return [without_opaque(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: without_opaque(each)
        for name, each in value.items()
        if not name.startswith("encrypted_") and name != "signature"
    }


def binary_part(block: Json, source: Json) -> Json:
    data = b64decode(source["data"])
    checksum = md5(data).hexdigest()
    return {
        "type": "uri",
        "modality": block["type"],
        "mime_type": source["media_type"],
        "uri": f"urn:md5:{checksum}",
        "checksum_md5": checksum,
        "size_bytes": len(data),
    }


def part(block: Json) -> Json:
    """A content block in the conventions' shape."""
    kind = block["type"]
    rest = without_opaque({k: v for k, v in block.items() if k not in ("type", "cache_control")})
    if kind == "text":
        citations = {"citations": rest["citations"]} if rest.get("citations") else {}
        return {"type": "text", "content": block["text"], **citations}
    if kind == "thinking":
        return {"type": "reasoning", "content": block["thinking"]}
    if kind == "redacted_thinking":
        return {"type": kind}
    if kind == "tool_use":
        found = {"type": "tool_call", "id": block["id"], "name": block["name"]}
        return {**found, "arguments": block["input"]}
    if kind == "tool_result":
        content = block.get("content")
        if isinstance(content, list):
            texts = [each["text"] for each in content if each["type"] == "text"]
            content = "".join(texts) if len(texts) == len(content) else parts(content)
        failed = {"is_error": True} if block.get("is_error") else {}
        found = {"type": "tool_call_response", "id": block["tool_use_id"], "response": content}
        return {**found, **failed}
    if kind in ("server_tool_use", "mcp_tool_use"):
        del rest["id"], rest["name"]
        call = {"type": block["name"] if kind == "server_tool_use" else kind, **rest}
        named = {"id": block["id"], "name": block["name"]}
        return {"type": "server_tool_call", **named, "server_tool_call": call}
    if kind.endswith(_RESULTS):
        identity = rest.pop("tool_use_id")
        response = {"type": kind, **rest}
        found = {"type": "server_tool_call_response", "id": identity}
        return {**found, "server_tool_call_response": response}
    source = block.get("source") or {}
    if source.get("type") == "base64":
        return binary_part(block, source)
    if source.get("type") == "url":
        return {"type": "uri", "modality": kind, "uri": source["url"]}
    if source.get("type") == "text":
        return {"type": "text", "content": source["data"]}
    return {"type": kind, **rest}


def parts(content: Any) -> list[Json]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}] if content else []
    return [part(block) for block in content or ()]


def request_says(exchange: Exchange) -> Json:
    request = exchange.request
    output = request.get("output_config") or {}
    number: Callable[[Any], Any] = lambda value: None if value is None else float(value)  # noqa: E731
    messages = [each for each in request["messages"] if isinstance(each, dict)]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "server.address": "api.anthropic.com",
        "server.port": 443,
        "gen_ai.request.model": request["model"],
        "gen_ai.request.max_tokens": request.get("max_tokens"),
        "gen_ai.request.temperature": number(request.get("temperature")),
        "gen_ai.request.top_p": number(request.get("top_p")),
        "gen_ai.request.top_k": request.get("top_k"),
        "gen_ai.request.stop_sequences": request.get("stop_sequences"),
        "gen_ai.request.stream": True if request.get("stream") else None,
        "gen_ai.request.reasoning.level": output.get("effort"),
        "gen_ai.output.type": (
            "json" if output.get("format") or request.get("output_format") else None
        ),
        "gen_ai.input.messages": [
            {"role": each["role"], "parts": parts(each["content"])} for each in messages
        ]
        or None,
        "gen_ai.system_instructions": parts(request.get("system")) or None,
    }


def answer_says(exchange: Exchange) -> Json:
    found = answer(exchange)
    if exchange.failed:
        return {
            "error.type": found["error"]["type"],
            "gen_ai.response.finish_reasons": ["error"],
            "gen_ai.usage.input_tokens": None,
            "gen_ai.output.messages": None,
        }
    usage = found["usage"]
    read = usage.get("cache_read_input_tokens")
    written = usage.get("cache_creation_input_tokens")
    details = usage.get("output_tokens_details") or {}
    reason = _FINISH_REASONS.get(found["stop_reason"], found["stop_reason"])
    output = {"role": "assistant", "parts": parts(found["content"]), "finish_reason": reason}
    return {
        "error.type": None,
        "gen_ai.response.id": found["id"],
        "gen_ai.response.model": found["model"],
        "gen_ai.response.finish_reasons": [reason],
        "gen_ai.usage.input_tokens": usage["input_tokens"] + (read or 0) + (written or 0),
        "gen_ai.usage.output_tokens": usage["output_tokens"],
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.cache_write.input_tokens": written,
        "gen_ai.usage.reasoning.output_tokens": details.get("thinking_tokens"),
        "gen_ai.output.messages": [output],
    }


def count_says(exchange: Exchange) -> Json:
    return {
        "gen_ai.operation.name": "count_tokens",
        "gen_ai.request.model": exchange.request["model"],
        "anthropic.message.count_tokens.input_tokens": exchange.json()["input_tokens"],
        "gen_ai.usage.input_tokens": None,
        "gen_ai.input.messages": None,
    }


def expected(exchange: Exchange) -> Mapping[str, Any]:
    if exchange.endpoint == "messages.count_tokens":
        return count_says(exchange)
    return {**request_says(exchange), **answer_says(exchange)}


def check_tools(exchange: Exchange, span: ReadableSpan) -> None:
    tools = exchange.request.get("tools") or []
    if exchange.endpoint == "messages" and tools:
        names = [each.get("name") or each.get("mcp_server_name") for each in tools]
        found = said(span)["gen_ai.tool.definitions"]
        assert [each["name"] for each in found] == names
        schemas = [each.get("input_schema") for each in tools]
        assert [each.get("parameters") for each in found] == schemas


# --- The replays ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("exchange", parameters(OTHERS))
def test_call(
    exchange: Exchange, mode: str, instrument: Callable[..., None], spans: SpanLog
) -> None:
    playable(exchange)
    bare = PLAYER.play(exchange, mode)
    instrument(providers=["anthropic"])
    assert PLAYER.play(exchange, mode) == bare
    span = spans.only()
    check(exchange, span, expected(exchange))
    check_tools(exchange, span)
    assert (span.status.status_code is StatusCode.ERROR) == exchange.failed


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("exchange", parameters(STREAMED))
def test_stream_helper(
    exchange: Exchange, kind: str, instrument: Callable[..., None], spans: SpanLog
) -> None:
    playable(exchange)
    play = helper if kind == "sync" else lambda each: asyncio.run(helper_async(each))
    bare = play(exchange)
    instrument(providers=["anthropic"])
    assert play(exchange) == bare
    check(exchange, spans.only(), expected(exchange))


def helper_call(exchange: Exchange, made: Any) -> Any:
    """``messages.stream()`` with the arguments of the recorded request."""
    resource = made.beta.messages if "beta=true" in exchange.query else made.messages
    if not hasattr(resource, "stream"):
        pytest.skip("not in this version of the SDK")
    arguments = {name: value for name, value in exchange.request.items() if name != "stream"}
    return resource.stream(**Invocation(resource, "stream", arguments).fitting())


def helper(exchange: Exchange) -> Outcome:
    http = PLAYER._http
    answer = lambda request: http.Response(200, headers=exchange.headers, content=exchange.body)  # noqa: E731
    with http.Client(transport=http.MockTransport(answer)) as made:
        with helper_call(exchange, client(exchange, False, made)) as stream:
            values = [seen(event) for event in stream]
            return Outcome([*values, seen(stream.get_final_message())])


async def helper_async(exchange: Exchange) -> Outcome:
    http = PLAYER._http
    answer = lambda request: http.Response(200, headers=exchange.headers, content=exchange.body)  # noqa: E731
    async with http.AsyncClient(transport=http.MockTransport(answer)) as made:
        async with helper_call(exchange, client(exchange, True, made)) as stream:
            values = [seen(event) async for event in stream]
            return Outcome([*values, seen(await stream.get_final_message())])


@pytest.mark.parametrize("exchange", parameters(COMPLETE))
def test_text_completion(
    exchange: Exchange, instrument: Callable[..., None], spans: SpanLog
) -> None:
    """The SDK's method is gone; applications may call the endpoint themselves."""
    instrument(providers=["anthropic"])
    http = PLAYER._http
    answer = lambda request: http.Response(200, headers=exchange.headers, content=exchange.body)  # noqa: E731
    with http.Client(transport=http.MockTransport(answer)) as made:
        streamed = {"stream": True, "stream_cls": anthropic.Stream[object]}
        result = client(exchange, False, made).post(
            "/v1/complete",
            body=exchange.request,
            cast_to=object,
            **(streamed if exchange.stream else {}),
        )
        if exchange.stream:
            list(result)
    found = exchange.events() if exchange.stream else [exchange.json()]
    found = [each for each in found if each["type"] == "completion"]
    text = "".join(each["completion"] for each in found)
    reason = _FINISH_REASONS[found[-1]["stop_reason"]]
    prompt = {"type": "text", "content": exchange.request["prompt"]}
    output = {"type": "text", "content": text}
    check(
        exchange,
        spans.only(),
        {
            "gen_ai.operation.name": "text_completion",
            "gen_ai.request.model": exchange.request["model"],
            "gen_ai.request.max_tokens": exchange.request["max_tokens_to_sample"],
            "gen_ai.response.id": found[-1].get("id"),
            "gen_ai.response.model": found[-1]["model"],
            "gen_ai.response.finish_reasons": [reason],
            "gen_ai.usage.input_tokens": None,
            "gen_ai.input.messages": [{"role": "user", "parts": [prompt]}],
            "gen_ai.output.messages": [
                {"role": "assistant", "parts": [output], "finish_reason": reason}
            ],
        },
    )
