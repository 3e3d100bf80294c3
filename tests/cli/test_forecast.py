"""`ketasim forecast` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from ketasim.apps.cli.application import run

EXAMPLE = ["forecast", "four_infusions_scored", "--n", "4000"]


def test_it_prints_what_was_learned_and_writes_two_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run([*EXAMPLE, "--out", str(out), "--level", "0.4"]) == 0
    told = capsys.readouterr().out
    assert "Three scores say" in told
    assert "passes 40 % on day" in told
    assert "Decision support for professionals; not medical advice." in " ".join(told.split())
    assert {path.name for path in out.iterdir()} == {"forecast.csv", "fit.csv", "report.html"}
    table = pl.read_csv(out / "forecast.csv")
    assert table.columns[:5] == ["option", "day", "scale", "mean", "sd"]
    assert table["option"].unique(maintain_order=True).to_list() == [
        *("weekly", "every two weeks", "stop")
    ]
    assert max(map(len, told.splitlines())) <= max(80, len(str(out)) + 15)


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*EXAMPLE, "--out", str(tmp_path / "out"), "--json", "--seed", "3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metadata"]["seed"] == 3
    assert len(found["lost"]) == 3
    assert found["fit"][0]["before_mean"] is None
    assert found["learned"].startswith("Three scores say")


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("scores: [{day: 0, scale: PHQ9, score: 40}]", [], "scores[0].score: 40, and PHQ9 goes"),
        ("scores: [{day: 3, scale: PHQ9, score: 20}]", [], "scores: there is no score before"),
        ("now: 1 d", [], "regimen: the session on day 3 is after now"),
        ("scores: [{day: 0, scale: PHQ9, score: 20}]", ["--level", "2"], "--level: 2 is no"),
        ("scores: [{day: 0, scale: PHQ9, score: 20}]", ["--n", "5"], "--n: 5 virtual patients"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    options: list[str],
    words: str,
) -> None:
    course, out = tmp_path / "course.yaml", tmp_path / "out"
    course.write_text(f'regimen: "ketamine 0.5 mg/kg iv over 40 min on days 0 3"\n{text}\n')
    assert run(["forecast", str(course), "--out", str(out), *options]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"error: {words}")
    assert told.err.count("\n") == 1
    assert not out.exists()
