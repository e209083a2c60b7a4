"""Attachments: files and binary data beside a step. The span carries references only.

The attribute ``openlayer.step.attachments`` is a JSON array of objects with ``id``, ``name``,
``mediaType`` and whichever of ``url``, ``sizeBytes``, ``checksumMd5`` and ``metadata`` there is.
The data itself waits in :mod:`openlayer_otel.attachments` for an exporter that wants it.
"""

from __future__ import annotations

import io
import mimetypes
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.attachments import binaries
from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.genai.encoding import decoded_base64
from openlayer_otel.tracing.recording import Step

DEFAULT_MEDIA_TYPE = "application/octet-stream"


class Attachment:
    """A file or binary data for a step.

    Args:
        name: What it is called.
        data: Its bytes; None for content by address.
        media_type: Such as ``image/png``; guessed from the name by default.
        url: Its address, for content that is not in this process.
        metadata: Anything to keep beside it.
    """

    def __init__(
        self,
        name: str = "attachment",
        data: bytes | None = None,
        media_type: str | None = None,
        url: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.name = name
        self.data = data
        self.media_type = media_type or _guessed(name or url or "")
        self.url = url
        self.metadata = dict(metadata or {})

    @classmethod
    def from_bytes(cls, data: bytes, name: str, media_type: str | None = None) -> Attachment:
        """An attachment of bytes."""
        return cls(name, bytes(data), media_type)

    @classmethod
    def from_file(
        cls,
        file_path: str | os.PathLike[str],
        name: str | None = None,
        media_type: str | None = None,
    ) -> Attachment:
        """An attachment of a file's content, read now.

        Raises:
            OSError: The file cannot be read.
        """
        file = Path(file_path).expanduser()
        return cls(name or file.name, file.read_bytes(), media_type or _guessed(file.name))

    @classmethod
    def from_base64(cls, data_base64: str, name: str, media_type: str | None = None) -> Attachment:
        """An attachment of base64 text or a ``data:`` address."""
        return cls(name, decoded_base64(data_base64), media_type)

    @classmethod
    def from_url(
        cls, url: str, name: str | None = None, media_type: str | None = None
    ) -> Attachment:
        """An attachment by address; nothing is downloaded."""
        return cls(name or url.rpartition("/")[2] or url, None, media_type, url)

    def reference(self) -> dict[str, Any]:
        """What the span says of it."""
        found: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "mediaType": self.media_type,
        }
        if self.url is not None:
            found["url"] = self.url
        if self.data is not None:
            found["sizeBytes"] = len(self.data)
            found["checksumMd5"] = binaries.keep(self.data, self.media_type)
        if self.metadata:
            found["metadata"] = self.metadata
        return found


def attach_to(
    step: Step,
    data: Any,
    name: str | None,
    media_type: str | None,
    metadata: Mapping[str, Any] | None,
) -> Attachment | None:
    """Add an attachment to ``step``, if content is recorded. Never raises.

    Returns:
        The attachment; None if ``data`` cannot be read.
    """
    try:
        made = _attachment(data, name, media_type)
        if metadata:
            made.metadata.update(metadata)
        if step.keeps_content and not step.is_over:
            if step.attachments is None:
                step.attachments = []
            step.attachments.append(made.reference())
            step.put_content(semconv.STEP_ATTACHMENTS, step.attachments)
    except OSError as error:
        warn_once(
            f"attachment:{type(error).__name__}",
            # Without its name, which may be a text that somebody took for content.
            "openlayer-otel: the file that log_attachment() was given cannot be read (%s); no "
            "attachment is recorded.",
            type(error).__name__,
        )
        return None
    except Exception as error:  # noqa: BLE001 - boundary: odd data stops no application
        report_failure("log_attachment()", error)
        return None
    return made


def _attachment(data: Any, name: str | None, media_type: str | None) -> Attachment:
    if isinstance(data, Attachment):
        return data
    if isinstance(data, (bytes, bytearray, memoryview)):
        return Attachment(name or "attachment", bytes(data), media_type)
    if isinstance(data, str) and data.startswith(("http://", "https://")):
        return Attachment.from_url(data, name, media_type)
    if isinstance(data, str) and data.startswith("data:"):
        given = data[5:].partition(",")[0].partition(";")[0]
        return Attachment.from_base64(data, name or "attachment", media_type or given or None)
    if isinstance(data, (str, os.PathLike)):
        return Attachment.from_file(data, name, media_type)
    if hasattr(data, "read"):
        return _from_open_file(data, name, media_type)
    raise TypeError(f"neither bytes, a path nor a file: {type(data).__qualname__}")


def _from_open_file(file: Any, name: str | None, media_type: str | None) -> Attachment:
    """What is left to read in an open file, which is put back where it was.

    Raises:
        OSError: It cannot be read, or not be put back, as is found out before it is read.
    """
    position = _position(file)
    content = file.read()
    if position is not None:
        try:
            file.seek(position)
        except Exception as error:  # noqa: BLE001 - read it is: its content is kept
            report_failure("putting back a file", error)
    if isinstance(content, str):
        content = content.encode()
    own_name = getattr(file, "name", None)
    if name is None and isinstance(own_name, str):
        name = Path(own_name).name
    return Attachment(name or "attachment", content, media_type)


def _position(file: Any) -> Any:
    """Where a file is; None for what knows no positions, such as an HTTP response."""
    if not hasattr(file, "seek") or not hasattr(file, "tell"):
        return None
    if hasattr(file, "seekable") and not file.seekable():
        raise io.UnsupportedOperation("not seekable")
    position = file.tell()
    file.seek(position)
    return position


def _guessed(name: str) -> str:
    return mimetypes.guess_type(name)[0] or DEFAULT_MEDIA_TYPE
