"""Fixtures for tests of the OpenAI SDK."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import openai
import openai._base_client as base_client
import pytest

HTTP = sys.modules["httpx2" if hasattr(base_client, "httpx2") else "httpx"]
"""The HTTP library of the installed SDK."""


def encoded(answer: Any) -> tuple[bytes, str]:
    """Body and media type of an answer: bytes as they are, a list as events, else JSON."""
    if isinstance(answer, bytes):
        return answer, "application/octet-stream"
    if isinstance(answer, list):
        lines = [f"data: {json.dumps(event)}\n\n" for event in answer]
        return "".join([*lines, "data: [DONE]\n\n"]).encode(), "text/event-stream"
    return json.dumps(answer).encode(), "application/json"


@pytest.fixture
def transport() -> Callable[..., Any]:
    """Call it with an answer to get a client whose server always gives that answer."""

    def client(
        answer: Any,
        media_type: str | None = None,
        made: Callable[..., Any] | None = None,
        status: int = 200,
        **options: Any,
    ) -> Any:
        body, default = encoded(answer)

        def answered(request: Any) -> Any:
            headers = {"content-type": media_type or default}
            return HTTP.Response(status, headers=headers, content=iter([body]))

        http = HTTP.Client(transport=HTTP.MockTransport(answered))
        given = {"api_key": "k", "max_retries": 0, **options}
        return (made or openai.OpenAI)(http_client=http, **given)

    return client
