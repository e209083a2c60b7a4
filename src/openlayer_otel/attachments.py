"""Binary content on its way to Openlayer, beside the spans: spans carry a reference only.

A *reference* names binary data by its MD5 checksum (the name under which Openlayer stores
it) and its size. The data itself waits in a :class:`BinaryStore` of this process until the
exporter uploads it; without an exporter nothing is kept.

Sizes are worked out before they are added: the garbage collector may end a span, and come here,
in the middle of any line that calls something.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import NamedTuple

from openlayer_otel.forking import in_forked_child

MAX_BYTES = 64_000_000


class Binary(NamedTuple):
    """Binary data and its media type (``image/png``)."""

    data: bytes
    media_type: str


class BinaryStore:
    """Binary data by MD5 checksum, bounded: the oldest goes first.

    Args:
        max_bytes: Size of all data held.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self.wanted = False
        self._held: OrderedDict[str, Binary] = OrderedDict()
        self._size = 0
        # Reentrant: the garbage collector may end a span (a dropped stream) at any point.
        self._lock = threading.RLock()

    def keep(self, data: bytes, media_type: str) -> str:
        """Hold ``data`` if an exporter wants it.

        Returns:
            Its MD5 checksum in hexadecimal digits.
        """
        checksum = hashlib.md5(data, usedforsecurity=False).hexdigest()
        size = len(data)
        if self.wanted and size <= self.max_bytes:
            with self._lock:
                if checksum not in self._held:
                    self._held[checksum] = Binary(data, media_type)
                    self._size += size
                while self._size > self.max_bytes:
                    freed = len(self._held.popitem(last=False)[1].data)
                    self._size -= freed
        return checksum

    def get(self, checksum: str) -> Binary | None:
        """The data with this checksum, if it is still held."""
        with self._lock:
            return self._held.get(checksum)

    def forget(self) -> None:
        """Hold nothing any more."""
        with self._lock:
            self._held.clear()
            self._size = 0


binaries = BinaryStore()
"""The store of this process. It is ``wanted`` while an exporter uploads or inlines."""


class RawOutputs:
    """The providers' response bodies by span id, for the ``rawOutput`` of Openlayer's steps.

    Bounded, the oldest goes first; empty unless an Openlayer exporter of this process asks
    (``wanted``).

    Args:
        max_count: Number of bodies held.
        max_bytes: Size of all bodies held.
    """

    def __init__(self, max_count: int = 10_000, max_bytes: int = MAX_BYTES) -> None:
        self.max_count = max_count
        self.max_bytes = max_bytes
        self.wanted = False
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.RLock()

    def keep(self, span_id: int, body: bytes) -> None:
        """Hold the response ``body`` (JSON) of the call that span ``span_id`` records."""
        if self.wanted:
            with self._lock:
                grown = len(body) - len(self._held.pop(span_id, b""))
                self._size += grown
                self._held[span_id] = body
                while len(self._held) > self.max_count or self._size > self.max_bytes:
                    freed = len(self._held.popitem(last=False)[1])
                    self._size -= freed

    def take(self, span_id: int) -> bytes | None:
        """The response body of a span's call, once; None if there is none."""
        if not self._held:
            return None
        with self._lock:
            body = self._held.pop(span_id, None)
            if body is not None:
                freed = len(body)
                self._size -= freed
            return body

    def forget(self) -> None:
        """Hold nothing any more."""
        with self._lock:
            self._held.clear()
            self._size = 0


raw_outputs = RawOutputs()
"""The response bodies of this process."""


def keep_for_exporters(*, responses: bool, binary: bool) -> None:
    """Say what the exporters of this process ask for; what none asks for is held no longer.

    Args:
        responses: Whether one wants the providers' responses.
        binary: Whether one wants binary data.
    """
    raw_outputs.wanted, binaries.wanted = responses, binary
    if not responses:
        raw_outputs.forget()
    if not binary:
        binaries.forget()


@in_forked_child
def _renew_locks() -> None:
    binaries._lock = threading.RLock()
    raw_outputs._lock = threading.RLock()
