"""``openlayer-otel spool status|replay|clear``: look after traces that wait on disk."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from datetime import datetime

from openlayer_otel.settings import Settings


def status(options: argparse.Namespace) -> int:
    """Print how many traces wait, how large they are and since when.

    Returns:
        0; 2 if the spool cannot be read.
    """
    from openlayer_otel.export.spool import Spool

    settings = _settings(options)
    if not _can_read(settings):
        return 2
    found = Spool(settings.spool_directory, settings.max_spool_bytes).status()
    print(f"directory   {settings.spool_directory}")
    print(f"traces      {found.files}")
    if found.attachments:
        print(f"attachments {found.attachments}")
    print(f"size        {found.size:,} of {settings.max_spool_bytes:,} bytes")
    if found.oldest is not None and found.newest is not None:
        print(f"oldest      {_when(found.oldest)}")
        print(f"newest      {_when(found.newest)}")
    print(f"refused     {found.refused}")
    print(f"unreadable  {found.unreadable}")
    return 0


def replay(options: argparse.Namespace) -> int:
    """Send what waits, the oldest first.

    Returns:
        0 if nothing is left; 1 if something could not be sent; 2 without an API key, where
        publishing is off, or if the spool cannot be read.
    """
    from openlayer_otel.export.answers import Verdict
    from openlayer_otel.export.replay import obstacle
    from openlayer_otel.export.replay import replay as replay_spool
    from openlayer_otel.export.spool import Spool

    settings = _settings(options)
    why = obstacle(settings)
    if why is not None:
        print(f"{why}.", file=sys.stderr)
        return 2
    if not _can_read(settings):
        return 2
    count: Counter[str] = Counter()
    to_check: dict[str, None] = {}  # in this order
    for _, answer in replay_spool(settings, refused=options.refused):
        if answer is None:
            count["for another address (OPENLAYER_BASE_URL)"] += 1
        elif answer.verdict is Verdict.SENT:
            count["sent"] += 1
        else:
            fate = "refused" if answer.verdict is Verdict.REFUSED else "not sent"
            count[f"{fate} ({answer.reason})"] += 1
            if answer.advice:
                to_check[answer.advice] = None
    spool = Spool(settings.spool_directory, settings.max_spool_bytes)
    left = spool.status().files
    for what, number in count.items():
        print(f"{number} {what}")
    for advice in to_check:
        print(f"{advice}.", file=sys.stderr)
    print(f"{left} left" if left else "nothing left")
    return 1 if left or set(count) - {"sent"} else 0


def clear(options: argparse.Namespace) -> int:
    """Remove all files but those that are being sent right now.

    Returns:
        0; 2 if the spool cannot be read.
    """
    from openlayer_otel.export.spool import Spool

    settings = _settings(options)
    if not _can_read(settings):
        return 2
    removed = Spool(settings.spool_directory, settings.max_spool_bytes).clear()
    print(f"{removed} removed")
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    return Settings.resolve(spool_directory=options.directory)


def _can_read(settings: Settings) -> bool:
    """Whether the spool can be looked at; says why if not. One that is not there yet is empty."""
    try:
        os.scandir(settings.spool_directory).close()
    except FileNotFoundError:
        return True
    except OSError as error:
        print(f"Cannot read the spool: {error}.", file=sys.stderr)
        return False
    return True


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
