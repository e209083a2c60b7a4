"""What the span of a recorded exchange with OpenAI's APIs must say, read from the bytes alone.

Written against the API reference and the conventions, not against the package: nothing of
``openlayer_otel`` is imported here. Where a value needs no rule it is copied; the rules are
those that the documentation states.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.corpus.replay import Exchange

PROVIDERS = {
    "openai": ("https://api.openai.com/v1", "openai"),
    "azure": ("https://corpus.openai.azure.com/openai/v1", "azure.ai.openai"),
    "groq": ("https://api.groq.com/openai/v1", "groq"),
    "deepseek": ("https://api.deepseek.com", "deepseek"),
    "openrouter": ("https://openrouter.ai/api/v1", "openrouter"),
    "together": ("https://api.together.xyz/v1", "together_ai"),
    "cerebras": ("https://api.cerebras.ai/v1", "cerebras"),
    "huggingface": ("https://router.huggingface.co/v1", "huggingface"),
    "portkey": ("https://api.portkey.ai/v1", "portkey"),
    # Nobody knows this host: the SDK's vendor is the best guess.
    "openai_compatible": ("https://llm.example.com/v1", "openai"),
}
"""The corpus' name of a provider -> a base URL, and the provider name on the span."""

_OPERATIONS = {
    "chat.completions": "chat",
    "responses": "chat",
    "responses.compact": "chat",
    "responses.retrieve": "fetch_response",
    "responses.input_tokens": "count_tokens",
    "completions": "text_completion",
    "embeddings": "embeddings",
    "images": "generate_content",
    "threads": "invoke_agent",
}
_CONTENT = ("gen_ai.output.messages", "gen_ai.response.id", "gen_ai.response.finish_reasons")


def expected(exchange: Exchange) -> dict[str, Any]:
    """Attribute -> value; None for attributes that must not be there."""
    request = exchange.request or {}
    operation = _OPERATIONS[exchange.endpoint]
    found: dict[str, Any] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": PROVIDERS[exchange.provider][1],
        "gen_ai.request.model": request.get("model"),
        "server.port": 443,
        "gen_ai.request.stream": True if request.get("stream") else None,
        "openlayer.operation.outcome": "failed" if exchange.failed else None,
    }
    found.update(_parameters(request))
    if exchange.failed:
        found["error.type"] = _error_code(exchange)
        found["gen_ai.response.id"] = None
        found["gen_ai.usage.input_tokens"] = None
        return found
    body = _gathered(exchange) if exchange.stream else exchange.json()
    if body is None:
        return {**found, **dict.fromkeys(_CONTENT)}
    found["error.type"] = None
    found["gen_ai.response.id"] = body.get("id")
    found["gen_ai.response.model"] = body.get("model")
    # Its tokens were counted when it was made.
    usage = {} if operation in ("fetch_response", "count_tokens") else body.get("usage") or {}
    found.update(_usage(usage, operation))
    found.update(_outcome(exchange, body))
    failure = stream_error(exchange)
    if failure is not None:
        found["error.type"] = str(failure["code"])
        # The event that brings the error is an exception to the application, or a line of text.
        del found["openlayer.operation.outcome"]
        found = {name: value for name, value in found.items() if "usage" not in name}
    return found


def stream_error(exchange: Exchange) -> Any:
    """The error that a stream ends with, if it does."""
    events = exchange.events() if exchange.stream else []
    return next((each["error"] for each in events if each.get("error")), None)


def is_broken(exchange: Exchange) -> bool:
    """Whether a stream was recorded that the request did not ask for: no SDK can read it."""
    asked = exchange.method == "GET" or (exchange.request or {}).get("stream")
    return exchange.stream and not asked


def _error_code(exchange: Exchange) -> str:
    """The provider's own code: ``code``, else ``type``, else the SDK's exception."""
    body = exchange.json()
    error = body.get("error", body) if isinstance(body, dict) else {}
    code = error.get("code") or error.get("type")
    if code is not None:
        return str(code)
    return {404: "openai.NotFoundError", 400: "openai.BadRequestError"}[exchange.status]


def _parameters(request: Mapping[str, Any]) -> dict[str, Any]:
    limit = next(
        (request[each] for each in ("max_completion_tokens", "max_tokens", "max_output_tokens")
         if request.get(each) is not None), None,
    )  # fmt: skip
    stop = request.get("stop")
    effort = request.get("reasoning_effort") or (request.get("reasoning") or {}).get("effort")
    count = request.get("n")
    output = (request.get("response_format") or (request.get("text") or {}).get("format")) or {}
    found = {
        "gen_ai.request.max_tokens": limit,
        "gen_ai.request.stop_sequences": [stop] if isinstance(stop, str) else stop,
        "gen_ai.request.reasoning.level": effort,
        "gen_ai.request.choice.count": count if count != 1 else None,
        "gen_ai.request.seed": request.get("seed"),
        "gen_ai.request.previous_response.id": request.get("previous_response_id"),
    }
    if "quality" not in request and "size" not in request:
        kind = {"json_object": "json", "json_schema": "json", "text": "text"}
        found["gen_ai.output.type"] = kind.get(str(output.get("type")))
    for name in ("temperature", "top_p", "frequency_penalty", "presence_penalty"):
        value = request.get(name)
        found[f"gen_ai.request.{name}"] = None if value is None else float(value)
    return found


def _usage(usage: Mapping[str, Any], operation: str) -> dict[str, Any]:
    read = usage.get("prompt_tokens", usage.get("input_tokens"))
    written = usage.get("completion_tokens", usage.get("output_tokens"))
    read_details = (
        usage.get("prompt_tokens_details")
        or usage.get("input_tokens_details")
        or usage.get("prompt_token_details")  # of a run
        or {}
    )
    details = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    cached = read_details.get("cached_tokens")
    return {
        "gen_ai.usage.input_tokens": read,
        "gen_ai.usage.output_tokens": None if operation == "embeddings" else written,
        "gen_ai.usage.cache_read.input_tokens": usage.get("prompt_cache_hit_tokens")
        if cached is None
        else cached,
        "gen_ai.usage.reasoning.output_tokens": details.get(
            "reasoning_tokens", usage.get("reasoning_tokens")
        ),
        "gen_ai.usage.audio.output_tokens": details.get("audio_tokens") or None,
        "gen_ai.usage.audio.input_tokens": read_details.get("audio_tokens") or None,
    }


def _outcome(exchange: Exchange, body: Mapping[str, Any]) -> dict[str, Any]:
    """Finish reasons, by endpoint."""
    name = "gen_ai.response.finish_reasons"
    if exchange.endpoint in ("chat.completions", "completions"):
        reasons = [_reason(each.get("finish_reason")) for each in body.get("choices") or []]
        return {name: reasons or None}
    if exchange.endpoint in ("responses", "responses.retrieve"):
        status = body.get("status")
        if status in ("queued", "in_progress"):
            return {name: None}
        if status == "incomplete":
            reason = body["incomplete_details"]["reason"]
            return {name: ["length" if reason == "max_output_tokens" else reason]}
        kinds = {each["type"] for each in body["output"]}
        asked = kinds & {"function_call", "custom_tool_call"}
        return {name: ["tool_call" if asked else "stop"]}
    if exchange.endpoint == "responses.compact":
        return {name: ["compaction"], "gen_ai.conversation.compacted": True}
    if exchange.endpoint == "threads":
        reason = {"completed": "stop", "requires_action": "tool_call"}.get(body["status"])
        return {
            name: [reason] if reason else None,
            "gen_ai.conversation.id": body["thread_id"],
            "gen_ai.agent.id": body["assistant_id"],
        }
    if exchange.endpoint == "embeddings":
        # Where the application asked for none, it depends on the SDK's version.
        wanted = exchange.request.get("encoding_format")
        return {"gen_ai.request.encoding_formats": [wanted]} if wanted else {}
    return {}


def _reason(reason: str | None) -> str:
    return {
        "tool_calls": "tool_call",
        "function_call": "tool_call",
        None: "error",
        "": "error",
    }.get(reason, str(reason))


# --- Streams ----------------------------------------------------------------------------------


def _gathered(exchange: Exchange) -> dict[str, Any] | None:
    """The answer that a stream amounts to, from its events."""
    events = exchange.events()
    if exchange.endpoint.startswith("responses"):
        final = [each["response"] for each in events if each["type"] in _LAST]
        return final[-1] if final else None
    if exchange.endpoint == "threads":
        runs = [each for each in events if each.get("object") == "thread.run"]
        return runs[-1]
    body: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for event in events:
        for name in ("id", "model", "usage"):
            if event.get(name) is not None:
                body[name] = event[name]
        for choice in event.get("choices") or []:
            whole = choices.setdefault(choice["index"] or 0, {"message": {}, "finish_reason": None})
            whole["finish_reason"] = choice.get("finish_reason") or whole["finish_reason"]
            if "text" in choice:
                whole["text"] = whole.get("text", "") + choice["text"]
            _add_delta(whole["message"], choice.get("delta") or {})
    return {**body, "choices": [choices[index] for index in sorted(choices)]}


_LAST = ("response.completed", "response.incomplete", "response.failed")


def _add_delta(message: dict[str, Any], delta: Mapping[str, Any]) -> None:
    for name in ("content", "refusal", "reasoning", "reasoning_content"):
        if delta.get(name):
            message[name] = message.get(name, "") + delta[name]
    calls = message.setdefault("tool_calls", [])
    for piece in delta.get("tool_calls") or []:
        if piece.get("id"):
            calls.append({"id": piece["id"], "function": {"name": "", "arguments": ""}})
        for name, text in (piece.get("function") or {}).items():
            calls[-1]["function"][name] += text or ""


# --- Content ----------------------------------------------------------------------------------

Said = list[tuple[str, list[Any]]]
"""Role and what was said: texts, tool calls and tools' answers as tuples."""


def expected_input(exchange: Exchange) -> Said | None:
    """The conversation that the request holds; None if it has none to compare."""
    request = exchange.request or {}
    if exchange.endpoint == "chat.completions":
        return [(each["role"], _message(each)) for each in request["messages"]]
    if exchange.endpoint == "completions":
        prompt = request["prompt"]
        return [("user", [each]) for each in (prompt if isinstance(prompt, list) else [prompt])]
    if exchange.endpoint == "images":
        return [("user", [request["prompt"]])]
    if exchange.endpoint.startswith("responses") and "input" in request:
        given = request["input"]
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        return merged(_item(each) for each in items)
    return None


def expected_output(exchange: Exchange) -> Said | None:
    """What the model said, a message for each choice; None if there is nothing to compare."""
    if exchange.failed:
        return []
    body = _gathered(exchange) if exchange.stream else exchange.json()
    if body is None:
        return []
    if exchange.endpoint == "chat.completions":
        return [("assistant", _message(each["message"])) for each in body.get("choices") or []]
    if exchange.endpoint == "completions":
        texts = [each.get("text") for each in body.get("choices") or []]
        return [("assistant", [text] if text else []) for text in texts]
    if exchange.endpoint in ("responses", "responses.retrieve"):
        parts = [part for each in body["output"] for part in _item(each)[1]]
        return [("assistant", parts)] if body["output"] else []
    if exchange.endpoint == "threads" and exchange.stream:
        return [("assistant", _thread_texts(exchange.events()))]
    return None


def _thread_texts(events: list[Any]) -> list[Any]:
    done = [e for e in events if e.get("object") == "thread.message" and e.get("content")]
    return [block["text"]["value"] for each in done for block in each["content"]]


def _message(message: Mapping[str, Any]) -> list[Any]:
    content = message.get("content")
    if message.get("role") == "tool":
        return [("answer", message["tool_call_id"], _answer(content))]
    found: list[Any] = []
    thought = message.get("reasoning_content") or message.get("reasoning")
    if thought:
        found.append(("thought", thought))
    for part in content if isinstance(content, list) else [{"type": "text", "text": content}]:
        if part["type"] == "text" and part["text"]:
            found.append(part["text"])
    if message.get("refusal"):
        found.append(("refusal", message["refusal"]))
    for call in message.get("tool_calls") or []:
        function = call.get("function") or call["custom"]
        given = _arguments(function["arguments"]) if "arguments" in function else function["input"]
        found.append(("call", call["id"], function["name"], given))
    if message.get("function_call"):
        function = message["function_call"]
        found.append(("call", None, function["name"], _arguments(function["arguments"])))
    return found


def _answer(content: Any) -> Any:
    if isinstance(content, list):
        return "".join(each["text"] for each in content)
    return content


def _arguments(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def _item(item: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """An item of the Responses API; hosted tools are compared by their presence only."""
    kind = item.get("type", "message")
    if kind == "message":
        content = item["content"]
        blocks = [{"text": content}] if isinstance(content, str) else content
        texts: list[Any] = [each["text"] for each in blocks if each.get("text")]
        refusals = [("refusal", each["refusal"]) for each in blocks if each.get("refusal")]
        return item["role"], texts + refusals
    if kind == "function_call":
        call = ("call", item["call_id"], item["name"], _arguments(item["arguments"]))
        return "assistant", [call]
    if kind == "custom_tool_call":
        return "assistant", [("call", item["call_id"], item["name"], item["input"])]
    if kind == "function_call_output":
        return "tool", [("answer", item["call_id"], item["output"])]
    if kind == "reasoning":
        blocks = (item.get("summary") or []) + (item.get("content") or [])
        return "assistant", [("thought", each["text"]) for each in blocks]
    if kind == "compaction":
        return "assistant", [("compaction", item["id"])]
    return "assistant", [("hosted", kind.removesuffix("_call"))]


def merged(items: Any) -> Said:
    """What the model made in one go is one message."""
    found: Said = []
    for role, parts in items:
        if found and role == "assistant" == found[-1][0]:
            found[-1][1].extend(parts)
        elif parts:
            found.append((role, list(parts)))
    return found


def simplified(messages: Any) -> Said:
    """Messages of a span as :data:`Said`; media are left out."""
    found: Said = []
    for message in messages or []:
        parts: list[Any] = []
        for part in message["parts"]:
            kind = part["type"]
            if kind == "text":
                parts.append(part["content"])
            elif kind == "tool_call":
                parts.append(("call", part.get("id"), part["name"], part.get("arguments")))
            elif kind == "tool_call_response":
                parts.append(("answer", part.get("id"), part["response"]))
            elif kind == "reasoning":
                parts.append(("thought", part["content"]))
            elif kind == "refusal":
                parts.append(("refusal", part["content"]))
            elif kind == "compaction":
                parts.append(("compaction", part["id"]))
            elif kind == "server_tool_call":
                parts.append(("hosted", part["server_tool_call"]["type"]))
        found.append((message["role"], parts))
    return found
