"""The documentation is true: its programs run, its links lead somewhere, its tables are whole."""

from __future__ import annotations

import pkgutil
import re
import sys
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

import openlayer_otel
from openlayer_otel.settings import Settings
from tests.support.child_process import run

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
_VARIABLE = re.compile(r"\bOPENLAYER_[A-Z_]*[A-Z]\b")


@dataclass(frozen=True)
class Block:
    """A program in the documentation."""

    page: Path
    line: int
    source: str


def python_blocks() -> list[Block]:
    """Every ```python block; those marked ```python no-run are left out."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            if match["kind"].strip() == "python":
                line = text.count("\n", 0, match.start()) + 2
                found.append(Block(page, line, match["body"]))
    return found


@pytest.mark.parametrize("block", python_blocks(), ids=lambda b: f"{b.page.name}:{b.line}")
def test_the_program_runs(block: Block, child_environment: dict[str, str], tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    # Line numbers in a traceback are those of the page.
    program.write_text("\n" * (block.line - 1) + block.source, encoding="utf-8")
    command = (sys.executable, str(program))
    done = run(*command, environment=child_environment, directory=tmp_path).succeeded()
    complaints = [line for line in done.errors.splitlines() if "openlayer-otel:" in line]
    assert "Traceback" not in done.errors, done.errors
    assert complaints == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = _LINK.findall(page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_the_index_lists_every_page() -> None:
    listed = set(_LINK.findall((ROOT / "docs" / "index.md").read_text(encoding="utf-8")))
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert pages - listed == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_of_ours_that_is_named_exists(page: Path) -> None:
    known = {each.metadata["variable"] for each in fields(Settings)}
    named = set(_VARIABLE.findall(page.read_text(encoding="utf-8")))
    assert named - known == set()


def test_the_readme_names_the_whole_public_api() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    names = set(openlayer_otel.__all__) - {"__version__"}
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_the_public_api_in_the_readme_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("## Public API")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    names = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    assert set(openlayer_otel.__all__) - {"__version__"} <= set(names)
    for name in names:
        pkgutil.resolve_name(f"openlayer_otel.{name}")


def test_the_rooms_that_the_development_page_names_exist() -> None:
    text = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")
    table = text.partition("## The code")[2].partition("| --- |")[2]
    rooms = re.findall(r"`([\w/*]+(?:\.py|/))`", table)
    source = ROOT / "src" / "openlayer_otel"
    found = [any(source.glob(room)) or any((source / "export").glob(room)) for room in rooms]
    assert len(rooms) > 10
    assert [room for room, exists in zip(rooms, found, strict=True) if not exists] == []


def settings_rows() -> dict[str, tuple[str, str, str]]:
    """What docs/configuration.md must say: setting -> variable, default, meaning."""
    return {
        each.name: (
            f"`{each.metadata['variable']}`" if each.metadata["variable"] else "",
            _written(each.default),
            each.metadata["doc"],
        )
        for each in fields(Settings)
    }


def _written(default: Any) -> str:
    """A default as one would set it in the environment."""
    if default is None:
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, Enum):
        return f"`{default.value}`"
    if isinstance(default, float):
        return f"`{default:g}`"
    return f"`{str(default).replace(str(Path.home()), '~')}`"


def test_the_configuration_page_lists_every_setting() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    written = {cells[0].strip("`"): tuple(cells[1:]) for cells in rows}
    expected = settings_rows()
    missing = [
        f"| `{name}` | " + " | ".join(cells) + " |"
        for name, cells in expected.items()
        if written.get(name) != cells
    ]
    assert not missing, "rows for docs/configuration.md:\n" + "\n".join(missing)
    assert set(written) == set(expected)
