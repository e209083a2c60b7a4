"""Real exchanges with content off: no sentence of any request or answer survives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.corpus import test_anthropic as anthropic
from tests.corpus import test_openai as openai
from tests.corpus.replay import Exchange, Player, parameters
from tests.privacy.conftest import Traces

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

# Shorter texts and texts without a space are names, codes and identifiers.
_SHORTEST = 12


def _sentences(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) >= _SHORTEST and " " in value:
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _sentences(item)
    elif isinstance(value, list):
        for item in value:
            yield from _sentences(item)


OPENAI = Player("openai", openai.client, openai.invocation)
ANTHROPIC = Player("anthropic", anthropic.client, anthropic.invocation)


@pytest.mark.parametrize("exchange", parameters(openai.TRACED))
def test_nothing_that_was_said_to_openai_survives(
    exchange: Exchange, record: Callable[..., None], traces: Traces
) -> None:
    check(OPENAI, exchange, record, traces)


@pytest.mark.parametrize("exchange", parameters(anthropic.OTHERS))
def test_nothing_that_was_said_to_anthropic_survives(
    exchange: Exchange, record: Callable[..., None], traces: Traces
) -> None:
    check(ANTHROPIC, exchange, record, traces)


def check(player: Player, exchange: Exchange, record: Callable[..., None], traces: Traces) -> None:
    """Play the exchange without content and look for its sentences."""
    record(capture_content=False)
    player.play(exchange, "sync")
    traces.spans.only()
    answers = exchange.events() if exchange.stream else [exchange.json()]
    said = {*_sentences(exchange.request), *_sentences(answers)}
    found = traces.everywhere()
    assert [text for text in said if text in found] == []
