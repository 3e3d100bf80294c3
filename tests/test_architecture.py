"""Imports go one way, no two files import each other, and no room is too full to see through."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
MOST_FILES = 16  # of a room, its `__init__.py` aside
LINT = (
    "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
)


def _lint(folder: Path, *, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    code = LINT if path is None else f"import sys; sys.path.insert(0, {str(path)!r}); {LINT}"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


def test_rooms_import_downwards_only() -> None:
    result = _lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_an_upward_import_is_caught(tmp_path: Path) -> None:
    """The contract as written refuses a package of the same shape with one import upwards."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [
        name.strip(" ()")
        for layer in contract["contracts"][0]["layers"]
        for name in layer.split("|")
    ]
    package = tmp_path / "ketasim"
    for room in layers:
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "__about__.py").touch()
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    assert _lint(tmp_path, path=tmp_path).returncode == 0

    (package / "_base" / "__init__.py").write_text("import ketasim.apps\n")
    refused = _lint(tmp_path, path=tmp_path)
    assert refused.returncode != 0
    assert "ketasim._base -> ketasim.apps" in refused.stdout


def _modules(source: Path) -> dict[str, Path]:
    paths = {path: path.relative_to(source).with_suffix("").parts for path in source.rglob("*.py")}
    return {".".join(p for p in parts if p != "__init__"): path for path, parts in paths.items()}


def _imports(source: Path) -> dict[str, set[str]]:
    """Module to the modules it imports, anywhere in its text and for types alone as well.

    What a room exports stands for the file that defines it.
    """
    modules = _modules(source)
    rooms = {name for name, path in modules.items() if path.name == "__init__.py"}
    named = {
        name: [
            (node.module, alias.name, alias.asname or alias.name)
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        ]
        + [
            (alias.name, "", alias.name)
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Import)
            for alias in node.names
        ]
        for name, path in modules.items()
    }

    def defined_in(module: str, name: str) -> str:
        if f"{module}.{name}" in modules:
            return f"{module}.{name}"
        if module in rooms:
            for origin, original, shown in named[module]:
                if shown == name and origin in modules:
                    return defined_in(origin, original)
        return module

    graph = {
        name: {defined_in(module, what) for module, what, _ in found if module in modules}
        for name, found in named.items()
        if name not in rooms
    }
    return {name: found - rooms - {name} for name, found in graph.items()}


def test_no_two_files_import_each_other() -> None:
    TopologicalSorter(_imports(SOURCE)).prepare()


def test_a_circle_of_files_is_caught(tmp_path: Path) -> None:
    """Through a room's exports, and where the import serves types alone."""
    room = tmp_path / "ketasim" / "room"
    room.mkdir(parents=True)
    (tmp_path / "ketasim" / "__init__.py").touch()
    (room / "__init__.py").write_text("from ketasim.room.first import One\n")
    (room / "first.py").write_text(
        "if TYPE_CHECKING:\n    from ketasim.room.second import Two\nclass One: ...\n"
    )
    (room / "second.py").write_text("from ketasim.room import One\nclass Two: ...\n")
    with pytest.raises(CycleError) as caught:
        TopologicalSorter(_imports(tmp_path)).prepare()
    assert set(caught.value.args[1]) == {"ketasim.room.first", "ketasim.room.second"}


def test_no_room_is_flat_beyond_sight() -> None:
    files = Counter(path.parent for path in SOURCE.rglob("*.py") if path.name != "__init__.py")
    assert {room.name: count for room, count in files.items() if count > MOST_FILES} == {}
