"""Binary data of attachments to Openlayer's storage, before the trace that refers to it.

``storage`` says where data was put; that is the attachment's ``storageUri``. Data is named by its
MD5 checksum and sent once per process.

A *source* has the data: the memory of this process, or the spool. What cannot be uploaded keeps
its checksum and size.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from openlayer_otel.attachments import Binary, binaries
from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.export.client import Client
from openlayer_otel.export.fitting import encode_to_fit
from openlayer_otel.export.references import encoded_base64, extension_of, in_wire_order
from openlayer_otel.export.spool_data import BusyError
from openlayer_otel.export.storage import Storage, UploadError

_KNOWN_LIMIT = 10_000
# After a failure nothing is uploaded for so many seconds: traces must not wait for a storage
# that does not answer.
PAUSE_AFTER_FAILURE = 30.0


class Data(Protocol):
    """The data of one attachment, which nobody else of the same source uploads meanwhile."""

    data: bytes
    where: str | None  # if it was stored before

    def note(self, where: str) -> None:
        """It was stored there."""


class Source(Protocol):
    """What has the data of attachments."""

    def opened(self, checksum: str) -> AbstractContextManager[Data | None]:
        """The data with this checksum; None if it is gone."""


class _InMemory:
    """What this process holds of an attachment."""

    def __init__(self, held: Binary) -> None:
        self.data = held.data
        self.where: str | None = None

    def note(self, where: str) -> None:
        pass


class Memory:
    """The data that this process holds, as a source."""

    @contextmanager
    def opened(self, checksum: str) -> Iterator[_InMemory | None]:
        """See :class:`Source`."""
        held = binaries.get(checksum)
        yield None if held is None else _InMemory(held)


@dataclass(frozen=True, slots=True)
class Completed:
    """A body after its attachments were uploaded, as far as that could be done.

    Attributes:
        data: The body in JSON.
        left: Checksums of the data that was not uploaded.
        trouble: Why, if it is worth another try later.
    """

    data: bytes
    left: tuple[str, ...] = ()
    trouble: str | None = None


class AttachmentUploads:
    """Uploads what bodies refer to. Thread-safe.

    Args:
        client: Its settings, and its session for the requests to Openlayer. Requests to the
            storage never carry Openlayer's key.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._settings = client.settings
        self._stored: OrderedDict[str, str] = OrderedDict()
        self._under_way: set[str] = set()
        self._changed = threading.Condition()
        self._trouble: UploadError | None = None
        self._resume_at = 0.0
        self._storage = Storage(client)

    def complete(
        self, data: bytes, checksums: tuple[str, ...], source: Source, *, insist: bool = False
    ) -> Completed:
        """Upload the data that a body refers to, and say in it where the data is.

        Args:
            data: The body in JSON.
            checksums: The data to be uploaded; other attachments stay as they are.
            source: Has it.
            insist: Try even if the last upload failed a moment ago.

        Returns:
            The body with every ``storageUri`` that is known now. Never raises.
        """
        try:
            return self._complete(data, checksums, source, insist)
        except Exception as error:  # noqa: BLE001 - boundary: the trace must go out
            report_failure("uploading an attachment", error)
            return Completed(data, checksums)

    def _complete(
        self, data: bytes, checksums: tuple[str, ...], source: Source, insist: bool
    ) -> Completed:
        content = orjson.loads(data)
        attachments: dict[str, list[dict[str, Any]]] = {}
        for attachment in _attachments(content):
            if attachment["checksumMd5"] in checksums:
                attachments.setdefault(attachment["checksumMd5"], []).append(attachment)
        left = []
        trouble = None
        for checksum, places in attachments.items():
            addition: dict[str, Any] | None = None
            try:
                if trouble is None:
                    addition = self._place_of(checksum, places[0], source, insist)
            except (UploadError, BusyError) as error:
                if not isinstance(error, UploadError) or error.passing:
                    trouble = str(error)
            if addition is None and self._settings.inline_attachments:
                addition = _inlined(checksum, source)
            if addition is None:
                left.append(checksum)
                continue
            for attachment in places:
                whole = in_wire_order({**attachment, **addition})
                attachment.clear()
                attachment.update(whole)
        limit = self._settings.max_body_bytes
        return Completed(encode_to_fit(content, limit), tuple(left), trouble if left else None)

    def _place_of(
        self, checksum: str, attachment: Mapping[str, Any], source: Source, insist: bool
    ) -> dict[str, Any] | None:
        """Where the data with this checksum is stored, now or before; None if it is gone.

        Raises:
            UploadError: It could not be stored.
            BusyError: Another process is storing it.
        """
        with self._turn(checksum):
            where = self._stored.get(checksum)
            if where is None:
                with source.opened(checksum) as held:
                    if held is None:
                        return None
                    where = held.where
                    if where is None:
                        where = self._store(checksum, held.data, attachment, insist)
                        held.note(where)
                with self._changed:
                    self._stored[checksum] = where
                    while len(self._stored) > _KNOWN_LIMIT:
                        self._stored.popitem(last=False)
        return {"storageUri": where}

    @contextmanager
    def _turn(self, checksum: str) -> Iterator[None]:
        """One thread at a time for the same data."""
        with self._changed:
            while checksum in self._under_way:
                self._changed.wait()
            self._under_way.add(checksum)
        try:
            yield
        finally:
            with self._changed:
                self._under_way.discard(checksum)
                self._changed.notify_all()

    @property
    def is_paused(self) -> bool:
        """Whether an upload failed a moment ago."""
        return self._trouble is not None and time.monotonic() < self._resume_at

    def _store(
        self, checksum: str, data: bytes, attachment: Mapping[str, Any], insist: bool
    ) -> str:
        if self._trouble is not None and self.is_paused and not insist:
            raise self._trouble
        media_type = str(attachment.get("mediaType"))
        name = f"attachments/{checksum}{extension_of(str(attachment.get('name')), media_type)}"
        try:
            where = self._storage.put(name, data, media_type)
        except UploadError as error:
            self._trouble = error
            self._resume_at = time.monotonic() + PAUSE_AFTER_FAILURE
            warn_once(
                f"attachments:{error}",
                "openlayer-otel: an attachment was not uploaded (%s); until it is, its trace "
                "names its checksum and size. OPENLAYER_OTEL_UPLOAD_ATTACHMENTS turns uploads off.",
                error,
            )
            raise
        self._trouble = None
        return where


def _inlined(checksum: str, source: Source) -> dict[str, Any] | None:
    """The data itself, for an attachment; None if it is not to be had."""
    try:
        with source.opened(checksum) as held:
            return None if held is None else {"dataBase64": encoded_base64(held.data)}
    except BusyError:
        return None


def _attachments(value: Any) -> Iterator[dict[str, Any]]:
    """The attachments in a body that name binary data and not yet where it is, in its order."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "checksumMd5" in value and "mediaType" in value:
                if "storageUri" not in value and isinstance(value["checksumMd5"], str):
                    yield value
            else:
                waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            waiting.extend(reversed(value))
