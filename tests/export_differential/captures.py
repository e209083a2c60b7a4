"""What Openlayer's own SDK sent: one capture per scenario, kept outside of the project.

A capture holds the body of the data-stream request. The provider's answers are in it, too, as
``rawOutput``; :class:`CapturedProvider` gives them to the real SDKs again.
"""

from __future__ import annotations

import json
import pathlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIRECTORY = pathlib.Path(__file__).parents[2].parent / "shared" / "wire"


def names() -> list[str]:
    """All captures."""
    return sorted(path.stem for path in DIRECTORY.glob("*.json"))


def whole(name: str) -> dict[str, Any]:
    """What was captured under this name: a request, or a file."""
    content: dict[str, Any] = json.loads((DIRECTORY / f"{name}.json").read_text())
    return content


def capture(name: str) -> dict[str, Any]:
    """The body of the request that was captured under this name."""
    body: dict[str, Any] = whole(name)["body"]
    return body


def model_steps(step: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps with a provider's answer, in the order of the calls."""
    found = [step] if step.get("rawOutput") is not None else []
    for inner in step["steps"]:
        found.extend(model_steps(inner))
    return found


class CapturedProvider:
    """Answers each request with the next answer of a capture; 401 when there are none left.

    Args:
        body: The captured body.
    """

    def __init__(self, body: dict[str, Any]) -> None:
        self.answers = [step["rawOutput"] for step in model_steps(body["rows"][0]["steps"][0])]
        self.url = ""

    def next_answer(self) -> tuple[int, str, bytes]:
        """Status, media type and body."""
        if not self.answers:
            error = {"error": {"message": "Incorrect API key provided", "type": "invalid"}}
            return 401, "application/json", json.dumps(error).encode()
        answer = given_only(self.answers.pop(0))
        if not isinstance(answer, list):
            return 200, "application/json", json.dumps(answer).encode()
        events = []
        for event in answer:
            name = f"event: {event['type']}\n" if "type" in event else ""
            events.append(f"{name}data: {json.dumps(event)}\n\n")
        return 200, "text/event-stream", ("".join(events) + "data: [DONE]\n\n").encode()

    @contextmanager
    def serving(self) -> Iterator[CapturedProvider]:
        """Listen on loopback; ``url`` is the address."""
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                status, media_type, body = provider.next_answer()
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


def given_only(value: Any) -> Any:
    """``value`` without nulls: a dump of an SDK's model as it came over the wire."""
    if isinstance(value, dict):
        return {key: given_only(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [given_only(item) for item in value]
    return value
