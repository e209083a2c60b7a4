"""Undoing ``content-encoding`` on bytes that the application reads itself.

gzip and deflate are Python's own. The others (brotli, zstd, several at once) are undone by the
HTTP library's decoders, for it is what has offered them to the server.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Any

Decode = Callable[[bytes], bytes]


def decoder_of(response: Any) -> Decode | None:
    """A function that undoes the encoding of a body, chunk by chunk; None if none is known.

    Args:
        response: The httpx or httpx2 response; its own decoder is left to it.
    """
    named = str(response.headers.get("content-encoding", "")).lower().split(",")
    encodings = [each for each in map(str.strip, named) if each not in ("", "identity")]
    if not encodings:
        return bytes
    if len(encodings) == 1 and encodings[0] in ("gzip", "deflate"):
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress
    library = type(response).__module__.partition(".")[0]
    known = getattr(sys.modules.get(f"{library}._decoders"), "SUPPORTED_DECODERS", {})
    if not all(each in known for each in encodings):
        return None
    decoders = [known[each]() for each in reversed(encodings)]

    def decode(data: bytes) -> bytes:
        for each in decoders:
            made = each.decode(data)
            data = made if isinstance(made, bytes) else b"".join(made)
        return data

    return decode
