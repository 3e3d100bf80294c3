"""Randomised withdrawals simulated: who is in which arm, relapse, and what is expected."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy.integrate import solve_ivp

from ketasim.dosing import load_trial
from ketasim.evidence import Card, load_card
from ketasim.population import situation_of
from ketasim.reports import trial_report
from ketasim.trials import TrialResult, run_trial
from ketasim.trials.assess import Cell, Values
from ketasim.trials.hazard import log_hazard_ratio
from ketasim.trials.patients.afterwards import kept_expectation
from ketasim.trials.patients.answers import fast_effects
from ketasim.trials.withdrawal import hazard_ratios

DAYS = [0, 3, 7, 10, 14, 21, 28, 35, 42, 49, 56, 63, 70]
ESK: dict[str, Any] = {
    "id": "esk",
    "n": 60,
    "open": True,
    "drug": "esketamine",
    "route": "intranasal",
    "dose": "84 mg",
    "days": DAYS,
}
AGAIN: dict[str, Any] = {"after": "28 d", "entry": "response", "to": ["continue", "placebo_spray"]}
TRIAL: dict[str, Any] = {
    "trial": "t",
    "population": {"baseline": {"scale": "MADRS", "mean": 35, "sd": 5}, "background": "continued"},
    "arms": [{**ESK, "withdrawal": AGAIN}],
    "assess": [
        {"scale": "MADRS", "at": ["14 d", "28 d", "77 d"], "metrics": ["score", "change"]},
        {
            "scale": "MADRS",
            "metrics": ["relapse", "no_relapse", "time_to_relapse"],
            "from": "28 d",
            "every": "7 d",
            "until": "77 d",
            "relapse": {"score_at_least": 22},
        },
        {"scale": "MADRS", "at": ["77 d"], "metrics": ["change_from_phase", "response_from_phase"]},
    ],
    "remission_at_most": 12,
    "replicates": 12,
    "seed": 3,
}
ARMS = ("esk:continue", "esk:placebo_spray")


def test_a_sham_leaves_the_answers_to_the_sessions_before_it() -> None:
    trial = load_trial(TRIAL)
    active, sham = (trial.arm(name) for name in ARMS)
    assert sham.sessions == active.sessions  # a sham where the other has the drug
    answers = np.exp(np.linspace(-2.0, 2.0, len(DAYS)))[None, :]
    times = np.array([27.9, 28.5, 60.0]) * 24.0
    one, other = (fast_effects({"e_A": 1.0}, answers, times, arm)[0] for arm in (active, sham))
    assert one[0] == pytest.approx(other[0])
    assert other[1:] == pytest.approx(other[0])
    assert one[2] > one[1] > one[0]


@pytest.fixture(scope="module")
def result() -> TrialResult:
    return run_trial(TRIAL)


def _without_dropout() -> Card:
    card = load_card("mood")
    return card.with_entries(
        *(card.entry(name).replace(value=0.0) for name in ("stop_drug", "stop_control"))
    )


def test_who_enters_is_in_one_arm_and_no_one_else(result: TrialResult) -> None:
    table = result.patients()
    key = ["replicate", "id"]
    at = table.filter(arm="esk", time_h=672.0)
    entered = at.filter(pl.col("response")).select(key).sort(key)
    again = table.filter(pl.col("arm").is_in(ARMS), time_h=672.0)
    assert again.select(key).sort(key).equals(entered)
    assert again["response"].all()
    # as rated, and before it is known what they get
    both = again.join(at, on=key, suffix="_before")
    assert (both["score"] - both["score_before"]).abs().max() <= 1
    counts = {name: result.entered[name] for name in ARMS}
    assert sum(one.sum() for one in counts.values()) == len(entered)
    assert any("are randomised again (improvement of 50 % or more" in note for note in result.taken)


def test_the_summary_counts_those_randomised(result: TrialResult) -> None:
    rows = result.summary().filter(pl.col("arm").is_in(ARMS))
    for name in ARMS:
        assert set(rows.filter(arm=name)["n"]) == {round(float(result.entered[name].mean()))}
    assert rows["time_h"].min() == 672.0
    assert result.summary().filter(arm="esk")["time_h"].max() == 672.0
    columns = ["arm", "scale", "time_h", "metric", "n", "mean", "sd", "p05", "p50", "p95"]
    assert result.summary().columns[: len(columns)] == columns


def test_arms_are_dealt_out_by_the_ratio() -> None:
    to = [{"id": "on", "ratio": 2}, "placebo_spray"]
    arm = {**ESK, "withdrawal": {**AGAIN, "entry": "all", "to": to}}
    made = run_trial({**TRIAL, "arms": [arm]}, card=_without_dropout())
    assert (made.entered["on"] == 40).all()
    assert (made.entered["esk:placebo_spray"] == 20).all()
    # other patients in every replicate
    chosen = made.patients().filter(arm="on", time_h=672.0).group_by("replicate").agg("id")
    assert len({tuple(sorted(ids)) for ids in chosen["id"]}) == 12


def test_relapse_is_by_kaplan_and_meier_from_the_randomisation() -> None:
    made = run_trial(TRIAL, card=_without_dropout())
    table = made.patients().filter(arm=ARMS[1]).filter(pl.col("time_h") > 672.0)
    by_patient = (
        table.filter(pl.col("time_h") <= 77 * 24)
        .group_by("replicate", "id")
        .agg((pl.col("score") >= 22).any().alias("relapsed"))
        .group_by("replicate")
        .agg(pl.col("relapsed").mean())
        .sort("replicate")
    )
    told = made.replicates().filter(arm=ARMS[1], time_h=77 * 24.0)
    np.testing.assert_allclose(told.filter(metric="relapse")["value"], by_patient["relapsed"])
    np.testing.assert_allclose(
        told.filter(metric="no_relapse")["value"], 1 - by_patient["relapsed"].to_numpy()
    )


def test_change_from_the_phase_counts_from_the_randomisation(result: TrialResult) -> None:
    table = result.patients().filter(arm=ARMS[0])
    wide = table.filter(pl.col("time_h").is_in([672.0, 1848.0])).pivot(
        "time_h", index=["replicate", "id"], values="score"
    )
    gap = wide.with_columns((pl.col("1848.0") - pl.col("672.0")).alias("gap"))
    expected = gap.group_by("replicate").agg(pl.col("gap").mean()).sort("replicate")["gap"]
    told = result.replicates().filter(arm=ARMS[0], metric="change_from_phase")["value"]
    np.testing.assert_allclose(told, expected)


def test_pieces_and_more_replicates_change_nothing(
    result: TrialResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ketasim.trials.size.AT_ONCE", 100)
    monkeypatch.setattr("ketasim.trials.ratings.PIECE", 7)
    pieces = run_trial(TRIAL, replicates=15)
    assert pieces.replicates().filter(pl.col("replicate") < 12).equals(result.replicates())
    assert pieces.patients().filter(pl.col("replicate") < 12).equals(result.patients())
    same = run_trial(TRIAL, replicates=3, patients=False, uncertainty=False, between_trials=False)
    assert len(set(same.entered[ARMS[0]])) == 1


def test_who_goes_on_as_before_is_as_if_nothing_had_happened() -> None:
    """Open before and after: neither expectation nor drop-out changes."""
    asked = [{"scale": "MADRS", "at": ["28 d", "77 d"], "metrics": ["score"]}]
    plain = run_trial({**TRIAL, "arms": [ESK], "assess": asked}).patients()
    on = {**AGAIN, "entry": "all", "to": [{"id": "on", "open": True}]}
    again = run_trial({**TRIAL, "arms": [{**ESK, "withdrawal": on}], "assess": asked}).patients()
    key = ["replicate", "id", "time_h"]
    late = again.filter(arm="on", time_h=1848.0).join(plain, on=key, suffix="_plain")
    assert len(late) > 200
    assert late["dropped"].equals(late["dropped_plain"])
    gap = (late["score"] - late["score_plain"]).drop_nulls().abs()
    assert gap.max() <= 1  # by the tolerance of the steps, and rounded
    assert (gap > 0).mean() < 0.05  # type: ignore[operator]


def test_expectation_moves_towards_what_is_believed_at_each_session() -> None:
    """By the equation of the chain, integrated with the height switched at the withdrawal."""
    trial = load_trial(TRIAL)
    arm = trial.arm(ARMS[1])
    times = np.array([24.0 * 28, 24.0 * 28 + 1, 24.0 * 40, 24.0 * 77])
    card = load_card("mood")
    numbers = card.values()
    rates = {name: numbers[name] for name in ("k_fade", "k_lift", "k_session")}
    before = situation_of(trial, trial.arm("esk")).expectation(numbers)
    after = situation_of(trial, arm).expectation(numbers)
    assert after < before

    def raised(low: float, high: float) -> np.ndarray[Any, Any]:
        """Expectation with one height until the withdrawal and another from there on."""

        def slope(t: float, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            mark = sum(np.exp(-rates["k_session"] * (t - s)) for s in arm.sessions if s <= t)
            height = low if t < 672 else high
            return rates["k_lift"] * mark * (height - x) - rates["k_fade"] * x

        start, out = np.zeros(1), []
        stops = sorted({0.0, *arm.sessions, *times})
        for left, right in pairwise(stops):
            found = solve_ivp(slope, (left, right - 1e-9), start, rtol=1e-9, atol=1e-12)
            start = found.y[:, -1]
            if right in times:
                out.append(start[0])
        return np.array(out)

    state = raised(1.0, 1.0)
    left = kept_expectation(rates, state[None, :], times, 672.0, arm.sessions)
    own = (after + (before - after) * left[0]) * state
    np.testing.assert_allclose(own, raised(before, after), rtol=1e-5)


def test_belief_is_that_of_the_randomised_arms(result: TrialResult) -> None:
    told = {row["arm"]: row for row in result.blinding().to_dicts()}
    assert told["esk"]["told"] == "open"
    assert told["esk"]["belief"] == 1.0
    on, off = (told[name] for name in ARMS)
    assert on["told"] == off["told"] == "blinded"
    # what patients believe is right on average: half of them get the drug
    assert on["belief"] + off["belief"] == pytest.approx(1.0, abs=1e-6)
    assert 0.5 < on["belief"] < 1.0


def test_the_hazard_ratio_is_that_of_cox_with_ties_by_efron() -> None:
    rng = np.random.default_rng(1)
    first = np.arange(400) < 200
    times = np.ceil(rng.exponential(8.0, 400) * np.where(first, 2.0, 1.0))
    end = np.floor(rng.uniform(3, 12, 400)) + 0.5
    seen, event = np.minimum(times, end), times <= end
    visits = range(1, 13)

    def side(group: Any) -> tuple[Any, Any]:
        relapses = [[(event & group & (seen == v)).sum() for v in visits]]
        return np.array(relapses, float), np.array([[(group & (seen >= v)).sum() for v in visits]])

    value, variance = log_hazard_ratio(side(first), side(~first))
    fit = sm.PHReg(seen, first[:, None].astype(float), status=event, ties="efron").fit()
    # the penalty is worth about half a relapse
    assert value[0] == pytest.approx(fit.params[0], abs=0.01)
    assert np.sqrt(variance[0]) == pytest.approx(fit.bse[0], rel=0.01)


def test_a_hazard_ratio_without_relapses_in_one_arm_is_finite_and_without_any_is_none() -> None:
    none = np.zeros((1, 3)), np.full((1, 3), 10.0)
    some = np.array([[1.0, 2.0, 0.0]]), np.array([[10.0, 9.0, 7.0]])
    down, _ = log_hazard_ratio(none, some)
    up, _ = log_hazard_ratio(some, none)
    assert -4 < down[0] < -1
    assert up[0] == pytest.approx(-down[0])
    assert np.isnan(log_hazard_ratio(none, none)[0]).all()


def test_the_hazard_ratio_of_a_trial_is_of_all_its_visits(result: TrialResult) -> None:
    (row,) = result.summary().filter(metric="hazard_ratio").to_dicts()
    assert row["arm"] == " - ".join(ARMS)
    assert row["time_h"] == 1848.0
    assert 0 < row["p05"] < row["mean"] < row["p95"]
    values = result.replicates().filter(metric="hazard_ratio")["value"].drop_nulls().to_numpy()
    assert row["mean"] == pytest.approx(float(np.exp(np.log(values).mean())))
    # relapse and its opposite tell the same, and one ratio is told
    trial = load_trial(TRIAL)
    pair = trial.arm(ARMS[0]), trial.arm(ARMS[1])
    some, none = np.array([2.0]), np.array([0.0])
    one = Values(some / 10, np.array([10.0]), some, some, events=some)
    other = replace(one, events=none)
    cells = {
        Cell("MADRS", 700.0, name, "x"): {ARMS[0]: (one, one), ARMS[1]: (other, other)}
        for name in ("relapse", "no_relapse")
    }
    assert len(hazard_ratios(pair, cells)) == 1


def test_the_report_tells_the_open_phase_and_the_arms_after_it(result: TrialResult) -> None:
    page = trial_report(result)
    for text in (
        "placebo spray after esketamine 84 mg nasal",
        "esketamine 84 mg nasal continued",
        "hazard ratio of relapse",
        "60 virtual patients a replicate",
        "of 60 patients are randomised again",
    ):
        assert text in page.replace("Hazard", "hazard"), text


def test_published_second_periods_are_predicted() -> None:
    made = run_trial("SYNAPSE_A", replicates=4)
    rows = made.published().filter(pl.col("arm").str.starts_with("A2_"))
    known = rows.filter(pl.col("predicted").is_not_null())
    assert set(known["metric"]) == {"change_from_phase", "response_from_phase"}
    assert len(known) == 24
    assert set(known["used"]) == {"compared only"}
    assert sum(made.entered[f"A2_{name}"] for name in ("PBO", "28", "56", "84")).max() <= 33
