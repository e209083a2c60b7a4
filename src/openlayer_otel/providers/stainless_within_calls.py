"""The hooks of a Stainless SDK that are asked within traced calls alone.

* ``_process_response_data`` has the JSON of a plain response, and of each event of a stream, as
  the SDK has decoded it;
* ``_calculate_retry_timeout`` is called once for each retry;
* ``_finalize_middleware_result`` (anthropic, newer versions) is called once a client's middleware
  has settled on a result, after any number of attempts;
* ``_copy_and_prepare`` (anthropic 1.17 and later) makes the JSON that is sent of what the
  application gave: models, iterators, sentinels for what was not given. Before it ran there is
  nothing to read, and an iterator can be read once only. Older SDKs have done it by then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from openlayer_otel.forking import in_forked_child
from openlayer_otel.providers.patching import Patches
from openlayer_otel.providers.stainless_call import Call
from openlayer_otel.providers.stainless_events import decodes_as_known, events_taken

Method = Callable[..., Any]

_lock = threading.Lock()


@in_forked_child
def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


class HooksWithinCalls:
    """These hooks, which the first traced call puts in.

    As long as nobody records they are not there: a call that passes them takes 1 µs more.

    Args:
        patches: The SDK's.

    Attributes:
        prepares: Whether the SDK puts the request's JSON together within its request method.
        there: Whether they are in.
    """

    def __init__(self, patches: Patches) -> None:
        self.prepares = self.there = False
        self._patches = patches
        self._base_client: Any = None

    def find(self, base_client: Any) -> None:
        """Say which module of the SDK they belong into: its ``_base_client``."""
        self._base_client = base_client
        self.prepares = hasattr(base_client.SyncAPIClient, "_copy_and_prepare")

    def put_in(self) -> None:
        """Put them in, unless they are in."""
        with _lock:
            if not self.there:
                self._put_in()
                self.there = True
        if not self._patches.active:  # removed meanwhile
            self._patches.remove()

    def _put_in(self) -> None:
        base_client, hook = self._base_client, self._patches.hook_within_calls
        taken = events_taken if decodes_as_known(base_client) else None
        hook(base_client, "BaseClient._process_response_data", _process_data, taken)
        hook(base_client, "BaseClient._calculate_retry_timeout", _retry)
        if self.prepares:
            hook(base_client, "SyncAPIClient._copy_and_prepare", _prepare)
            hook(base_client, "AsyncAPIClient._copy_and_prepare", _prepare_async)
        if hasattr(base_client.SyncAPIClient, "_finalize_middleware_result"):
            hook(base_client, "SyncAPIClient._finalize_middleware_result", _settle)
            hook(base_client, "AsyncAPIClient._finalize_middleware_result", _settle)


def _process_data(original: Method, call: Call, *args: Any, **kwargs: Any) -> Any:
    """``_process_response_data``: makes a model of a response's JSON, which is decoded now."""
    call.json = kwargs.get("data")
    call.response = kwargs.get("response")
    return original(*args, **kwargs)


def _retry(original: Method, call: Call, *args: Any, **kwargs: Any) -> Any:
    """``_calculate_retry_timeout``: called once for each retry."""
    call.operation.resends += 1
    return original(*args, **kwargs)


def _prepare(original: Method, call: Call, *args: Any, **kwargs: Any) -> Any:
    """``_copy_and_prepare``: puts together the JSON that is going to be sent."""
    options = original(*args, **kwargs)
    call.prepared(options)
    return options


async def _prepare_async(original: Method, call: Call, *args: Any, **kwargs: Any) -> Any:
    """The same for asynchronous clients."""
    options = await original(*args, **kwargs)
    call.prepared(options)
    return options


def _settle(original: Method, call: Call, *args: Any, **kwargs: Any) -> Any:
    """``_finalize_middleware_result``: the application gets ``result``, or what it parses to."""
    call.settled(args[1] if len(args) > 1 else kwargs.get("result"))
    return original(*args, **kwargs)
