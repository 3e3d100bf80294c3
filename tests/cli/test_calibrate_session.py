"""`ketasim calibrate session` from its start: what it writes and what it tells."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from ketasim.apps.cli.application import run
from ketasim.calibration.session import load_session_training
from ketasim.evidence import load_card, read_card

pytestmark = pytest.mark.calibration


def test_the_command_writes_the_card_the_tables_and_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["calibrate", "session", "--out", str(out), "--json"]) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert "step 1: objective" in said.err
    names = {"session.toml", "fit.csv", "parameters.csv", "report.html"}
    assert {Path(path).name for path in told["files"]} == names
    assert {path.name for path in out.iterdir()} == names
    card = read_card((out / "session.toml").read_text())
    assert card.values() == pytest.approx(load_card("session").values(), rel=1e-3)
    assert card.hash == told["card"]
    rows = pl.read_csv(out / "fit.csv", infer_schema_length=None)
    assert rows.height == len(load_session_training())
    assert f"ketasim calibrate session --out {out}" in (out / "report.html").read_text()
