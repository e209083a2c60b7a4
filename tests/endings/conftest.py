"""Fixtures of the endings suite."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _quick_collections() -> Iterator[None]:
    """Leaves what is there already out of garbage collections: each ending asks for several."""
    gc.freeze()
    yield


@pytest.fixture(scope="package", autouse=True)
def _unfreeze() -> Iterator[None]:
    yield
    gc.unfreeze()
