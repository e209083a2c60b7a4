"""One file to Openlayer's storage, as Openlayer's SDK does it.

Openlayer is asked for a *presigned* address, one that allows a single upload without a key; the
data goes there, and the ``storageUri`` that came with the address says where it is.
"""

from __future__ import annotations

import threading
import time
from typing import Any
from urllib.parse import urlsplit

from openlayer_otel.export.answers import BAD_ADDRESS
from openlayer_otel.export.client import Client, verification
from openlayer_otel.export.http_libraries import import_requests

_PASSING = frozenset({408, 409, 425, 429})


class UploadError(Exception):
    """The storage or Openlayer did not take the data; the text says why, without secrets.

    Attributes:
        passing: Whether it is worth another try later.
    """

    def __init__(self, reason: str, *, passing: bool) -> None:
        super().__init__(reason)
        self.passing = passing


class Storage:
    """Puts files into Openlayer's storage. Thread-safe: each thread has its own connections.

    Args:
        client: Its settings, and its session for the requests to Openlayer. Requests to the
            storage itself never carry Openlayer's key.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._settings = client.settings
        self._of_thread = threading.local()

    def put(self, name: str, data: bytes, media_type: str) -> str:
        """Store a file.

        Args:
            name: Its name in the storage.
            data: Its content.
            media_type: Such as ``image/png``.

        Returns:
            The ``storageUri``.

        Raises:
            UploadError: It was not stored.
        """
        try:
            return self._put(name, data, media_type)
        except UploadError:
            raise
        except Exception as error:  # whatever went wrong below, the caller knows one kind
            reason = type(error).__name__
            raise UploadError(reason, passing=reason not in BAD_ADDRESS) from error

    def _put(self, name: str, data: bytes, media_type: str) -> str:
        response = self._client.session().post(
            f"{self._settings.base_url}/storage/presigned-url",
            params={"objectName": name},
            timeout=self._timeout(),
            allow_redirects=False,
        )
        if response.status_code != 200:
            raise _refused("asking for an upload address", response.status_code)
        answer = response.json()
        address, where = answer.get("url"), answer.get("storageUri")
        if not isinstance(address, str) or not isinstance(where, str):
            raise UploadError("asking for an upload address: an answer without url", passing=False)
        fields = answer.get("fields")
        if isinstance(fields, dict) and fields:
            stored = self._session().post(
                address,
                data=fields,
                files={"file": (name, data, media_type)},
                timeout=self._timeout(),
                allow_redirects=False,
            )
        else:
            headers = {"Content-Type": media_type}
            if (urlsplit(address).hostname or "").endswith(".blob.core.windows.net"):
                headers["x-ms-blob-type"] = "BlockBlob"
            stored = self._session().put(
                address,
                data=data,
                headers=headers,
                timeout=self._timeout(),
                allow_redirects=False,
            )
        if not 200 <= stored.status_code < 300:
            raise _refused("the storage", stored.status_code)
        return where

    def _session(self) -> Any:
        """A session of this thread for the storage: no key, no .netrc."""
        session = getattr(self._of_thread, "session", None)
        if session is None:
            session = self._of_thread.session = import_requests().Session()
            session.auth = lambda request: request
            session.verify = verification(self._settings)
        return session

    def _timeout(self) -> float:
        left = self._client.last_moment - time.monotonic()
        if left <= 0:
            raise UploadError("the process ends", passing=True)
        return min(self._settings.timeout, left)


def _refused(who: str, status: int) -> UploadError:
    return UploadError(f"{who}: status {status}", passing=status in _PASSING or status >= 500)
