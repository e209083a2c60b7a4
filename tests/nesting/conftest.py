"""Clients of both SDKs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from openlayer_otel.standin.llm_server import LLMServer
from tests.support.chat_clients import SDKS, ChatClient


@pytest.fixture(params=SDKS)
def chat(request: pytest.FixtureRequest, llm_server: LLMServer) -> Iterator[ChatClient]:
    """A client of each SDK in turn."""
    client = ChatClient(request.param, llm_server.url)
    yield client
    client.close()
