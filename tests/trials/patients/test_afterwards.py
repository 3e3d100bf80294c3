"""Scores of patients after they left, where these differ in what they get."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ketasim.dosing import load_trial
from ketasim.evidence import load_card
from ketasim.trials.patients.worlds import worlds
from ketasim.trials.ratings import ArmSimulation, Ratings

TRIAL: dict[str, Any] = {
    "trial": "t",
    "population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}, "background": "none"},
    "arms": [
        {
            "id": "ket",
            "n": 300,
            "drug": "ketamine",
            "route": "iv",
            "dose": "0.5 mg/kg",
            "over": "40 min",
            "days": [0, 2, 4, 6, 8, 10],
        }
    ],
    "assess": [
        {"scale": "MADRS", "at": ["24 h", "3 d", "7 d", "14 d", "28 d"], "metrics": ["score"]}
    ],
    "dropout": {"share": 0.5, "by": "10 d"},
    "replicates": 1,
}
VISITS = np.array([24.0, 72.0, 168.0, 336.0, 672.0])
RESCUE = {"when": "MADRS >= 20", "from": "7 d"}
RULE = {"while": "MADRS > 15", "every": "7 d", "else": "14 d", "from": "14 d"}


def _rated(*, rule: bool = False, **keys: Any) -> Ratings:
    form = TRIAL | keys
    if rule:
        form["arms"] = [form["arms"][0] | {"days": [0, 3, 7], "dosing_rule": RULE}]
        form["assess"] = [form["assess"][0] | {"at": ["24 h", "3 d", "7 d", "14 d", "21 d"]}]
    trial = load_trial(form)
    drawn = worlds(trial, load_card("mood"), 1, 1, uncertainty=False, between_trials=False)
    times = np.array(trial.assessments[0].times)
    arm = ArmSimulation(trial, trial.arms[0], times, 1, drawn, patients=True, follows=True)
    return arm.ratings(0, 1)[0]


def _whole(rated: Ratings) -> np.ndarray:
    return rated.regardless.madrs[0].astype(np.float64)


@pytest.mark.parametrize("pattern", ["completely_at_random", "adverse_event"])
def test_where_nobody_misses_any_they_are_those_of_one_calendar(pattern: str) -> None:
    dropout = TRIAL["dropout"] | {"pattern": pattern}
    group = _rated(dropout=dropout)
    alone = _rated(dropout=dropout, adherence=1.0)
    leaves = group.courses["leaves"][0]
    np.testing.assert_array_equal(leaves, alone.courses["leaves"][0])
    gone = leaves[:, None] <= VISITS
    assert 0.3 < gone.mean() < 0.9
    gap = np.abs(_whole(alone) - _whole(group))
    # by sessions added up, and by the engine at once
    assert gap[gone].mean() < 0.05
    assert gap[gone].max() < 0.5
    # and what is lost on leaving is much more than that
    stayed = _whole(_rated(adherence=1.0, dropout={"share": 0.0, "by": "10 d"}))
    assert (_whole(alone) - stayed)[gone[:, 3], 3].mean() > 1.0


@pytest.mark.parametrize("keys", [{"adherence": 0.6}, {"rescue": RESCUE}, {"rule": True}])
def test_who_stays_is_as_rated(keys: dict[str, Any]) -> None:
    rated = _rated(**keys)
    there = ~np.isnan(rated.madrs)
    assert 0.2 < there.mean() < 0.9
    np.testing.assert_array_equal(rated.regardless.madrs[there], rated.madrs[there])
    assert not np.isnan(rated.regardless.madrs).any()
    everybody = _rated(**keys, dropout={"share": 0.0, "by": "10 d"})
    np.testing.assert_array_equal(everybody.regardless.madrs, everybody.madrs)


def test_a_rescue_goes_on_after_leaving_and_none_begins() -> None:
    plain, rescued = _rated(adherence=1.0), _rated(adherence=1.0, rescue=RESCUE)
    leaves, begun = (rescued.courses[name][0] for name in ("leaves", "rescued"))
    before = (leaves <= 168.0) & np.isinf(begun)
    assert before.sum() > 30
    np.testing.assert_array_equal(_whole(rescued)[before], _whole(plain)[before])
    on = (leaves < 336.0) & ~np.isinf(begun)
    assert on.sum() > 10
    assert (_whole(rescued) - _whole(plain))[on, -1].mean() < -1.0
