"""The documentation builds without a warning, names what is public and needs no network."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _rooms() -> list[str]:
    """The rooms whose `__init__` names what is public."""
    package = ROOT / "src" / "ketasim"
    return sorted(
        ".".join(path.parent.relative_to(package).parts)
        for path in package.glob("[!_]*/**/__init__.py")
        if "__all__" in path.read_text(encoding="utf-8") and package / "apps" not in path.parents
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        # Not --quiet, which hides warnings from --strict.
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.mark.parametrize("room", ["ketasim", *_rooms()])
def test_the_reference_is_what_all_names(site: Path, room: str) -> None:
    module = "ketasim" if room == "ketasim" else f"ketasim.{room}"
    page = (site / "reference" / f"{room}.html").read_text(encoding="utf-8")
    # A function named like the file that holds it stands under its full name.
    documented = set(re.findall(rf'id="{re.escape(module)}\.(\w+)(?:\.\1)?"', page))
    if room == "ketasim":
        documented |= set(re.findall(r'id="ketasim\.\w+\.(\w+)\.\1"', page))
    names = {name for name in importlib.import_module(module).__all__ if name[0] != "_"}
    # A name that is missing has no docstring; one under a constant counts.
    assert documented == names


def test_the_list_of_public_names_leads_to_the_pages_of_the_rooms(site: Path) -> None:
    listed = (site / "reference" / "index.html").read_text(encoding="utf-8")
    for room in ("ketasim", *_rooms()):
        assert re.search(
            rf'<a href="{re.escape(room)}\.html"><code>(?:ketasim\.)?{re.escape(room)}</code></a>',
            listed,
        )


def test_pages_fetch_nothing_from_elsewhere(site: Path) -> None:
    fetched = re.compile(
        r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//[^"' >]+"""
        r"""|<link\b[^>]*\bhref=["']?(?:https?:)?//[^"' >]+"""
        r"""|@import[^;]*//[^;]+|url\(["']?(?:https?:)?//[^)]+"""
    )
    found = [
        (path.name, hit[0])
        for path in sorted(site.rglob("*"))
        if path.suffix in {".html", ".css"}
        for hit in fetched.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/start.md",
        "docs/evidence.md",
        "docs/gallery.md",
        "docs/adding-a-model.md",
        "docs/how-to/analyse.md",
        "docs/how-to/compare.md",
        "docs/how-to/coming-from-mrgsolve.md",
        "docs/how-to/conditions.md",
        "docs/how-to/conflicts.md",
        "docs/how-to/export.md",
        "docs/how-to/files.md",
        "docs/how-to/fit.md",
        "docs/how-to/nca.md",
        "docs/how-to/own-models.md",
        "docs/how-to/populations.md",
        "docs/how-to/screen.md",
        "docs/how-to/trials.md",
    ],
)
def test_python_in_the_text_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (ROOT / name).read_text(encoding="utf-8")
    shared: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S):
        exec(compile(block, name, "exec"), shared)  # noqa: S102 - the text of this repository
