"""A process that ends in the middle of a stream ends as quietly as without tracing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from openlayer_otel.standin.llm_server import LLMServer

_PROJECT = Path(__file__).parents[2]
_PROGRAM = """
import asyncio, sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, BatchSpanProcessor
from openlayer_otel import OpenlayerInstrumentor

provider = TracerProvider()  # shuts down at exit
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(out=sys.stdout)))
OpenlayerInstrumentor().instrument(tracer_provider=provider)
from {sdk} import {client}

client = {client}(base_url={url!r}, api_key="k")

{body}
"""

_CALLS = {
    "openai": "client.chat.completions.create(model='gpt;delay=0.01', messages=[], stream=True)",
    "anthropic": (
        "client.messages.create(model='claude;delay=0.01', max_tokens=9, "
        "messages=[{'role': 'user', 'content': 'x'}], stream=True)"
    ),
}

_SYNC = """
stream = {call}
next(iter(stream))
{hold}
"""

_ASYNC = """
async def main():
    global stream
    stream = await {call}
    async for event in stream:
        break
asyncio.run(main())
{hold}
"""

# How the stream is held when the interpreter ends, and the exit code.
_HOLDS = {
    "global": ("", 0),
    "cycle": ("stream.myself = stream; del stream", 0),
    "exit": ("sys.exit(3)", 3),
    "error": ("raise KeyError('the application fails')", 1),
}


def _run(sdk: str, asynchronous: bool, hold: str, url: str) -> tuple[int, str, str]:
    names = {"openai": ("OpenAI", "AsyncOpenAI"), "anthropic": ("Anthropic", "AsyncAnthropic")}
    body = (_ASYNC if asynchronous else _SYNC).format(call=_CALLS[sdk], hold=_HOLDS[hold][0])
    program = _PROGRAM.format(
        sdk=sdk,
        client=names[sdk][asynchronous],
        url=url + ("/v1" if sdk == "openai" else ""),
        body=body,
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


# What asyncio says without tracing, too, depending on the order in which the end of the loop
# closes the generators of a response.
_KNOWN = "RuntimeError: aclose(): asynchronous generator is already running"


@pytest.mark.parametrize(
    ("sdk", "asynchronous", "hold"),
    [
        ("openai", False, "global"),
        ("anthropic", False, "cycle"),
        ("openai", False, "exit"),
        ("anthropic", True, "global"),
        ("openai", True, "error"),
    ],
)
def test_a_stream_left_open_at_exit_is_exported_and_nobody_complains(
    sdk: str, asynchronous: bool, hold: str, llm_server: LLMServer
) -> None:
    code, output, complaints = _run(sdk, asynchronous, hold, llm_server.url)
    assert code == _HOLDS[hold][1], complaints
    # The checkout, and its environment in it, may well be in a folder of that name.
    ours = complaints.replace(sys.prefix, "").replace(str(_PROJECT), "")
    assert "openlayer" not in ours
    said = {line for line in complaints.splitlines() if re.match(r"\w+(Error|Warning)", line)}
    wanted = {"KeyError: 'the application fails'"} if hold == "error" else set()
    assert said - {_KNOWN} == wanted
    span = json.loads(output)
    assert span["status"] == {"status_code": "UNSET"}
    # An event loop that ends closes its generators, hence the response.
    endings = ("dropped", "closed") if asynchronous else ("dropped",)
    assert span["attributes"]["openlayer.operation.outcome"] in endings
