"""What is still open when the interpreter exits ends before the exporters shut down."""

from __future__ import annotations

from pathlib import Path

from tests.support.child_process import run_python

PROGRAM = """
import sys
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

class Printed(SpanExporter):
    def export(self, spans):
        for span in spans:
            said = span.attributes
            print(span.name, said.get("openlayer.operation.outcome"), said["openlayer.step.output"])
        return SpanExportResult.SUCCESS

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(Printed()))
otel.set_tracer_provider(provider)

from openlayer_otel import trace

@trace
def kept():
    yield "a"
    yield "b"

@trace
async def kept_async():
    yield "c"

@trace
def returned():
    return iter(Iterator())

class Iterator:
    def __iter__(self):
        return self
    def __next__(self):
        return "d"

generator = kept()
next(generator)
asynchronous = kept_async()
try:
    asynchronous.asend(None).send(None)
except StopIteration:
    pass
stream = returned()
next(stream)
"""


def test_streams_that_are_open_at_exit_are_exported(tmp_path: Path) -> None:
    finished = run_python(PROGRAM, environment={}, directory=tmp_path).succeeded()
    assert finished.errors == ""
    assert sorted(finished.output.splitlines()) == [
        'kept dropped "a"',
        'kept_async dropped "c"',
        'returned dropped "d"',
    ]
