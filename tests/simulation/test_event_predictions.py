"""Event tables are predicted at their observations."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketasim
from ketasim._base import InputError, KetasimWarning
from ketasim.apps.cli.application import run
from ketasim.dosing import read_events
from ketasim.simulation import predict_events

quiet = pytest.mark.filterwarnings("ignore::ketasim._base.KetasimWarning")

COLUMNS = ["ID", "TIME", "AMT", "RATE", "CMT", "EVID", "II", "ADDL", "SS", "DRUG", "WT"]


def _table(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


@quiet
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
    result = ketasim.simulate(course, times=[0.5, 3.0], mood=False)
    expected = result.timecourse().cast({"quantity": pl.String, "site": pl.String})
    key = ["time_h", "quantity", "site"]
    both = found.join(expected, on=key, how="full", suffix="_expected")
    assert both.height == found.height == expected.height > 0
    assert set(found["id"]) == {7}
    difference = (both["value"] - both["value_expected"]).abs()
    assert (difference <= 1e-9 * both["value_expected"].abs() + 1e-12).all()


@quiet
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


def _plain(*rows: str) -> pl.DataFrame:
    """Arterial ketamine at the observations of rows TIME,AMT,EVID,II,SS of an intravenous bolus."""
    head = "ID,CMT,TIME,AMT,EVID,II,SS,WT,AGE"
    cells = [f"2,iv,{row},70,40".split(",") for row in rows]
    table = {name: [row[i] for row in cells] for i, name in enumerate(head.split(","))}
    return predict_events(read_events(table)).filter(quantity="ketamine", site="arterial")


@quiet
def test_the_order_of_rows_decides_at_the_same_time() -> None:
    found = _plain(
        "0,0,0,0,0",
        "0,30,1,0,0",
        "12,0,0,0,0",
        "12,30,1,0,0",
        "12,0,0,0,0",
        "12,20,1,0,0",
        "12,0,0,0,0",
        "13,0,0,0,0",
    )
    assert found["row"].to_list() == [1, 3, 5, 7, 8]
    assert found["time_h"].to_list() == [0, 12, 12, 12, 13]
    empty, trough, first, second, later = found["value"]
    # the same doses, each seen by an observation that stands alone
    (alone,) = _plain("0,30,1,0,0", "12,0,0,0,0")["value"]
    (after,) = _plain("0,30,1,0,0", "12,30,1,0,0", "12,0,0,0,0")["value"]
    (all_of_it,) = _plain("0,30,1,0,0", "12,50,1,0,0", "13,0,0,0,0")["value"]
    assert empty == 0
    assert trough == pytest.approx(alone, rel=1e-6)
    assert first == pytest.approx(after, rel=1e-6)
    assert second - first == pytest.approx((first - trough) * 2 / 3, rel=1e-6)
    assert later == pytest.approx(all_of_it, rel=1e-6)


@quiet
def test_before_the_first_dose_of_a_steady_state_is_its_trough() -> None:
    found = _plain("0,0,0,0,0", "0,30,1,12,1", "0,0,0,0,0", "12,0,0,0,0", "12,30,1,0,0")
    trough, peak, again = found["value"]
    assert 0 < trough < peak
    assert trough == pytest.approx(again, rel=1e-9)


@quiet
def test_two_observations_at_a_time_are_two_blocks() -> None:
    found = _plain("0,30,1,0,0", "1,0,0,0,0", "1,0,0,0,0")
    assert found["row"].to_list() == [2, 3] and found["value"].n_unique() == 1


_EVENTS = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=8)


@quiet
@settings(max_examples=15)
@given(_EVENTS)
def test_rows_after_an_observation_do_not_change_it(events: list[tuple[int, bool]]) -> None:
    rows = ["0,10,1,0,0"] + [
        f"{4 * time},10,1,0,0" if dose else f"{4 * time},0,0,0,0" for time, dose in sorted(events)
    ]
    rows.append("20,0,0,0,0")
    whole = _plain(*rows)
    for row, value in whole.select("row", "value").iter_rows():
        assert _plain(*rows[:row])["value"][-1] == pytest.approx(value, rel=1e-6, abs=1e-9)


def test_what_the_reader_must_know_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data.csv", tmp_path / "predictions.csv"
    data.write_text(
        "ID,TIME,AMT,RATE,CMT,EVID\n2,0,150,0,iv,1\n2,1,0,0,,0\n3,0,10,0,iv,1\n3,1,0,0,,0\n"
    )
    with pytest.warns(KetasimWarning) as caught:
        predict_events(read_events(data))
    told = [str(one.message) for one in caught]
    assert len(set(told)) == len(told)
    assert any(t.startswith("subject 2: ") and "psychiatric range" in t for t in told)
    assert not any(t.startswith("subject 3: ") and "psychiatric range" in t for t in told)
    assert all(any(f"subject {n}: The patient's weight" in t for t in told) for n in (2, 3))
    assert run(["events", str(data), "--predict", str(out)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"warning: {text}" for text in told]
    assert run(["events", str(data), "--predict", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == told
