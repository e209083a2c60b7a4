"""Undoing ``content-encoding`` on bytes that the application reads itself.

gzip is Python's own. The others (deflate with or without its header, brotli, zstd, several at once)
are undone by the HTTP library's decoders, for it is what has offered them to the server. What the
library does not know (servers that name a charset) it passes on as it is, and so do we.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Any

Decode = Callable[[bytes], bytes]


def decoder_of(response: Any) -> Decode:
    """A function that undoes the encoding of a body, chunk by chunk.

    It raises what the library's decoders raise on bytes that are not what the header says.

    Args:
        response: The httpx or httpx2 response; its own decoder is left to it.
    """
    named = str(response.headers.get("content-encoding", "")).lower().split(",")
    encodings = [each for each in map(str.strip, named) if each not in ("", "identity")]
    if not encodings:
        return bytes
    if encodings == ["gzip"]:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress
    library = type(response).__module__.partition(".")[0]
    known = getattr(sys.modules.get(f"{library}._decoders"), "SUPPORTED_DECODERS", {})
    decoders = [known[each]() for each in reversed(encodings) if each in known]

    def decode(data: bytes) -> bytes:
        for each in decoders:
            made = each.decode(data)
            data = made if isinstance(made, bytes) else b"".join(made)
        return data

    return decode
