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


def test_a_course_is_events_in_the_file_or_a_table_beside_it(tmp_path: Path, called: Call) -> None:
    course = tmp_path / "course.yaml"
    course.write_text(
        "regimen: ketamine 0.5 mg/kg iv over 40 min on days 0 3\npatient: {weight: 80 kg}\n"
        "population: {n: 50, seed: 1}\n",
        encoding="utf-8",
    )
    sbml, code = tmp_path / "mood.xml", tmp_path / "mood.ctl"
    words = ["--course", str(course), "--out"]
    assert called(["export", "mood", "--to", "sbml", *words, str(sbml)])[1].strip() == str(sbml)
    written = sbml.read_text(encoding="utf-8")
    assert written.count("<event ") == 3  # the first starts at 0
    assert "typical patient; its virtual patients are not written" in written
    _, told, _ = called(["export", "mood", "--to", "nonmem", *words, str(code)])
    table = tmp_path / "mood.csv"
    assert told.split() == [str(code), str(table)]
    assert "$DATA mood.csv IGNORE=@" in code.read_text(encoding="utf-8")
    header, *rows = table.read_text(encoding="utf-8").splitlines()
    assert header.startswith("ID,TIME,EVID,AMT,RATE,CMT,DV,MDV,WT,")
    assert sum(row.split(",")[2] == "1" for row in rows) == 2 * 3  # both hands, and the mark
    code, _, error = called(["export", "mood", "--to", "rxode2", *words, str(table)])
    assert code == 2 and error.startswith("error: --out: 'mood.csv' is also the name of the table")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["sessions", "--to", "sbml"],
            "MODEL: 'sessions' is no model that ships, and there is no ",
        ),
        (["mood", "--to", "sbml", "--course", "away.yaml"], "--course: there is no "),
        (["mood", "--to", "sbml", "--set", "kG=2"], "--set: is of a model of your own"),
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
