"""The JSON of a plain response or of one event, read where the SDK has just decoded it.

The SDKs make a model of it in ``_process_response_data``. Before that nobody can have changed
it, and it need not be decoded a second time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openlayer_otel.genai.current import current
from openlayer_otel.genai.nesting import OPERATION_KEY


class DecodedJSON:
    """Stands in the place of ``_process_response_data``, and shows operations their JSON.

    The method is looked up once for each response or stream, with the context of its operation
    current. What to call is decided then: so a chunk pays for being read and for nothing else
    (0.2 µs less), and the SDK's own method is handed out where nothing is traced.

    Args:
        original: The SDK's method.
        failed: Told which hook failed, and with what.
    """

    def __init__(
        self, original: Callable[..., Any], failed: Callable[[str, Exception], None]
    ) -> None:
        self.__wrapped__ = original
        self._failed = failed

    def __get__(self, client: Any, owner: Any = None) -> Any:
        original = self.__wrapped__
        if client is None:
            return original
        bound = original.__get__(client, owner)
        operation: Any = current().get(OPERATION_KEY)
        reader = None if operation is None else operation.json_reader
        return bound if reader is None else self._shown(bound, reader)

    def _shown(self, original: Callable[..., Any], reader: Any) -> Any:
        failed = self._failed

        def process_response_data(*, data: Any, cast_to: Any, response: Any, **more: Any) -> Any:
            try:
                # Looked up before it is called: an attribute of a slot is no method, and the
                # interpreter takes 150 instructions more to find that out each time.
                read = reader.read
                read(data)
            except Exception as error:  # noqa: BLE001 - boundary: the event must be delivered
                if isinstance(data, dict):  # else it is no event
                    failed("event", error)
            if more:  # of a newer SDK; passing it on takes 0.2 µs, and there is none yet
                return original(data=data, cast_to=cast_to, response=response, **more)
            return original(data=data, cast_to=cast_to, response=response)

        return process_response_data
