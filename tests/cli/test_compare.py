"""`ketasim compare`: files for two to four regimens, and one clear line for what cannot be."""

import json
from pathlib import Path

import polars as pl
import pytest

from ketasim.apps.cli.application import run

COURSE = """\
title: {title}
patient: {{age: 42, weight: {weight}, diagnosis: trd, baseline: {{scale: MADRS, score: 33}}}}
regimen: "{regimen}"
horizon: {horizon}
"""
INFUSIONS = "ketamine 0.5 mg/kg iv over 40 min weekly x 3"
SPRAYS = "esketamine 56 mg intranasal twice weekly x 3 wk"


def written(folder: Path, name: str, **fields: str) -> str:
    given = {"title": name, "weight": "78 kg", "regimen": INFUSIONS, "horizon": "28 d", **fields}
    (folder / f"{name}.yaml").write_text(COURSE.format(**given))
    return str(folder / f"{name}.yaml")


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    return [written(tmp_path, "infusions"), written(tmp_path, "sprays", regimen=SPRAYS)]


def test_two_files_are_set_side_by_side(
    pair: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["compare", *pair, "--out", str(out), "--n", "8", "--rank-by", "days-well"]) == 0
    told = capsys.readouterr().out
    assert "B - A" in told
    assert "as asked" in told
    table = pl.read_csv(out / "comparison.csv")
    assert table["option"].unique(maintain_order=True).to_list() == ["infusions", "sprays"]
    page = (out / "report.html").read_text()
    assert "--rank-by days-well" in page
    assert page.count("not medical advice") == 1


def test_json_is_one_document(
    pair: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["compare", pair[0], "--regimen", SPRAYS, "--out", str(tmp_path / "o"), "--json"]
    assert run(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ranking"] == []
    assert {row["option"] for row in document["comparison"]} == {"infusions", SPRAYS}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{a}"], "COURSE: one option alone"),
        (["{a}", "{a}", "{a}", "{a}", "{b}"], "COURSE: there are 5"),
        (["{a}", "{heavier}"], "patient.weight: '78.0 kg' in 'infusions' and '90.0 kg'"),
        (["{a}", "{longer}"], "horizon: 28 d in 'infusions' and 42 d in 'longer'"),
        (["{a}", "{b}", "--regimen", SPRAYS], "--regimen: 2 courses and regimens"),
        (["{a}", "--regimen", "ketamien weekly"], "--regimen: "),
        (["{a}", "{b}", "--rank-by", "best"], "--rank-by: there is no criterion 'best'"),
        (["{a}", "{b}", "--rank-by", "cmax"], "--rank-by: options cannot be ranked by 'cmax'"),
        (["{a}", "{b}", "--seed", "2"], "--seed: the course has no population"),
        ([], "COURSE: is missing"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_one_line(
    words: list[str],
    said: str,
    pair: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = {
        "a": pair[0],
        "b": pair[1],
        "heavier": written(tmp_path, "heavier", weight="90 kg"),
        "longer": written(tmp_path, "longer", horizon="42 d"),
    }
    out = tmp_path / "none"
    asked = [word.format(**files) for word in words]
    assert run(["compare", *asked, "--out", str(out)]) == 2
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1
    assert said in error
    assert not out.exists()
