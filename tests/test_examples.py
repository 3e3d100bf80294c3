"""Every example runs as `make demo` runs it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ketasim.apps.cli.application import run

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.yaml"))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 16


@pytest.mark.parametrize("course", EXAMPLES, ids=lambda path: path.stem)
def test_example(course: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(["simulate", str(course), "--out", str(out), "--typical"]) == 0
    summary = pl.read_csv(out / "summary.csv")
    assert summary.columns == ["time_h", "quantity", "site", "unit", "mean"]
    block = summary.filter(pl.col("quantity") == "nmda_block")["mean"]
    assert 0 < block.max() < 1  # type: ignore[operator]
    # what the natural course brings may have either sign
    assert (summary.filter(~pl.col("quantity").str.starts_with("by_"))["mean"] >= 0).all()
    score = summary.filter(pl.col("quantity") == "MADRS")["mean"]
    assert 0 < score.min() < score[0] <= 60  # type: ignore[operator]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
