"""The application gets the same values, types and exceptions, and sends the same requests."""

from __future__ import annotations

import gc
import importlib.util
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from openlayer_otel.standin.llm_server import LLMServer
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog
from tests.transparency.calls import CALLS, Call, result_of

BOTH = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
_UNTRACED = ("models",)
# What an application sends to identify a request or itself, different each time.
_CHANGING_HEADERS = ("host", "idempotency-key", "x-stainless-retry-count", "traceparent")


def _exists(call: Call) -> bool:
    if importlib.util.find_spec(call.sdk) is None:
        return False
    found: Any = make_client(call.sdk, False, "http://127.0.0.1:9")
    for name in call.needs.split("."):
        found = getattr(found, name, None)
    return found is not None


@pytest.mark.matrix
@BOTH
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_call_returns_and_raises_what_it_does_without_tracing(
    call: Call,
    asynchronous: bool,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    spans: SpanLog,
) -> None:
    if not _exists(call):
        pytest.skip(f"this version has no {call.needs}")
    bare = result_of(call, asynchronous, llm_server.url)
    sent = list(llm_server.requests)
    llm_server.reset()
    instrument()
    seen = result_of(call, asynchronous, llm_server.url)
    assert seen == bare
    assert [_comparable(each) for each in llm_server.requests] == [
        _comparable(each) for each in sent
    ]
    gc.collect()  # a stream that nobody reads ends when it is collected
    assert len(spans.ended) == (len(sent) if call.name not in _UNTRACED else 0)
    assert spans.open == []


def _comparable(request: Any) -> Any:
    headers = {k: v for k, v in request["headers"].items() if k not in _CHANGING_HEADERS}
    return {**request, "headers": headers}


_METHODS = (
    ("openai", "chat.completions.create"),
    ("openai", "chat.completions.with_raw_response.create"),
    ("openai", "request"),
    ("openai", "post"),
    ("anthropic", "messages.create"),
    ("anthropic", "messages.stream"),
    ("anthropic", "request"),
)


@pytest.mark.matrix
@BOTH
@pytest.mark.parametrize(("sdk", "path"), _METHODS)
def test_methods_look_as_they_do_without_tracing(
    sdk: str, path: str, asynchronous: bool, instrument: Callable[..., None]
) -> None:
    def look() -> tuple[Any, ...]:
        method: Any = make_client(sdk, asynchronous, "http://127.0.0.1:9")
        for name in path.split("."):
            method = getattr(method, name)
        return (
            str(inspect.signature(method)),
            inspect.iscoroutinefunction(method),
            inspect.ismethod(method) or callable(method),
            method.__name__,
            method.__doc__,
            method.__module__,
            method.__qualname__,
        )

    bare = look()
    instrument()
    assert look() == bare


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_with_options_and_copies_of_clients_are_traced_alike(
    sdk: str, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    client = make_client(sdk, False, llm_server.url)
    call = next(each for each in CALLS if each.sdk == sdk)
    for each in (client, client.with_options(timeout=5), client.copy(), client.with_options()):
        assert type(each) is type(client)
        call.make(each)
    assert len(instrumented.ended) == 4
