"""Metrics against closed forms, what is done with values below the limit, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketasim
from ketasim import InputError, nca
from ketasim.noncompartmental.slope import terminal_slope

pytestmark = pytest.mark.filterwarnings("ignore::ketasim._base.KetasimWarning")

CL, V, DOSE = 5.0, 40.0, 100.0  # L/h, L, mg
K = CL / V


def _table(times: Any, values: Any, amount: float = DOSE, **dose: Any) -> dict[str, list[Any]]:
    """One subject, one dose at 0 h, and samples after it."""
    count = len(times)
    table = {
        "ID": [1] * (count + 1),
        "TIME": [0.0, *times],
        "EVID": [1, *[0] * count],
        "AMT": [amount, *[0] * count],
        "DV": [None, *values],
    }
    return table | {name: [cell, *[None] * count] for name, cell in dose.items()}


def _row(*args: Any, **options: Any) -> dict[str, Any]:
    return nca(*args, **options).table().row(0, named=True)


def test_a_bolus_is_what_its_closed_form_says() -> None:
    times = np.array([0.5, 1, 2, 4, 8, 12, 24.0])
    row = _row(_table(times, 1000 * DOSE / V * np.exp(-K * times), ROUTE="iv"), unit="ng/mL")
    assert row["start"] == "back-extrapolated" and row["route"] == "bolus"
    expected = {
        "c0": 1000 * DOSE / V,
        "auc_inf_obs": 1000 * DOSE / CL,
        "auc_inf_pred": 1000 * DOSE / CL,
        "half_life": np.log(2) / K,
        "cl": CL,
        "vz": V,
        "vss": V,
        "mrt": 1 / K,
        "extrapolated_obs": 100 * np.exp(-24 * K),
        "adj_r2": 1.0,
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert (row["unit"], row["volume_unit"], row["why"]) == ("ng/mL", "L", "")


def test_an_infusion_leaves_out_its_own_duration() -> None:
    ends, times = 2.0, np.concatenate([np.linspace(0, 2, 81), np.linspace(2.25, 40, 152)])
    rising = np.minimum(times, ends)
    values = 1000 * DOSE / ends / CL * (1 - np.exp(-K * rising)) * np.exp(-K * (times - rising))
    row = _row(_table(times, values, RATE=DOSE / ends), unit="ng/mL", partial=[(0, 24), (3, 7)])
    assert row["route"] == "infusion" and row["lambda_z_from"] > ends
    assert row["cl"] == pytest.approx(CL, rel=1e-5)  # straight lines while it rises
    assert row["mrt"] == pytest.approx(1 / K, rel=1e-5)
    assert row["vss"] == pytest.approx(V, rel=1e-5)
    at3 = values[np.searchsorted(times, 3)]
    assert row["auc_3_7"] == pytest.approx(at3 / K * (1 - np.exp(-4 * K)), rel=1e-9)
    assert row["auc_0_24"] < row["auc_last"] < row["auc_inf_obs"]


@pytest.mark.parametrize("last", [12.0, 10.0])
def test_an_interval_at_steady_state(last: float) -> None:
    """Sampled to its end, or extrapolated to it."""
    tau = 12.0
    times = np.array([0.5, 1, 2, 4, 6, 8, last])
    values = 1000 * DOSE / V * np.exp(-K * times) / (1 - np.exp(-K * tau))
    row = _row(_table(times, values, ROUTE="iv", SS=1, II=tau), unit="ng/mL")
    assert row["steady_state"] and row["tau_h"] == tau
    expected = {
        "auc_tau": 1000 * DOSE / CL,
        "cl": CL,
        "vz": V,
        "mrt": 1 / K,
        "vss": V,
        "c_avg": 1000 * DOSE / CL / tau,
        "c_min": values[-1],
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert row["fluctuation"] == pytest.approx(
        100 * (row["cmax"] - row["c_min"]) / row["c_avg"], rel=1e-12
    )


def test_doses_after_others_need_a_word_on_steady_state() -> None:
    table = {
        "ID": [1] * 10,
        "TIME": [0, 1, 4, 8, 12, 12, 13, 16, 20, 24.0],
        "EVID": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0],
        "AMT": [100, 0, 0, 0, 0, 100, 0, 0, 0, 0],
        "DV": [None, 900, 500, 250, 120, None, 990, 560, 280, 130],
    }
    single = nca(table, unit="ng/mL").table()
    assert single["dose"].to_list() == [1, 2] and single["samples"].to_list() == [4, 5]
    assert single["cl"][0] > 0 and single["cl"][1] is None
    assert "doses came before" in single["why"][1]
    assert single["tau_h"].to_list() == [12, 12]
    settled = nca(table, unit="ng/mL", steady_state=True).table()
    assert settled["steady_state"].to_list() == [False, True]
    assert settled["cl"][1] == pytest.approx(1000 * 100 / settled["auc_tau"][1])


def test_below_the_limit_is_0_before_the_first_value_and_left_out_after() -> None:
    times = [0.25, 0.5, 1, 2, 3, 4, 6, 8, 12.0]
    plain = _row(_table(times, [0, 4, 8, 6, None, 3, 1.5, 0.75, None]))
    told = nca(_table(times, ["BLQ", "4", "8", "6", "<0.5", "3", "1.5", "0.75", "<0.5"]))
    row = told.table().row(0, named=True)
    assert row["below"] == 3 and row["samples"] == 9
    for metric in ("cmax", "auc_last", "auc_inf_obs", "half_life", "tlast"):
        assert row[metric] == plain[metric]
    limited = _row(_table(times, [0.1, 4, 8, 6, 0.2, 3, 1.5, 0.75, 0.3]), lloq=0.5)
    assert limited["auc_inf_obs"] == plain["auc_inf_obs"]
    flagged = _table(times, [0.1, 4, 8, 6, 0.2, 3, 1.5, 0.75, 0.3])
    flagged["BLQ"] = [0, 1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert _row(flagged)["auc_inf_obs"] == plain["auc_inf_obs"]
    nothing = _row(_table(times, [0] * 9))
    assert nothing["cmax"] == 0 and nothing["half_life"] is None
    assert nothing["why"] == "no value above the limit of quantification"


@given(
    st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=12),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60)
def test_a_half_life_is_never_negative(values: list[float], seed: int) -> None:
    times = np.cumsum(np.random.default_rng(seed).uniform(0.1, 4, len(values)))
    row = _row(_table(times, values))
    assert row["half_life"] is None or row["half_life"] > 0
    assert (row["half_life"] is None) == (row["auc_inf_obs"] is None) == bool(row["why"])
    assert 0 < row["auc_last"] <= max(values) * times[-1] * (1 + 1e-12)
    both = _row(_table(times, values), partial=[(0, times[0]), (times[0], times[-1])])
    pieces = [value for name, value in both.items() if name.startswith("auc_0_")]
    assert pieces[0] <= row["auc_last"] * (1 + 1e-12)


def test_a_rise_has_no_half_life() -> None:
    assert terminal_slope(np.arange(5.0), np.array([9, 1, 2, 4, 8.0]), 0.0) is None
    assert terminal_slope(np.arange(5.0), np.array([9, 2, 2, 2, 2.0]), 0.0) is None
    row = _row(_table([1, 2, 3, 4, 5], [9, 1, 2, 4, 8]))
    assert row["half_life"] is None and row["why"] == "half-life: the last points do not fall"


def test_points_somebody_chose() -> None:
    times = np.array([1, 2, 4, 6, 8, 12.0])
    values = np.array([8, 9, 7, 4, 3, 1.0])
    result = nca(_table(times, values), terminal=(4, 12))
    assert result.table()["lambda_z_points"][0] == 4
    line = np.polyfit(times[2:], np.log(values[2:]), 1)
    assert result.table()["lambda_z"][0] == pytest.approx(-line[0], rel=1e-9)
    used = result.points().filter(pl.col("terminal"))
    assert used["line"].to_numpy() == pytest.approx(np.exp(np.polyval(line, times[2:])))


def test_a_prediction_and_its_draws() -> None:
    model = ketasim.pk.two_compartments(depot=True)
    numbers = {"CL": 5, "V2": 20, "Q": 3, "V3": 50, "KA": 1.5}
    times = [*np.arange(0, 6, 0.1), *np.arange(6, 120, 1.0)]
    table = {
        "ID": [1] * (len(times) + 1),
        "TIME": [0.0, *times],
        "EVID": [1, *[0] * len(times)],
        "AMT": [100.0, *[0.0] * len(times)],
        "CMT": [1, *[2] * len(times)],
    }
    row = _row(ketasim.predict(model, table, parameters=numbers))
    assert row["quantity"] == "CP" and row["unit"] == "ng/mL"
    assert row["cl"] == pytest.approx(5, rel=2e-3)
    # a molecule waits 1/KA in the depot, then as long as it stays: (V2 + V3)/CL
    assert row["mrt"] == pytest.approx(1 / 1.5 + 70 / 5, rel=5e-3)


def test_the_doses_of_a_prediction_are_in_the_unit_of_its_model() -> None:
    times = [*np.arange(0, 6, 0.1), *np.arange(6, 60, 1.0)]
    table = {
        "ID": [1] * (len(times) + 1),
        "TIME": [0.0, *times],
        "EVID": [1, *[0] * len(times)],
        "AMT": [100.0, *[0.0] * len(times)],
    }
    model = ketasim.pk.one_compartment(scale=1.0, amount="µg").with_values({"CL": 5, "V": 20})
    found = ketasim.predict(model, table)
    row = nca(found, route="iv").table().row(0, named=True)
    assert row["cl"] == pytest.approx(5, rel=2e-3)
    with pytest.raises(InputError, match="dose_unit: 'g', and AMT of the model is in µg"):
        nca(found, route="iv", dose_unit="g")


def test_a_simulation_agrees_with_its_exact_areas() -> None:
    """Areas of a simulation are exact in `exposure`; sampled closely, NCA comes to the same."""
    course = {"regimen": "ketamine 40 mg iv over 40 min on day 0", "horizon": "4 d"}
    simulation = ketasim.simulate(course, typical=True, mood=False, session=False)
    result = nca(simulation, at=[*np.linspace(0, 2, 121), *np.linspace(2.25, 96, 376)])
    row = result.table().row(0, named=True)
    assert row["route"] == "infusion" and row["amount"] == pytest.approx(40)
    exact = simulation.exposed(simulation.main, "first", "auc_inf")
    assert exact is not None and row["auc_inf_obs"] == pytest.approx(exact[0], rel=2e-3)
    assert row["cl"] == pytest.approx(1000 * 40 / exact[0], rel=2e-3)
    other = _row(simulation, dv="norketamine_venous", at=[0.5, 1, 2, 4, 8, 12, 24])
    assert other["cl"] is None and "not what was measured" in other["why"]


def test_devices_are_one_dose_and_groups_are_apart() -> None:
    rows = [
        {"ID": i, "TIME": t, "EVID": e, "AMT": a, "DV": v, "ARM": arm}
        for i, arm in ((1, "a"), (2, "b"))
        for t, e, a, v in (
            (0, 1, 28, None),
            (5 / 60, 1, 28, None),
            (0.5, 0, None, 60.0),
            (1, 0, None, 80.0),
            (2, 0, None, 50.0),
            (4, 0, None, 24.0),
            (8, 0, None, 10.0),
        )
    ]
    result = nca(pl.DataFrame(rows), by=["ARM"])
    table = result.table()
    assert table["amount"].to_list() == [56, 56] and table["ARM"].to_list() == ["a", "b"]
    summary = result.summary().filter(pl.col("metric") == "cl")
    assert summary["n"].to_list() == [1, 1] and summary["unit"].to_list() == ["mg/DV/h"] * 2


@pytest.mark.parametrize(
    ("change", "options", "line"),
    [
        ({}, {"dv": "CONC"}, "dv: the table has no column 'CONC'"),
        ({"DV": [None, 3, -1, 1]}, {}, "DV in row 3: -1 is below 0"),
        ({"DV": [None, "3", "2?", "BLQ"]}, {}, "DV in row 3: '2?' is not a finite number"),
        ({"TIME": [0, 1, 1, 3]}, {}, "DV in row 3: a second value at 1 h"),
        ({"EVID": [0, 0, 0, 0], "AMT": [0] * 4}, {}, "AMT: no row gives a dose"),
        ({}, {"unit": "ng per mL"}, "unit: 'ng per mL' is no unit of a concentration"),
        ({}, {"dose_unit": "tablets"}, "dose_unit: 'tablets' is no unit of a dose"),
        ({}, {"partial": [(4, 2)]}, "partial: '4-2' is no interval"),
        ({}, {"partial": [(4,)]}, "partial: '4' is no interval"),
        ({}, {"terminal": ("a", 2)}, "terminal: 'a-2' is no interval"),
        ({}, {"lloq": "low"}, "lloq: low is no limit"),
        ({}, {"by": "ARM"}, "by: the table has no column 'ARM'"),
        ({}, {"route": "oral"}, "route: 'oral' is not known"),
        ({}, {"by": ["ARM"]}, "by: the table has no column 'ARM'"),
        ({"RATE": [-2, 0, 0, 0]}, {}, "RATE in row 1: -2: the model says how long it lasts"),
        ({}, {"lloq": float("nan")}, "lloq: nan is no limit"),
        ({"ROUTE": ["ivv"] * 4}, {}, "ROUTE in row 1: unknown route 'ivv'; use one of: iv"),
        ({"ROUTE": ["bolus"] * 4}, {}, "ROUTE in row 1: unknown route 'bolus'"),
        ({"CMT": ["central"] * 4}, {}, "CMT in row 1: unknown route 'central'"),
        ({"ROUTE": ["iv infusion"] * 4}, {}, "ROUTE in row 1: 'iv infusion' without a duration"),
        ({}, {"at": [1.0]}, "at: is of a simulation alone"),
    ],
)
def test_what_is_refused(change: dict[str, Any], options: dict[str, Any], line: str) -> None:
    table = _table([1, 2, 3], [3, 2, 1]) | change
    with pytest.raises(InputError) as caught:
        nca(table, **options)
    assert str(caught.value).startswith(line)


def test_the_files(tmp_path: Path) -> None:
    result = nca(_table([1, 2, 3, 4], [8, 4, 2, 1]))
    names = {path.name for path in result.save(tmp_path)}
    assert names == {"nca.csv", "nca_points.csv", "nca_summary.csv"}
    assert pl.read_csv(tmp_path / "nca.csv")["half_life"][0] == pytest.approx(1)
    assert "half-life" in repr(result)
    assert result.metadata["units"]["DV"]["cl"] == "mg/DV/h"


def test_samples_that_no_dose_precedes_and_columns_that_nothing_uses_are_named() -> None:
    """Before, a subject without a dose row vanished without a word."""
    table = {
        "ID": [1, 1, 1, 1, 2, 2, 3],
        "TIME": [0, 1, 2, 3, 0, 1, 0],
        "EVID": [0, 1, 0, 0, 0, 0, 2],
        "AMT": [0, 100, 0, 0, 0, 0, 0],
        "DV": [0.1, None, 4, 2, 3, 1, None],
        "SEX": ["f"] * 7,
    }
    result = nca(table, route="iv")
    assert "rows 1, 5-6 are samples without a dose before them and not read" in result.notes
    assert "not used: SEX" in result.notes
    assert result.table()["samples"].to_list() == [2]


def test_doses_after_the_last_sample_are_not_followed() -> None:
    """Ten million doses of ADDL, of which three intervals have samples."""
    times = np.array([1, 2, 4, 9, 10, 11])
    table = _table(times, [4, 2, 1, 4, 2, 1], ROUTE="iv", II=8, ADDL=10_000_000)
    profiles = nca(table).table()
    assert profiles["start_h"].to_list() == [0, 8] and profiles["tau_h"].to_list() == [8, 8]


def test_times_of_day_are_no_hours_after_the_dose() -> None:
    table = {
        "ID": [1] * 5,
        "DATE": ["2024-03-04", *(f"2024-03-0{day}" for day in range(4, 8))],
        "TIME": [8, 10, 10, 10, 10],
        "EVID": [1, 0, 0, 0, 0],
        "AMT": [100, 0, 0, 0, 0],
        "DV": [None, 16, 8, 4, 2],
    }
    assert _row(table, route="iv")["half_life"] == pytest.approx(24)
