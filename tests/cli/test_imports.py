"""`ketasim import`: a file written or one clear line, from the command line of a clinic."""

import json
from pathlib import Path

import pytest

from ketasim.apps.cli.application import run
from ketasim.dosing import parse_course

TABLE = "Date,Name,PHQ-9,Dose\n2026-03-12,Jane Doe,21,0.5 mg/kg\n2026-03-15,Jane Doe,18,0.5 mg/kg\n"
USUAL = ["--drug", "ketamine", "--route", "iv", "--over", "40 min"]


def test_a_table_becomes_a_course(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, out = tmp_path / "visits.csv", tmp_path / "new" / "course.yaml"
    table.write_text(TABLE)
    assert run(["import", "table", str(table), "--out", str(out), *USUAL]) == 0
    told = capsys.readouterr()
    assert "2 doses given over 3 days" in told.out
    assert str(out) in told.out
    assert "not read: Column 'Name': dropped" in told.err
    text = out.read_text()
    assert "Jane" not in text + told.out + told.err
    assert "2026" not in text
    assert len(parse_course(text.partition("scores:")[0]).regimen.doses) == 2


def test_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, out = tmp_path / "visits.csv", tmp_path / "course.yaml"
    table.write_text(TABLE)
    assert run(["import", "table", str(table), "--out", str(out), *USUAL, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["course"]["scores"][1] == {"day": 3, "scale": "PHQ9", "score": 18}
    assert document["not_read"]
    assert document["files"] == [str(out)]


@pytest.mark.parametrize(
    "words",
    [
        ["table", "missing.csv", "--out", "c.yaml"],
        ["table", "visits.csv", "--out", "c.yaml"],
        ["table", "visits.csv", "--out", "visits.csv", *USUAL],
        ["table", "visits.csv", "--out", "c.yaml", *USUAL, "--since", "yesterday"],
        ["table", "visits.csv", "--out", "c.yaml", *USUAL, "--since", "2027-01-01"],
        ["table", "visits.csv", "--out", "c.yaml", *USUAL, "--order", "year-first"],
        ["fhir", "visits.csv", "--out", "c.yaml"],
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("visits.csv").write_text(TABLE)
    assert run(["import", *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not Path("c.yaml").exists()
    assert Path("visits.csv").read_text() == TABLE
