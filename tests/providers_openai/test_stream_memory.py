"""A stream that is read holds little more than its text."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from openlayer_otel.providers.openai.sdk import OPENAI

PIECES = 60_000
PIECE = "lorem "


def _chat() -> Iterator[Any]:
    for _ in range(PIECES):
        yield {"choices": [{"index": 0, "delta": {"content": PIECE[:]}}]}


def _completion() -> Iterator[Any]:
    for _ in range(PIECES):
        yield {"choices": [{"index": 0, "text": PIECE}]}


def _response() -> Iterator[Any]:
    for _ in range(PIECES):
        at = {"output_index": 0, "content_index": 0}
        yield {"type": "response.output_text.delta", **at, "delta": PIECE}


def _transcription() -> Iterator[Any]:
    for _ in range(PIECES):
        yield {"type": "transcript.text.delta", "delta": PIECE}


@pytest.mark.parametrize(
    ("path", "events"),
    [
        ("/chat/completions", _chat),
        ("/completions", _completion),
        ("/responses", _response),
        ("/audio/transcriptions", _transcription),
    ],
)
def test_gathering_takes_at_most_twice_the_text(path: str, events: Any) -> None:
    endpoint = OPENAI.endpoint("post", path)
    assert endpoint is not None
    assert endpoint.stream is not None
    reader = endpoint.stream(True)
    size = PIECES * len(PIECE)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for event in events():
            reader.read(event)
        held, _ = tracemalloc.get_traced_memory()
        reader.response()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held - before < 2 * size
    # Joined once at the end: for that moment the text is there twice.
    assert peak - before < 3 * size
