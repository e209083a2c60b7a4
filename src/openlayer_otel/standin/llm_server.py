"""A stand-in for the providers of models: real SDK clients talk to it on loopback.

::

    with LLMServer() as server:
        OpenAI(base_url=server.url + "/v1", api_key="k")
        Anthropic(base_url=server.url, api_key="k")
        AzureOpenAI(azure_endpoint=server.url, api_key="k", api_version="2024-10-21")
        AnthropicBedrock(base_url=server.url, ...)    AnthropicVertex(base_url=server.url, ...)
        genai.Client(http_options=HttpOptions(base_url=server.url), api_key="k")

It needs no key, answers every request the same way, and makes faults when asked to; the keys
that steer it are those of :mod:`openlayer_otel.standin.exchange`. From a shell::

    python -m openlayer_otel.standin.llm_server 8099
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter

from openlayer_otel.standin.exchange import RecordedRequest
from openlayer_otel.standin.http_connection import Connection
from openlayer_otel.standin.server_thread import ServerThread


class LLMServer(ServerThread):
    """The stand-in server; a context manager that serves while it is open.

    Args:
        port: The port to listen on; 0 picks a free one.

    Attributes:
        url: The server's address: the base URL for Anthropic; with ``/v1`` that for OpenAI.
        requests: Every request so far, oldest first.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.requests: list[RecordedRequest] = []
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Forget the requests and the counts so far."""
        with self._lock:
            self.requests.clear()
            self._counts.clear()

    async def serve_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer the requests of one client connection."""
        try:
            await Connection(reader, writer, self._record, self._count).serve()
        except asyncio.CancelledError:
            pass  # The server stops.

    def _record(self, request: RecordedRequest) -> None:
        with self._lock:
            self.requests.append(request)

    def _count(self, key: str) -> int:
        with self._lock:
            self._counts[key] += 1
            return self._counts[key]


def main() -> None:
    """Serve until interrupted, on the port given as first argument or a free one."""
    with LLMServer(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as server:
        print(f"stand-in LLM server on {server.url}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
