"""`ketasim trial`: the files, the report, and bad input."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml
from markupsafe import escape

from ketasim._base import InputError
from ketasim.apps.cli.application import run
from ketasim.evidence import load_sources
from ketasim.figures import plot
from ketasim.reports import read_sources_used, trial_report
from ketasim.trials import run_trial

EXAMPLES = ("ketamine_midazolam", "twice_or_thrice_weekly")
CONTRACT = ["arm", "scale", "time_h", "metric", "n", "mean", "sd", "p05", "p50", "p95"]
HOSTILE = "<script>alert(1)</script> & \"quotes\" 'x'"
TRIAL = """
trial: t
title: T
population: {baseline: {scale: MADRS, mean: 33, sd: 5}}
arms:
  - {id: ket, n: 6, drug: ketamine, route: iv, dose: 0.5 mg/kg, over: 40 min, days: [0]}
  - {id: sal, n: 6, control: saline}
assess:
  - {scale: MADRS, at: [24 h, 7 d], metrics: [score, change, response]}
replicates: 3
"""


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    path = tmp_path / "trial.yaml"
    path.write_text(TRIAL)
    return path


def test_the_files(trial: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "folder"
    words = ["trial", str(trial), "--out", str(out), "--replicates", "4", "--seed", "7"]
    assert run(words) == 0
    told = capsys.readouterr()
    names = ["summary.csv", "flow.csv", "sessions.csv", "patients.parquet", "report.html"]
    assert told.out.splitlines()[-5:] == [str(out / name) for name in names]
    assert "warning: " in told.err
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    expected = run_trial(trial, replicates=4, seed=7)
    summary = pl.read_csv(out / "summary.csv")
    assert summary.columns[: len(CONTRACT)] == CONTRACT
    assert summary["mean"].to_list() == pytest.approx(expected.summary()["mean"].to_list())
    assert set(summary["arm"]) == {"ket", "sal", "ket - sal"}
    assert pl.read_parquet(out / "patients.parquet").equals(expected.patients())
    assert set(read_sources_used(out)) <= set(load_sources())
    page = (out / "report.html").read_text(encoding="utf-8")
    assert f"ketasim trial {trial} --out {out} --replicates 4 --seed 7" in page


def test_files_of_an_earlier_run_do_not_stay_beside_those_of_another(
    trial: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, primary = tmp_path / "out", "primary: {scale: MADRS, at: 7 d, contrast: [ket, sal]}"
    other = tmp_path / "other.yaml"
    other.write_text(TRIAL + primary + "\nlooks: 2\n")
    out.mkdir()
    (out / "looks.csv").write_text("somebody's own")
    assert run(["trial", str(trial), "--out", str(out)]) == 0
    # no run was there before
    assert (out / "looks.csv").read_text() == "somebody's own"
    assert run(["trial", str(other), "--out", str(out), "--datasets", "csv"]) == 0
    (out / "datasets" / "mine.txt").write_text("mine")
    assert (out / "analysis.csv").exists()
    assert run(["trial", str(trial), "--out", str(out)]) == 0
    names = ["summary.csv", "flow.csv", "sessions.csv", "patients.parquet", "report.html"]
    assert sorted(path.name for path in out.iterdir()) == sorted([*names, "datasets"])
    assert [path.name for path in (out / "datasets").iterdir()] == ["mine.txt"]
    assert f"removed: {out / 'looks.csv'}, of an earlier run" in capsys.readouterr().err


def test_json(trial: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trial", str(trial), "--out", str(tmp_path / "out"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["metadata"]["replicates"] == 3
    assert list(document["summary"][0])[: len(CONTRACT)] == CONTRACT
    assert len(document["files"]) == 5


@pytest.mark.parametrize(
    ("text", "options", "field"),
    [
        (TRIAL.replace("MADRS, at", "PHQ-10, at"), [], "assess[0].scale"),
        (TRIAL.replace("MADRS, at", "CGI-S, at"), [], "assess[0].scale"),
        (TRIAL.replace("0.5 mg/kg", "0.5"), [], "arms[0].dose"),
        (TRIAL + "withdrawal: {at: 28 d}", [], "withdrawal"),
        (TRIAL, ["--replicates", "0"], "replicates"),
        (TRIAL, ["--seed", "-1"], "seed"),
        ("arms: [unclosed", [], "trial"),
    ],
)
def test_bad_input_writes_nothing(
    trial: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    options: list[str],
    field: str,
) -> None:
    trial.write_text(text)
    out = tmp_path / "out"
    assert run(["trial", str(trial), "--out", str(out), *options]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    lines = [line for line in told.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert lines[0].removeprefix("error: ").startswith(field)
    assert not out.exists()


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(["trial", name, "--out", str(out), "--replicates", "3"]) == 0
    summary = pl.read_csv(out / "summary.csv")
    assert summary.filter(pl.col("arm").str.contains(" - ")).height > 0


def test_the_report_says_what_must_be_known() -> None:
    content = yaml.safe_load(TRIAL) | {"title": HOSTILE, "note": HOSTILE}
    result = run_trial(content)
    page = trial_report(result, command="ketasim trial trial.yaml --out out")
    assert "<script>" not in page
    assert not re.search(r'(?:src|href)="(?!https?://|#|data:)', page)
    for spread in ("between patients", "parameter uncertainty", "between trials"):
        assert spread in page
    # the scheme, wide and narrow; change and response: the change tells what the score does;
    # responders; and the patients of both arms
    assert page.count('role="img"') == 2 + 2 + 1 + 2
    for warning in result.warnings:
        assert str(escape(warning)) in page
    for one in result.assumptions:
        assert (str(escape(one.meaning)) if one.what == "input" else one.symbol) in page
    for word in ("What was not simulated", "observed cases", "Input and sources", "References"):
        assert word in page


def test_one_metric_can_be_drawn(trial: Path) -> None:
    result = run_trial(trial)
    chart = plot(result, metric="response").to_dict()
    assert len(chart["layer"]) >= 4  # a band, a line and points for each arm
    with pytest.raises(InputError, match="remission"):
        plot(result, metric="remission")


@pytest.mark.page
@pytest.mark.parametrize("width", [390, 1280])
def test_the_report_opens_cleanly(trial: Path, tmp_path: Path, width: int) -> None:
    from playwright.sync_api import sync_playwright

    said: list[str] = []
    asked: list[str] = []
    path = tmp_path / "report.html"
    path.write_text(trial_report(run_trial(trial)))
    with sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        wide, view = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        chromium.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert wide <= view
