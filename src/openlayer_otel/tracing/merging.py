"""Values that are added to those that a span has already: JSON objects, member by member."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from openlayer_otel.forking import in_forked_child
from openlayer_otel.genai.content import ContentPolicy
from openlayer_otel.genai.encoding import to_json

_merging = threading.RLock()


def merging() -> Any:
    """The lock to hold while values are merged into those that a span has already.

    Several threads may add to one step. One lock for all: each look at a span of somebody else's
    makes a ``Step`` of its own. Nobody's code runs under it.
    """
    return _merging


@in_forked_child
def _renew_lock() -> None:
    global _merging
    _merging = threading.RLock()


def encoded_members(values: Mapping[Any, Any], content: ContentPolicy) -> dict[str, str]:
    """The items of ``values`` as names and JSON texts."""
    return {str(key): content.value(value).text for key, value in dict(values).items()}


def json_object(members: Mapping[str, str]) -> str:
    """A JSON object from names and values that are JSON texts already."""
    return "{" + ",".join(f"{to_json(key)}:{text}" for key, text in members.items()) + "}"
