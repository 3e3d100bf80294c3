"""Event tables are predicted at their observations."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import ketasim
from ketasim._base import InputError
from ketasim.apps.cli.application import run
from ketasim.dosing import read_events
from ketasim.outputs import predict_events

COLUMNS = ["ID", "TIME", "AMT", "RATE", "CMT", "EVID", "II", "ADDL", "SS", "DRUG", "WT"]


def _table(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def test_predictions_equal_the_simulation_of_the_same_course() -> None:
    table = _table(
        [
            (7, 0.0, 35.0, 52.5, "iv", 1, 0.0, 0, 0, "ketamine", 70.0),
            (7, 0.5, 0.0, 0.0, "iv", 0, 0.0, 0, 0, "ketamine", 70.0),
            (7, 3.0, 0.0, 0.0, "iv", 0, 0.0, 0, 0, "ketamine", 70.0),
        ]
    )
    found = predict_events(read_events(table))
    course = {
        "patient": {"weight": "70 kg"},
        "regimen": "ketamine 35 mg iv over 40 min once",
        "horizon": "1 d",
    }
    result = ketasim.simulate(course, times=[0.5, 3.0])
    expected = result.timecourse().cast({"quantity": pl.String, "site": pl.String})
    key = ["time_h", "quantity", "site"]
    both = found.join(expected, on=key, how="full", suffix="_expected")
    assert both.height == found.height == expected.height > 0
    assert set(found["id"]) == {7}
    difference = (both["value"] - both["value_expected"]).abs()
    assert (difference <= 1e-9 * both["value_expected"].abs() + 1e-12).all()


def test_subjects_have_their_own_calendars_and_weights() -> None:
    table = _table(
        [
            (1, 0.0, 20.0, 0.0, "im", 1, 24.0, 2, 0, "ketamine", 60.0),
            (1, 49.0, 0.0, 0.0, "im", 0, 0.0, 0, 0, "ketamine", 60.0),
            (2, 0.0, 20.0, 0.0, "im", 1, 0.0, 0, 0, "ketamine", 90.0),
            (2, 1.0, 0.0, 0.0, "im", 0, 0.0, 0, 0, "ketamine", 90.0),
        ]
    )
    found = predict_events(read_events(table)).filter(quantity="ketamine", site="venous")
    one, two = found["value"]
    assert found["time_h"].to_list() == [49.0, 1.0]
    assert one > two > 0  # a lighter body, and what is left of two earlier doses


def test_the_command_writes_the_predictions(tmp_path: Path) -> None:
    data, out = tmp_path / "data.csv", tmp_path / "predictions.csv"
    _table(
        [
            (1, 0.0, 28.0, 0.0, "intranasal", 1, 0.0, 0, 0, "esketamine", 80.0),
            (1, 0.5, 0.0, 0.0, "intranasal", 0, 0.0, 0, 0, "esketamine", 80.0),
        ]
    ).write_csv(data)
    command = ["events", str(data), "--predict", str(out), "--pk-model", "perezruixo2021"]
    assert run(command) == 0
    written = pl.read_csv(out)
    assert set(written["quantity"]) == {"s_ketamine", "s_norketamine", "ketamine", "norketamine"}
    assert (written["value"] > 0).all()


def test_a_table_without_observations_is_refused() -> None:
    table = _table([(1, 0.0, 20.0, 0.0, "im", 1, 0.0, 0, 0, "ketamine", 60.0)])
    with pytest.raises(InputError, match="EVID"):
        predict_events(read_events(table))
