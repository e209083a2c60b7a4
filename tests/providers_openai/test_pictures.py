"""Pictures that tools of the provider make are recorded by reference."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.span_log import SpanLog

PICTURE = "data:image/png;base64,QUJDREVG"


@pytest.mark.parametrize("kind", ["code_interpreter_call", "something_newer", "newer_call"])
def test_pictures_within_an_item_are_recorded_by_reference(
    kind: str, transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    item: Any = {"type": kind, "id": "i", "code": "plot()", "container_id": "c"}
    item["outputs"] = [{"type": "image", "url": PICTURE}]
    answer = {"id": "r", "object": "response", "created_at": 1, "status": "completed", "model": "m"}
    client = transport({**answer, "output": [item]})
    client.responses.create(model="m", input=[item])
    attributes = spans.only().attributes or {}
    for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
        text = str(attributes[name])
        assert "base64" not in text
        assert "QUJDREVG" not in text
        (message,) = json.loads(text)
        (part,) = message["parts"]
        (output,) = (part.get("server_tool_call") or part)["outputs"]
        assert output["url"]["mime_type"] == "image/png"
        assert output["url"]["size_bytes"] == 6
