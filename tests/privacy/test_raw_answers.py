"""The provider's answer, which Openlayer shows beside a step, holds no more than the docs say.

"What is never recorded" of docs/openai.md, docs/anthropic.md and docs/privacy.md. The answers
have a canary in each such place and, under the same names, what a model made: that is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel import OpenlayerSpanProcessor, attachments
from openlayer_otel.export.raw_output import LEFT_OUT, raw_output_of
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.privacy.canaries import CANARY, at
from tests.support.sdk_clients import http_library, make_client

# Names that the provider uses for what is never recorded, as a model may use them, too.
MADE = {
    "user": "ada",
    "metadata": {"signature": "kept", "user": "ada"},
    "data": "A" * 400,
    "logprobs": [1],
    "headers": {"a": "b"},
    "url": "data:image/png;base64,AAAA",
    "encrypted_content": "kept",
}
SOUND = CANARY.encode().hex()

RESPONSE: dict[str, Any] = {
    "id": "resp",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "user": at("user"),
    "safety_identifier": at("safety identifier"),
    "prompt_cache_key": at("prompt cache key"),
    "metadata": {"customer": at("metadata")},
    "top_logprobs": 1,
    "tools": [
        {"type": "mcp", "server_label": "s", "server_url": "https://x.test",
         "authorization": at("token"), "headers": {"X-Key": at("header")}},
        {"type": "function", "name": "f", "strict": True,
         "parameters": {"type": "object", "properties": MADE}},
    ],
    "output": [
        {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": at("reasoning")},
        {"type": "compaction", "id": "cmp", "encrypted_content": at("compaction")},
        {"type": "image_generation_call", "id": "ig", "status": "completed", "result": SOUND},
        {"type": "computer_call_output", "id": "cu", "call_id": "c",
         "output": {"type": "computer_screenshot", "image_url": f"data:image/png;base64,{SOUND}"}},
        {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "status": "completed",
         "arguments": json.dumps(MADE)},
        {"type": "message", "id": "ms", "role": "assistant", "status": "completed", "content": [
            {"type": "output_text", "text": json.dumps(MADE), "annotations": [],
             "logprobs": [{"token": at("token"), "logprob": -0.1, "bytes": [], "top_logprobs": []}]}
        ]},
    ],
}  # fmt: skip
CHAT: dict[str, Any] = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "metadata": {"customer": at("metadata")},
    "choices": [
        {"index": 0, "finish_reason": "stop",
         "logprobs": {"content": [{"token": at("token"), "logprob": -0.1}]},
         "message": {
             "role": "assistant",
             "content": json.dumps(MADE),
             "audio": {"id": "a", "data": SOUND, "transcript": "heard", "expires_at": 1},
             "reasoning_details": [{"type": "reasoning.encrypted", "data": at("reasoning")}],
             "images": [{"image_url": {"url": f"data:image/png;base64,{SOUND}"}}],
         }}
    ],
}  # fmt: skip
MESSAGE: dict[str, Any] = {
    "id": "msg",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "stop_reason": "end_turn",
    "stop_details": {"type": "refusal", "fallback_credit_token": at("token")},
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": at("signature") * 300},
        {"type": "redacted_thinking", "data": at("redacted thinking")},
        {"type": "compaction", "content": "in short", "encrypted_content": at("compaction"),
         "signature": at("compaction signature")},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [
            {"type": "web_search_result", "url": "u", "title": "t", "page_age": None,
             "encrypted_content": at("search result")}
        ]},
        {"type": "web_fetch_tool_result", "tool_use_id": "s", "content": {
            "type": "web_fetch_result", "url": "u", "content": {
                "type": "document", "title": "t",
                "source": {"type": "base64", "media_type": "application/pdf", "data": SOUND}}
        }},
        {"type": "web_fetch_tool_result", "tool_use_id": "s", "content": {
            "type": "web_fetch_result", "url": "u", "content": {
                "type": "document", "title": "t",
                "source": {"type": "text", "media_type": "text/plain", "data": "B" * 400}}
        }},
        {"type": "code_execution_tool_result", "tool_use_id": "s", "content": {
            "type": "encrypted_code_execution_result", "encrypted_stdout": at("stdout"),
            "return_code": 0, "stderr": "", "content": []}},
        {"type": "text", "text": json.dumps(MADE), "citations": [
            {"type": "web_search_result_location", "encrypted_index": at("citation"), "url": "u",
             "title": "t", "cited_text": "cited"}
        ]},
        {"type": "tool_use", "id": "t", "name": "f", "input": MADE},
    ],
}  # fmt: skip

Call = Callable[[Any], Any]
CALLS: dict[str, tuple[str, dict[str, Any], Call]] = {
    "responses": ("openai", RESPONSE, lambda c: c.responses.create(model="m", input="q")),
    "chat": ("openai", CHAT, lambda c: c.chat.completions.create(model="m", messages=[])),
    "messages": (
        "anthropic",
        MESSAGE,
        lambda c: c.messages.create(model="m", max_tokens=9, messages=[]),
    ),
}


@pytest.fixture
def raw(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """Call it with a provider's answer for what becomes of it."""
    monkeypatch.setattr(attachments.raw_outputs, "wanted", True)

    def of(answer: Any) -> Any:
        attachments.raw_outputs.keep(1, json.dumps(answer).encode())
        return raw_output_of([1])

    return of


def hide(text: str) -> str:
    """A redaction that finds nothing to hide in what only the provider can read."""
    return text.replace("ada", "***")


@pytest.mark.parametrize("redact", [None, hide], ids=["plain", "redacted"])
@pytest.mark.parametrize("name", CALLS)
def test_openlayer_gets_nothing_that_is_never_recorded(
    instrument: Callable[..., None],
    tracer_provider: TracerProvider,
    openlayer_server: OpenlayerServer,
    name: str,
    redact: Callable[[str], str] | None,
) -> None:
    sdk, body, make_call = CALLS[name]
    processor = OpenlayerSpanProcessor(
        api_key="k", inference_pipeline_id="p", base_url=openlayer_server.url
    )
    tracer_provider.add_span_processor(processor)
    instrument(redact=redact)
    library = http_library(sdk)
    transport = library.MockTransport(lambda request: library.Response(200, json=body))
    make_call(make_client(sdk, False, "http://x.test", transport))
    processor.force_flush()
    (uploaded,) = openlayer_server.wait_for_traces(1)
    processor.shutdown()
    raw_output = json.dumps(uploaded.row["steps"][0]["rawOutput"])
    # The start of the answer is there, so that the rest proves something.
    assert body["id"] in raw_output
    assert CANARY not in raw_output
    assert SOUND not in raw_output


@pytest.mark.parametrize("name", CALLS)
def test_what_the_model_made_and_the_names_of_all_fields_are_kept(
    raw: Callable[[Any], Any], name: str
) -> None:
    body = CALLS[name][1]
    kept = raw(body)
    assert kept.keys() == body.keys()
    if name == "responses":
        assert kept["tools"][1] == body["tools"][1]
        assert kept["tools"][0]["server_label"] == "s"
        call, message = kept["output"][-2:]
        assert call == body["output"][-2]
        assert message["content"][0]["text"] == json.dumps(MADE)
    elif name == "chat":
        message = kept["choices"][0]["message"]
        assert message["content"] == json.dumps(MADE)
        assert message["audio"]["transcript"] == "heard"
        assert message["audio"]["data"] == f"[{len(SOUND)} characters of binary data]"
    else:
        assert kept["content"][-1] == body["content"][-1]
        assert kept["content"][0] == {"type": "thinking", "thinking": "hm", "signature": LEFT_OUT}
        assert kept["content"][5] == body["content"][5]  # a page that was fetched as text
        assert kept["content"][7]["citations"][0]["cited_text"] == "cited"


@pytest.mark.parametrize(
    "answer",
    [
        {"object": "response", "user": None, "metadata": {}, "output": [{"logprobs": []}]},
        {"object": "text_completion", "choices": [{"text": "data:image/png;base64,AAAA"}]},
        {"error": {"metadata": {"provider": "x"}, "message": "m"}},  # of a gateway: no caller's
        {"output": [{"type": "shell_call", "action": {"user": "root", "env": {"signature": "s"}}}]},
        {"output": [{"type": "program_output", "result": "deadbeef" * 16}]},
        {"data": [{"attributes": {"user": "ada", "data": "A" * 400}, "score": 0.5}]},
        {"prompt": {"id": "p", "variables": {"signature": "Ada", "data": "short"}}},
    ],
)
def test_other_uses_of_the_same_names_are_kept(
    raw: Callable[[Any], Any], answer: dict[str, Any]
) -> None:
    assert raw(answer) == answer


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ({"data": [{"b64_json": "AAAA"}]},
         {"data": [{"b64_json": "[4 characters of binary data]"}]}),
        ({"data": [{"embedding": "AAAA"}]},
         {"data": [{"embedding": "[4 characters of binary data]"}]}),
        ({"anything": {"data": "A" * 200}},
         {"anything": {"data": "[200 characters of binary data]"}}),
        ({"response": {"object": "response", "user": "ada"}},
         {"response": {"object": "response", "user": LEFT_OUT}}),
        ({"events": [{"type": "session.updated", "metadata": {"a": "b"}}]},
         {"events": [{"type": "session.updated", "metadata": LEFT_OUT}]}),
        ({"text": "heard", "logprobs": [{"token": "heard"}]},
         {"text": "heard", "logprobs": LEFT_OUT}),
    ],
)  # fmt: skip
def test_short_binary_data_and_objects_within_an_answer_are_left_out(
    raw: Callable[[Any], Any], answer: dict[str, Any], left: dict[str, Any]
) -> None:
    assert raw(answer) == left
