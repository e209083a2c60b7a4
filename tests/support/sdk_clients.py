"""Real SDK clients for tests: on the stand-in server, or on a transport of the test's own.

Made quickly (the certificates of the machine are read once), so that a suite can use a fresh
client, hence a fresh connection pool, for every case.
"""

from __future__ import annotations

import importlib
import ssl
from functools import lru_cache
from types import ModuleType
from typing import Any

CLASSES = {
    ("openai", False): "OpenAI",
    ("openai", True): "AsyncOpenAI",
    ("anthropic", False): "Anthropic",
    ("anthropic", True): "AsyncAnthropic",
}


@lru_cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()


def http_library(sdk: str) -> ModuleType:
    """The HTTP library of an SDK: ``httpx``; from openai 3 and anthropic 1 on ``httpx2``."""
    base = importlib.import_module(f"{sdk}._base_client")
    name = "httpx2" if hasattr(base, "httpx2") else "httpx"
    return importlib.import_module(name)


def make_client(
    sdk: str, asynchronous: bool, base_url: str, transport: Any = None, **options: Any
) -> Any:
    """A client of ``sdk``.

    Args:
        sdk: ``"openai"`` or ``"anthropic"``.
        asynchronous: Whether it is the asynchronous client.
        base_url: The server's address, without a path.
        transport: Sends the requests instead of the network, if given.
        options: Further arguments of the client's class.
    """
    library = http_library(sdk)
    http_class = library.AsyncClient if asynchronous else library.Client
    given = {} if transport is None else {"transport": transport}
    http_client = http_class(verify=_certificates(), timeout=30.0, **given)
    client_class = getattr(importlib.import_module(sdk), CLASSES[sdk, asynchronous])
    return client_class(
        base_url=base_url + ("/v1" if sdk == "openai" else ""),
        api_key="sk-test",
        http_client=http_client,
        **{"max_retries": 0, **options},
    )


def connections(client: Any) -> list[str]:
    """The state of each connection in a client's pool, as the HTTP library words it."""
    pool = getattr(client._client._transport, "_pool", None)
    return [] if pool is None else [repr(each) for each in pool.connections]
