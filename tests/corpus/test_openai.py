"""Every recorded exchange with OpenAI, Azure and compatible servers, through the OpenAI SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.corpus.replay import MODES, Exchange, Invocation, Player, check, exchanges, parameters
from tests.support.span_log import SpanLog

CORPUS = exchanges("openai", "azure", "openai_compatible", "openai_other", "groq")


def client(exchange: Exchange, asynchronous: bool, http: Any) -> Any:
    made = openai.AsyncOpenAI if asynchronous else openai.OpenAI
    return made(api_key="k", base_url="https://api.openai.com/v1", max_retries=0, http_client=http)


def invocation(client: Any, exchange: Exchange) -> Invocation:
    return Invocation(client.chat.completions, "create", exchange.request)


PLAYER = Player("openai", client, invocation)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "exchange", parameters([e for e in CORPUS if e.endpoint == "chat.completions"])
)
def test_call(
    exchange: Exchange, mode: str, instrument: Callable[..., None], spans: SpanLog
) -> None:
    bare = PLAYER.play(exchange, mode)
    instrument(providers=["openai"])
    assert PLAYER.play(exchange, mode) == bare
    check(exchange, spans.only(), {"gen_ai.operation.name": "chat"})
