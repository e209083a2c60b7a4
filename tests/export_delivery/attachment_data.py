"""Data of attachments: its checksum, its place in the storage, its files in the spool."""

from __future__ import annotations

import hashlib
from pathlib import Path


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def place_of(data: bytes) -> str:
    return f"stand-in://storage/attachments/{md5(data)}.txt"


def files(folder: Path, suffix: str = "") -> list[Path]:
    return sorted(folder.glob(f"*{suffix}"))
