"""A trial with a primary contrast: its power, errors and sizes, its drop-out and scenarios."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ketasim.dosing import load_trial
from ketasim.trials import run_trial
from ketasim.trials.patients.leaving import constant_hazard, leaves_after_session

CONTRACT = [
    *("analysis", "estimand", "contrast", "scale", "time_h", "n_per_arm", "replicates", "failed"),
    *("estimate", "se", "sd", "power", "type1", "coverage", "mc_se"),
]


def file(**keys: Any) -> dict[str, Any]:
    session = {"drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min"}
    form: dict[str, Any] = {
        "trial": "t",
        "population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}, "background": "none"},
        "arms": [
            {"id": "ket", "n": 40, "days": [0, 3], **session},
            {"id": "mdz", "n": 20, "control": "midazolam", "days": [0, 3]},
        ],
        "assess": [{"scale": "MADRS", "at": ["24 h", "3 d", "7 d"], "metrics": ["change"]}],
        "primary": {"scale": "MADRS", "at": "7 d", "contrast": ["ket", "mdz"]},
        "replicates": 150,
        "seed": 5,
    }
    return {key: value for key, value in (form | keys).items() if value is not None}


@pytest.fixture(scope="module")
def analysed() -> Any:
    keys = {"analysis": ["ancova", "responder"], "power": {"n": [20, 80]}}
    return run_trial(file(**keys, dropout={"share": 0.2, "by": "7 d"}))


def test_the_table_holds_every_analysis_at_every_size(analysed: Any) -> None:
    table = analysed.analysis()
    assert table.columns[: len(CONTRACT)] == CONTRACT
    assert table["analysis"].to_list() == [
        name for name in ("mmrm", "ancova", "responder") for _ in range(3)
    ]
    assert table["n_per_arm"].to_list() == [20, 40, 80] * 3
    assert table["n_total"].to_list() == [30, 60, 120] * 3
    assert (table["failed"] == 0).all()
    for name in ("mmrm", "ancova", "responder"):
        part = table.filter(pl.col("analysis") == name)
        assert part["power"].is_sorted()
        assert part["sd"].is_sorted(descending=True)
        for share in ("type1", "coverage"):
            off = part[share] - (0.05 if share == "type1" else 0.95)
            assert (off.abs() < 4.0 * np.sqrt(0.05 * 0.95 / 150)).all()
    mixed = table.filter(pl.col("analysis") == "mmrm")
    assert (mixed["bias"].abs() < 4.0 * mixed["bias_mc_se"]).all()
    assert mixed["se"].to_numpy() == pytest.approx(mixed["sd"].to_numpy(), rel=0.2)


def test_the_headline_opens_with_the_primary_contrast(analysed: Any) -> None:
    rows = analysed.headline().rows
    assert rows[0].name.startswith("Primary")
    assert "day 7" in rows[0].name
    told = [row.name for row in rows]
    assert any(name.startswith("Power with 40") for name in told)
    assert any("80 % power" in name for name in told)
    assert any("90 % assurance" in name for name in told)


def test_sizes_are_of_the_same_patients() -> None:
    # without larger sizes the patients are those of the trial as it stands
    plain, asked = run_trial(file(primary=None)), run_trial(file(power={"n": [20]}))
    assert plain.patients().equals(asked.patients())
    assert plain.summary().equals(asked.summary())
    assert plain.analysis().is_empty()


def test_a_drug_without_effect_and_equal_expectation_leaves_no_difference() -> None:
    none = {"drug_effect": 0.0, "expectation": 0.0}
    result = run_trial(file(scenario=none, replicates=60))
    row = result.analysis().to_dicts()[0]
    assert abs(row["truth"]) < 0.5
    assert any("scenario" in line for line in result.warnings)
    usual = run_trial(file(replicates=60)).analysis().to_dicts()[0]
    assert usual["truth"] < row["truth"] - 1.0


def test_patients_who_know_what_they_got_expect_more_apart() -> None:
    known = run_trial(file(scenario={"unblinding": 1.0}, replicates=40))
    usual = run_trial(file(replicates=40))
    assert known.blinding()["guess_drug"].to_list() == [1.0, 0.0]
    assert known.analysis()["truth"][0] < usual.analysis()["truth"][0]


@pytest.mark.parametrize("pattern", ["completely_at_random", "lack_of_effect", "adverse_event"])
def test_the_share_given_has_left_by_the_time_given(pattern: str) -> None:
    dropout = {"share": 0.3, "by": "7 d", "pattern": pattern}
    result = run_trial(file(primary=None, dropout=dropout, replicates=100))
    last = result.patients().filter(pl.col("time_h") == 168.0)
    left = dict(last.group_by("arm").agg(pl.col("dropped").mean()).iter_rows())
    if pattern == "adverse_event":
        assert left["ket"] == pytest.approx(0.3, abs=0.03)
    elif pattern == "completely_at_random":
        assert left["ket"] == pytest.approx(0.3, abs=0.03)
        assert left["mdz"] == pytest.approx(0.3, abs=0.04)
    else:
        assert last["dropped"].mean() == pytest.approx(0.3, abs=0.03)
        assert left["mdz"] > left["ket"]


def test_drop_out_by_adverse_events_comes_after_sessions() -> None:
    (dropout,) = load_trial(file(dropout={"share": 0.5, "by": "7 d"})).dropout
    assert np.exp(-constant_hazard(dropout) * dropout.by) == pytest.approx(0.5)
    due = np.array([0.01, 0.35, 0.6, 5.0])
    left = leaves_after_session(dropout, np.array([0.0, 72.0]), due)
    assert left[:3] == pytest.approx([0.0, 72.0, 72.0])
    assert np.isinf(left[3])


def test_the_files_and_the_report_tell_of_power(analysed: Any) -> None:
    files = analysed.files()
    assert pl.read_csv(files["analysis.csv"]).columns == analysed.analysis().columns
    page = files["report.html"].decode()
    assert 'id="power"' in page
    assert "Assurance is the same share" in page
    # the primary contrast stands first
    assert page.index("Primary, ") < page.index('id="power"') < page.index('id="design"')
    assert "analysis.csv" not in run_trial(file(primary=None, replicates=2)).files()


def test_the_shipped_example_has_a_primary_contrast_and_sizes() -> None:
    trial = load_trial("ketamine_midazolam_power")
    assert trial.primary is not None and trial.power is not None
    result = run_trial(trial, replicates=8)
    assert result.analysis().height == len(trial.analyses) * len(trial.power.n)
