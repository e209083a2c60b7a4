"""JSON as a provider sent it, read as the SDKs read it.

They decode with Python's own ``json``, which is not as strict as orjson: servers written in Python
send ``NaN`` and ``-Infinity`` (of log probabilities, mostly), others a byte order mark. What has no
place in JSON is ``null`` here.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from openlayer_otel.genai.encoding import plain

# Anything else is no JSON of an API, and may be a sound of some megabytes.
_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?\s*[{\[]")


def received_json(text: bytes) -> Any:
    """The value that a body or an event holds; None if it is no JSON."""
    try:
        return orjson.loads(text)
    except ValueError:
        if not _BEGINS.match(text):
            return None
    try:
        return plain(json.loads(text))
    except (ValueError, RecursionError):
        return None


def response_json(body: bytes | None) -> Any:
    """The JSON of a response's body; None if it holds none.

    A number alone is no answer of any API, but may be the text of one.
    """
    value = received_json(body) if body else None
    return value if isinstance(value, (dict, list)) else None
