"""Binary data of attachments to Openlayer's storage, before the trace that refers to it.

As Openlayer's SDK does it: ask for a *presigned* address (one that allows a single upload
without a key), send the data there, and put the ``storageUri`` that came with it into the
attachment. Data is named by its MD5 checksum and sent once per process. An attachment that
cannot be uploaded keeps its checksum and size; the trace is sent either way.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from openlayer_otel.attachments import Binary, binaries
from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.export.client import Client
from openlayer_otel.export.payload import Body
from openlayer_otel.export.references import encoded_base64, extension_of, in_wire_order

_KNOWN_LIMIT = 10_000
# After a failure nothing is uploaded for so many seconds: traces must not wait for a storage
# that does not answer.
PAUSE_AFTER_FAILURE = 30.0


class UploadError(Exception):
    """The storage or Openlayer did not take the data; the text says why, without secrets."""


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
        self._lock = threading.Lock()
        self._resume_at = 0.0
        self._of_thread = threading.local()

    def upload(self, body: Body) -> Body:
        """Upload the data that a body refers to, and say in it where the data is.

        Args:
            body: Is not changed.

        Returns:
            A body whose attachments name their ``storageUri``; ``body`` itself if there is
            nothing to upload. Never raises.
        """
        if not self._settings.upload_attachments or not body.checksums:
            return body
        try:
            content = _copied(body.content)
            waiting: dict[str, list[dict[str, Any]]] = {}
            for attachment in _attachments(content):
                waiting.setdefault(str(attachment.get("checksumMd5")), []).append(attachment)
            for checksum, attachments in waiting.items():
                where = self._store(checksum, attachments[0])
                for attachment in attachments:
                    self._complete(attachment, checksum, where)
            return replace(body, content=content)
        except Exception as error:  # noqa: BLE001 - boundary: the trace must go out
            report_failure("uploading an attachment", error)
            return body

    def _complete(self, attachment: dict[str, Any], checksum: str, where: str | None) -> None:
        """Add to an attachment where its data is, or the data if that is allowed."""
        if where is not None:
            attachment.pop("dataBase64", None)
            attachment["storageUri"] = where
        elif self._settings.inline_attachments:
            held = binaries.get(checksum)
            if held is not None:
                attachment["dataBase64"] = encoded_base64(held.data)
        ordered = in_wire_order(attachment)
        attachment.clear()
        attachment.update(ordered)

    def _store(self, checksum: str, attachment: Mapping[str, Any]) -> str | None:
        """The ``storageUri`` of the data with this checksum; None if it is not stored."""
        with self._lock:
            known = self._stored.get(checksum)
        if known is not None:
            return known
        held = binaries.get(checksum)
        if held is None or time.monotonic() < self._resume_at:
            return None
        name = f"attachments/{checksum}{extension_of(str(attachment.get('name')), held.media_type)}"
        try:
            where = self._send(name, held)
        except Exception as error:  # noqa: BLE001 - requests, urllib3 and proxies raise much
            self._resume_at = time.monotonic() + PAUSE_AFTER_FAILURE
            reason = str(error) if isinstance(error, UploadError) else type(error).__name__
            warn_once(
                f"attachments:{reason}",
                "openlayer-otel: an attachment was not uploaded (%s); its trace names its "
                "checksum and size. OPENLAYER_OTEL_UPLOAD_ATTACHMENTS turns uploads off.",
                reason,
            )
            return None
        with self._lock:
            self._stored[checksum] = where
            while len(self._stored) > _KNOWN_LIMIT:
                self._stored.popitem(last=False)
        return where

    def _send(self, name: str, binary: Binary) -> str:
        """Ask for an address, send the data there; returns the ``storageUri``."""
        response = self._client.session().post(
            f"{self._settings.base_url}/storage/presigned-url",
            params={"objectName": name},
            timeout=self._timeout(),
            allow_redirects=False,
        )
        if response.status_code != 200:
            raise UploadError(f"asking for an upload address: status {response.status_code}")
        answer = response.json()
        address, where = answer.get("url"), answer.get("storageUri")
        if not isinstance(address, str) or not isinstance(where, str):
            raise UploadError("asking for an upload address: an answer without url")
        fields = answer.get("fields")
        if isinstance(fields, dict) and fields:
            stored = self._storage().post(
                address,
                data=fields,
                files={"file": (name, binary.data, binary.media_type)},
                timeout=self._timeout(),
                allow_redirects=False,
            )
        else:
            headers = {"Content-Type": binary.media_type}
            if (urlsplit(address).hostname or "").endswith(".blob.core.windows.net"):
                headers["x-ms-blob-type"] = "BlockBlob"
            stored = self._storage().put(
                address,
                data=binary.data,
                headers=headers,
                timeout=self._timeout(),
                allow_redirects=False,
            )
        if not 200 <= stored.status_code < 300:
            raise UploadError(f"the storage: status {stored.status_code}")
        return where

    def _storage(self) -> Any:
        """A session of this thread for the storage: no key, no .netrc."""
        session = getattr(self._of_thread, "session", None)
        if session is None:
            import requests

            session = self._of_thread.session = requests.Session()
            session.auth = lambda request: request
            session.verify = self._settings.verify_ssl
        return session

    def _timeout(self) -> float:
        left = self._client.last_moment - time.monotonic()
        if left <= 0:
            raise UploadError("the process ends")
        return min(self._settings.timeout, left)


def _copied(value: Any) -> Any:
    """``value`` with dicts and lists of its own; texts are shared."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


def _attachments(value: Any) -> Iterator[dict[str, Any]]:
    """The attachments in a body that name binary data and not yet where it is."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "checksumMd5" in value and "mediaType" in value:
                if "storageUri" not in value:
                    yield value
            else:
                waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
