"""`ketasim session`: prints, writes and refuses as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from ketasim.apps.cli import main

COURSE = """
title: Two infusions
patient: {age: 45, weight: 80 kg}
regimen: "ketamine 0.5 mg/kg iv over 40 min on days 0 3"
horizon: 7 d
"""


def called(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    captured = capsys.readouterr()
    code = stop.value.code
    return (code if isinstance(code, int) else 0), captured.out, captured.err


@pytest.fixture
def course(tmp_path: Path) -> Path:
    path = tmp_path / "course.yaml"
    path.write_text(COURSE, encoding="utf-8")
    return path


def test_it_prints_effects_rules_and_driving(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = called(["session", str(course)], capsys)
    assert code == 0
    for words in ("Dissociation, CADSS", "Driving was tested", "not established for IV ketamine"):
        assert words in out
    for stage in ("Before", "During", "After", "Discharge", "Next day"):
        assert f"\n{stage}\n" in out


def test_it_writes_its_tables(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    code, text, _ = called(["session", str(course), "--last", "--out", str(out), "--json"], capsys)
    assert code == 0
    document = json.loads(text)
    assert document["session"] == 2
    assert {Path(name).name for name in document["files"]} == {path.name for path in out.iterdir()}
    effects = pl.read_csv(out / "effects.csv")
    assert effects["session"].unique().to_list() == [2]
    assert effects["peak"].to_list() == pytest.approx([one["peak"] for one in document["effects"]])
    assert pl.read_csv(out / "plan.csv").height == len(document["plan"]["entries"])
    assert pl.read_csv(out / "minutes.csv")["effect"].n_unique() == effects.height


def test_a_model_without_effects_is_refused_and_nothing_written(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = COURSE.replace("ketamine 0.5", "esketamine 0.25") + "pk_model: otto2021\n"
    course.write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    code, _, error = called(["session", str(course), "--out", str(out)], capsys)
    assert code == 2
    assert error.startswith("error: pk_model: ")
    assert len(error.strip().splitlines()) == 1
    assert not out.exists()
