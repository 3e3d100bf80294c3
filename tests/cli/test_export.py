"""`ketasim export` at the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[[list[str]], tuple[int, str, str]]


@pytest.mark.parametrize(
    ("to", "first"),
    [
        ("sbml", "<?xml version"),
        ("antimony", "// Racemic ketamine"),
        ("mrgsolve", "$PROB"),
        ("rxode2", "# Racemic ketamine"),
        ("nonmem", "$PROBLEM kamp2020"),
    ],
)
def test_a_file_in_each_format(tmp_path: Path, called: Call, to: str, first: str) -> None:
    out = tmp_path / "model.txt"
    code, told, errors = called(["export", "kamp2020", "--to", to, "--out", str(out)])
    assert (code, told.strip(), errors) == (0, str(out), "")
    assert out.read_text(encoding="utf-8").startswith(first)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["session", "--to", "sbml"], "MODEL: 'session' has no export yet"),
        (["kamp2021", "--to", "sbml"], "MODEL: 'kamp2021' is no model that ships"),
        (["kamp2020", "--to", "sbml", "--set", "V1"], "--set: 'V1' is no parameter"),
        (["kamp2020", "--to", "sbml", "--set", "V1=2"], "--set: is of a model of your own"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, called: Call, words: list[str], line: str) -> None:
    out = tmp_path / "model.txt"
    code, told, errors = called(["export", *words, "--out", str(out)])
    assert code == 2 and not told and errors.count("\n") == 1
    assert errors.startswith(f"error: {line}") and not out.exists()
