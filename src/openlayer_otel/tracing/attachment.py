"""An attachment: a file or binary data beside a step, with the fields that Openlayer's SDK has.

What the span says of it is its *reference*. The data itself waits in
:mod:`openlayer_otel.attachments` for an exporter that wants it.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from openlayer_otel.attachments import binaries
from openlayer_otel.diagnostics import warn_once
from openlayer_otel.genai.base64_text import decoded_base64

DEFAULT_MEDIA_TYPE = "application/octet-stream"


class Attachment:
    """A file or binary data for a step.

    Args:
        name: What it is called.
        data: Its bytes; None for content by address.
        media_type: Such as ``image/png``; guessed from the name by default.
        url: Its address, for content that is not in this process.
        metadata: Anything to keep beside it.
        data_base64: Its bytes as base64 text, instead of ``data``.
        file_path: The file that holds its bytes, instead of ``data``; read now.
        storage_uri: Where Openlayer's storage has it already.
        id: Its own id; a new one by default.
    """

    def __init__(
        self,
        name: str = "attachment",
        data: bytes | None = None,
        media_type: str | None = None,
        url: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        data_base64: str | None = None,
        file_path: str | os.PathLike[str] | None = None,
        storage_uri: str | None = None,
        id: str | None = None,  # noqa: A002 - the SDK's name
    ) -> None:
        self.id = id or str(uuid.uuid4())
        self.name = name
        if data is None and data_base64 is not None:
            data = decoded_base64(data_base64)
        if data is None and file_path is not None:
            data = _content_of(file_path)
        self.data = data
        self.media_type = media_type or _guessed(name or url or "")
        self.url = url
        self.file_path = None if file_path is None else os.fspath(file_path)
        self.storage_uri = storage_uri
        self.metadata = dict(metadata or {})

    @classmethod
    def from_bytes(
        cls, data: bytes, name: str, media_type: str | None = None, inline: bool = False
    ) -> Attachment:
        """An attachment of bytes; whether they are sent inline is a setting (``inline`` is not)."""
        return cls(name, bytes(data), media_type)

    @classmethod
    def from_file(
        cls,
        file_path: str | os.PathLike[str],
        name: str | None = None,
        media_type: str | None = None,
        extract_metadata: bool = True,
    ) -> Attachment:
        """An attachment of a file's content, read now.

        A file that cannot be read is warned about, and its attachment is not recorded.
        ``extract_metadata`` has no meaning, as in the SDK.
        """
        file = Path(file_path).expanduser()
        return cls(name or file.name, None, media_type or _guessed(file.name), file_path=file)

    @classmethod
    def from_base64(cls, data_base64: str, name: str, media_type: str | None = None) -> Attachment:
        """An attachment of base64 text or a ``data:`` address."""
        return cls(name, decoded_base64(data_base64), media_type)

    @classmethod
    def from_url(
        cls, url: str, name: str | None = None, media_type: str | None = None
    ) -> Attachment:
        """An attachment by address; nothing is downloaded."""
        file = urlsplit(url).path.rpartition("/")[2]  # without what a signed address has beside it
        return cls(name or file or "attachment", None, media_type or _guessed(file), url)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], content: bytes | None = None) -> Attachment:
        """An attachment from what :meth:`to_dict` gave, here or in the SDK.

        Args:
            data: What it gave.
            content: The bytes, which it does not say.
        """
        return cls(
            data.get("name") or "",
            content,
            data.get("mediaType") or DEFAULT_MEDIA_TYPE,
            data.get("url"),
            data.get("metadata"),
            data_base64=data.get("dataBase64"),
            file_path=data.get("filePath"),
            storage_uri=data.get("storageUri"),
            id=data.get("id"),
        )

    @property
    def size_bytes(self) -> int | None:
        """How large its data is."""
        return None if self.data is None else len(self.data)

    @property
    def checksum_md5(self) -> str | None:
        """The MD5 checksum of its data."""
        if self.data is None:
            return None
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()

    @property
    def data_base64(self) -> str | None:
        """Its data as base64 text."""
        return None if self.data is None else base64.b64encode(self.data).decode()

    def get_bytes(self) -> bytes | None:
        """Its data."""
        return self.data

    def has_data(self) -> bool:
        """Whether its data is here."""
        return self.data is not None

    def is_uploaded(self) -> bool:
        """Whether it was told where Openlayer's storage has it."""
        return self.storage_uri is not None

    def is_valid(self) -> bool:
        """Whether there is anything to record."""
        return self.has_data() or self.is_uploaded() or self.url is not None

    def get_reference(self) -> str | None:
        """Where it can be found."""
        return self.storage_uri or self.url or self.file_path

    def to_dict(self) -> dict[str, Any]:
        """Its reference: what the span says of it."""
        found: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "mediaType": self.media_type,
        }
        if self.storage_uri is not None:
            found["storageUri"] = self.storage_uri
        if self.url is not None:
            found["url"] = self.url
        if self.data is not None:
            found["sizeBytes"] = len(self.data)
            found["checksumMd5"] = binaries.keep(self.data, self.media_type)
        if self.metadata:
            found["metadata"] = self.metadata
        return found


def _content_of(file: str | os.PathLike[str]) -> bytes | None:
    """What a file holds; None, with one warning, if it cannot be read."""
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        warn_of_unreadable(error)
        return None


def warn_of_unreadable(error: Exception) -> None:
    """Say once that a file could not be read, and why."""
    warn_once(
        f"attachment:{type(error).__name__}",
        # Without its name, which may be a text that somebody took for content.
        "openlayer-otel: the file that log_attachment() was given cannot be read (%s); no "
        "attachment is recorded.",
        type(error).__name__,
    )


def _guessed(name: str) -> str:
    return mimetypes.guess_type(name)[0] or DEFAULT_MEDIA_TYPE
