"""`ketasim screen` prints a report, ends with 0 unless asked, and refuses in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from ketasim.apps.cli.application import run
from ketasim.dosing import shipped
from ketasim.evidence import source, source_name
from ketasim.screening import SEVERITIES, screen

ANY = " --any-drug"
EXAMPLE = shipped("course")["screen_interactions"]
COURSE = 'regimen: "esketamine 56 mg intranasal once"\npatient: {weight: 70 kg, PATIENT}\n'


def _course(folder: Path, patient: str) -> str:
    path = folder / "course.yaml"
    path.write_text(COURSE.replace("PATIENT", patient), encoding="utf-8")
    return str(path)


def test_the_report_names_every_finding_and_what_was_not_assessed_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["screen", str(EXAMPLE)]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    text = " ".join(told.out.split())
    found = screen(EXAMPLE)
    for one in found.findings:
        assert " ".join(one.statement.split()) in text
    for key in found.sources():
        assert f"{source_name(key)}" in text
        assert f"[{source(key).document}]" in text
    headings = [text.index(f"{word.upper()} (") for word in ("caution", "note", "not assessed")]
    assert headings == sorted(headings)
    assert "No verdict;" in text
    assert "Did you mean 'sertraline'?" in text
    assert "lorazepam (RxNorm 6470)" in text


def test_counts_and_boxed_warnings_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["screen", _course(tmp_path, "history: [stroke], medicines: [an MAOI]")]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "0 contraindicated (2 more for another drug or route)" in text
    assert "in a boxed warning)" in text and "- BOXED WARNING: Risk of abuse" in text
    assert "MAO inhibitor [an MAOI]" in text


def test_json_and_files_hold_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(["screen", str(EXAMPLE), "--json", "--out", str(out)]) == 0
    told = capsys.readouterr()
    printed = json.loads(told.out)
    assert sorted(path.name for path in out.iterdir()) == ["screening.csv", "screening.json"]
    assert json.loads((out / "screening.json").read_text(encoding="utf-8")) == printed
    table = pl.read_csv(out / "screening.csv", infer_schema=False)
    assert table.height == len(printed["findings"])
    assert table["statement"].to_list() == [one["statement"] for one in printed["findings"]]
    assert set(table["severity"]) <= set(SEVERITIES)
    assert told.err.split() == [str(out / "screening.csv"), str(out / "screening.json")]


@pytest.mark.parametrize(
    ("patient", "limit", "status"),
    [
        ("history: [aneurysm]", None, 0),
        ("history: [aneurysm]", "contraindicated", 1),
        ("history: [stroke]", "avoid", 0),  # from ketamine, and the course gives esketamine
        ("history: [stroke]", "avoid --any-drug", 1),
        ("history: [sleep apnoea]", "contraindicated", 0),
        ("history: [sleep apnoea]", "caution", 1),
        ("history: [bunions]", "not-assessed", 1),
        ("history: []", "Not assessed", 1),
    ],
)
def test_fail_on(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    patient: str,
    limit: str | None,
    status: int,
) -> None:
    words = ["screen", _course(tmp_path, patient)]
    asked = [] if limit is None else ["--fail-on", limit.removesuffix(ANY)]
    asked += [ANY.strip()] if limit is not None and limit.endswith(ANY) else []
    assert run([*words, *asked]) == status
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("patient", "field", "part"),
    [
        ("vitals: {sbp: 150}", "patient.vitals.sbp", "no unit"),
        ("vitals: {sbp: 90 mmHg, dbp: 95 mmHg}", "patient.vitals", "not below the systolic"),
        ("vitals: {spo2: 140 %}", "patient.vitals.spo2", "assumed limits against slips"),
        ("history: stroke", "patient.history", "[a, b]"),
        ("histry: [stroke]", "patient.histry", "did you mean 'history'?"),
        ("setting: home", "patient.setting", "write it as 'place: home'"),
        ("place: moon", "patient.place", "clinic"),
    ],
)
def test_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], patient: str, field: str, part: str
) -> None:
    out = tmp_path / "out"
    assert run(["screen", _course(tmp_path, patient), "--out", str(out)]) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1
    assert told.err.startswith(f"error: {field}: ") and part in told.err
    assert not out.exists()


def test_an_unknown_severity_and_a_missing_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["screen", str(EXAMPLE), "--fail-on", "cautoin"]) == 2
    assert "did you mean 'caution'?" in capsys.readouterr().err
    assert run(["screen", str(tmp_path / "none.yaml")]) == 2
    assert "COURSE" in capsys.readouterr().err


def test_the_command_itself_ends_with_the_status() -> None:
    words = [sys.executable, "-m", "ketasim", "screen", str(EXAMPLE), "--fail-on", "caution"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr == ""
    assert "NOT ASSESSED" in done.stdout
