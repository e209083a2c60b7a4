"""Tokens reach Openlayer as the provider counted them, each of them once."""

from __future__ import annotations

import pytest

from openlayer_otel.genai.record import Record
from openlayer_otel.providers.openai.usage import read_usage
from tests.export_mapping.traces import Traces, chat_attributes


@pytest.mark.parametrize(
    ("attributes", "details"),
    [
        (
            {"cache_read.input_tokens": 50, "cache_write.input_tokens": 20},
            {"input_tokens": 30, "output_tokens": 40, "cached_tokens": 50,
             "cache_creation_tokens": 20},
        ),
        (
            {"audio.input_tokens": 10, "audio.output_tokens": 5, "reasoning.output_tokens": 30},
            {"input_tokens": 90, "output_tokens": 35, "audio_input_tokens": 10,
             "audio_output_tokens": 5},
        ),
        (
            {"cache_read.input_tokens": 100},
            {"output_tokens": 40, "cached_tokens": 100},
        ),
        (
            {"cache_read.input_tokens": 64, "audio.input_tokens": 80,
             "audio.cache_read.input_tokens": 60},
            {"input_tokens": 16, "output_tokens": 40, "cached_tokens": 64,
             "audio_input_tokens": 20},
        ),
        (  # how much of the audio was cached is not said, but some of it must have been
            {"cache_read.input_tokens": 64, "audio.input_tokens": 80},
            {"output_tokens": 40, "cached_tokens": 64, "audio_input_tokens": 36},
        ),
        (
            {"cache_read.input_tokens": 60, "cache_write.input_tokens": 40,
             "audio.input_tokens": 70},
            {"output_tokens": 40, "cached_tokens": 60, "cache_creation_tokens": 40},
        ),
    ],
)  # fmt: skip
def test_usage_details_count_each_token_once(
    traces: Traces, attributes: dict[str, int], details: dict[str, int]
) -> None:
    usage = {f"gen_ai.usage.{name}": count for name, count in attributes.items()}
    with traces.span(
        "chat",
        chat_attributes(
            **{"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 40, **usage}
        ),
    ):
        pass
    step = traces.step()
    assert step["usageDetails"] == details
    assert sum(details.values()) == step["tokens"] == 140


@pytest.mark.parametrize(
    "counts",
    [
        {"gen_ai.usage.cache_read.input_tokens": 1000},
        {"gen_ai.usage.cache_read.input_tokens": 30, "gen_ai.usage.cache_write.input_tokens": 40},
    ],
)
def test_more_cached_than_sent_was_counted_beside_it(
    traces: Traces, counts: dict[str, int]
) -> None:
    fresh = {"gen_ai.usage.input_tokens": 20, "gen_ai.usage.output_tokens": 5}
    with traces.span("chat", chat_attributes(**fresh, **counts)):
        pass
    step = traces.step()
    cached = sum(counts.values())
    assert (step["promptTokens"], step["tokens"]) == (20 + cached, 25 + cached)
    assert step["usageDetails"]["input_tokens"] == 20
    assert sum(step["usageDetails"].values()) == step["tokens"]


def test_without_usage_nothing_is_made_up(traces: Traces) -> None:
    attributes = chat_attributes()
    del attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"]
    with traces.span("chat", attributes):
        pass
    step = traces.step()
    assert step["promptTokens"] is step["completionTokens"] is step["tokens"] is None
    assert "usageDetails" not in step


def test_cached_audio_of_a_realtime_response_is_cached_and_no_audio(traces: Traces) -> None:
    record = Record(with_content=False)
    cached = {"text_tokens": 4, "audio_tokens": 60, "image_tokens": 0}
    details = {"cached_tokens": 64, "text_tokens": 20, "audio_tokens": 80}
    usage = {
        "input_tokens": 100,
        "output_tokens": 40,
        "input_token_details": {**details, "cached_tokens_details": cached},
    }
    read_usage(usage, record)
    assert record.attributes == {
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 40,
        "gen_ai.usage.cache_read.input_tokens": 64,
        "gen_ai.usage.text.input_tokens": 20,
        "gen_ai.usage.audio.input_tokens": 80,
        "gen_ai.usage.text.cache_read.input_tokens": 4,
        "gen_ai.usage.audio.cache_read.input_tokens": 60,
    }
    with traces.span("chat", chat_attributes(**record.attributes)):
        pass
    assert traces.step()["usageDetails"] == {
        "input_tokens": 16,
        "output_tokens": 40,
        "cached_tokens": 64,
        "audio_input_tokens": 20,
    }


@pytest.mark.parametrize("cached", [None, 5, [], {"audio_tokens": "60"}, {"audio_tokens": None}])
def test_odd_counts_of_cached_audio_are_none(cached: object) -> None:
    record = Record(with_content=False)
    details = {"cached_tokens": 64, "cached_tokens_details": cached}
    read_usage({"prompt_tokens": 100, "prompt_tokens_details": details}, record)
    assert record.attributes == {
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 64,
    }
