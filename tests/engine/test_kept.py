"""Compiled code on disk: whatever happens to it, the next process goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.engine.backends.numba.kept import KeptCode

TEXT = "text = 1\n"


def _kept(folder: Path) -> KeptCode:
    """Two functions as Numba leaves them, sealed."""
    kept = KeptCode(folder, "response_x")
    compiled = folder / "__pycache__"
    compiled.mkdir()
    kept.prepare(TEXT)
    for name in ("prepare-1.nbi", "prepare-1.1.nbc", "run-9.nbi", "run-9.1.nbc"):
        (compiled / f"response_x.{name}").write_bytes(name.encode() * 50)
    (compiled / "response_y.run-9.nbi").write_bytes(b"of another module")
    kept.seal()
    return kept


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_whole_stays(tmp_path: Path) -> None:
    kept = _kept(tmp_path)
    before = _files(tmp_path)
    kept.prepare(TEXT)
    assert _files(tmp_path) == before
    assert kept.keeps("run") and not kept.keeps("other")


@given(number=st.integers(0, 5), kept_bytes=st.integers(0, 49), flipped=st.booleans())
def test_what_is_damaged_goes_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, number: int, kept_bytes: int, flipped: bool
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    kept = _kept(folder)
    before = _files(folder)
    own = sorted(path for path in folder.rglob("response_x*") if path.is_file())
    victim = own[number]
    content = victim.read_bytes()
    place = min(kept_bytes, len(content) - 1)
    changed = bytes([content[place] ^ 1])
    rest = changed + content[place + 1 :] if flipped else b""
    victim.write_bytes(content[:place] + rest)
    kept.prepare(TEXT)
    left = _files(folder)
    assert left["response_x.py"] == TEXT.encode()
    assert left["response_y.run-9.nbi"] == b"of another module"
    for name, found in left.items():
        assert found == before[name] or name == "response_x.sums"
    if victim.suffix in (".nbi", ".nbc"):
        assert set(before) - set(left) == {victim.name}


def test_what_cannot_be_kept_is_a_notice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = _kept(tmp_path)
    (tmp_path / "response_x.sums").unlink()
    (tmp_path / "response_x.sums").mkdir()
    kept.seal()
    assert "does not take what was compiled" in capsys.readouterr().err


FOLDER = "from ketasim.engine.backends.numba.kept import cache_folder; print(cache_folder())"


@pytest.mark.parametrize("environment", [{}, {"KETASIM_CACHE_DIR": "{file}/below"}])
def test_without_a_place_there_is_no_cache(tmp_path: Path, environment: dict[str, str]) -> None:
    """No home and no entry in the list of users; or a file where the folder should be."""
    (tmp_path / "file").write_text("")
    before: list[str] = []
    if not environment:
        if os.geteuid() != 0:
            pytest.skip("needs root to be a user without an entry")
        before = ["import os; os.setgid(54321); os.setuid(54321)"]
    found = subprocess.run(
        [sys.executable, "-c", "\n".join([FOLDER.split(";", maxsplit=1)[0], *before, FOLDER])],
        env={
            **{
                name: value
                for name, value in os.environ.items()
                if name not in ("HOME", "XDG_CACHE_HOME", "KETASIM_CACHE_DIR")
            },
            **{name: value.format(file=tmp_path / "file") for name, value in environment.items()},
        },
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "None\n"
    assert found.stderr.startswith("ketasim: ") and found.stderr.count("\n") == 1
    assert "KETASIM_CACHE_DIR" in found.stderr
