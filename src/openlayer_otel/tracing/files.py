"""Making attachments of whatever is given, and putting them beside a step.

The attribute ``openlayer.step.attachments`` is a JSON array of objects with ``id``, ``name``,
``mediaType`` and whichever of ``storageUri``, ``url``, ``sizeBytes``, ``checksumMd5`` and
``metadata`` there is: the span carries references only.
"""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from openlayer_otel import semconv
from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.genai.base64_text import decoded_base64
from openlayer_otel.tracing.attachment import Attachment, warn_of_unreadable
from openlayer_otel.tracing.merging import merging
from openlayer_otel.tracing.recording import Step


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
        if made is None or not made.is_valid():
            return None
        if metadata:
            made.metadata.update(metadata)
        if step.keeps_content and not step.is_over:
            _record(step, made.to_dict())
    except (OSError, ValueError) as error:  # ValueError: of a closed file
        warn_of_unreadable(error)
        return None
    except Exception as error:  # noqa: BLE001 - boundary: odd data stops no application
        report_failure("log_attachment()", error)
        return None
    return made


def _record(step: Step, reference: dict[str, Any]) -> None:
    """Add a reference to those of ``step``, to which other threads may add at the same time."""
    with merging():
        if step.attachments is None:
            step.attachments = []
        all_of_step = step.attachments
        all_of_step.append(reference)
        known = list(all_of_step)
    encoded = step.content.value(known)  # calls the user's redact=: not under the lock
    with merging():
        if len(all_of_step) == len(known) and not step.is_over:  # else who came later records it
            step.put((semconv.STEP_ATTACHMENTS,), encoded)


def _attachment(data: Any, name: str | None, media_type: str | None) -> Attachment | None:
    if isinstance(data, Attachment):
        return data
    if isinstance(data, (bytes, bytearray, memoryview)):
        return Attachment(name or "attachment", bytes(data), media_type)
    if isinstance(data, str) and data[:8].lower().startswith(("http://", "https://")):
        return Attachment.from_url(data, name, media_type)
    if isinstance(data, str) and data.startswith("data:"):
        head, _, body = data[5:].partition(",")
        content = decoded_base64(data) if head.endswith(";base64") else unquote_to_bytes(body)
        given = head.partition(";")[0]
        return Attachment(name or "attachment", content, media_type or given or None)
    if isinstance(data, (str, os.PathLike)):
        return Attachment.from_file(data, name, media_type)
    if hasattr(data, "read"):
        return _from_open_file(data, name, media_type)
    if callable(getattr(type(data), "get_bytes", None)):  # an attachment of Openlayer's SDK
        return Attachment.from_dict({**data.to_dict(), "filePath": None}, data.get_bytes())
    _warn_of_kind(data)
    return None


def _warn_of_kind(data: Any) -> None:
    kind = type(data).__qualname__
    warn_once(
        f"attachment:{kind}",
        "openlayer-otel: log_attachment() takes bytes, a path, an address, an open file or an "
        "Attachment; it was given %s, and no attachment is recorded.",
        kind,
    )


def _from_open_file(file: Any, name: str | None, media_type: str | None) -> Attachment | None:
    """What is left to read in an open file, which is put back where it was.

    Of what must be awaited the file inside is read: that of an upload of Starlette's or FastAPI's.

    Raises:
        OSError: It cannot be read, or not be put back, as is found out before it is read.
    """
    if inspect.iscoroutinefunction(file.read):
        inside: Any = getattr(file, "file", None)
        if not hasattr(inside, "read") or inspect.iscoroutinefunction(inside.read):
            _warn_of_kind(file)
            return None
        named = name or getattr(file, "filename", None) or "attachment"
        return _from_open_file(inside, named, media_type or getattr(file, "content_type", None))
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
