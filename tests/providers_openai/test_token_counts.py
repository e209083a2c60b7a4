"""Token counts that compatible servers give under names of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.span_log import SpanLog

MESSAGES: Any = [{"role": "user", "content": "hi"}]
HEAD = {"id": "c-1", "object": "chat.completion", "created": 1, "model": "m-1"}


@pytest.mark.parametrize("name", ["prompt_cache_hit_tokens", "cached_tokens"])
def test_cached_tokens_are_read_under_other_names(
    name: str, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    """DeepSeek's and Moonshot's."""
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, name: 8}
    client = transport({**HEAD, "choices": [], "usage": usage})
    client.chat.completions.create(model="m", messages=MESSAGES)
    assert (instrumented.only().attributes or {})["gen_ai.usage.cache_read.input_tokens"] == 8


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens_details": {"cached_tokens": 8, "cache_creation_tokens": 1}},
        {"prompt_tokens_details": {"cached_tokens": 8, "cache_creation_input_tokens": 1}},
        {"prompt_tokens_details": {"cached_tokens": 8}, "cache_creation_input_tokens": 1},
        {"cache_read_input_tokens": 8, "cache_creation_input_tokens": 1},
    ],
    ids=["litellm", "dashscope", "litellm-old", "truefoundry"],
)
def test_tokens_written_to_a_cache_are_read_under_other_names(
    usage: dict[str, Any], transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    """Those of gateways to Anthropic."""
    totals = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    client = transport({**HEAD, "choices": [], "usage": {**totals, **usage}})
    client.chat.completions.create(model="m", messages=MESSAGES)
    attributes = instrumented.only().attributes or {}
    assert attributes["gen_ai.usage.input_tokens"] == 10
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 8
    assert attributes["gen_ai.usage.cache_write.input_tokens"] == 1
