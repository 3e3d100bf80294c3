"""`ketasim nca` at the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

Call = Callable[[list[str]], tuple[int, str, str]]

TABLE = """ID,ARM,TIME,EVID,AMT,RATE,DV
1,a,0,1,40,60,
1,a,0.67,0,,,200
1,a,1,0,,,120
1,a,2,0,,,70
1,a,4,0,,,40
1,a,8,0,,,15
1,a,24,0,,,<1
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "samples.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_three_files_and_a_few_lines(table: Path, called: Call) -> None:
    folder = table.parent
    names = ["nca.csv", "points.csv", "summary.csv"]
    files = [str(folder / name) for name in names]
    options = ["--unit", "ng/mL", "--partial", "0-2,0-24", "--by", "ARM"]
    options += ["--points", files[1], "--summary", files[2]]
    code, told, noted = called(["nca", str(table), "--out", files[0], *options])
    assert code == 0 and "1 profile of 1 subject" in told and "half-life" in told
    assert "no sample at the dose, and none given before: 0 there" in noted
    row = pl.read_csv(files[0]).row(0, named=True)
    assert row["route"] == "infusion" and row["below"] == 1 and row["volume_unit"] == "L"
    assert row["auc_0_2"] < row["auc_last"] < row["auc_0_24"] < row["auc_inf_obs"]
    assert pl.read_csv(files[1])["terminal"].sum() == row["lambda_z_points"]
    summary = pl.read_csv(files[2])
    assert summary["ARM"].unique().to_list() == ["a"]
    assert summary.filter(pl.col("metric") == "cl")["unit"][0] == "L/h"

    code, told, _ = called(["nca", str(table), "--out", files[0], "--json"])
    found = json.loads(told)
    assert (
        code == 0 and found["profiles"] == 1 and found["metadata"]["units"]["DV"]["vz"] == "mg/DV"
    )


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--dv", "CONC"], "--dv: the table has no column 'CONC'"),
        (["--unit", "grains"], "--unit: 'grains' is no unit of a concentration"),
        (["--partial", "0-2,late"], "--partial: 'late' is no interval"),
        (["--terminal", "24-6"], "--terminal: '24-6' is no interval"),
        (["--points", "OUT"], "--points: "),
        (["--by", "SITE"], "--by: the table has no column 'SITE'"),
        (["--lloq", "-1"], "--lloq: -1.0 is no limit"),
    ],
)
def test_bad_input_is_one_line(table: Path, called: Call, options: list[str], line: str) -> None:
    out = table.parent / "nca.csv"
    given = [str(out) if word == "OUT" else word for word in options]
    code, told, errors = called(["nca", str(table), "--out", str(out), *given])
    assert code == 2 and not told and errors.count("\n") == 1
    assert errors.startswith(f"error: {line}")
    assert not out.exists()
