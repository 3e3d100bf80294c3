"""`ketasim harm`: text, JSON, bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ketasim.apps.cli.application import run


def _text(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(["harm", *words]) == 0
    return capsys.readouterr().out


def test_the_text_keeps_the_exposures_apart(capsys: pytest.CaptureFixture[str]) -> None:
    text = _text(capsys, "iv_six_then_weekly", "--setting", "supervised")
    assert "390 mg of base, 5 mg/kg" in text
    bladder = text[text.index("\nBladder and urinary") : text.index("\nMisuse and dependence")]
    clinic = bladder[bladder.index("therapeutic supervised") : bladder.index("  recreational")]
    users = bladder[bladder.index("  recreational") : bladder.index("  background")]
    assert "up to 6.5 years" in clinic and "Cottrell et al., 2012" not in clinic
    assert "26.6 %" in users and "Cottrell et al., 2012" in users and "esketamine" not in users
    unknown = text[text.index("\nNot known") :]
    assert "by vein or otherwise" in unknown and "calibration" not in unknown
    assert "[ketasim's tables; care/harms:11]" in unknown
    assert "No risk is computed" in text
    assert "Canada: Schedule I " in text and "Canada: A web page says Schedule III" in text


def test_the_boxed_warning_has_one_line_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    text = _text(capsys, "spray_twice_weekly")
    start = text.index("\nBoxed warning")
    lines = text[start : text.index("\nSuicidality", start)].strip().splitlines()
    heads = [line for line in lines if line.startswith("    - ")]
    assert [line.split(":")[0].strip(" -") for line in heads] == [
        "text of 2019",
        "text of 2020",
        "current text",
    ]
    assert all("sedation, dissociation" in line for line in heads)
    assert ["respiratory depression" in line for line in heads] == [False, False, True]


def test_factors_of_misuse_that_the_file_names_are_marked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    course = tmp_path / "course.yaml"
    words = '["alcohol use disorder", "no opioid use disorder", "qwertz"]'
    form = 'regimen: "esketamine 56 mg intranasal once"\npatient: {weight: 70 kg'
    course.write_text(f"{form}, history: {words}}}\n", encoding="utf-8")
    text = _text(capsys, str(course))
    assert "of this patient: the file names alcohol use disorder" in text
    assert "of this patient: not stated" in text
    assert "'qwertz': not understood, so not assessed for misuse" in text
    assert "'no opioid use disorder': read as absent" in text
    course.write_text(f"{form}}}\n", encoding="utf-8")
    text = _text(capsys, str(course))
    assert "the file names" not in text and "The patient's history is not given" in text


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(_text(capsys, "spray_twice_weekly", "--json"))
    assert told["exposure"]["milligrams"] == {"esketamine": 644.0}
    assert told["exposure_classes"] == ["therapeutic supervised", "therapeutic at home"]
    assert {one["exposure_class"] for one in told["harms"]} >= {"recreational", "background"}
    assert all(one["source"] for one in (*told["harms"], *told["positions"]))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["no.yaml"], "COURSE: there is no file"),
        (["six_infusions", "--setting", "clinic"], "setting: unknown"),
    ],
)
def test_bad_input_is_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], line: str
) -> None:
    assert run(["harm", *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"error: {line}") and told.err.count("\n") == 1


def test_the_real_command_ends_with_status_2_on_a_course_that_cannot_be(tmp_path: Path) -> None:
    course = tmp_path / "course.yaml"
    course.write_text('regimen: "ketamine 0.5 iv once"\n')
    done = subprocess.run(
        [sys.executable, "-m", "ketasim", "harm", str(course)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith("error: regimen")
