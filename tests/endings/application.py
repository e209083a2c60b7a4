"""An application that uses one stream, written once for synchronous and asynchronous clients.

A *way* is how the application gets at the events: ``create(stream=True)``, the SDK's helper,
a raw response that it parses, or the lines and bytes of a streaming response. What an
application does is written as a coroutine; with a synchronous client it never waits, so
:func:`run` drives it without an event loop.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from tests.endings.endpoints import Endpoint, Json

END = object()
"""What :meth:`Application.next` returns when the stream is exhausted."""


@dataclass(frozen=True)
class Case:
    """One endpoint, used in one way."""

    endpoint: Endpoint
    way: str
    asynchronous: bool

    def __str__(self) -> str:
        mode = "async" if self.asynchronous else "sync"
        return f"{self.endpoint.name}-{self.way}-{mode}"

    def exists(self) -> bool:
        """Whether the installed SDK can do it."""
        path = self.endpoint.helper if self.way == "helper" else self.endpoint.method
        return self.way in self.endpoint.ways and path is not None and self.endpoint.exists(path)


@dataclass
class Received:
    """What an application received of one stream."""

    events: list[str] = field(default_factory=list)
    text: str = ""
    raw: bytes = b""
    pending: bytes = b""


class Application:
    """One stream in use.

    Args:
        case: What is called, and how.
        client: A client of the endpoint's SDK.
        steering: What the stand-in server shall do.
        notice: Called after each event, while the application has control.
    """

    def __init__(
        self,
        case: Case,
        client: Any,
        steering: Json | None = None,
        notice: Callable[[], None] = lambda: None,
    ) -> None:
        self.case = case
        self.client = client
        self.steering = dict(steering or {})
        self.notice = notice
        self.received = Received()
        self.manager: Any = None
        self.stream: Any = None
        self.response: Any = None
        # Closed by the application: what a buffer still holds is no part of the answer.
        self.over = False

    # --- opening ---

    def arguments(self) -> Json:
        """The arguments of the call."""
        endpoint = self.case.endpoint
        steering = "".join(f";{key}={value}" for key, value in self.steering.items())
        return {**endpoint.arguments, "model": endpoint.model + steering}

    async def open(self) -> None:
        """Make the request."""
        endpoint, way = self.case.endpoint, self.case.way
        if way == "helper":
            self.manager = endpoint.resolve(self.client, str(endpoint.helper))(**self.arguments())
            self.stream = await self._enter(self.manager)
            return
        if way == "create":
            method = endpoint.resolve(self.client, endpoint.method)
            self.stream = await settle(method(**self.arguments(), **endpoint.stream))
            self.manager = self.stream
        elif way == "raw":
            raw = await settle(self.raw_method()(**self.arguments(), **endpoint.stream))
            self.stream = self.manager = await settle(raw.parse())
        else:
            method = self.raw_method("with_streaming_response")
            self.manager = method(**self.arguments(), **endpoint.stream)
            self.response = await self._enter(self.manager)
            self.stream = await settle(self._content(way))

    def raw_method(self, accessor: str = "with_raw_response") -> Any:
        """The endpoint's method below ``with_raw_response`` or ``with_streaming_response``."""
        path, _, name = self.case.endpoint.method.rpartition(".")
        return getattr(getattr(self.case.endpoint.resolve(self.client, path), accessor), name)

    def _content(self, way: str) -> Any:
        if way == "parse":
            return self.response.parse()
        return self.response.iter_lines() if way == "lines" else self.response.iter_bytes()

    async def _enter(self, manager: Any) -> Any:
        if self.case.asynchronous:
            return await manager.__aenter__()
        return manager.__enter__()

    # --- reading ---

    async def next(self) -> Any:
        """The next event, or ``END``."""
        try:
            if self.case.asynchronous:
                event = await self.stream.__anext__()
            else:
                event = next(self.stream)
        except (StopIteration, StopAsyncIteration):
            return END
        self._saw(event)
        return event

    async def loop(self, leave: Callable[[], bool] = lambda: False) -> None:
        """A ``for`` loop over the stream, left with ``break`` once ``leave()`` is true."""
        if self.case.asynchronous:
            async for event in self.stream:
                self._saw(event)
                if leave():
                    break
        else:
            for event in self.stream:
                self._saw(event)
                if leave():
                    break

    def has_some(self) -> bool:
        """Whether part of the answer has come."""
        if self.case.endpoint.text is None:
            return bool(self.received.events)
        return bool(self.received.text)

    async def some(self) -> None:
        """Read until part of the answer has come."""
        while not self.has_some():
            assert await self.next() is not END

    def _saw(self, event: Any) -> None:
        self.received.events.append(repr(event))
        if self.over:
            return
        if self.case.way == "bytes":
            self.received.raw += event
        for each in self._on_the_wire(event):
            self.received.text += self.case.endpoint.text(each) if self.case.endpoint.text else ""
        self.notice()

    def _on_the_wire(self, event: Any) -> list[Json]:
        if self.case.way == "lines":
            return _data(event.encode())
        if self.case.way == "bytes":
            *lines, self.received.pending = (self.received.pending + event).split(b"\n")
            return [each for line in lines for each in _data(line)]
        if self.case.way == "helper":
            event = self.case.endpoint.helper_event(event)
        if event is None:
            return []
        made: Json = event.to_dict() if hasattr(event, "to_dict") else event.model_dump()
        return [made]

    # --- leaving ---

    async def within(self, body: Callable[[], Awaitable[None]]) -> None:
        """Run ``body`` inside the ``with`` statement that this way of streaming offers."""
        # A way with a manager of its own has entered it when it was opened.
        entered = self.manager is not self.stream
        if self.case.asynchronous:
            async with _Entered(self.manager) if entered else self.manager:
                await body()
        else:
            with _Entered(self.manager) if entered else self.manager:
                await body()

    async def close(self) -> None:
        """Call ``close()`` on the stream, or on the response that it comes from."""
        await settle((self.response if self.response is not None else self.stream).close())
        self.over = True

    async def close_response(self) -> None:
        """Close the HTTP response below the stream."""
        response = self.stream.response
        await (response.aclose() if self.case.asynchronous else settle(response.close()))

    async def forget(self) -> None:
        """Drop every reference to the stream and let the collectors do their work."""
        self.stream = self.manager = self.response = None
        await collected(self.case.asynchronous)


class _Entered:
    """A context manager that has been entered already."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    def __enter__(self) -> None:
        """Nothing is left to do."""

    def __exit__(self, *error: Any) -> Any:
        return self._manager.__exit__(*error)

    async def __aenter__(self) -> None:
        """Nothing is left to do."""

    async def __aexit__(self, *error: Any) -> Any:
        return await self._manager.__aexit__(*error)


def _data(line: bytes) -> list[Json]:
    data = line.removeprefix(b"data:").strip()
    if data == line or not data.startswith(b"{"):
        return []
    try:
        return [json.loads(data)]
    except ValueError:
        return []


async def settle(value: Any) -> Any:
    """``value``, or what it gives when awaited."""
    return await value if inspect.isawaitable(value) else value


async def collected(asynchronous: bool) -> None:
    """Let everything that nobody holds any more be finalised."""
    gc.collect()
    if asynchronous:
        # An asynchronous generator is closed by a task that the event loop makes for it.
        for _ in range(5):
            await asyncio.sleep(0)
        gc.collect()


def run(asynchronous: bool, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run an application: in an event loop of its own, or without one."""
    if asynchronous:
        return asyncio.run(coroutine)
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a synchronous application has waited")


def in_thread(work: Callable[[], None]) -> None:
    """Run ``work`` in another thread to its end."""
    failures: list[BaseException] = []

    def target() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    if failures:
        raise failures[0]
