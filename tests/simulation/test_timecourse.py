"""The file of a time course: of whom, how precise, and what it says of the rest."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ketasim import InputError, Simulation, simulate
from ketasim.simulation import INDIVIDUALS, individuals_note

COURSE = {
    "population": {"n": 60, "seed": 2},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min once",
    "horizon": "1 d",
}


@pytest.fixture(scope="module")
def result() -> Simulation:
    return simulate(COURSE, mood=False, session=False)


def _read(content: bytes) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(content))


@pytest.mark.parametrize(("asked", "there"), [(None, 60), (0, 0), (7, 7), (61, 60)])
def test_the_first_patients_are_written(result: Simulation, asked: int | None, there: int) -> None:
    table = result.timecourse(asked)  # type: ignore[arg-type]
    assert table["id"].unique().to_list() == result.cohort.ids[:there].tolist()
    everyone = result.timecourse()
    assert table.equals(everyone.filter(pl.col("id").is_in(result.cohort.ids[:there])))


def test_a_file_has_fifty_patients_in_single_precision_and_units_once(result: Simulation) -> None:
    files = result.files()
    table, few = _read(files["timecourse.parquet"]), result.timecourse(INDIVIDUALS)
    assert INDIVIDUALS == 50
    assert table.columns == ["id", "time_h", "quantity", "site", "value", "unit"]
    assert table.schema["value"] == pl.Float32
    assert table.schema["time_h"] == pl.Float64
    for name in ("quantity", "site", "unit"):
        assert isinstance(table.schema[name], pl.Enum)  # in the file a dictionary
        assert files["timecourse.parquet"].count(b"arterial") < 30
    assert table["time_h"].equals(few["time_h"])
    np.testing.assert_allclose(table["value"], few["value"], rtol=1e-7)
    text = files["report.html"].decode()
    assert "time course of 50 of 60 patients; --individuals all for every one" in text


def test_a_row_takes_little_more_than_its_value(result: Simulation) -> None:
    content = result.files(individuals=None)["timecourse.parquet"]
    assert len(content) < 4.4 * result.timecourse().height
    assert "time course of" not in result.files(individuals=None)["report.html"].decode()


def test_less_than_nobody_is_refused(result: Simulation) -> None:
    with pytest.raises(InputError, match="'-1' is no number of patients"):
        result.files(individuals=-1)


@pytest.mark.parametrize(
    ("written", "patients", "told"),
    [
        (None, 500, ""),
        (50, 50, ""),
        (50, 1, ""),
        (50, 1_000, "time course of 50 of 1,000 patients; --individuals all for every one"),
    ],
)
def test_the_note_says_how_many_are_left_out(written: int | None, patients: int, told: str) -> None:
    assert individuals_note(written, patients) == told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("half", "error: --individuals: 'half' is not a whole number; give one, as 20, or all\n"),
        ("-1", "error: --individuals: -1 is less than 0; give 0 or more, or all\n"),
    ],
)
def test_the_option_takes_a_number_or_all(words: str, told: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["simulate", "six_infusions", "--out", str(out), f"--individuals={words}"]
    done = subprocess.run(
        [sys.executable, "-m", "ketasim", *command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)
    assert not out.exists()


@pytest.mark.parametrize("asked", ["all", 2.5, True, -1])
def test_what_is_no_number_of_patients_is_refused(asked: object) -> None:
    result = simulate({"regimen": "ketamine 35 mg im once", "horizon": "1 d"}, times=[1.0])
    with pytest.raises(InputError, match="individuals"):
        result.timecourse(asked)  # type: ignore[arg-type]
