"""The trend over doses: which arms it is over, what it estimates, how often it is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ketasim.dosing import load_trial
from ketasim.reports import trial_report
from ketasim.trials import run_trial
from ketasim.trials.dose_response import dose_levels


def _ket(name: str, dose: str, **more: Any) -> dict[str, Any]:
    own = {"drug": "ketamine", "route": "iv", "over": "40 min", "days": [0]}
    return {"id": name, "n": 40, "dose": dose, **own, **more}


MDZ: dict[str, Any] = {"id": "mdz", "n": 40, "control": "midazolam"}
TRIAL: dict[str, Any] = {
    "trial": "doses",
    "population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}},
    "arms": [_ket("high", "0.5 mg/kg"), _ket("low", "0.1 mg/kg"), MDZ],
    "assess": [{"scale": "MADRS", "at": ["24 h"], "metrics": ["change", "response"]}],
    "replicates": 40,
    "seed": 2,
}


def test_doses_are_taken_in_ascending_order_after_the_control() -> None:
    (levels,) = dose_levels(load_trial(TRIAL))
    assert [arm.id for arm in levels] == ["mdz", "low", "high"]
    two = TRIAL | {"arms": TRIAL["arms"][:2]}
    assert dose_levels(load_trial(two)) == ()
    other = _ket("twice", "0.5 mg/kg", days=[0, 3])
    assert dose_levels(load_trial(TRIAL | {"arms": [*TRIAL["arms"], other]})) == ()
    crossover = {"design": "crossover", "washout": "14 d"}
    assert dose_levels(load_trial(TRIAL | crossover)) == ()


def test_the_trend_is_the_slope_over_the_doses() -> None:
    result = run_trial(TRIAL)
    row = result.dose_response().filter(metric="change").row(0, named=True)
    assert row["arms"] == "mdz - low - high"
    values = result.replicates().filter(metric="change")
    means = {arm: values.filter(arm=arm)["value"].to_numpy() for arm in ("mdz", "high")}
    # with three levels the slope is half of the difference of the outer ones
    slope = (means["high"] - means["mdz"]) / 2.0
    assert row["mean"] == pytest.approx(slope.mean())
    assert row["p05"] == pytest.approx(np.quantile(slope, 0.05))
    assert 0.5 < row["detected"] <= 1.0
    page = trial_report(result)
    assert 'id="trend"' in page
    assert "Trials that find a trend" in page


def test_without_an_effect_a_trend_is_rarely_told() -> None:
    arms = [_ket(name, f"{dose} mg/kg", masked=True) for name, dose in (("a", 0.1), ("b", 0.3))]
    null = TRIAL | {
        "arms": [*arms, {"id": "sham", "n": 40, "control": "masked"}],
        "scenario": {"drug_effect": 0.0},
        "replicates": 400,
        "assess": [{"scale": "MADRS", "at": ["24 h"], "metrics": ["change"]}],
    }
    row = run_trial(null).dose_response().row(0, named=True)
    # twice the Monte-Carlo error of 5 % and more, and what a normal quantile takes for t
    assert row["detected"] < 0.09
