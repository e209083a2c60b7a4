"""Recorded exchanges of real providers, played back to the real SDKs.

An *exchange* is one HTTP request and its answer, as a provider's own server gave it. The
corpus of them is no part of this repository; without it these tests are skipped. A
:class:`Player` calls the SDK as the exchange's request says and answers with the recorded
bytes; what the application got is an :class:`Outcome`, which must be the same with and
without instrumentation. What the span must say is read from the recorded bytes by the test of
each provider, independently of the readers of the package; the comparison is counted in
:data:`tally`, which the end of the test run prints.
"""

from __future__ import annotations

import asyncio
import gzip
import importlib
import inspect
import json
import sys
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
MODES = ("sync", "async", "sync raw", "async raw", "sync lines", "async lines")
"""How a call is made: plainly, through ``with_raw_response``, or through
``with_streaming_response`` with the body's lines read by hand; a request that says
``stream`` is streamed in each."""

# A prime number of bytes: events and characters are cut anywhere.
_CHUNK = 1021

tally: Counter[tuple[str, str]] = Counter()
"""(provider: endpoint, what was counted) -> how many."""


@dataclass(frozen=True)
class Exchange:
    """One recorded exchange; see the corpus' own README for the fields."""

    id: str
    provider: str
    endpoint: str
    method: str
    path: str
    query: str
    request: Any
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    stream: bool
    features: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Whether the provider answered with an error status."""
        return self.status >= 400

    def json(self) -> Any:
        """The answer's JSON; None if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def events(self) -> list[Any]:
        """The JSON of each server-sent event, as a plain reader of the format sees it."""
        found = []
        for block in self.body.decode().replace("\r\n", "\n").split("\n\n"):
            data = [line[5:].strip() for line in block.split("\n") if line.startswith("data:")]
            if data and data != ["[DONE]"]:
                found.append(json.loads("\n".join(data)))
        return found


def exchanges(*files: str) -> list[Exchange]:
    """The exchanges of some files of the corpus; none if the corpus is not here.

    Args:
        files: File names without ``.jsonl.gz``.
    """
    found: list[Exchange] = []
    for file in files:
        path = CORPUS / f"{file}.jsonl.gz"
        if not path.is_file():
            continue
        with gzip.open(path, "rt") as lines:
            found.extend(_exchange(json.loads(line)) for line in lines)
    return found


def _exchange(line: dict[str, Any]) -> Exchange:
    body = line["body"] or ""
    encoded = line["body_encoding"] == "base64"
    headers = dict(line["response_headers"] or {})
    if line["content_type"]:
        headers["content-type"] = line["content_type"]
    return Exchange(
        id=line["id"],
        provider=line["provider"],
        endpoint=line["endpoint"],
        method=line["method"],
        path=line["path"],
        query=line["query"] or "",
        request=line["request_json"],
        status=line["status"],
        headers=headers,
        body=b64decode(body) if encoded else body.encode(),
        stream=bool(line["stream"]),
        features=tuple(line["features"]),
    )


def parameters(found: list[Exchange]) -> list[Any]:
    """The exchanges as test parameters; one skipped parameter where the corpus is absent."""
    if not found:
        reason = f"no corpus of recorded exchanges at {CORPUS}"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="no corpus")]
    return [pytest.param(each, id=f"{each.endpoint}-{each.id}") for each in found]


@dataclass
class Outcome:
    """What the application got: values (of a stream: each event), or what was raised.

    Attributes:
        sent: How many requests the SDK sent; none if this version has no such way to call.
    """

    values: list[Any] = field(default_factory=list)
    raised: Any = None
    sent: int = 0


@dataclass(frozen=True)
class Invocation:
    """A method of the SDK and its arguments.

    Attributes:
        resource: Such as ``client.chat.completions``.
        method: Such as ``create``.
        arguments: Keyword arguments.
    """

    resource: Any
    method: str
    arguments: dict[str, Any]

    def fitting(self) -> dict[str, Any]:
        """The arguments, with those that the method does not know in ``extra_body``."""
        known = inspect.signature(getattr(self.resource, self.method)).parameters
        fitting = {name: value for name, value in self.arguments.items() if name in known}
        extra = {name: value for name, value in self.arguments.items() if name not in known}
        return {**fitting, "extra_body": extra} if extra else fitting


class Player:
    """Plays exchanges to one SDK.

    Args:
        sdk: The import name of an SDK generated by Stainless, such as ``openai``.
        client: Makes a client: ``client(exchange, asynchronous, http_client)``.
        invocation: Which method an exchange is a call of: ``invocation(client, exchange)``.
    """

    def __init__(
        self,
        sdk: str,
        client: Callable[[Exchange, bool, Any], Any],
        invocation: Callable[[Any, Exchange], Invocation],
    ) -> None:
        base = importlib.import_module(f"{sdk}._base_client")
        self._http = sys.modules["httpx2" if hasattr(base, "httpx2") else "httpx"]
        self._client = client
        self._invocation = invocation

    def play(self, exchange: Exchange, mode: str) -> Outcome:
        """Make the call that ``exchange`` is the record of.

        Args:
            exchange: What is called, and what the server answers.
            mode: One of :data:`MODES`.
        """
        kind, _, access = mode.partition(" ")
        if kind == "async":
            return asyncio.run(self._play_async(exchange, access))
        return self._play(exchange, access)

    def _play(self, exchange: Exchange, access: str) -> Outcome:
        outcome = Outcome()

        def answer(request: Any) -> Any:
            assert request.method == exchange.method
            outcome.sent += 1
            return self._http.Response(
                exchange.status, headers=exchange.headers, content=_pieces(exchange.body)
            )

        with self._http.Client(transport=self._http.MockTransport(answer)) as http:
            call = self._invocation(self._client(exchange, False, http), exchange)
            try:
                if access == "lines":
                    wrapped = getattr(call.resource.with_streaming_response, call.method)
                    with wrapped(**call.fitting()) as response:
                        outcome.values.extend(response.iter_lines())
                    return outcome
                owner = call.resource.with_raw_response if access else call.resource
                value = getattr(owner, call.method)(**call.fitting())
                value = value.parse() if access else value
                for each in value if hasattr(value, "__stream__") else [value]:
                    outcome.values.append(seen(each))
            except Exception as error:
                outcome.raised = seen(error)
        return outcome

    async def _play_async(self, exchange: Exchange, access: str) -> Outcome:
        outcome = Outcome()

        async def answer(request: Any) -> Any:
            assert request.method == exchange.method
            outcome.sent += 1
            return self._http.Response(
                exchange.status, headers=exchange.headers, content=_pieces_async(exchange.body)
            )

        async with self._http.AsyncClient(transport=self._http.MockTransport(answer)) as http:
            call = self._invocation(self._client(exchange, True, http), exchange)
            try:
                if access == "lines":
                    wrapped = getattr(call.resource.with_streaming_response, call.method)
                    async with wrapped(**call.fitting()) as response:
                        async for line in response.iter_lines():
                            outcome.values.append(line)
                    return outcome
                owner = call.resource.with_raw_response if access else call.resource
                value = getattr(owner, call.method)(**call.fitting())
                value = await value if inspect.isawaitable(value) else value
                value = value.parse() if access else value
                value = await value if inspect.isawaitable(value) else value
                if hasattr(value, "__stream__"):
                    async for each in value:
                        outcome.values.append(seen(each))
                else:
                    outcome.values.append(seen(value))
            except Exception as error:
                outcome.raised = seen(error)
        return outcome


def _pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), _CHUNK):
        yield body[start : start + _CHUNK]


async def _pieces_async(body: bytes) -> AsyncIterator[bytes]:
    for piece in _pieces(body):
        yield piece


def seen(value: Any) -> Any:
    """What can be seen of a value that the SDK returned or raised, to be compared."""
    if isinstance(value, BaseException):
        details = (getattr(value, "status_code", None), getattr(value, "body", None))
        return type(value), str(value), *details
    given = getattr(value, "model_fields_set", None)
    if given is not None:
        return type(value), repr(value), sorted(given)
    if isinstance(value, (str, bytes, type(None))):
        return value
    content = getattr(value, "content", None)
    return type(value), content if isinstance(content, bytes) else repr(value)


# --- What a span says -------------------------------------------------------------------------

_JSON = ("messages", "instructions", "definitions", "documents", "inputs", "step.output")


def said(span: ReadableSpan) -> dict[str, Any]:
    """The attributes of a span, JSON texts decoded and lists instead of tuples."""
    found: dict[str, Any] = {}
    for name, value in (span.attributes or {}).items():
        if isinstance(value, str) and name.endswith(_JSON):
            found[name] = json.loads(value)
        else:
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


def check(exchange: Exchange, span: ReadableSpan, expected: Mapping[str, Any]) -> None:
    """Compare what a span says with what the recorded bytes say, and count it.

    Args:
        exchange: The exchange.
        span: Its span.
        expected: Attribute -> value; None for an attribute that must not be there.
    """
    found = said(span)
    wrong = {
        name: {"found": found.get(name), "expected": value}
        for name, value in expected.items()
        if found.get(name) != value
    }
    assert wrong == {}, wrong
    assert len(found) < 100, "attributes of one span"
    where = f"{exchange.provider}: {exchange.endpoint}"
    tally[where, "replays"] += 1
    tally[where, "fields"] += len(expected)


def summary() -> list[str]:
    """What was compared, a line for each provider and endpoint."""
    places = sorted({place for place, _ in tally})
    lines = [
        f"{place:<45} {tally[place, 'replays']:>6} replays {tally[place, 'fields']:>8} fields"
        for place in places
    ]
    total = {
        what: sum(n for (_, each), n in tally.items() if each == what)
        for what in ("replays", "fields")
    }
    if places:
        lines.append(f"{'all':<45} {total['replays']:>6} replays {total['fields']:>8} fields")
    return lines
