"""The body of an HTTP response that the SDK has not read yet: its end is the call's end.

httpx and httpx2 responses keep their body in ``response.stream``, which is closed when the
body has been read, when ``response.close()`` is called, and by the SDK's helpers; nobody
needs to hold a proxy of ours. The wrapper is made from the base classes of the body it
wraps, so it works for either library without importing one.

Where the application reads the body itself (``with_streaming_response``: ``iter_lines``,
``iter_bytes``, ``read``), no event passes a tap; then the bytes are looked at on their way.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any

from openlayer_otel.genai.current import attach, take_back
from openlayer_otel.genai.streaming import StreamEnd
from openlayer_otel.providers.body_reader import BodyReader

_BASES = ("SyncByteStream", "AsyncByteStream")
# What the library's own transport gives, and what its client puts around that.
_NETWORK = {
    (f"{library}._client.Bound{kind}Stream", f"{library}._transports.default.{name}ResponseStream")
    for library in ("httpx", "httpx2")
    for kind, name in (("Sync", ""), ("Async", "Async"))
}


class Body:
    """What a wrapped response body has besides its stream class: the end that it tells.

    Attributes:
        end: The stream end of the call.
    """

    _body: Any
    _response: weakref.ref[Any]
    _streamed: bool
    _reader: BodyReader | None = None
    end: StreamEnd

    def _start(self) -> BodyReader | None:
        """A reader of the bytes, unless the SDK decodes the events."""
        response = self._response()
        if self.end.tapped or response is None:
            return None
        if self._reader is None:
            self._reader = BodyReader(response, self.end, self._streamed)
        return self._reader

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_body"], name)

    def __del__(self) -> None:
        end = self.__dict__.get("end")
        if end is not None:
            end.dropped(self._finish_reading)

    def _finish_reading(self) -> None:
        if self._reader is not None and not self.end.tapped:
            self._reader.finish(complete=False)


class _SyncMethods(Body):
    def __iter__(self) -> Iterator[bytes]:
        reader = self._start()
        if reader is None:
            return iter(self._body)
        return self.end.read_by(_read(self._body, self.end, reader))

    def close(self) -> None:
        """Close the body, then tell its end."""
        try:
            self._body.close()
        finally:
            if not self.end.reading:
                self._finish_reading()
            self.end.closed()


class _AsyncMethods(Body):
    def __aiter__(self) -> AsyncIterator[bytes]:
        reader = self._start()
        if reader is None:
            source: AsyncIterator[bytes] = self._body.__aiter__()
            return source
        return self.end.read_by(_read_async(self._body, self.end, reader))

    async def aclose(self) -> None:
        """Close the body, then tell its end."""
        try:
            await self._body.aclose()
        finally:
            if not self.end.reading:
                self._finish_reading()
            self.end.closed()


def _read(body: Any, end: StreamEnd, reader: BodyReader) -> Generator[bytes, None, None]:
    source, context = iter(body), end.operation.context
    while True:
        token = attach(context)
        try:
            chunk = next(source)
        except StopIteration:
            take_back(token)
            reader.finish(complete=True)
            end.stopped(StopIteration())
            return
        except BaseException as error:
            take_back(token)
            end.stopped(error)
            raise
        take_back(token)
        reader.feed(chunk)
        yield chunk


async def _read_async(body: Any, end: StreamEnd, reader: BodyReader) -> AsyncGenerator[bytes, None]:
    source, context = body.__aiter__(), end.operation.context
    try:
        while True:
            token = attach(context)
            try:
                chunk = await source.__anext__()
            except StopAsyncIteration:
                take_back(token)
                reader.finish(complete=True)
                end.stopped(StopAsyncIteration())
                return
            except BaseException as error:
                take_back(token)
                end.stopped(error)
                raise
            take_back(token)
            reader.feed(chunk)
            yield chunk
    finally:
        # Who closes this one, as httpx does, means the body's own: it would be left to the loop.
        if hasattr(source, "aclose"):
            await source.aclose()


_classes: dict[type, type[Any]] = {}


def _observed_class(kind: type) -> type[Any]:
    """The class of the wrapper around a body of class ``kind``: the same kinds of stream."""
    bases = tuple(each for each in kind.__mro__ if each.__name__ in _BASES)
    names = {each.__name__ for each in bases}
    methods: list[type] = []
    if "SyncByteStream" in names:
        methods.append(_SyncMethods)
    if "AsyncByteStream" in names:
        methods.append(_AsyncMethods)
    return type("ObservedBody", (*methods, *bases), {})


def _from_network(body: Any) -> bool:
    """Whether a read of ``body`` runs the HTTP library's code alone.

    Else a transport, a middleware or a mock may do what it likes, requests of its own among it.
    """
    inner = getattr(body, "_stream", None)
    return (_name(type(body)), _name(type(inner))) in _NETWORK


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def observe_body(response: Any, end: StreamEnd, streamed: bool) -> None:
    """Put a wrapper of ours around the unread body of ``response``.

    Args:
        response: An httpx or httpx2 response.
        end: Told when the body is read to its end, closed, dropped, or fails.
        streamed: Whether the body is a stream of server-sent events.
    """
    body = response.stream
    kind = type(body)
    made = _classes.get(kind)
    if made is None:
        made = _classes[kind] = _observed_class(kind)
    wrapper = made()
    wrapper._body = body
    # The response holds its body, hence this: a strong reference back would leave both to the
    # garbage collector.
    wrapper._response = weakref.ref(response)
    wrapper._streamed = streamed
    wrapper.end = end
    end.others_read = not _from_network(body)
    # The Anthropic SDK looks for its own observer at every event, and a lookup that finds
    # nothing takes longer than all else that is done here for an event.
    wrapper.stream_observer = getattr(body, "stream_observer", None)
    response.stream = wrapper


def end_of(response: Any) -> StreamEnd | None:
    """The stream end that watches the body of ``response``; None if it is not ours."""
    body = getattr(response, "stream", None)
    return body.end if isinstance(body, Body) else None
