"""Imports of the package point one way: no room knows one above it, and no two know each other."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src"
MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in SOURCE.rglob("*.py")
}
WAYS_IN = {"bootstrap", "cli", "distro", "instrumentor", "lib"}
# Room -> the other rooms that it may know.
ROOMS: dict[str, set[str]] = {
    "genai": set(),
    "providers": {"genai"},
    "tracing": {"genai"},
    "export": {"genai"},
    "standin": set(),
}


def imported_by(module: str) -> set[str]:
    """The modules of the package that ``module`` imports when it is imported itself."""
    found = set()
    for statement in ast.parse(MODULES[module].read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.ImportFrom) and statement.module:
            for name in statement.names:
                whole = f"{statement.module}.{name.name}"
                found.add(whole if whole in MODULES else statement.module)
        elif isinstance(statement, ast.Import):
            found.update(name.name for name in statement.names)
    return found & MODULES.keys()


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {module: imported_by(module) for module in MODULES}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES) > 100


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_knows_only_those_below_it(room: str) -> None:
    forbidden = (ROOMS.keys() | WAYS_IN) - ROOMS[room] - {room}
    inside = [module for module in MODULES if room_of(module) == room]
    assert inside
    wrong = {
        module: sorted(known)
        for module in inside
        if (known := {each for each in imported_by(module) if room_of(each) in forbidden})
    }
    assert wrong == {}
