"""The hooks of the SDK's WebSocket connections: Realtime, and Responses over a WebSocket.

The connection objects stay the SDK's own. ``send`` and ``send_raw``, neither of which calls the
other, see what the client asks for, ``recv_bytes`` every message of the server (``recv``,
iteration and ``dispatch_events`` go through it), ``close`` the end. What a connection's *manager*
is given to send, before there is a connection, counts as sent with the connection. A *lane*, one
of several that share a connection, sends past the connection's own methods. The classes exist
since openai 1.58 (beta), 1.9x and 2.5x, lanes since 3.x.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from openlayer_otel import semconv
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.genai.encoding import from_json
from openlayer_otel.genai.record import Endpoint, Identity
from openlayer_otel.genai.sdk_objects import json_of, own_copy, without_absent
from openlayer_otel.providers.hosts import provider_of
from openlayer_otel.providers.openai.realtime import REALTIME
from openlayer_otel.providers.openai.responses import RESPONSES
from openlayer_otel.providers.openai.turns import Turns
from openlayer_otel.providers.patching import Patches
from openlayer_otel.telemetry import Telemetry

# Module -> its connection classes, and what a turn of theirs is.
_CONNECTIONS: dict[str, tuple[str, Endpoint]] = {
    "openai.resources.realtime.realtime": ("RealtimeConnection", REALTIME),
    "openai.resources.beta.realtime.realtime": ("RealtimeConnection", REALTIME),
    "openai.resources.responses.responses": ("ResponsesConnection", RESPONSES),
    "openai.resources.beta.responses.responses": ("ResponsesConnection", RESPONSES),
}
_LANES = "openai.lib.responses_websocket._session"
_LANE = "ResponsesWebSocketLane"
_TURNS = "_openlayer_turns"
_QUEUED = "_openlayer_queued"
# Sound comes and goes in many large messages that hold nothing for a span.
_SOUND = (b"audio.delta", "audio.delta")
_SOUND_SENT = (b"audio_buffer.append", "audio_buffer.append")


class WebSocketHooks:
    """Hooks the connection classes when their modules are imported.

    Args:
        telemetry: Where the spans go.
        patches: Takes the hooks out again.
    """

    def __init__(self, telemetry: Telemetry, patches: Patches) -> None:
        self._telemetry = telemetry
        self._patches = patches

    def install(self, base_client: Any) -> None:
        """Wait for the modules of the SDK that ``base_client`` belongs to; none is imported."""
        for module, (name, endpoint) in _CONNECTIONS.items():
            self._patches.when_imported(module, base_client, partial(self._hook, name, endpoint))
        self._patches.when_imported(_LANES, base_client, self._hook_lanes)

    def _hook_lanes(self, module: Any) -> None:
        """Hook the lanes of a connection, sync and async."""
        methods = _LaneMethods(self._telemetry, RESPONSES)
        for prefix, asynchronous in (("", False), ("Async", True)):
            send = dict(methods.hooks(asynchronous))["send"]
            self._patches.wrap(module, f"{prefix}{_LANE}.send", send)

    def _hook(self, name: str, endpoint: Endpoint, module: Any) -> None:
        """Hook the sync and the async connection class of a module that has them."""
        methods = _Methods(self._telemetry, endpoint)
        for prefix, asynchronous in (("", False), ("Async", True)):
            kind: Any = getattr(module, prefix + name, None)
            if kind is None:
                continue
            for method, hook in methods.hooks(asynchronous):
                owner = next((c for c in kind.__mro__ if method in vars(c)), None)
                if owner is kind:
                    self._patches.wrap(module, f"{prefix}{name}.{method}", hook)
                elif owner is not None:
                    self._patches.add(kind, method, hook)
            manager = f"{prefix}{name}Manager"
            if hasattr(getattr(module, manager, None), "send"):
                for method, hook in methods.manager_hooks(asynchronous):
                    self._patches.wrap(module, f"{manager}.{method}", hook)


class _Methods:
    """The hooks of a connection's methods, for one kind of turn."""

    def __init__(self, telemetry: Telemetry, endpoint: Endpoint) -> None:
        self._telemetry = telemetry
        self._endpoint = endpoint

    def hooks(self, asynchronous: bool) -> tuple[tuple[str, Any], ...]:
        """Method -> hook."""
        return (
            ("send", self._send_async if asynchronous else self._send),
            ("send_raw", self._send_async if asynchronous else self._send),
            ("recv_bytes", self._receive_async if asynchronous else self._receive),
            ("close", self._close),
        )

    def manager_hooks(self, asynchronous: bool) -> tuple[tuple[str, Any], ...]:
        """The same for a connection's manager."""
        enter = self._enter_async if asynchronous else self._enter
        return (
            ("send", self._queue),
            ("__aenter__" if asynchronous else "__enter__", enter),
            ("enter", enter),
        )

    def _send(self, wrapped: Any, sender: Any, args: Any, kwargs: Any) -> Any:
        sent = self._sending(sender, args, kwargs)
        try:
            return wrapped(*args, **kwargs)
        except BaseException as error:
            self._unsent(sent, error)
            raise

    async def _send_async(self, wrapped: Any, sender: Any, args: Any, kwargs: Any) -> Any:
        sent = self._sending(sender, args, kwargs)
        try:
            return await wrapped(*args, **kwargs)
        except BaseException as error:
            self._unsent(sent, error)
            raise

    def _sending(self, sender: Any, args: Any, kwargs: Any) -> tuple[Turns, object] | None:
        """``send`` takes an event, ``send_raw`` the text of one."""
        given = args[0] if args else kwargs.get("event", kwargs.get("data"))
        if isinstance(given, (str, bytes)) and _begins_with(_SOUND_SENT, given):
            return None
        try:
            connection, event = self._sent(sender, given)
            turns = self._turns(connection)
            return turns, turns.sent(event)
        except Exception as error:  # noqa: BLE001 - boundary: the application's message goes on
            report_failure("sending over a WebSocket", error)
            return None

    def _unsent(self, sent: tuple[Turns, object] | None, error: BaseException) -> None:
        if sent is not None:
            turns, event = sent
            turns.unsent(event, error)

    def _sent(self, sender: Any, event: Any) -> tuple[Any, dict[str, Any]]:
        """The connection that ``event`` is sent over, and the event as it is sent."""
        return sender, _dict_of(event)

    def _queue(self, wrapped: Any, manager: Any, args: Any, kwargs: Any) -> Any:
        """A manager's ``send``, of both kinds: what it is given waits for the connection."""
        result = wrapped(*args, **kwargs)
        try:
            event = own_copy(_dict_of(args[0] if args else kwargs.get("event")))
            vars(manager).setdefault(_QUEUED, []).append(event)
        except Exception as error:  # noqa: BLE001 - boundary: the application's message goes on
            report_failure("sending over a WebSocket", error)
        return result

    def _enter(self, wrapped: Any, manager: Any, args: Any, kwargs: Any) -> Any:
        connection = wrapped(*args, **kwargs)
        self._connected(manager, connection)
        return connection

    async def _enter_async(self, wrapped: Any, manager: Any, args: Any, kwargs: Any) -> Any:
        connection = await wrapped(*args, **kwargs)
        self._connected(manager, connection)
        return connection

    def _connected(self, manager: Any, connection: Any) -> None:
        """The SDK has sent what waited. Nobody has received anything yet."""
        for event in vars(manager).pop(_QUEUED, ()):
            self._guarded("sending", connection, lambda turns, event=event: turns.sent(event))

    def _receive(self, wrapped: Any, connection: Any, args: Any, kwargs: Any) -> Any:
        try:
            message = wrapped(*args, **kwargs)
        except BaseException as error:
            self._broke(connection, error)
            raise
        self._received(connection, message)
        return message

    async def _receive_async(self, wrapped: Any, connection: Any, args: Any, kwargs: Any) -> Any:
        try:
            message = await wrapped(*args, **kwargs)
        except BaseException as error:
            self._broke(connection, error)
            raise
        self._received(connection, message)
        return message

    def _close(self, wrapped: Any, connection: Any, args: Any, kwargs: Any) -> Any:
        self._guarded("closing", connection, lambda turns: turns.ended(semconv.OUTCOME_CLOSED))
        return wrapped(*args, **kwargs)

    def _received(self, connection: Any, message: Any) -> None:
        if _begins_with(_SOUND, message):
            return
        self._guarded("receiving", connection, lambda turns: turns.received(_dict_of(message)))

    def _broke(self, connection: Any, error: BaseException) -> None:
        """A connection that is closed breaks its turns; a receive that is cancelled does not."""
        names = {each.__name__ for each in type(error).__mro__}
        if "ConnectionClosedOK" in names:
            self._guarded("closing", connection, lambda turns: turns.ended(semconv.OUTCOME_CLOSED))
        elif "ConnectionClosed" in names or isinstance(error, OSError):
            self._guarded(
                "receiving", connection, lambda turns: turns.ended(semconv.OUTCOME_FAILED, error)
            )

    def _guarded(self, doing: str, connection: Any, do: Any) -> None:
        try:
            do(self._turns(connection))
        except Exception as error:  # noqa: BLE001 - boundary: the application's message goes on
            report_failure(f"{doing} over a WebSocket", error)

    def _turns(self, connection: Any) -> Turns:
        known = vars(connection).get(_TURNS)
        if isinstance(known, Turns):
            return known
        identity, model = _served_by(connection)
        made = Turns(self._telemetry, self._endpoint, identity, model)
        # Another thread may have been quicker: one sends, one receives.
        turns: Turns = vars(connection).setdefault(_TURNS, made)
        return turns


class _LaneMethods(_Methods):
    """The same for the lanes of a connection."""

    def _sent(self, sender: Any, event: Any) -> tuple[Any, dict[str, Any]]:
        lane = sender._state.stream_id
        made = _dict_of(event)
        return sender._session.connection, made if lane is None else {**made, "stream_id": lane}


def _begins_with(kind: tuple[bytes, str], message: Any) -> bool:
    """Whether the beginning of a message, which may be large, names an event of this kind."""
    return kind[isinstance(message, str)] in message[:160]


def _dict_of(event: Any) -> dict[str, Any]:
    """An event as it is on the wire: from there, or as the application gives it to ``send``."""
    if isinstance(event, (str, bytes)):
        value = from_json(event)
        return value if isinstance(value, dict) else {}
    value = json_of(event)
    return without_absent(value) if isinstance(value, dict) else {}


def _served_by(connection: Any) -> tuple[Identity, str | None]:
    """Who serves a connection, and the model in its address, from the ``websockets`` object."""
    protocol = getattr(getattr(connection, "_connection", None), "protocol", None)
    uri = getattr(protocol, "uri", None) or getattr(protocol, "wsuri", None)
    host = getattr(uri, "host", None)
    query = dict(parse_qsl(urlsplit(str(getattr(uri, "resource_name", ""))).query))
    model = query.get("model") or query.get("deployment")
    provider = provider_of(host) if isinstance(host, str) else None
    return Identity(provider or semconv.PROVIDER_OPENAI, host, getattr(uri, "port", None)), model
