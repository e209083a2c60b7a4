"""Every test here ends with nothing switched on; and a call of a model to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

import openlayer_otel
from openlayer_otel import OpenlayerInstrumentor
from openlayer_otel.standin.llm_server import LLMServer
from openlayer_otel.standin.openlayer_server import OpenlayerServer


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    openlayer_otel.shutdown(5)
    if OpenlayerInstrumentor().is_instrumented_by_opentelemetry:
        OpenlayerInstrumentor().uninstrument()


@pytest.fixture
def destination(openlayer_server: OpenlayerServer) -> dict[str, Any]:
    """Arguments of ``init()`` that send traces to the stand-in."""
    return {
        "api_key": "k",
        "inference_pipeline_id": "pipeline-1",
        "base_url": openlayer_server.url,
    }


@pytest.fixture
def call_model(llm_server: LLMServer) -> Callable[..., None]:
    """Makes one chat completion; its argument is what is asked."""

    def call(question: str = "hi") -> None:
        with openai.OpenAI(base_url=llm_server.url + "/v1", api_key="k", max_retries=0) as client:
            messages = [{"role": "user", "content": question}]
            client.chat.completions.create(model="gpt-x", messages=messages)  # type: ignore[arg-type]

    return call
