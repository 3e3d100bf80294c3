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
from ketasim.simulation import predict_events, simulate

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


ONCE = [{"time": "0 h", "drug": "ketamine", "route": "iv", "dose": "35 mg", "over": "40 min"}]
THRICE = [{**ONCE[0], "time": f"{hours} h"} for hours in (0, 48, 97)]
HYDROCHLORIDE = [{**ONCE[0], "dose": "40 mg", "salt": "hydrochloride"}]
CASES = {
    "duration": (
        (
            "ID,TIME,AMT,DUR,CMT,EVID,DRUG,WT,AGE\n1,0,35,0.667,iv,1,ketamine,70,40\n"
            "1,0.667,0,0,,0,,70,40\n"
        ),
        (ONCE, 0.667),
    ),
    "duration in minutes": (
        "ID,TIME,AMT,INFUSION_MIN,CMT,EVID,WT,AGE\n1,0,35,40,iv,1,70,40\n1,0.667,,,,0,70,40\n",
        (ONCE, 0.667),
    ),
    "end": (
        "ID,TIME,AMT,STOP,CMT,EVID,WT,AGE\n1,0,35,0.667,iv,1,70,40\n1,0.667,.,.,.,0,70,40\n",
        (ONCE, 0.667),
    ),
    "another name, a measured value": (
        (
            "ID,TIME,AMT,TINF,CMT,EVID,Y,WT,AGE\n1,0,35,0.667,iv,1,.,70,40\n"
            "1,0.667,.,.,.,0,190,70,40\n"
        ),
        (ONCE, 0.667),
    ),
    "rate": (
        (
            "ID,TIME,AMT,RATE,CMT,EVID,DRUG,WT,AGE\n1,0,35,52.5,iv,1,ketamine,70,40\n"
            "1,0.667,0,0,,0,,70,40\n"
        ),
        (ONCE, 0.667),
    ),
    "semicolons and decimal commas": (
        "\ufeffID;TIME;AMT;RATE;CMT;EVID;WT;AGE\n1;0;35;52,5;iv;1;70;40\n1;0,667;0;0;;0;70;40\n",
        (ONCE, 0.667),
    ),
    "dates": (
        (
            "ID,DATE,TIME,AMT,RATE,CMT,EVID,WT,AGE\n1,2024-03-04,9.0,35,52.5,iv,1,70,40\n"
            "1,2024-03-06,9.0,35,52.5,iv,1,70,40\n1,2024-03-08,10.0,35,52.5,iv,1,70,40\n"
            "1,2024-03-08,11.0,0,0,,0,70,40\n"
        ),
        (THRICE, 98.0),
    ),
    "salt": (
        (
            "ID,TIME,AMT,SALT,RATE,CMT,EVID,WT,AGE\n1,0,40,hydrochloride,60,iv,1,70,40\n"
            "1,0.667,0,,0,,0,70,40\n"
        ),
        (HYDROCHLORIDE, 0.667),
    ),
    "a commented dose": (
        (
            "C,ID,TIME,AMT,RATE,CMT,EVID,WT,AGE\n.,1,0,35,52.5,iv,1,70,40\n"
            "C,1,1,35,52.5,iv,1,70,40\n.,1,2,0,0,.,0,70,40\n"
        ),
        (ONCE, 2.0),
    ),
}
"""Tables that say the same in ways people write it, and the course they mean with a time in h."""


@quiet
@pytest.mark.parametrize("name", CASES)
def test_tables_are_predicted_as_they_are_meant(tmp_path: Path, name: str) -> None:
    text, (doses, hours) = CASES[name]
    data = tmp_path / "data.csv"
    data.write_text(text, encoding="utf-8")
    found = predict_events(read_events(data)).filter(quantity="ketamine", site="venous")
    meant = simulate(
        {"patient": {"weight": "70 kg", "age": 40}, "doses": doses, "horizon": "5 d"},
        times=[hours],
        mood=False,
    )
    expected = meant.values["ketamine", "venous"][:, 0]
    assert found["value"].to_list() == pytest.approx(expected, rel=1e-3)


def test_what_was_made_of_the_columns_is_printed_and_warned_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data.csv", tmp_path / "predictions.csv"
    data.write_text("ID,TIME,AMT,CMT,EVID,WT,AGE,DV\n1,0,10,2,1,70,40,.\n1,1,0,2,0,70,40,5\n")
    command = ["events", str(data), "--cmt", "1=oral,2=im", "--predict", str(out)]
    assert run([*command[:2], *command[4:]]) == 2
    assert "--cmt" in capsys.readouterr().err and not out.exists()
    assert run(command) == 0
    assert "note: not used: DV\n" in capsys.readouterr().err
    with pytest.warns(KetasimWarning) as caught:
        predict_events(read_events(data, compartments={2: "im"}))
    assert str(caught[0].message) == "not used: DV"
    assert run(["events", str(data), "--cmt", "2=im", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == ["not used: DV"]
    for wrong in ("2", "2=", "=im", "2=im,2=iv", "two=im", "2=central"):
        assert run(["events", str(data), "--cmt", wrong]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


@quiet
def test_the_work_grows_with_doses_and_observations() -> None:
    """As many observations as would take hours if each looked at every dose."""
    times = [i / 2 for i in range(6000)]
    dosed = [i % 4 == 0 for i in range(6000)]
    table = {
        "ID": [1] * 6000,
        "TIME": times,
        "AMT": [1.0 if one else 0.0 for one in dosed],
        "EVID": [int(one) for one in dosed],
        "ROUTE": ["im"] * 6000,
        "WT": [70.0] * 6000,
        "AGE": [40] * 6000,
    }
    read = read_events(table)
    found = predict_events(read).filter(quantity="ketamine", site="venous")
    assert found["row"].to_list() == [i + 1 for i, one in enumerate(dosed) if not one]
    assert found["time_h"].to_list() == [t for t, one in zip(times, dosed, strict=True) if not one]
    # what is left after many equal intervals no longer changes
    late = found.filter(pl.col("time_h").is_in([1001.0, 2001.0]))["value"]
    assert late[0] == pytest.approx(late[1], rel=1e-6)
