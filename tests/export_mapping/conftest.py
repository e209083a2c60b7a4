"""What the tests of the mapping share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from openlayer_otel import attachments
from tests.export_mapping.traces import Traces


@pytest.fixture
def traces() -> Traces:
    """Makes traces, and rows of them."""
    return Traces()


@pytest.fixture
def kept_content() -> Iterator[None]:
    """This process holds raw outputs and binary data, as with an Openlayer exporter."""
    before = attachments.raw_outputs.wanted, attachments.binaries.wanted
    attachments.raw_outputs.wanted = attachments.binaries.wanted = True
    yield
    attachments.raw_outputs.wanted, attachments.binaries.wanted = before
