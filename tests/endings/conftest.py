"""Fixtures of the endings suite."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def _quick_collections() -> Iterator[None]:
    """Leaves the SDKs' modules out of garbage collections: each ending asks for several."""
    for name in ("openai", "anthropic"):
        pytest.importorskip(name)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
