"""What must not be in the tree."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
LONGEST = 600  # lines of a file of code

# Put together from pieces, so that this file does not contain what it looks for.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("conda", "anaconda", "org"),
        ("proxy", "golang", "org"),
        ("index", "crates", "io"),
    )
]
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work|root|home/\w+|tmp)/")
LOCK_FILE = "uv" + ".lock"
OUTSIDE = re.compile(r"\.\./" + "shared")


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def _texts() -> dict[str, str]:
    texts: dict[str, str] = {}
    for path in _tracked():
        content = path.read_bytes()
        if b"\0" not in content:
            texts[path.relative_to(ROOT).as_posix()] = content.decode("utf-8")
    return texts


def test_no_registry_is_named() -> None:
    found = [(name, host) for name, text in _texts().items() for host in REGISTRIES if host in text]
    assert found == []


def test_no_machine_path_is_named() -> None:
    found = [
        (name, hit[0]) for name, text in _texts().items() for hit in MACHINE_PATH.finditer(text)
    ]
    assert found == []


def test_pins_are_in_hashed_requirements_only() -> None:
    texts = _texts()
    assert [name for name in texts if Path(name).name == LOCK_FILE] == []
    assert [name for name, text in texts.items() if LOCK_FILE in text] == []
    for name in ("requirements/run.txt", "requirements/dev.txt"):
        pins = re.findall(
            r"^[a-z0-9][^\n]*==(?:[^\n]*\\\n)(?:[^\n]*--hash=sha256)", texts[name], re.M
        )
        assert len(pins) == len(re.findall(r"^[^\s#]", texts[name], re.M)) > 0


def test_development_uses_the_pins_of_the_runtime() -> None:
    texts = _texts()
    run, dev = (
        set(re.findall(r"^(\S+==[^\\\n]+)", texts[f"requirements/{name}.txt"], re.M))
        for name in ("run", "dev")
    )
    assert run <= dev


def test_files_of_code_stay_short() -> None:
    lengths = {
        name: text.count("\n")
        for name, text in _texts().items()
        if name.endswith((".py", ".html", ".css", ".js"))
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_the_package_reads_nothing_outside_itself() -> None:
    found = [name for name, text in _texts().items() if name[:4] == "src/" and OUTSIDE.search(text)]
    assert found == []


def test_no_example_of_a_property_has_a_deadline() -> None:
    """The profile of `conftest.py` has none, and no other file of the tests sets one."""
    assert settings().deadline is None
    assert settings(max_examples=1).deadline is None
    sets = re.compile("deadline" + r"\s*=")
    files = (ROOT / "tests").rglob("test_*.py")
    assert not [one for one in files if sets.search(one.read_text(encoding="utf-8"))]
