"""The events of a stream as JSON, where a Stainless SDK makes objects of them.

``Stream.__stream__`` passes each event to the client's ``_process_response_data``. To read its
JSON there is simpler than to read the object, and is what the provider sent, whatever the class of
the object; and it takes less time, for the look into pydantic's objects is cold every time.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from typing import Any

from openlayer_otel.genai.operation import Operation
from openlayer_otel.genai.sdk_objects import own_copy
from openlayer_otel.genai.streaming import StreamEnd, report_unread_event

Method = Callable[..., Any]


class DecodedEvents:
    """The events of one response. Holds neither the response nor its client.

    What is open is known to the whole process, and what is held from there cannot be dropped.

    Args:
        client: The client that decodes them.
        response: The HTTP response whose body they are.
        end: The stream's, which takes them in.
    """

    __slots__ = ("_client", "_end", "_response")

    def __init__(self, client: Any, response: Any, end: StreamEnd) -> None:
        self._client = weakref.ref(client)
        self._response = weakref.ref(response)
        self._end = end

    def taken_by(self, method: Any) -> Method:
        """``method``, and the events that it gets are taken in.

        Args:
            method: The client's ``_process_response_data``, bound.
        """
        end, own = self._end, self._response()
        if own is None or method.__self__ is not self._client():
            process: Method = method
            return process

        # These names and no others: so they are passed on in 0.1 µs less.
        def take_and_process(*, data: Any, cast_to: Any, response: Any) -> Any:
            # Another request's, made while this one is read, is none of the events; and a client
            # may decode one twice.
            if response is own and data is not end.taken:
                end.taken = data
                try:
                    piece = end.piece  # called as an attribute, it is looked up as a method first
                    if not piece(data):
                        # The object may share lists with it, which are the application's.
                        end.see(own_copy(data))
                except Exception as error:  # noqa: BLE001 - boundary: the application's event
                    report_unread_event(error)
            return method(data=data, cast_to=cast_to, response=response)

        return take_and_process


def events_taken(operation: Operation, method: Method) -> Method:
    """What takes the place of ``_process_response_data`` while a stream of ``operation`` is read.

    Args:
        operation: The current one.
        method: The client's own, bound.
    """
    events: DecodedEvents | None = operation.events
    return method if events is None else events.taken_by(method)


def decodes_as_known(base_client: Any) -> bool:
    """Whether ``_process_response_data`` has the arguments that it has in the versions known.

    If not, the tap of a stream reads the events as objects.
    """
    try:
        _, *names = inspect.signature(base_client.BaseClient._process_response_data).parameters
    except (AttributeError, TypeError, ValueError):
        return False
    return set(names) == {"data", "cast_to", "response"}
