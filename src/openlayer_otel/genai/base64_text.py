"""Binary data as base64 text: how providers and compatible servers put it into JSON."""

from __future__ import annotations

import base64
import re

_PADDED = re.compile(r"[^=]+=*")


def decoded_base64(text: object) -> bytes | None:
    """The bytes of a base64 text (or of a ``data:`` address), or None if it is neither."""
    if not isinstance(text, str):
        return None
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            return None
    try:
        return base64.b64decode(text, validate=False)
    except (ValueError, UnicodeError):
        return None


def joined_base64(pieces: str) -> str:
    """One base64 text for several that follow each other, each with its own padding."""
    if "=" not in pieces.rstrip("="):
        return pieces
    decoded = [decoded_base64(piece) or b"" for piece in _PADDED.findall(pieces)]
    return base64.b64encode(b"".join(decoded)).decode()
