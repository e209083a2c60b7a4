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

# 23 days: sockets, and locks on Windows, take no longer time.
_MOST_SECONDS = 2_000_000.0
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def as_text(value: object) -> str:
    """A value as it is written; bytes are those of a text."""
    if not isinstance(value, (bytes, bytearray)):
        return str(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError("is no text") from None


def is_blank(value: object) -> bool:
    """Whether a value is a text that says nothing."""
    return isinstance(value, (str, bytes, bytearray)) and not value.strip()


def switch(value: object) -> bool:
    """A switch: a bool, or a word for one."""
    if isinstance(value, bool):
        return value
    word = as_text(value).strip().lower()
    if word in ("true", "1", "on", "yes"):
        return True
    if word in ("false", "0", "off", "no"):
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def count(value: object) -> int:
    """A whole number of things or bytes, zero included; ``32.0`` is one."""
    written = as_text(value)
    try:
        number = int(written)
    except ValueError:
        if not float(written).is_integer():
            raise
        number = int(float(written))
    if number < 0:
        raise ValueError("must not be negative")
    return number


def seconds(value: object) -> float:
    """A positive number of seconds; what is longer than a thread can wait is cut to that."""
    number = float(as_text(value))
    if not number > 0:
        raise ValueError("must be a positive number of seconds")
    return min(number, _MOST_SECONDS)


def text(value: object) -> str:
    """A text that is not empty, without the blanks around it."""
    given = as_text(value).strip()
    if not given:
        raise ValueError("is empty")
    return given


def directory(value: object) -> Path:
    """A directory; ``~`` is the home directory.

    It is made absolute, since a program that becomes a daemon changes to another directory.
    """
    try:
        return Path(text(value)).expanduser().absolute()
    except (RuntimeError, OSError) as error:  # no such user, no home, or no current directory
        raise ValueError(str(error)) from None


def default_directory(name: str) -> Path:
    """Where this user's files of a kind are kept; for a process without a home, a temporary one.

    Containers that run under a number nobody has entered have neither ``HOME`` nor an account.
    Where nothing can be written at all, it is a path where nothing can be written.
    """
    try:
        return Path.home() / ".openlayer" / name
    except RuntimeError:
        pass
    try:
        return _temporary_directory(name)
    except OSError:
        return Path(os.devnull) / name


def _temporary_directory(name: str) -> Path:
    user = os.getuid() if hasattr(os, "getuid") else 0  # 0 owns all files on Windows
    path = Path(tempfile.gettempdir()) / f"openlayer-{name}-{user}"
    foreign = path.exists() and path.stat().st_uid != user
    return Path(tempfile.mkdtemp(prefix=f"openlayer-{name}-")) if foreign else path


def names(value: object) -> tuple[str, ...] | None:
    """Names in lower case, from a list or separated by commas; None for all, () for none.

    ``all`` and ``none`` say so in words. A text without any name says nothing: that is all, too.
    """
    if value is None or value is True or is_blank(value):
        return None
    if value is False:
        return ()
    parts = as_text(value).split(",") if isinstance(value, (str, bytes)) else value
    if not isinstance(parts, (list, tuple, set, frozenset)):
        raise ValueError("must be a list of names")
    found = tuple(name for part in parts if (name := as_text(part).strip().lower()))
    if parts and not found:
        raise ValueError("holds no name")
    if "all" in found:
        return None
    return () if found == ("none",) else found


def url(value: object) -> str:
    """An HTTP address without the slash at its end."""
    address = text(value).rstrip("/")
    scheme, colon, rest = address.partition("://")
    if scheme.lower() not in ("http", "https") or not rest:
        raise ValueError("must begin with http:// or https://")
    return scheme.lower() + colon + rest


def headers(value: object) -> Mapping[str, str]:
    """``K: V`` lines, as OPENLAYER_CUSTOM_HEADERS of Openlayer's SDK has them, or a mapping."""
    found = {}
    if isinstance(value, Mapping):
        found = {as_text(k): as_text(v) for k, v in value.items()}
    else:
        for line in as_text(value).splitlines():
            if line.strip():
                name, colon, content = line.partition(":")
                if not colon:
                    raise ValueError("must be lines of 'Name: value'")
                found[name.strip()] = content.strip()
    for name, content in found.items():
        if not _HEADER_NAME.fullmatch(name) or not fits_header(content):
            # Without the text: where the colon is missing, the name is the secret.
            raise ValueError("holds a header that HTTP does not allow")
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
        word = as_text(value).strip().lower()
        if word not in allowed:
            raise ValueError("must be one of " + ", ".join(allowed))
        return word

    return read
