"""Each method of the SDK that calls a model, sync and async: one span that says what it did."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import openai
import pytest

from openlayer_otel.standin.llm_server import LLMServer
from tests.support.span_log import SpanLog, json_attribute

pytestmark = pytest.mark.matrix

PICTURE = b"\x89PNG\r\n\x1a\nstub"


class Method(NamedTuple):
    """A method and what its span must be called and say."""

    path: str
    arguments: dict[str, Any]
    span: str
    attributes: dict[str, Any]


_STREAMED = {"gen_ai.request.stream": True}
_RESPONSES = {"openai.api.type": "responses"}
_RUN = {"gen_ai.conversation.id": "thread_1", "gen_ai.usage.input_tokens": 11}
_USAGE = {"gen_ai.usage.input_tokens": 11, "gen_ai.usage.cache_read.input_tokens": 3}
_NO_USAGE = {"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}
_ASSISTANT = {"assistant_id": "asst_9"}

METHODS = [
    Method(
        "responses.create",
        {"model": "m", "input": "hi", "conversation": "conv_7"},
        "chat m",
        {**_RESPONSES, **_USAGE, "gen_ai.conversation.id": "conv_7"},
    ),
    Method(
        "responses.create",
        {"model": "m", "input": "hi", "stream": True, "previous_response_id": "resp_0"},
        "chat m",
        {**_RESPONSES, **_USAGE, **_STREAMED, "gen_ai.request.previous_response.id": "resp_0"},
    ),
    Method("beta.responses.create", {"model": "m", "input": "hi"}, "chat m", _RESPONSES),
    Method("responses.retrieve", {"response_id": "resp_1"}, "fetch_response", _NO_USAGE),
    Method(
        "responses.retrieve", {"response_id": "resp_1", "stream": True}, "fetch_response", _NO_USAGE
    ),
    Method("responses.cancel", {"response_id": "resp_1"}, "fetch_response", _NO_USAGE),
    Method(
        "responses.compact",
        {"model": "m", "input": "hi"},
        "chat m",
        {"gen_ai.conversation.compacted": True, "gen_ai.response.finish_reasons": ("compaction",)},
    ),
    Method(
        "responses.input_tokens.count", {"model": "m", "input": "hi"}, "count_tokens m", _NO_USAGE
    ),
    Method("completions.create", {"model": "m", "prompt": "hi"}, "text_completion m", {}),
    Method(
        "completions.create",
        {"model": "m", "prompt": ["hi", "ho"], "n": 2, "stream": True},
        "text_completion m",
        {**_STREAMED, "gen_ai.request.choice.count": 2},
    ),
    Method(
        "embeddings.create",
        {"model": "m", "input": ["a", "b"], "dimensions": 8},
        "embeddings m",
        {"gen_ai.embeddings.dimension.count": 8, "gen_ai.usage.input_tokens": 8},
    ),
    Method(
        "images.generate",
        {"model": "m", "prompt": "a cat"},
        "generate_content m",
        {"gen_ai.output.type": "image", "gen_ai.usage.output_tokens": 20},
    ),
    Method(
        "images.generate",
        {"model": "m", "prompt": "a cat", "stream": True},
        "generate_content m",
        {**_STREAMED, "gen_ai.usage.output_tokens": 20},
    ),
    Method(
        "images.edit", {"model": "m", "prompt": "a hat", "image": PICTURE}, "generate_content m", {}
    ),
    Method("images.create_variation", {"image": PICTURE}, "generate_content", {}),
    Method(
        "audio.speech.create",
        {"model": "m", "voice": "alloy", "input": "hi"},
        "generate_content m",
        {"gen_ai.output.type": "speech"},
    ),
    Method(
        "audio.speech.create",
        {"model": "m", "voice": "alloy", "input": "hi", "stream_format": "sse"},
        "generate_content m",
        {"gen_ai.usage.input_tokens": 1, "gen_ai.usage.output_tokens": 2},
    ),
    Method(
        "audio.transcriptions.create",
        {"model": "m", "file": b"RIFF"},
        "generate_content m",
        {"gen_ai.output.type": "text", "gen_ai.usage.input_tokens": 3},
    ),
    Method(
        "audio.transcriptions.create",
        {"model": "m", "file": b"RIFF", "stream": True},
        "generate_content m",
        {**_STREAMED, "gen_ai.usage.output_tokens": 4},
    ),
    Method("audio.translations.create", {"model": "m", "file": b"RIFF"}, "generate_content m", {}),
    Method(
        "moderations.create",
        {"model": "m", "input": "bad"},
        "moderation m",
        {"gen_ai.response.model": "omni-moderation-latest"},
    ),
    Method(
        "vector_stores.search",
        {"vector_store_id": "vs_1", "query": "q", "max_num_results": 3},
        "retrieval vs_1",
        {
            "gen_ai.data_source.id": "vs_1",
            "gen_ai.request.model": None,
            "gen_ai.retrieval.query.text": "q",
            "gen_ai.retrieval.top_k": 3,
        },
    ),
    Method(
        "beta.threads.runs.create", {"thread_id": "thread_1", **_ASSISTANT}, "invoke_agent", _RUN
    ),
    Method(
        "beta.threads.runs.create",
        {"thread_id": "thread_1", "stream": True, **_ASSISTANT},
        "invoke_agent",
        {**_RUN, **_STREAMED},
    ),
    Method("beta.threads.create_and_run", _ASSISTANT, "invoke_agent", _RUN),
    Method(
        "beta.threads.runs.submit_tool_outputs",
        {
            "thread_id": "thread_1",
            "run_id": "run_1",
            "tool_outputs": [{"tool_call_id": "c", "output": "x"}],
        },
        "invoke_agent",
        _RUN,
    ),
    Method(
        "batches.create",
        {"completion_window": "24h", "endpoint": "/v1/responses", "input_file_id": "f"},
        "create_batch",
        {**_NO_USAGE, "gen_ai.response.id": "batch_1"},
    ),
]
_IDS = [
    f"{each.path}{' streamed' if each.arguments.get('stream') else ''}-{number}"
    for number, each in enumerate(METHODS)
]


def _method(client: Any, path: str) -> Any:
    for name in path.split("."):
        client = getattr(client, name, None)
    if client is None:
        pytest.skip(f"openai {openai.__version__} has no {path}")
    return client


def call(method: Any, arguments: dict[str, Any]) -> None:
    """Call a method and read its result to the end."""
    known = inspect.signature(method).parameters
    missing = [name for name in arguments if name not in known]
    if missing:
        pytest.skip(f"openai {openai.__version__} knows no {missing}")
    result = method(**arguments)
    if inspect.iscoroutine(result) or hasattr(result, "__await__"):
        raise TypeError("an asynchronous method")
    if hasattr(result, "__stream__"):
        list(result)


async def call_async(method: Any, arguments: dict[str, Any]) -> None:
    """Call an asynchronous method and read its result to the end."""
    known = inspect.signature(method).parameters
    missing = [name for name in arguments if name not in known]
    if missing:
        pytest.skip(f"openai {openai.__version__} knows no {missing}")
    result = await method(**arguments)
    if hasattr(result, "__stream__"):
        async for _ in result:
            pass


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("method", METHODS, ids=_IDS)
def test_each_method_gives_its_span(
    method: Method, asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    options = {"api_key": "k", "base_url": f"{llm_server.url}/v1", "max_retries": 0}
    if asynchronous:

        async def main() -> None:
            async with openai.AsyncOpenAI(**options) as client:
                await call_async(_method(client, method.path), method.arguments)

        asyncio.run(main())
    else:
        with openai.OpenAI(**options) as client:
            call(_method(client, method.path), method.arguments)
    span = instrumented.only()
    attributes = dict(span.attributes or {})
    assert span.name == method.span
    assert attributes["gen_ai.provider.name"] == "openai"
    assert {name: attributes.get(name) for name in method.attributes} == method.attributes
    assert span.status.is_unset


def test_an_image_is_named_by_checksum_and_size_and_its_pixels_stay_away(
    llm_server: LLMServer, instrumented: SpanLog
) -> None:
    client = openai.OpenAI(api_key="k", base_url=f"{llm_server.url}/v1")
    given = client.images.generate(model="m", prompt="a cat").data
    span = instrumented.only()
    (message,) = json_attribute(span, "gen_ai.output.messages")
    assert message["parts"][0]["size_bytes"] == len(PICTURE)
    assert given
    assert given[0].b64_json
    assert given[0].b64_json not in str(span.attributes)


def test_embedded_texts_are_recorded_and_their_vectors_are_not(
    llm_server: LLMServer, instrumented: SpanLog
) -> None:
    client = openai.OpenAI(api_key="k", base_url=f"{llm_server.url}/v1")
    vector = client.embeddings.create(model="m", input="hello").data[0].embedding
    span = instrumented.only()
    assert json_attribute(span, "openlayer.step.inputs") == {"input": "hello"}
    assert (span.attributes or {})["gen_ai.embeddings.dimension.count"] == len(vector)
    assert str(vector[0]) not in str(span.attributes)


def test_speech_read_as_a_stream_of_bytes_ends_its_span_with_the_last_byte(
    llm_server: LLMServer, instrumented: SpanLog
) -> None:
    client = openai.OpenAI(api_key="k", base_url=f"{llm_server.url}/v1")
    speech = client.audio.speech.with_streaming_response
    with speech.create(model="m", voice="alloy", input="say it") as response:
        assert len(instrumented.open) == 1
        heard = b"".join(response.iter_bytes())
    (message,) = json_attribute(instrumented.only(), "gen_ai.output.messages")
    (part,) = message["parts"]
    assert (part["modality"], part["size_bytes"]) == ("audio", len(heard))


def test_a_transcription_as_plain_text_is_recorded(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    client = transport(b"hello there\n", "text/plain")
    given = client.audio.transcriptions.create(model="m", file=b"RIFF", response_format="text")
    assert given == "hello there\n"
    (message,) = json_attribute(instrumented.only(), "gen_ai.output.messages")
    assert message["parts"] == [{"type": "text", "content": "hello there\n"}]


def test_the_documents_that_a_search_found_are_recorded(
    llm_server: LLMServer, instrumented: SpanLog
) -> None:
    client = openai.OpenAI(api_key="k", base_url=f"{llm_server.url}/v1")
    search = _method(client, "vector_stores.search")
    search(vector_store_id="vs_1", query=["a", "b"])
    span = instrumented.only()
    assert json_attribute(span, "gen_ai.retrieval.documents") == [
        {"id": "f", "score": 0.9, "content": "hit", "filename": "a.txt"}
    ]
    assert json_attribute(span, "gen_ai.retrieval.query.text") == ["a", "b"]


def test_nothing_that_was_said_is_recorded_with_content_off(
    llm_server: LLMServer, instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument(capture_content=False)
    client = openai.OpenAI(api_key="k", base_url=f"{llm_server.url}/v1")
    client.embeddings.create(model="m", input="secret words")
    client.images.generate(model="m", prompt="secret words")
    client.moderations.create(model="m", input="secret words")
    client.completions.create(model="m", prompt="secret words")
    if hasattr(client, "responses"):
        client.responses.create(model="m", input="secret words", instructions="secret words")
    for span in spans.ended:
        told = str(span.attributes)
        assert "secret" not in told
        assert "lorem" not in told
        assert "openlayer.step" not in told
