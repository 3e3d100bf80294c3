"""Every example course runs by its name, as `make examples` runs it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ketasim.apps.cli.application import run
from ketasim.dosing import shipped

EXAMPLES = tuple(shipped("course"))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 16


@pytest.mark.parametrize("course", EXAMPLES)
def test_example(course: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(["simulate", course, "--out", str(out), "--typical"]) == 0
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
