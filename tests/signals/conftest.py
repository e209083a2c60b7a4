"""Clients of both SDKs, and a log of events."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from openlayer_otel.standin.llm_server import LLMServer
from tests.support.chat_clients import SDKS, ChatClient
from tests.support.signals import EventLog


@pytest.fixture(params=SDKS)
def chat(request: pytest.FixtureRequest, llm_server: LLMServer) -> Iterator[ChatClient]:
    """A client of each SDK in turn."""
    client = ChatClient(request.param, llm_server.url)
    yield client
    client.close()


@pytest.fixture
def openai_chat(llm_server: LLMServer) -> Iterator[ChatClient]:
    """A client of the OpenAI SDK, for what both SDKs have in common."""
    client = ChatClient("openai", llm_server.url)
    yield client
    client.close()


@pytest.fixture
def event_log() -> Iterator[EventLog]:
    """The events of a logger provider of the test's own."""
    log = EventLog()
    yield log
    log.provider.shutdown()
