"""Imports go one way."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
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
