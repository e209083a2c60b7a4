"""Attachments of a step: binary content as Openlayer's SDK describes it, the data left out.

An attachment names its data by MD5 checksum and size; :mod:`openlayer_otel.export.uploads`
adds where it was stored. With ``inline_attachments`` (and no upload) the data is put inside.
"""

from __future__ import annotations

import base64
import mimetypes
import uuid
from functools import lru_cache
from typing import Any

from openlayer_otel.attachments import binaries
from openlayer_otel.genai.base64_text import decoded_base64
from openlayer_otel.genai.encoding import plain
from openlayer_otel.genai.messages import Part, media_type_of, modality_of
from openlayer_otel.settings import Settings

_ITEM_TYPES = {"image": "image", "audio": "audio"}
_MEDIA_TYPES = {
    "image": "image/jpeg",
    "audio": "audio/wav",
    "video": "video/mp4",
    "document": "application/pdf",
}
# The order in which Openlayer's SDK sends the fields.
_FIELDS = (
    "id", "name", "mediaType", "storageUri", "url", "filePath", "dataBase64", "sizeBytes",
    "checksumMd5", "metadata",
)  # fmt: skip


class References:
    """Makes the attachments of one step after another; their ids are the same each time.

    Args:
        settings: ``inline_attachments`` and ``upload_attachments`` decide about the data.
        checksums: Gets the MD5 checksums of the binary data that the steps refer to.
    """

    def __init__(self, settings: Settings, checksums: list[str]) -> None:
        self._checksums = checksums
        self._inline = settings.inline_attachments and not settings.upload_attachments
        self._step_id = ""
        self._count = 0

    def begin(self, step_id: str) -> None:
        """The attachments that follow are those of this step."""
        self._step_id = step_id
        self._count = 0

    def item(self, part: Part) -> dict[str, Any]:
        """A content item (``{"type": "image", "attachment": ...}``) for a part with media."""
        modality = str(part.get("modality") or "document")
        media_type = part.get("mime_type") or _named_media_type(part, modality)
        kind = _ITEM_TYPES.get(modality, "file")
        checksum = part.get("checksum_md5")
        found: dict[str, Any] = {"mediaType": media_type}
        if isinstance(checksum, str):
            found["name"] = f"{kind}{_extension(str(media_type))}"
            found["checksumMd5"] = checksum
            found["sizeBytes"] = part.get("size_bytes")
        elif part.get("type") == "uri":
            found["name"] = kind
            found["url"] = part.get("uri")
        else:
            found["name"] = kind
            found["metadata"] = {"fileId": part.get("file_id")}
        if isinstance(part.get("filename"), str):
            found["name"] = part["filename"]
        return {"type": kind, "attachment": self._finished(found)}

    def attachment(self, given: Any) -> dict[str, Any] | None:
        """An attachment of the user's (an entry of ``openlayer.step.attachments``).

        Returns:
            It, with an id and a name; None if ``given`` describes none.
        """
        if not isinstance(given, dict):
            return None
        found = {key: value for key, value in given.items() if value is not None}
        encoded = found.pop("dataBase64", None)
        data = decoded_base64(encoded) if encoded is not None else None
        if data is not None:
            media_type = str(found.setdefault("mediaType", "application/octet-stream"))
            found["checksumMd5"] = binaries.keep(data, media_type)
            found["sizeBytes"] = len(data)
        found.setdefault("name", "attachment")
        found.setdefault("mediaType", "application/octet-stream")
        return self._finished(found)

    def _finished(self, found: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        found.setdefault("id", str(_uuid(f"{self._step_id}/attachment/{self._count}")))
        checksum = found.get("checksumMd5")
        if isinstance(checksum, str):
            self._checksums.append(checksum)
            held = binaries.get(checksum) if self._inline else None
            if held is not None:
                found["dataBase64"] = encoded_base64(held.data)
        return {key: plain(value) for key, value in in_wire_order(found).items()}


def in_wire_order(attachment: dict[str, Any]) -> dict[str, Any]:
    """An attachment's fields in the order in which Openlayer's SDK sends them; others dropped."""
    return {key: attachment[key] for key in _FIELDS if attachment.get(key) is not None}


def extension_of(name: str, media_type: str) -> str:
    """The extension for stored data, with its dot: that of its name, else of its media type."""
    _, dot, form = name.rpartition(".")
    if dot and form.isalnum() and len(form) <= 10:
        return f".{form}"
    return _extension(media_type) or ".bin"


def encoded_base64(data: bytes) -> str:
    """Base64 text of ``data``."""
    return base64.b64encode(data).decode("ascii")


def _extension(media_type: str) -> str:
    """The file name extension of a media type, with its dot; none if there is no usual one."""
    kind, _, form = media_type.partition("/")
    if kind in ("image", "audio", "video") and form.isalnum():
        return f".{form}"
    return mimetypes.guess_extension(media_type) or ""


def _named_media_type(part: Part, modality: str) -> str:
    """The media type that the file's name or address says, else the usual one."""
    usual = _MEDIA_TYPES.get(modality, _MEDIA_TYPES["document"])
    name = part.get("filename")
    if not isinstance(name, str):
        name, _, _ = str(part.get("uri") or "").partition("?")
        name = name.partition("#")[0].rpartition("/")[2]
    found = media_type_of(name, usual)
    # An image's address may end in ".php".
    return found if modality == "document" or modality_of(found) == modality else usual


_NAMESPACE = uuid.UUID("6f1d8f0e-2c5b-5a57-9a0f-0d1f6c1c6f9b")


def _uuid(name: str) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, name)


# Version 4 and variant 1 of a UUID: the bits that are cleared, and those that are set.
_VERSION = 0xFFFFFFFFFFFF0FFF, 0x4000
_VARIANT = 0x3FFFFFFFFFFFFFFF, 0x8000000000000000


def step_id_of(trace_id: int, span_id: int) -> str:
    """The id of a span's step: a UUID, the same whenever and wherever it is made.

    It is made of the lower half of the trace id and the span id, which are random like the
    UUIDs of version 4 that Openlayer's SDK sends. Hashing them would cost ten times as much.
    """
    digits = "%016x" % (span_id & _VARIANT[0] | _VARIANT[1])
    return f"{_first_groups(trace_id)}-{digits[:4]}-{digits[4:]}"


@lru_cache(maxsize=16)
def _first_groups(trace_id: int) -> str:
    """What the ids of all steps of a trace begin with."""
    digits = "%016x" % (trace_id & _VERSION[0] | _VERSION[1])
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:]}"
