"""Curves, the log-rank test and Cox regression against statsmodels and plain counting."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from ketasim import InputError
from ketasim.trials import time_to_event
from ketasim.trials.analysis import fit_cox, kaplan_meier, log_rank


def relapses(seed: int = 1, size: int = 80) -> dict[str, Any]:
    """Times in whole weeks, so that many are tied."""
    random = np.random.default_rng(seed)
    arm = np.arange(size) % 2
    age = random.normal(45, 10, size)
    time = np.ceil(random.exponential(12 * np.exp(0.5 * arm - 0.01 * age)) * 3)
    end = np.ceil(random.uniform(5, 40, size))
    return {
        "time": np.minimum(time, end),
        "event": time <= end,
        "arm": arm,
        "age": age,
    }


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_regression(ties: str) -> None:
    data = relapses()
    design = np.column_stack([data["arm"], data["age"]]).astype(float)
    found = fit_cox(data["time"], data["event"], design, ("arm", "age"), ties=ties)
    other = PHReg(data["time"], design, status=data["event"], ties=ties).fit()
    assert found.inference.beta == pytest.approx(other.params, abs=1e-6)
    assert np.sqrt(np.diag(found.inference.variance)) == pytest.approx(other.bse, rel=1e-5)
    assert found.fitted == pytest.approx(other.llf, abs=1e-6)
    risk, time, event = design @ found.inference.beta, data["time"], data["event"]
    agree = pairs = 0.0
    for i in range(len(time)):
        for j in range(len(time)):
            if event[i] and (time[i] < time[j] or (time[i] == time[j] and not event[j])):
                pairs += 1
                agree += (risk[i] > risk[j]) + 0.5 * (risk[i] == risk[j])
    assert found.concordance == pytest.approx(agree / pairs)


def test_the_score_test_without_ties_is_the_log_rank_test() -> None:
    data = relapses(4)
    time = data["time"] + np.linspace(0, 0.5, len(data["time"]))
    cox = fit_cox(time, data["event"], data["arm"][:, None].astype(float), ("arm",))
    assert log_rank(time, data["event"], data["arm"]).statistic == pytest.approx(cox.score)


@pytest.mark.parametrize("seed", [1, 2])
def test_curves_and_their_comparison(seed: int) -> None:
    data = relapses(seed)
    curve = kaplan_meier(data["time"], data["event"])
    other = SurvfuncRight(data["time"], data["event"])
    at, se, _, _ = curve.at(other.surv_times)
    assert at == pytest.approx(other.surv_prob)
    assert se == pytest.approx(other.surv_prob_se)
    assert curve.quantile(0.25)[0] == other.quantile(0.25)
    for rho, kind in ((0.0, None), (1.0, "fh")):
        options = {} if kind is None else {"weight_type": kind, "fh_p": 1}
        chi, p = survdiff(data["time"], data["event"], data["arm"], **options)
        found = log_rank(data["time"], data["event"], data["arm"], rho=rho)
        assert (found.statistic, found.p) == pytest.approx((chi, p))
        assert found.observed.sum() == pytest.approx(found.expected.sum())


def test_without_censoring_the_restricted_mean_is_the_mean() -> None:
    time = np.array([2.0, 3.0, 3.0, 7.0, 12.0])
    mean, se = kaplan_meier(time, np.ones(5, dtype=bool)).restricted_mean()
    assert mean == pytest.approx(time.mean())
    assert se == pytest.approx(time.std() / np.sqrt(5))
    assert kaplan_meier(time[:4], np.ones(4, dtype=bool)).quantile()[0] == pytest.approx(3.0)


def test_a_median_on_a_level_stretch_is_its_middle() -> None:
    curve = kaplan_meier([1.0, 2.0, 4.0, 5.0], [1, 1, 1, 1])
    assert curve.quantile()[0] == pytest.approx(3.0)
    assert np.isnan(kaplan_meier([1.0, 2.0, 4.0], [1, 0, 0]).quantile()[0])


def test_the_event_is_written_in_three_ways() -> None:
    data = relapses()
    frame = pl.DataFrame(
        {
            "AVAL": data["time"],
            "EVENT": data["event"].astype(int),
            "CNSR": 1 - data["event"].astype(int),
            "WHAT": np.where(data["event"], "relapse", "left"),
            "ARM": np.where(data["arm"] == 1, "esketamine", "placebo"),
        }
    )
    ways = ("EVENT", "1 - CNSR", "WHAT == relapse", "WHAT == 'relapse'", "CNSR == 0")
    found = [
        time_to_event(f"Surv(AVAL, {one}) ~ ARM", frame, arm="ARM", reference="placebo")
        for one in ways
    ]
    for one in found[1:]:
        assert one.tables["hazard_ratios"].equals(found[0].tables["hazard_ratios"])
    first = found[0].tables["hazard_ratios"]
    assert first["term"].to_list() == ["ARMesketamine"]
    assert first["hazard_ratio"][0] == pytest.approx(np.exp(first["estimate"][0]))
    alone = time_to_event("Surv(AVAL, EVENT) ~ 1", frame)
    assert alone.tables["summary"]["n"].to_list() == [80]


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("AVAL ~ ARM", "has no time and event"),
        ("Surv(AVAL, EVNT) ~ ARM", "did you mean 'EVENT'"),
        ("Surv(AVAL, AVAL) ~ ARM", "is neither 0 nor 1"),
        ("Surv(AVAL, ARM == z) ~ ARM", "ARM has no 'z'"),
    ],
)
def test_what_is_no_time_to_an_event_is_refused(model: str, told: str) -> None:
    frame = {"AVAL": [1.0, 2.0, 3.0, 4.0], "EVENT": [1, 0, 1, 1], "ARM": ["a", "b", "a", "b"]}
    with pytest.raises(InputError, match=told):
        time_to_event(model, frame)


def test_a_group_without_events_has_no_hazard_ratio() -> None:
    frame = {"AVAL": [4.0, 5, 6, 1, 2, 3], "EVENT": [0, 0, 0, 1, 1, 1], "ARM": list("aaabbb")}
    found = time_to_event("Surv(AVAL, EVENT) ~ ARM", frame)
    assert "hazard_ratios" not in found.tables
    assert "runs to 0 or infinity" in " ".join(found.notes)
    assert found.tables["log_rank"]["observed"].to_list() == [0.0, 3.0]
