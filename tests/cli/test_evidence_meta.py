"""`ketasim evidence meta` with real questions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ketasim.apps.cli.application import run
from ketasim.evidence import fact, facts, load_sources
from ketasim.synthesis import MetaQuery, pool_comparable

META = ["evidence", "meta"]
FILES = ["forest.png", "forest.svg", "left_out.csv", "meta.csv"]


def _json(capsys: pytest.CaptureFixture[str], words: list[str]) -> Any:
    assert run([*META, *words, "--json"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    return json.loads(told.out)


def test_every_number_shows_its_rows_and_sources(capsys: pytest.CaptureFixture[str]) -> None:
    told = _json(capsys, ["--drug", "esketamine", "--at", "day 28"])
    expected = pool_comparable(MetaQuery(drug="esketamine", at=672.0)).pooled
    assert expected is not None
    assert told["pooled"]["estimate"] == expected.estimate
    assert told["query"]["at"] == 672.0
    for study in told["studies"]:
        assert study["grade"] in ("measured", "derived", "assumed")
        assert all(fact(row).get("trial_id") == study["label"] for row in study["facts"])
        assert set(study["sources"]) <= set(load_sources())
    entered = {study["label"] for study in told["studies"]}
    listed = {one["label"] for one in told["left_out"]}
    assert entered | listed == {row.get("trial_id") for row in facts("mood/trials")}
    assert {row["source"] for row in told["methods"]} <= set(load_sources())


def test_the_page_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*META, "--drug", "ketamine", "--at", "24 h"]) == 0
    page = capsys.readouterr().out
    for words in (
        "Mean difference of MADRS change at 24 h",
        "below 0 favours the drug",
        "mood/outcomes:375",
        "[Dwyer et al., 2021]",
        "Wald:",
        "prediction interval",
        "No small-study check: it needs 10 studies. Not assessed.",
        "The kind of control changes the difference",
        "no visit in time",
        "pools trials: they would count twice",
        "Methods: table pooling_methods",
    ):
        assert words in page


def test_one_study_is_not_pooled(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*META, "--drug", "ketamine", "--control", "masked"]) == 0
    page = capsys.readouterr().out
    assert "One study: its own result stands, nothing is pooled." in page
    assert "tau²" not in page


def test_no_study_says_so_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run([*META, "--drug", "ketamine", "--route", "oral", "--out", str(out)]) == 1
    told = capsys.readouterr()
    assert "nothing is pooled, nothing is written" in told.err
    assert "Left out" in told.out
    assert not out.exists()


def test_out_writes_tables_and_the_forest_plot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "folder"
    words = [*META, "--event", "dissociation", "--out", str(out)]
    found: list[list[bytes]] = []
    for _ in range(2):
        assert run(words) == 0
        assert sorted(path.name for path in out.iterdir()) == FILES
        found.append([(out / name).read_bytes() for name in FILES])
    assert found[0] == found[1]
    assert [str(out / name) for name in FILES] == sorted(capsys.readouterr().out.split()[-4:])
    assert found[0][0].startswith(b"\x89PNG")
    drawing = found[0][1].decode()
    table = pl.read_csv(out / "meta.csv")
    studies = table.filter(pl.col("kind") == "study")
    for label in studies["label"]:
        assert label in drawing
    assert "prediction interval" in drawing
    assert "Risk ratio of Dissociation" in drawing
    assert studies["weight"].sum() == pytest.approx(1.0)
    for rows in studies["facts"]:
        assert all(fact(row).get("event") == "Dissociation" for row in rows.split("; "))
    assert pl.read_csv(out / "left_out.csv").columns == ["label", "reason", "facts"]


def test_the_interval_asked_for_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--drug", "esketamine", "--at", "28 d"]
    modified = _json(capsys, words)["pooled"]
    wald = _json(capsys, [*words, "--interval", "wald"])["pooled"]
    assert modified["interval"]["name"] == "modified" and wald["interval"]["name"] == "wald"
    assert wald["interval"] == modified["wald"]
    assert wald["tau2"] == modified["tau2"]


def test_trials_are_left_out_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--drug", "esketamine", "--at", "28 d"]
    every = {one["label"] for one in _json(capsys, words)["studies"]}
    less = _json(capsys, [*words, "--exclude", "JAPAN_P2B", "--exclude", "PERSEVERE"])
    assert {one["label"] for one in less["studies"]} == every - {"JAPAN_P2B", "PERSEVERE"}
    reasons = {one["label"]: one["reason"] for one in less["left_out"]}
    assert reasons["JAPAN_P2B"] == reasons["PERSEVERE"] == "left out by --exclude"


def test_open_comparisons_enter_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--event", "Any TEAE"]
    blind = {one["label"] for one in _json(capsys, words)["studies"]}
    wide = _json(capsys, [*words, "--open"])
    assert {one["label"] for one in wide["studies"]} - blind == {"ESCAPE-TRD"}
    assert any("Several kinds of control" in note for note in wide["notes"])


@pytest.mark.parametrize(
    ("words", "field", "hint"),
    [
        (["--event", "dissociatoin"], "--event", "Dissociation"),
        (["--event", "nausea", "--at", "24 h"], "--at", "leave --at out"),
        (["--event", "nausea", "--metric", "smd"], "--metric", "leave --metric out"),
        (["--metric", "event"], "--metric", "--event"),
        (["--metric", "respons"], "--metric", "response"),
        (["--scale", "any"], "--scale", "smd"),
        (["--drug", "ketamine", "--scale", "MADR"], "--scale", "MADRS"),
        (["--at", "24"], "--at", "unit"),
        (["--at", "0 h"], "--at", "range"),
        (["--control", "sugar"], "--control", "midazolam"),
        (["--drug", "ketamine", "--exclude", "TRANSFORM9"], "--exclude", "TRANSFORM"),
        (["--drug", "ketamin"], "--drug", "ketamine"),
        ([], "--drug", "--drug esketamine"),
        (["--route", "iv", "--metric", "response"], "--drug", "different drugs"),
        (["--interval", "hskj"], "--interval", "hksj"),
        (["--measure", "rr"], "--measure", "mean difference"),
        (["--values", "raw"], "--values", "arms"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    field: str,
    hint: str,
) -> None:
    out = tmp_path / "out"
    assert run([*META, *words, "--out", str(out)]) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1
    assert told.err.startswith(f"error: {field}: ") and hint in told.err
    assert not out.exists()


def test_a_folder_that_is_a_file_is_refused_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    assert run([*META, "--drug", "ketamine", "--out", str(taken)]) == 2
    assert "is a file" in capsys.readouterr().err


def test_it_runs_as_a_process_without_a_warning() -> None:
    words = ["-W", "error", "-m", "ketasim", *META, "--event", "vertigo", "--measure", "rd"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Percentage with the drug minus percentage with control." in done.stdout
