"""A real OTLP receiver on loopback, over HTTP and over gRPC, that keeps the spans it gets."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True)
class ReceivedSpan:
    """One span as it came over the wire."""

    span: Span
    scope: str
    resource: dict[str, Any]

    @property
    def attributes(self) -> dict[str, Any]:
        """The span's attributes as Python values."""
        return decoded(self.span.attributes)


class Receiver:
    """Keeps what arrives.

    Attributes:
        endpoint: Value for the exporters' ``endpoint``.
        headers: Of each request, by lower-case name.
    """

    def __init__(self) -> None:
        self.endpoint = ""
        self.spans: list[ReceivedSpan] = []
        self.headers: list[dict[str, str]] = []
        self._changed = threading.Condition()

    def take(self, request: messages.ExportTraceServiceRequest, headers: dict[str, str]) -> None:
        """Keep the spans of one request."""
        with self._changed:
            self.headers.append(headers)
            for group in request.resource_spans:
                resource = decoded(group.resource.attributes)
                for scoped in group.scope_spans:
                    for span in scoped.spans:
                        self.spans.append(ReceivedSpan(span, scoped.scope.name, resource))
            self._changed.notify_all()

    def wait_for(self, count: int, timeout: float = 30.0) -> list[ReceivedSpan]:
        """The spans so far, once ``count`` are there; waits ``timeout`` seconds at most."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.spans) >= count, timeout)
            assert arrived, f"{len(self.spans)} of {count} spans arrived"
            return list(self.spans)


def decoded(pairs: Any) -> dict[str, Any]:
    """OTLP attributes as a dictionary of Python values."""
    return {pair.key: _value(pair.value) for pair in pairs if isinstance(pair, KeyValue)}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return tuple(_value(each) for each in value.array_value.values)
    return getattr(value, kind)


@contextmanager
def http_receiver() -> Iterator[Receiver]:
    """Receive ``POST /v1/traces``; the endpoint is the base address, without that path.

    With ``/otel`` before the path it is Openlayer's: the endpoint is the base URL of its API.
    """
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Take one request in."""
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path.removeprefix("/otel") == "/v1/traces", self.path
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.take(messages.ExportTraceServiceRequest.FromString(body), headers)
            answer = messages.ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    receiver.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _TraceService(service.TraceServiceServicer):  # type: ignore[misc]
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def Export(  # noqa: N802 - the name in the protocol
        self, request: messages.ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> messages.ExportTraceServiceResponse:
        self._receiver.take(request, {k: str(v) for k, v in context.invocation_metadata()})
        return messages.ExportTraceServiceResponse()


@contextmanager
def grpc_receiver() -> Iterator[Receiver]:
    """Receive over gRPC, without TLS."""
    receiver = Receiver()
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    service.add_TraceServiceServicer_to_server(_TraceService(receiver), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    receiver.endpoint = f"http://127.0.0.1:{port}"
    try:
        yield receiver
    finally:
        server.stop(grace=None).wait()
