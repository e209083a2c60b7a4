"""One answer and one stream of each endpoint, as OpenAI sends them, to be bent out of shape."""

from __future__ import annotations

import base64
from typing import Any

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n picture").decode()
_USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 4,
    "total_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
_RESPONSE_USAGE = {
    "input_tokens": 3,
    "output_tokens": 4,
    "total_tokens": 7,
    "input_tokens_details": {"cached_tokens": 1},
    "output_tokens_details": {"reasoning_tokens": 2},
}
_CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
_ITEMS: list[dict[str, Any]] = [
    {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [
            {"type": "output_text", "text": "hello", "annotations": []},
            {"type": "refusal", "refusal": "no"},
        ],
    },
    {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"id": "ct_1", "type": "custom_tool_call", "call_id": "c", "name": "g", "input": "1 + 1"},
    {"id": "ws_1", "type": "web_search_call", "action": {"type": "search", "query": "q"}},
    {"id": "ig_1", "type": "image_generation_call", "result": PNG, "output_format": "png"},
    {
        "id": "mcp_1",
        "type": "mcp_call",
        "name": "t",
        "server_label": "s",
        "arguments": "{}",
        "output": "done",
    },
    {"id": "cu_1", "type": "computer_call", "call_id": "c", "action": {"type": "click", "x": 1}},
    {"id": "cm_1", "type": "compaction", "encrypted_content": "secret"},
    {"id": "xx_1", "type": "something_new", "value": 1},
]
_RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "model": "gpt",
    "status": "completed",
    "service_tier": "default",
    "conversation": {"id": "conv_1"},
    "error": None,
    "incomplete_details": None,
    "output": _ITEMS,
    "usage": _RESPONSE_USAGE,
}
_RUN = {
    "id": "run_1",
    "object": "thread.run",
    "status": "requires_action",
    "thread_id": "thread_1",
    "assistant_id": "asst_1",
    "model": "gpt",
    "last_error": None,
    "required_action": {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {"tool_calls": [_CALL]},
    },
    "usage": _USAGE,
}

ANSWERS: dict[str, Any] = {
    "/chat/completions": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "gpt",
        "service_tier": "default",
        "system_fingerprint": "fp",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": "hello",
                    "refusal": "no",
                    "reasoning_content": "hm",
                    "audio": {"id": "a", "data": PNG, "transcript": "t", "expires_at": 1},
                    "images": [{"type": "image_url", "image_url": {"url": "https://x.test/"}}],
                    "tool_calls": [_CALL, {"id": "2", "type": "custom", "custom": {"name": "g"}}],
                    "function_call": {"name": "f", "arguments": "{}"},
                },
            }
        ],
        "usage": _USAGE,
    },
    "/completions": {
        "id": "cmpl-1",
        "model": "gpt",
        "choices": [{"index": 0, "text": "hello", "finish_reason": "stop"}],
        "usage": _USAGE,
    },
    "/responses": _RESPONSE,
    "/responses/compact": {**_RESPONSE, "object": "response.compaction", "status": None},
    "/responses/input_tokens": {"object": "response.input_tokens", "input_tokens": 5},
    "/embeddings": {
        "model": "e",
        "data": [{"index": 0, "embedding": [0.5, 0.25]}],
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    },
    "/images/generations": {
        "data": [{"b64_json": PNG, "revised_prompt": "p"}, {"url": "https://x.test/i.png"}],
        "output_format": "webp",
        "usage": _RESPONSE_USAGE,
    },
    "/audio/transcriptions": {
        "text": "hello",
        "usage": {"type": "tokens", "input_tokens": 2, "output_tokens": 1, "total_tokens": 3},
    },
    "/moderations": {
        "id": "modr_1",
        "model": "omni",
        "results": [
            {"flagged": True, "categories": {"hate": True}, "category_scores": {"hate": 0.9}}
        ],
    },
    "/decisions": {
        "model": "luna",
        "answers": [{"type": "predicate", "probability": 0.5}],
        "usage": _RESPONSE_USAGE,
    },
    "/vector_stores/vs_1/search": {
        "data": [
            {
                "file_id": "f",
                "filename": "a.txt",
                "score": 0.5,
                "attributes": {"k": 1},
                "content": [{"type": "text", "text": "found"}],
            }
        ]
    },
    "/threads/thread_1/runs": _RUN,
    "/videos": {"id": "video_1", "model": "sora", "status": "queued", "error": None},
    "/batches": {"id": "batch_1", "model": None},
    "/agents/sessions": {
        "id": "sess_1",
        "agent": {"id": "a", "name": "n", "model": "gpt"},
        "usage": _RESPONSE_USAGE,
        "error": None,
    },
}
"""API path -> the JSON of its answer."""


def _delta(**fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": fields, "finish_reason": None}
    return {"id": "chatcmpl-1", "model": "gpt", "choices": [choice], "usage": None}


STREAMS: dict[str, list[Any]] = {
    "/chat/completions": [
        _delta(role="assistant", content=""),
        _delta(content="hel"),
        _delta(content="lo"),
        _delta(reasoning="hm", reasoning_details=[{"type": "reasoning.text", "text": "hm"}]),
        _delta(audio={"id": "a", "data": "QUJD", "transcript": "t"}),
        _delta(tool_calls=[{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{"}}]),
        _delta(tool_calls=[{"index": 0, "function": {"arguments": "}"}}]),
        _delta(function_call={"name": "f", "arguments": "{}"}),
        {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"id": "chatcmpl-1", "choices": [], "usage": _USAGE, "x_groq": {"usage": _USAGE}},
    ],
    "/completions": [
        {"id": "c", "model": "g", "choices": [{"index": 0, "text": "hel", "finish_reason": None}]},
        {"id": "c", "choices": [{"index": 0, "text": "lo", "finish_reason": "stop"}]},
        {"id": "c", "choices": [], "usage": _USAGE},
    ],
    "/responses": [
        {"type": "response.created", "response": {**_RESPONSE, "output": [], "usage": None}},
        *(
            {"type": "response.output_item.added", "output_index": index, "item": item}
            for index, item in enumerate(_ITEMS)
        ),
        *(
            {
                "type": f"response.{kind}.delta",
                "output_index": 1,
                "content_index": 0,
                "summary_index": 0,
                "delta": "piece",
            }
            for kind in (
                "output_text",
                "output_text",
                "refusal",
                "reasoning_summary_text",
                "function_call_arguments",
                "something_new",
            )
        ),
        {"type": "response.output_item.done", "output_index": 1, "item": _ITEMS[1]},
        {"type": "response.failed", "response": {**_RESPONSE, "status": "failed"}},
        {"type": "error", "code": "server_error", "message": "broken"},
    ],
    "/images/generations": [
        {"type": "image_generation.partial_image", "b64_json": PNG, "partial_image_index": 0},
        {"type": "image_generation.completed", "b64_json": PNG, "usage": _RESPONSE_USAGE},
    ],
    "/audio/transcriptions": [
        {"type": "transcript.text.delta", "delta": "hel"},
        {"type": "transcript.text.done", "text": "hello", "usage": _RESPONSE_USAGE},
    ],
    "/threads/thread_1/runs": [
        _RUN,
        {
            "id": "msg_1",
            "object": "thread.message.delta",
            "delta": {"content": [{"index": 0, "type": "text", "text": {"value": "hello"}}]},
        },
        {
            "id": "msg_1",
            "object": "thread.message",
            "content": [
                {"type": "text", "text": {"value": "hello"}},
                {"type": "image_file", "image_file": {"file_id": "f"}},
            ],
        },
        {"message": "broken", "code": "server_error"},
    ],
    "/agents/sessions": [
        {"type": "agent.session.created", "session": {"id": "s", "agent": {"model": "gpt"}}},
        {"type": "agent.session.turn.output_text.delta", "delta": "hel"},
        {"type": "agent.session.turn.item.done", "item": _ITEMS[1]},
        {"type": "agent.session.turn.completed", "turn": {"error": None}, "usage": _RESPONSE_USAGE},
        {"type": "error", "error": {"code": "server_error", "message": "broken"}},
    ],
}
"""API path -> the JSON of its server-sent events."""

REQUESTS: dict[str, dict[str, Any]] = {
    "/chat/completions": {
        "model": "gpt",
        "messages": [
            {"role": "system", "content": "be nice"},
            {
                "role": "user",
                "name": "me",
                "content": [
                    {"type": "text", "text": "hi"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                    {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
                    {"type": "file", "file": {"file_id": "f", "filename": "a.pdf"}},
                ],
            },
            {"role": "assistant", "content": None, "tool_calls": [_CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "x"}]},
        ],
        "temperature": 1,
        "stop": ["a"],
        "n": 2,
        "stream": True,
        "response_format": {"type": "json_schema"},
        "reasoning": {"effort": "high"},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "tool_choice": "auto",
        "service_tier": "flex",
    },
    "/completions": {"model": "gpt", "prompt": ["a", [1, 2]], "n": 2, "stop": "x"},
    "/responses": {
        "model": "gpt",
        "instructions": "be nice",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"role": "user", "content": [{"type": "input_image", "image_url": "https://x.test/"}]},
            {"role": "user", "content": [{"type": "input_file", "file_id": "f"}]},
            *_ITEMS,
            {"type": "function_call_output", "call_id": "c", "output": "x"},
            {
                "type": "computer_call_output",
                "call_id": "c",
                "output": {"type": "computer_screenshot", "image_url": f"data:image/png,{PNG}"},
            },
            {"type": "item_reference", "id": "i"},
        ],
        "conversation": "conv_1",
        "previous_response_id": "resp_0",
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "text"}},
        "prompt": {"id": "pmpt_1", "version": "2"},
        "tools": [{"type": "mcp", "server_label": "s"}, {"type": "web_search"}],
    },
    "/embeddings": {"model": "e", "input": ["a"], "dimensions": 2, "encoding_format": "float"},
    "/images/generations": {"model": "i", "prompt": "a cat", "n": 2, "size": "1x1"},
    "/audio/speech": {"model": "s", "input": "hi", "instructions": "slowly", "voice": "v"},
    "/audio/transcriptions": {"model": "s", "prompt": "names", "temperature": 0.5},
    "/moderations": {"input": [{"type": "text", "text": "bad"}]},
    "/decisions": {"model": "luna", "input": "x", "questions": [{"type": "predicate"}]},
    "/vector_stores/vs_1/search": {"query": "q", "max_num_results": 3},
    "/threads/thread_1/runs": {
        "assistant_id": "asst_1",
        "instructions": "be nice",
        "thread": {"messages": [{"role": "user", "content": "hi"}]},
        "tool_outputs": [{"tool_call_id": "c", "output": "x"}],
    },
    "/videos": {"model": "sora", "prompt": "a cat", "seconds": "4"},
    "/batches": {"input_file_id": "f", "endpoint": "/v1/responses", "completion_window": "24h"},
    "/agents/sessions": {"agent": {"model": "gpt", "instructions": "x"}, "input": "hi"},
}
"""API path -> the JSON of a request."""
