"""Tracing can be switched on and off at any time, and leaves the SDK as it was."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
import wrapt

from openlayer_otel import OpenlayerInstrumentor
from openlayer_otel.providers.patching import Patches
from openlayer_otel.standin.llm_server import LLMServer
from tests.endings.application import run, settle
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog

EACH_SDK = pytest.mark.parametrize("sdk", ["openai", "anthropic"])

_FUNCTIONS = (types.FunctionType, wrapt.FunctionWrapper)


def _functions(sdk: str) -> dict[str, Any]:
    """Every function of the modules that are hooked, by name."""
    found = {}
    for name in sorted(sys.modules):
        if name.split(".")[0] != sdk:
            continue
        module = sys.modules[name]
        for owner_name, owner in list(vars(module).items()):
            # A lazy proxy loads what it stands for when asked for its class.
            if issubclass(type(owner), type) and owner.__module__ == name:
                for key, value in list(vars(owner).items()):
                    if isinstance(value, _FUNCTIONS):
                        found[f"{name}.{owner_name}.{key}"] = value
            elif type(owner) in _FUNCTIONS:
                found[f"{name}.{owner_name}"] = owner
    return found


def _arguments(sdk: str) -> dict[str, Any]:
    more = {} if sdk == "openai" else {"max_tokens": 9}
    return {"model": "m", "messages": [{"role": "user", "content": "x"}], **more}


def _resource(client: Any, sdk: str) -> Any:
    return client.chat.completions if sdk == "openai" else client.messages


@pytest.mark.matrix
@EACH_SDK
def test_uninstrument_leaves_every_function_as_it_was(
    sdk: str, llm_server: LLMServer, instrument: Callable[..., None]
) -> None:
    client = make_client(sdk, False, llm_server.url)
    _resource(client, sdk).create(**_arguments(sdk))  # imports what it needs
    before = _functions(sdk)
    for _ in range(2):
        instrument()
        _resource(client, sdk).create(**_arguments(sdk))  # hooks what is asked within calls
        during = _functions(sdk)
        assert any(during.get(name) is not before[name] for name in before)
        OpenlayerInstrumentor().uninstrument()
        after = _functions(sdk)
        assert [name for name in before if after[name] is not before[name]] == []


@pytest.mark.matrix
@EACH_SDK
def test_methods_kept_from_before_and_during_follow_the_switch(
    sdk: str, llm_server: LLMServer, instrument: Callable[..., None], spans: SpanLog
) -> None:
    client = make_client(sdk, False, llm_server.url)
    kept = [_resource(client, sdk).create, _resource(client, sdk).with_raw_response.create]
    instrument()
    kept += [_resource(client, sdk).create, _resource(client, sdk).with_raw_response.create]
    for create in kept:
        create(**_arguments(sdk))
    assert len(spans.ended) == 4
    OpenlayerInstrumentor().uninstrument()
    for create in kept:
        create(**_arguments(sdk))
    assert len(spans.ended) == 4
    instrument()
    for create in kept:
        create(**_arguments(sdk))
    assert len(spans.ended) == 8


async def _opened(sdk: str, asynchronous: bool, url: str, read: int) -> str:
    """Open a stream, read some events, switch tracing off, and read the rest."""
    client = make_client(sdk, asynchronous, url)
    stream = await settle(_resource(client, sdk).create(**_arguments(sdk), stream=True))
    said = []
    for _ in range(read):
        said.append(await settle(stream.__anext__() if asynchronous else next(stream)))
    OpenlayerInstrumentor().uninstrument()
    if asynchronous:
        said += [event async for event in stream]
    else:
        said += list(stream)
    return "".join(filter(None, map(_piece, said)))


def _piece(event: Any) -> Any:
    if hasattr(event, "choices"):
        return event.choices[0].delta.content if event.choices else None
    return getattr(getattr(event, "delta", None), "text", None)


@pytest.mark.matrix
@EACH_SDK
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("read", [0, 1, 3])
def test_a_stream_that_is_open_at_uninstrument_is_recorded_to_its_end(
    sdk: str, asynchronous: bool, read: int, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    text = run(asynchronous, _opened(sdk, asynchronous, llm_server.url, read))
    span = instrumented.only()
    assert span.status.is_unset
    attributes = span.attributes or {}
    (message,) = json.loads(str(attributes["gen_ai.output.messages"]))
    assert message["parts"] == [{"type": "text", "content": text}]
    assert text
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)


def test_instrumenting_twice_gives_one_span(
    llm_server: LLMServer, instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    instrument()
    make_client("openai", False, llm_server.url).chat.completions.create(**_arguments("openai"))
    assert len(spans.ended) == 1


@EACH_SDK
def test_a_wrapper_of_somebody_else_survives_uninstrument(
    sdk: str, llm_server: LLMServer, instrument: Callable[..., None], spans: SpanLog
) -> None:
    base = importlib.import_module(f"{sdk}._base_client").SyncAPIClient
    original = base.__dict__["request"]
    calls: list[str] = []

    def foreign(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        calls.append("foreign")
        return wrapped(*args, **kwargs)

    instrument()
    wrapt.wrap_function_wrapper(base, "request", foreign)
    try:
        client = make_client(sdk, False, llm_server.url)
        _resource(client, sdk).create(**_arguments(sdk))
        OpenlayerInstrumentor().uninstrument()
        _resource(client, sdk).create(**_arguments(sdk))
        instrument()
        _resource(client, sdk).create(**_arguments(sdk))
        assert calls == ["foreign"] * 3
        assert len(spans.ended) == 2
    finally:
        OpenlayerInstrumentor().uninstrument()
        base.request = original


@EACH_SDK
@pytest.mark.parametrize("method", ["request", "_process_response_data"])
@pytest.mark.parametrize("first", [True, False], ids=["before us", "after us"])
def test_a_wrapper_of_somebody_else_is_called_as_without_us(
    first: bool,
    method: str,
    sdk: str,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    spans: SpanLog,
) -> None:
    module = importlib.import_module(f"{sdk}._base_client")
    owner = module.SyncAPIClient if method == "request" else module.BaseClient
    original = owner.__dict__[method]
    calls: list[tuple[Any, int]] = []

    def foreign(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        calls.append((instance, len(args)))
        return wrapped(*args, **kwargs)

    def call() -> list[tuple[Any, int]]:
        calls.clear()
        list(_resource(client, sdk).create(**_arguments(sdk), stream=True))
        return calls.copy()

    client = make_client(sdk, False, llm_server.url)
    try:
        if not first:
            instrument()
            call()  # hooks what is asked within calls
            spans.clear()
        wrapt.wrap_function_wrapper(owner, method, foreign)
        OpenlayerInstrumentor().uninstrument()
        bare = call()
        assert bare[0][0] is client
        instrument()
        assert call() == bare
        assert len(spans.ended) == 1
    finally:
        OpenlayerInstrumentor().uninstrument()
        setattr(owner, method, original)


@pytest.mark.matrix
@EACH_SDK
@pytest.mark.parametrize("method", ["_process_response", "_process_response_data"])
def test_a_function_put_over_a_hook_still_reaches_it(
    sdk: str,
    method: str,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    spans: SpanLog,
) -> None:
    module = importlib.import_module(f"{sdk}._base_client")
    owner = module.SyncAPIClient if method == "_process_response" else module.BaseClient
    calls: list[str] = []
    client = make_client(sdk, False, llm_server.url)
    instrument()
    _resource(client, sdk).create(**_arguments(sdk))  # hooks what is asked within calls
    spans.clear()
    hooked = getattr(owner, method)
    assert hooked.__name__ == method

    def foreign(self: Any, **kwargs: Any) -> Any:
        calls.append("foreign")
        return hooked(self, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, method, foreign)
        _resource(client, sdk).create(**_arguments(sdk))
        list(_resource(client, sdk).create(**_arguments(sdk), stream=True))
    assert calls
    assert len(spans.ended) == 2
    for span in spans.ended:
        assert "gen_ai.output.messages" in (span.attributes or {})


_IMPORTS = """
import sys
import openlayer_otel
assert not {names} & {{name.split('.')[0] for name in sys.modules}}, "importing"
openlayer_otel.OpenlayerInstrumentor().instrument()
loaded = {names} & {{name.split('.')[0] for name in sys.modules}}
assert not loaded, loaded
openlayer_otel.OpenlayerInstrumentor().uninstrument()
loaded = {names} & {{name.split('.')[0] for name in sys.modules}}
assert not loaded, loaded
"""


def test_importing_and_instrumenting_imports_no_sdk_and_no_network_library() -> None:
    names = {"openai", "anthropic", "httpx", "httpx2", "requests", "grpc", "aiohttp", "pydantic"}
    program = _IMPORTS.format(names=sorted(names).__repr__().replace("[", "{").replace("]", "}"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


_ORDER = """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
from openlayer_otel import OpenlayerInstrumentor
{steps}
OpenAI(base_url={url!r}, api_key="k").chat.completions.create(model="m", messages=[])
print(len(spans.get_finished_spans()))
"""
_ON = "OpenlayerInstrumentor().instrument(tracer_provider=provider)"
_OFF = "OpenlayerInstrumentor().uninstrument()"
_IMPORT = "from openai import OpenAI"


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((_IMPORT, _ON), 1),
        ((_ON, _IMPORT), 1),
        ((_ON, _OFF, _ON, _IMPORT), 1),
        ((_ON, _OFF, _IMPORT), 0),
        ((_ON, _OFF, _IMPORT, _ON), 1),
        ((_ON, _IMPORT, _OFF, _ON), 1),
    ],
    ids=["after", "before", "again-before", "off-before", "on-after-off", "again-after"],
)
def test_the_order_of_import_and_instrument_does_not_matter(
    steps: tuple[str, ...], expected: int, llm_server: LLMServer
) -> None:
    program = _ORDER.format(steps="\n".join(steps), url=llm_server.url + "/v1")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(expected)


def test_a_method_that_was_inherited_is_inherited_again() -> None:
    class Base:
        def number(self) -> int:
            return 1

    class Below(Base):
        pass

    patches = Patches()
    patches.add(Below, "number", lambda wrapped, _, args, kwargs: wrapped(*args, **kwargs) + 1)
    assert (Base().number(), Below().number()) == (1, 2)
    patches.remove()
    assert Below().number() == 1
    assert "number" not in vars(Below)
