"""``openlayer-otel demo``: a small agent on the real SDKs, its traces printed and uploaded.

A provider is asked itself when its API key is set; otherwise a stand-in on loopback answers,
which starts and stops with the demo. The same holds for Openlayer.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import sys
import tempfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from openlayer_otel.bootstrap import init, shutdown
from openlayer_otel.cli.trace_tree import format_trace
from openlayer_otel.environment import is_set
from openlayer_otel.settings import Settings
from openlayer_otel.standin.llm_server import LLMServer
from openlayer_otel.standin.openlayer_server import OpenlayerServer

if TYPE_CHECKING:
    from openlayer_otel import OpenlayerSpanProcessor
    from openlayer_otel.cli.demo_agent import TravelAgent

_OPENAI_MODEL = "gpt-4o-mini"
_ANTHROPIC_MODEL = "claude-haiku-4-5"
_UPLOAD_TIMEOUT = 30.0  # seconds
_TRACES = 3
_NOT_SET_UP = (
    "Uploaded to a stand-in for Openlayer on loopback. Set OPENLAYER_API_KEY and "
    "OPENLAYER_INFERENCE_PIPELINE_ID to see the traces in Openlayer."
)

# What the stand-in answers to each task of the agent; its keys are those of standin.exchange.
_PACE = {"x-stub-delay": "0.02", "x-stub-first-delay": "0.05"}
_OPENAI_STAND_IN = {
    "tool": {**_PACE, "x-stub-mode": "tool"},
    "answer": {
        **_PACE,
        "x-stub-text": "Take a light rain jacket: 14 degrees and light rain are expected.",
        "x-stub-chunks": "12",
    },
}
_ANTHROPIC_STAND_IN = {
    "shorten": {**_PACE, "x-stub-text": "Rain in Paris: wear jacket."},
    "fail": {"x-stub-error": "404"},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that :func:`run` reads."""
    parser.add_argument("--openai-model", default=_OPENAI_MODEL, help="default: %(default)s")
    parser.add_argument("--anthropic-model", default=_ANTHROPIC_MODEL, help="default: %(default)s")


def run(arguments: argparse.Namespace) -> int:
    """Run the demo.

    Args:
        arguments: See :func:`add_arguments`; what is missing takes its default.

    Returns:
        The exit status: 0, or 1 if the SDKs are not installed or a trace did not arrive.
    """
    missing = [name for name in ("openai", "anthropic") if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"The demo runs on the providers' own SDKs; not installed: {', '.join(missing)}.\n"
            "Install them with:  pip install 'openlayer-otel[all]'",
            file=sys.stderr,
        )
        return 1
    with ExitStack() as stack:
        return _run(arguments, stack)


def _run(arguments: argparse.Namespace, stack: ExitStack) -> int:
    printer = stack.enter_context(OpenlayerServer())
    settings = Settings.resolve()
    set_up = bool(settings.api_key and settings.inference_pipeline_id)
    to_openlayer = set_up and not settings.disable_publish
    copy = _trace_into(printer, to_openlayer, stack)
    agent = _agent(arguments, stack)

    answer = asyncio.run(agent.answer("What should I wear in Paris today?"))
    agent.shorten(answer)
    try:
        agent.fail("Are you there?")
    except Exception as error:  # noqa: BLE001 - this call is there to fail
        print(f"This call is meant to fail, and did: {type(error).__name__}")
    # shutdown() sends what init() has set up; the copy is a processor of the demo's own.
    copied = copy is None or copy.force_flush(int(_UPLOAD_TIMEOUT * 1000))
    if not (shutdown(_UPLOAD_TIMEOUT) and copied):
        print("Not everything could be uploaded in time.", file=sys.stderr)
    where = _uploaded_to(settings) if set_up else _NOT_SET_UP
    return _report(printer, where)


def _trace_into(
    printer: OpenlayerServer, to_openlayer: bool, stack: ExitStack
) -> OpenlayerSpanProcessor | None:
    """Trace from now on: always into ``printer``, and to Openlayer if it is set up.

    Returns:
        What sends the copy for ``printer``, if the traces go to Openlayer as well.
    """
    provider = init() if to_openlayer else None
    spool = stack.enter_context(tempfile.TemporaryDirectory(prefix="openlayer-otel-demo-"))
    stand_in: dict[str, Any] = {
        "api_key": "demo",
        "inference_pipeline_id": "demo",
        "base_url": printer.url,
        "disable_publish": False,
        "otlp": False,  # it takes rows
        "spool_directory": spool,
    }
    if provider is None:
        init(**stand_in)
        return None
    from openlayer_otel import OpenlayerSpanProcessor

    copy = OpenlayerSpanProcessor(**stand_in)
    provider.add_span_processor(copy)
    stack.callback(copy.shutdown)
    return copy


def _agent(arguments: argparse.Namespace, stack: ExitStack) -> TravelAgent:
    """The agent; it asks the providers themselves where their keys are set, else the stand-in."""
    from anthropic import Anthropic
    from openai import AsyncOpenAI, OpenAI

    from openlayer_otel.cli.demo_agent import TravelAgent

    openai: dict[str, Any] = {}
    anthropic: dict[str, Any] = {}
    real = {name for name in ("OPENAI", "ANTHROPIC") if is_set(os.environ, f"{name}_API_KEY")}
    if len(real) < 2:
        server = stack.enter_context(LLMServer())
        if "OPENAI" not in real:
            openai = {"base_url": server.url + "/v1", "api_key": "demo"}
        if "ANTHROPIC" not in real:
            anthropic = {"base_url": server.url, "api_key": "demo"}
    for name in ("OPENAI", "ANTHROPIC"):
        where = (
            "itself" if name in real else f"a stand-in on loopback (set {name}_API_KEY to change)"
        )
        print(f"{name.title().replace('ai', 'AI'):10} {where}")
    return TravelAgent(
        openai=OpenAI(**openai),
        async_openai=AsyncOpenAI(**openai),
        anthropic=Anthropic(**anthropic),
        openai_model=getattr(arguments, "openai_model", _OPENAI_MODEL),
        anthropic_model=getattr(arguments, "anthropic_model", _ANTHROPIC_MODEL),
        openai_headers=_OPENAI_STAND_IN if openai else {},
        anthropic_headers=_ANTHROPIC_STAND_IN if anthropic else {},
    )


def _uploaded_to(settings: Settings) -> str:
    """Where the traces went, with a key and a pipeline."""
    if settings.disable_publish:
        return "Not uploaded to Openlayer: publishing is off (OPENLAYER_DISABLE_PUBLISH)."
    return f"Uploaded to Openlayer, inference pipeline {settings.inference_pipeline_id}."


def _report(printer: OpenlayerServer, where: str) -> int:
    """Print the traces and say where they went; returns the exit status."""
    for trace in sorted(printer.traces, key=lambda each: each.row["inferenceTimestamp"]):
        print(f"\n{format_trace(trace.row)}")
    print(f"\n{where}")
    if len(printer.traces) == _TRACES:
        return 0
    print(f"{len(printer.traces)} of {_TRACES} traces arrived.", file=sys.stderr)
    return 1
