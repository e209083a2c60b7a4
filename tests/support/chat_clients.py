"""One way to ask either SDK's real client, so that a test can run over both."""

from __future__ import annotations

import importlib
from typing import Any

SDKS = ("openai", "anthropic")
ANSWER = "lorem ipsum dolor sit amet con"
"""What the stand-in answers."""


class ChatClient:
    """A real client of one SDK on the stand-in server.

    Args:
        sdk: ``"openai"`` or ``"anthropic"``.
        server_url: The stand-in's address.
        options: Further arguments of the client.

    Attributes:
        client: The SDK's client.
    """

    def __init__(self, sdk: str, server_url: str, **options: Any) -> None:
        self.sdk = sdk
        module = importlib.import_module(sdk)
        base_url = server_url + ("/v1" if sdk == "openai" else "")
        client_class = module.OpenAI if sdk == "openai" else module.Anthropic
        given = {"api_key": "k", "max_retries": 0, **options}
        self.client: Any = client_class(base_url=base_url, **given)
        self.error: type[Exception] = module.APIError

    def ask(self, text: str = "Hello", model: str = "m", **fields: Any) -> Any:
        """Make one call; ``fields`` are further fields of the request."""
        request = {"messages": [{"role": "user", "content": text}], "model": model, **fields}
        if self.sdk == "openai":
            return self.client.chat.completions.create(**request)
        return self.client.messages.create(**{"max_tokens": 64, **request})

    def stream(self, text: str = "Hello", model: str = "m", **fields: Any) -> Any:
        """Start a stream and return the SDK's stream object."""
        return self.ask(text, model, stream=True, **fields)

    def drain(self, text: str = "Hello", model: str = "m", **fields: Any) -> list[Any]:
        """Stream an answer to its end."""
        with self.stream(text, model, **fields) as stream:
            return list(stream)

    def close(self) -> None:
        """Close the client's connections."""
        self.client.close()
