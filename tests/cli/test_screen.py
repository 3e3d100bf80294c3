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
    assert "sertralin 100 mg: sertraline (RxNorm 36437)" in text
    assert "lorazepam (RxNorm 6470)" in text


def test_counts_and_boxed_warnings_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["screen", _course(tmp_path, "history: [stroke], medicines: [an MAOI]")]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "2 contraindicated (all for another drug or route)" in text
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
        ("history: 3", "patient.history", "[a, b]"),
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


def test_the_most_severe_come_first_then_the_pressure_then_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patient = (
        "age: 71, height: 168 cm, history: [aneurysm, AVM, hypertension, alcohol use disorder, "
        "bunions], medicines: [an MAOI, lorazepam, kratom], "
        "vitals: {sbp: 162 mmHg, dbp: 97 mmHg}"
    )
    assert run(["screen", _course(tmp_path, patient)]) == 0
    out = capsys.readouterr().out
    text = " ".join(out.split())
    heads = ("MOST SEVERE (5)", "BLOOD PRESSURE", "HOW THE COURSE WAS READ", "CONTRAINDICATED, for")
    places = [out.index(one) for one in heads]
    assert places == sorted(places)
    first = out[: places[1]]
    told = [line for line in first.splitlines() if line[:2] in ("1.", "2.", "3.", "4.", "5.")]
    assert [line[0] for line in told] == list("12345")
    assert "1. CONTRAINDICATED: aneurysm" in first
    assert "2. CONTRAINDICATED: arteriovenous malformation" in first
    # what was written and not understood is there as well
    assert "not or not wholly assessed: bunions; kratom" in text
    assert "Above 150/90 mmHg" in text and "Predicted highest pressure in session 1" in text
    assert "no verdict" in text.lower()
    # nothing is told twice
    found = screen(_course(tmp_path, patient))
    assert len(found.foremost) == 5
    for one in found.foremost:
        assert text.count(" ".join(one.statement.split())) >= 1
    severities = [SEVERITIES.index(one.severity) for one in found.foremost]
    assert severities == sorted(severities)
    assert not any(one.severity in ("note", "not assessed") for one in found.foremost)
    matters = [one.matched or one.subject for one in found.foremost]
    assert len(set(matters)) == 5
    # each of them is among all findings, which are complete
    assert set(found.foremost) <= set(found.findings)
    assert repr(found).splitlines()[1].strip().startswith("contraindicated: aneurysm")


def test_without_a_severe_finding_the_screen_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "course.yaml"
    path.write_text('regimen: "arketamine 30 mg iv over 40 min once"\n', encoding="utf-8")
    result = screen(path, exposure=False)
    assert all(one.severity in SEVERITIES[:3] for one in result.foremost)
    assert run(["screen", str(path)]) == 0
    text = capsys.readouterr().out
    assert ("No finding is more severe than a note." in text) is (not result.foremost)


def test_what_was_assumed_of_the_course_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "course.yaml"
    path.write_text(
        'regimen: "ketamine 0.5 mg/kg iv over 40 min on days 1 4 8"\n', encoding="utf-8"
    )
    assert run(["screen", str(path)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "warning: The first dose is on day 1 (24 h)" in text
    assert "The patient's weight is not given" in text and "The horizon is not given" in text
    assert run(["session", str(path)]) == 0
    told = capsys.readouterr()
    assert "warning: The first dose is on day 1" in told.err
    assert "Assumed: The patient's weight is not given" in told.out
