"""Says at the end of a test run how many exchanges were replayed."""

from __future__ import annotations

import pytest

from tests.corpus import replay


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tally of the corpus replay."""
    lines = replay.summary()
    if lines:
        terminalreporter.write_sep("-", "replay of recorded exchanges")
        for line in lines:
            terminalreporter.write_line(line)
