"""Published trials beside a course: who is near, what is said, and where the evidence ends."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.dosing import load_course, load_studies
from ketasim.evidence import facts
from ketasim.evidence.mood_training import load_mood_rows, same_people
from ketasim.simulation import simulate
from ketasim.simulation.mood.beside import (
    COMPARED,
    NearValue,
    disagreement,
    near_values,
    times_compared,
)
from ketasim.simulation.mood.nearness import differences, distance, near_limit, weights
from ketasim.simulation.mood.reach import beyond_evidence, longest_followed
from ketasim.simulation.mood.studied import Treated, of_arm, of_course, studied_arms

DAY = 24.0
ARMS = [studied_arms()[key] for key in sorted(studied_arms())]
SPRAY = "esketamine 84 mg intranasal twice a week for 4 weeks"
INFUSIONS = "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11"

arms = st.sampled_from(ARMS)
times = st.floats(1.0, 9000.0)


def treated(regimen: str, *, blinded: bool = False) -> Treated:
    course = load_course({"regimen": regimen, "mood": {"blinded": blinded}})
    return of_course(course, setting="outpatient")


def value(published: float, *, trial: str = "murrough2013", metric: str = "change") -> NearValue:
    predicted, sd = (-15.0, 2.0) if metric == "change" else (0.4, 0.05)
    return NearValue(
        own="",
        own_time_h=DAY,
        trial=trial,
        arm="ket",
        title="",
        given="",
        n=20,
        time_h=DAY,
        scale="MADRS",
        metric=metric,
        published=published,
        predicted=predicted,
        sd=sd,
        p05=predicted - 1.645 * sd,
        p95=predicted + 1.645 * sd,
        inside=True,
        distance=0.0,
        near=True,
        differs="",
        used="fit",
        source="",
    )


# ---- tables


def test_the_arms_are_those_of_the_trial_files() -> None:
    found = {
        (trial.key, arm.id): of_arm(trial, arm) for trial in load_studies() for arm in trial.arms
    }
    rows = [one.to_row() for one in found.values()]
    assert [dict(fact.cells) for fact in facts("mood/studied_arms")] == rows, (
        'make pages ARGS="--recompute mood-beside"'
    )
    for key, arm in studied_arms().items():
        assert arm.what == found[key].what
        assert arm.doses == pytest.approx(found[key].doses, rel=1e-5)


def test_every_fitted_number_has_a_prediction() -> None:
    predicted = Counter(fact.get("row_id") for fact in facts("mood/predicted"))
    assert set(predicted.values()) == {1}
    assert {row.key for row in load_mood_rows() if row.fitted} <= set(predicted)
    assert set(predicted) <= {row.key for row in load_mood_rows()}


# ---- nearness


@given(arms, times)
def test_an_arm_is_beside_itself_and_differs_in_nothing(arm: Treated, time: float) -> None:
    told = differences(arm, time, arm, time)
    assert told is not None
    assert distance(told) == 0.0
    assert not any(one.words for one in told)


@given(arms, times, arms, times)
def test_the_distance_is_the_same_from_both_sides(
    one: Treated, at: float, other: Treated, time: float
) -> None:
    there, back = differences(one, at, other, time), differences(other, time, one, at)
    assert (there is None) == (back is None) == (bool(one.drug) != bool(other.drug))
    if there is not None and back is not None and not (one.against and other.against):
        controls = {"control"}
        far = (sum(d.counts for d in side if d.feature not in controls) for side in (there, back))
        assert math.isclose(*far, abs_tol=1e-9)


@given(arms, times)
def test_another_drug_or_route_is_never_near(arm: Treated, time: float) -> None:
    if not arm.drug:
        return
    for other in (replace(arm, drug="another"), replace(arm, route="another")):
        told = differences(other, time, arm, time)
        assert told is not None
        assert distance(told) > near_limit()


def test_a_double_dose_counts_as_the_rule_says() -> None:
    one, two = (treated(f"ketamine {dose} mg/kg iv over 40 min once") for dose in (0.5, 1))
    told = differences(two, DAY, one, DAY)
    assert told is not None
    assert {d.feature: d.counts for d in told if d.counts} == {"dose": weights()["dose"]}
    assert [d.words for d in told if d.words] == ["1 (0.5) mg/kg"]


@given(st.sampled_from([SPRAY, INFUSIONS, "ketamine 1 mg/kg sc weekly for 4 weeks"]), st.booleans())
def test_near_values_are_sorted_and_hold_nobody_twice(regimen: str, blinded: bool) -> None:
    own = treated(regimen, blinded=blinded)
    asked = times_compared([DAY * day for day in own.days], 60 * DAY)
    found = near_values(own, asked)
    assert [*dict.fromkeys(one.own_time_h for one in found)] == list(asked)
    for time in asked:
        values = [one for one in found if one.own_time_h == time]
        trials = list(dict.fromkeys(one.trial for one in values))
        assert len(trials) == 3
        assert [one.distance for one in values] == sorted(one.distance for one in values)
        assert not any(b in same_people(a) for a in trials for b in trials)
        assert {one.metric for one in values} <= set(COMPARED)
        assert all(one.near == (one.distance <= near_limit()) for one in values)


def test_the_same_infusion_and_control_come_first() -> None:
    first = near_values(treated("ketamine 0.5 mg/kg iv over 40 min once", blinded=True), [DAY])[0]
    assert (first.trial, first.distance, first.differs) == ("murrough2013", 0.0, "")


# ---- where the evidence disagrees


def test_numbers_within_their_interval_are_no_disagreement() -> None:
    far = treated("ketamine 0.5 mg/kg rectal once")  # of which no trial tells anything
    assert disagreement(far, [value(-17.0)]) == ""
    assert disagreement(far, []) == ""


def test_trials_that_agree_with_each_other_are_taken_together() -> None:
    far = treated("ketamine 0.5 mg/kg rectal once")
    both = [value(-17.8), value(-17.8, trial="fava2020")]
    assert disagreement(far, both[:1]) == disagreement(far, both[1:]) == ""
    said = disagreement(far, both, of="this arm")
    assert "around day 1 of this arm: in the 2 nearest trials" in said
    assert "fell by 2.8 points more than the model gives" in said
    assert "0.5-5.1" in said


def test_a_trial_far_away_does_not_speak_against_the_model() -> None:
    far = treated("ketamine 0.5 mg/kg rectal once")
    assert "64 % had a response" in disagreement(far, [value(0.64, metric="response")])
    assert disagreement(far, [replace(value(0.64, metric="response"), near=False)]) == ""


# ---- where it ends


def test_every_rating_of_a_kind_is_within_the_evidence() -> None:
    for row in load_mood_rows():
        if row.time is not None:
            assert beyond_evidence(studied_arms()[row.trial, row.arm], row.time) == ""


@pytest.mark.parametrize(("blinded", "days"), [(True, 27), (False, 364)])
def test_a_horizon_beyond_the_longest_trial_of_that_kind_is_told(blinded: bool, days: int) -> None:
    own = treated(SPRAY, blinded=blinded)
    assert beyond_evidence(own, DAY * days) == ""
    said = beyond_evidence(own, DAY * (days + 30))
    kind = "blinded" if blinded else "open"
    assert f"the longest trial of {kind} nasal esketamine" in said
    assert f"last rating on day {days} (" in said
    assert "\n" not in said


def test_a_kind_that_nobody_followed_is_told() -> None:
    own = treated("ketamine 0.5 mg/kg rectal once")
    assert (own.drug, own.route, "", "open") not in longest_followed()
    assert "No published trial of open rectal ketamine" in beyond_evidence(own, 7 * DAY)


# ---- in results


def test_a_course_shows_them_in_its_result_and_in_a_warning() -> None:
    course = {"regimen": SPRAY, "horizon": "60 d", "mood": {"blinded": True}}
    run = simulate(course, session=False)
    assert run.mood is not None
    table = run.nearest()
    assert table["own_time_h"].unique(maintain_order=True).to_list() == [24.0, 672.0, 1440.0]
    assert set(run.mood.table["time_h"]) >= {24.0, 672.0, 1440.0}
    assert set(table["source"]) <= set(run.sources())
    assert any("beyond the evidence" in text and "day 27" in text for text in run.warnings)
    assert (run.mood.disagreement in run.warnings) == bool(run.mood.disagreement)
    assert simulate(course, mood=False, session=False).nearest().is_empty()
