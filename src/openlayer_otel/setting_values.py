"""What users write as a setting's value, read into what the setting means.

Each function takes the argument, or the text of an environment variable, and raises ValueError,
with the reason for the user, if it is no such value.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from openlayer_otel.diagnostics import warn_once

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def switch(value: object) -> bool:
    """A switch: a bool, or a word for one."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "1", "on", "yes"):
        return True
    if word in ("false", "0", "off", "no", ""):
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def count(value: object) -> int:
    """A number of things or bytes, zero included."""
    number = int(str(value))
    if number < 0:
        raise ValueError("must not be negative")
    return number


def seconds(value: object) -> float:
    """A positive number of seconds."""
    number = float(str(value))
    if not 0 < number < float("inf"):
        raise ValueError("must be a positive number of seconds")
    return number


def text(value: object) -> str:
    """A text that is not empty, without the blanks around it."""
    given = str(value).strip()
    if not given:
        raise ValueError("is empty")
    return given


def directory(value: object) -> Path:
    """A directory; ``~`` is the home directory."""
    try:
        return Path(text(value)).expanduser()
    except RuntimeError as error:  # no such user, or no home directory
        raise ValueError(str(error)) from None


def default_directory(name: str) -> Path:
    """Where this user's files of a kind are kept; for a process without a home, a temporary one.

    Containers that run under a number nobody has entered have neither ``HOME`` nor an account.
    """
    try:
        return Path.home() / ".openlayer" / name
    except RuntimeError:
        user = os.getuid() if hasattr(os, "getuid") else 0  # 0 owns all files on Windows
        path = Path(tempfile.gettempdir()) / f"openlayer-{name}-{user}"
        foreign = path.exists() and path.stat().st_uid != user
        return Path(tempfile.mkdtemp(prefix=f"openlayer-{name}-")) if foreign else path


def names(value: object) -> tuple[str, ...] | None:
    """Names in lower case, from a list or separated by commas; None for all, () for none."""
    if value is None or value is True:
        return None
    if value is False:
        return ()
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple, set, frozenset)):
        raise ValueError("must be a list of names")
    return tuple(str(part).strip().lower() for part in parts if str(part).strip())


def url(value: object) -> str:
    """An HTTP address without the slash at its end."""
    address = text(value).rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return address


def headers(value: object) -> Mapping[str, str]:
    """``K: V`` lines, as OPENLAYER_CUSTOM_HEADERS of Openlayer's SDK has them, or a mapping."""
    found = {}
    if isinstance(value, Mapping):
        found = {str(k): str(v) for k, v in value.items()}
    else:
        for line in str(value).splitlines():
            if line.strip():
                name, colon, content = line.partition(":")
                if not colon:
                    raise ValueError("must be lines of 'Name: value'")
                found[name.strip()] = content.strip()
    for name, content in found.items():
        if not _HEADER_NAME.fullmatch(name) or not fits_header(content):
            raise ValueError(f"holds a header that HTTP does not allow ({name!r})")
    return found


def fits_header(content: str) -> bool:
    """Whether a text can be the value of an HTTP header: Latin-1, and all on one line."""
    return _HEADER_VALUE.fullmatch(content) is not None


def redaction(value: object) -> Callable[[str], str]:
    """A function that redacts a text. In the place of anything else, one that lets nothing pass."""
    if callable(value):
        return value
    warn_once(
        "setting:redact",
        "openlayer-otel: redact= is no function, so no content is recorded in words.",
    )
    return _withheld


def _withheld(text: str) -> str:
    """What is recorded of a text that was to be redacted, nobody knows how."""
    return "[withheld: redact= is no function]"


def one_of(*allowed: str) -> Callable[[object], str]:
    """What reads a word that is one of ``allowed``, in any case."""

    def read(value: object) -> str:
        text = str(value).strip().lower()
        if text not in allowed:
            raise ValueError("must be one of " + ", ".join(allowed))
        return text

    return read
