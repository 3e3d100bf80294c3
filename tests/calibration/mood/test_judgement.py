"""Judgement on trials left out: groups, rivals, the linear step, and full refits beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.calibration.mood import refit_summary
from ketasim.calibration.mood.empirical import empirical
from ketasim.calibration.mood.judgement import (
    GROUPS,
    RIVALS,
    LeftOut,
    Unseen,
    judged,
    leave_one_out,
    pairs,
)
from ketasim.calibration.mood.optimum import optimise
from ketasim.calibration.mood.problem import MoodProblem
from ketasim.calibration.mood.refit import Refitted, trials_to_refit, without_trial
from ketasim.calibration.mood.rivals import mean_of_similar, one_exponential
from ketasim.calibration.mood.values import (
    OPEN,
    UNCONTROLLED,
    WINDOW_NAMES,
    WINDOWS,
    ArmValue,
    arm_values,
    window_of,
)
from ketasim.dosing import Trial, load_studies
from ketasim.evidence import MoodRow, load_card, load_mood_rows

STUDIES = {trial.key: trial for trial in load_studies()}
FEW = ("ASPIRE1", "ASPIRE2", "murrough2013", "TRANSFORM2")


def value(
    trial: str,
    arm: str,
    time: float,
    change: float = -10.0,
    start: float | None = None,
) -> ArmValue:
    return ArmValue(STUDIES[trial], STUDIES[trial].arm(arm), time, change, 1.0, start)


def rows_of(*trials: str) -> list[MoodRow]:
    return [row for row in load_mood_rows() if row.fitted and row.trial in trials]


def unseen(published: float, predicted: float, **more: object) -> Unseen:
    made = Unseen(
        trial="t",
        arm="a",
        control=None,
        time=24.0,
        start=None,
        side="drug",
        window="a day",
        route="vein",
        against="midazolam",
        openness="blinded",
        drug="ketamine",
        published=published,
        se=1.0,
        predicted=predicted,
        sd=2.0,
        similar=published + 4.0,
        exponential=published - 6.0,
        empirical=published + 3.0,
    )
    return replace(made, **more)


# Groups


@given(st.floats(0.0, 20000.0))
def test_every_time_has_one_window(time: float) -> None:
    held = [name for name, start, end in WINDOWS if start <= time < end]
    assert held == [window_of(time)]


def test_windows_are_called_what_they_are() -> None:
    days = {2 / 24: 0, 1: 1, 3: 2, 4: 2, 7: 3, 14: 4, 28: 4, 30.4: 5, 91.3: 5, 112: 6, 365: 6}
    for day, place in days.items():
        assert window_of(24.0 * day) == WINDOW_NAMES[place], day


def test_groups_of_arms() -> None:
    spray, placebo = value("ASPIRE1", "ESK84", 24.0), value("ASPIRE1", "PBO", 24.0)
    assert (spray.route, spray.against, spray.openness) == ("spray", "placebo_spray", "blinded")
    # a control is grouped with the arms that it is a control of
    assert (placebo.route, placebo.against) == ("spray", "placebo_spray")
    series = value("zheng2019", "k6", 4.0)
    assert (series.route, series.against, series.openness) == ("vein", OPEN, "open")
    assert value("CORREIAMELO2020", "KET05", 24.0).against == UNCONTROLLED
    assert value("lii2023", "lii_pbo", 24.0).openness == "under anaesthesia"
    assert value("arabzadeh2018", "pbo", 24.0).route == "mouth"


def test_changes_on_the_madrs_count_wherever_they_start() -> None:
    rows = rows_of("ASPIRE1")
    problem = MoodProblem(load_card("mood_prior"), load_studies(), rows, 8, 1)
    first = next(i for i, row in enumerate(rows) if row.metric == "change")
    later = replace(rows[first], start=12.0)
    other = replace(rows[first], scale="PHQ9")
    bare = replace(rows[first], se=None)
    found = arm_values([rows[first], later, other, bare], problem.world.designs)
    assert {i: v.start for i, v in found.items()} == {0: None, 1: 12.0}


# Rivals


def test_the_plain_rivals() -> None:
    pool = [value("ASPIRE1", "PBO", 24.0, -10.0), value("ASPIRE2", "PBO", 24.0, -14.0)]
    drugs = [value("ASPIRE1", "ESK84", 24.0, -16.0), value("ASPIRE2", "ESK84", 24.0, -18.0)]
    target = value("PERSEVERE", "PBO", 24.0)
    assert mean_of_similar(target, pool + drugs) == pytest.approx(-12.0)
    # no other spray placebo at that time: all controls at that time
    late = value("TRANSFORM1", "PBO", 648.0)
    assert mean_of_similar(late, pool + drugs) == pytest.approx(-12.0)
    rival = one_exponential(pool + drugs)
    assert rival.change(pool[0]) == pytest.approx(-12.0, abs=1e-3)
    assert rival.change(drugs[0]) == pytest.approx(-17.0, abs=1e-2)


def simulated(left: float) -> list[ArmValue]:
    """Changes of real designs under a placebo response of 8 and a drug effect of 10 points."""
    found: list[ArmValue] = []
    for key in ("lii2023", "SYNAPSE_A", "murrough2013", "TRANSFORM1", "ASPIRE1", "su2023"):
        for arm in STUDIES[key].arms:
            if arm.open:
                continue
            for day in (1.0, 3.0, 7.0, 14.0, 27.0):
                one = ArmValue(STUDIES[key], arm, 24.0 * day, 0.0, 0.5)
                since = one.since(one.time)
                drug = 0.0 if since is None else 10.0 * 2 ** (-since[1] / left)
                found.append(replace(one, change=-8.0 - drug))
    return found


@pytest.mark.parametrize("left", [3.0, 20.0])
def test_the_empirical_rival_finds_what_it_assumes(left: float) -> None:
    """On changes of its own kind it predicts a trial that it has not seen."""
    pool = simulated(left)
    model = empirical([v for v in pool if v.trial != "murrough2013"])
    for one in pool:
        if one.trial == "murrough2013":
            assert model.change(one) == pytest.approx(one.change, abs=1.5), one.time
    assert model.free["drug_left"] == pytest.approx(left, rel=0.5)


def test_the_empirical_rival_needs_no_arm_like_that_which_it_predicts() -> None:
    pool = simulated(5.0)
    tablets = value("arabzadeh2018", "ket", 1008.0)
    assert np.isfinite(empirical(pool).change(tablets))


@pytest.mark.parametrize("rival", ["exponential", "empirical", "similar"])
def test_a_change_from_a_later_start_is_a_difference(rival: str) -> None:
    pool = simulated(5.0)
    plain, field = one_exponential(pool), empirical(pool)

    def change(one: ArmValue) -> float:
        if rival == "similar":
            return mean_of_similar(one, pool)
        return plain.change(one) if rival == "exponential" else field.change(one)

    late, early = value("ASPIRE1", "ESK84", 648.0), value("ASPIRE1", "ESK84", 168.0)
    between = replace(late, start=168.0)
    assert change(between) == pytest.approx(change(late) - change(early))


# Counting


def test_judgement_counts_what_it_is_given() -> None:
    found = judged([unseen(-10.0, -12.0), unseen(-10.0, -6.0)])[0]
    assert (found.error, found.bias) == (3.0, 1.0)
    assert found.coverage == 0.5
    assert (found.similar, found.exponential, found.empirical) == (4.0, 6.0, 3.0)
    assert found.rival == 3.0
    assert found.gain == 0.0
    assert found.noise == pytest.approx(np.sqrt(2 / np.pi))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(WINDOW_NAMES)), min_size=1))
def test_every_value_is_in_one_group_of_each_kind(made: list[tuple[str, str]]) -> None:
    values = [
        unseen(-float(i), -3.0, trial=trial, window=window)
        for i, (trial, window) in enumerate(made)
    ]
    found = judged(values)
    for by in GROUPS:
        groups = [one for one in found if one.by == by]
        assert sum(one.n for one in groups) == len(values)
        pooled = sum(one.error * one.n for one in groups) / len(values)
        assert pooled == pytest.approx(found[0].error)


def test_contrasts_pair_blinded_arms_counted_from_the_same_time() -> None:
    own = {
        0: value("ASPIRE1", "ESK84", 24.0),
        1: value("ASPIRE1", "PBO", 24.0),
        2: value("ASPIRE1", "PBO", 48.0),
        3: value("ASPIRE1", "PBO", 24.0, start=12.0),
    }
    assert pairs(own) == [(0, 1)]


# A trial left out


@pytest.fixture(scope="module")
def left_out() -> tuple[LeftOut, ...]:
    problem = MoodProblem(load_card("mood_prior"), load_studies(), rows_of(*FEW), 16, 1)
    return leave_one_out(problem, optimise(problem, most_steps=2))


def test_each_trial_is_predicted_from_the_others(left_out: tuple[LeftOut, ...]) -> None:
    assert [one.trial for one in left_out] == sorted(FEW)
    for trial in left_out:
        assert trial.moved > 0.0
        for one in (*trial.arms, *trial.contrasts):
            assert one.trial == trial.trial
            assert all(np.isfinite(getattr(one, name)) for name in ("predicted", *RIVALS))
            assert one.sd > 0.0
    arms = {(a.arm, a.time): a for a in left_out[0].arms}
    contrast = left_out[0].contrasts[0]
    drug, control = arms[contrast.arm, 24.0], arms[contrast.control or "", 24.0]
    for name in ("published", "predicted", *RIVALS):
        gap = getattr(drug, name) - getattr(control, name)
        assert getattr(contrast, name) == pytest.approx(gap)


def test_a_full_refit_does_not_see_what_it_predicts() -> None:
    hidden = [replace(row, value=np.nan) for row in rows_of("ASPIRE1")]
    found = without_trial([*rows_of("murrough2013"), *hidden], "ASPIRE1", 8, 1, most_steps=1)
    assert found["steps"] == 1
    assert all(np.isfinite(v["predicted"]) and v["sd"] > 0.0 for v in found["values"])
    assert {(v["arm"], v["control"]) for v in found["values"]} == {
        ("ESK84", None),
        ("PBO", None),
        ("ESK84", "PBO"),
    }


def test_ten_trials_are_refitted_by_the_rule() -> None:
    def one(name: str, time: float, moved: float, count: int = 1) -> LeftOut:
        arms = tuple(unseen(-10.0, -9.0, trial=name, time=time) for _ in range(count))
        return LeftOut(name, moved, arms, ())

    long = [one(f"long{i}", 1000.0 + i, 0.1) for i in range(4)]
    # of equals in time the one with more values
    equal = [one("few", 900.0, 0.0), one("many", 900.0, 0.0, 3)]
    short = [one(f"short{i}", 24.0, float(i)) for i in range(8)]
    chosen = trials_to_refit([*short, *equal, *long])
    assert [t for t, why in chosen.items() if why == "followed longest"] == [
        *("long3", "long2", "long1", "long0"),
        "many",
    ]
    far = [t for t, why in chosen.items() if why == "moves the numbers most"]
    assert far == ["short7", "short6", "short5", "short4", "short3"]


def test_how_far_linear_and_full_differ() -> None:
    def one(linear: float, full: float, control: str | None = None) -> Refitted:
        names = ("t", "a", control, 24.0, None, "followed longest")
        return Refitted(*names, -10.0, 1.0, linear, 2.0, full, 2.5, 9)

    arms, contrasts = refit_summary([one(-12.0, -11.0), one(-10.0, -13.0), one(-9.0, -9.0, "p")])
    assert (arms.n, arms.trials, arms.differ, arms.most, arms.in_sds) == (2, 1, 2.0, 3.0, 1.0)
    assert (arms.linear, arms.full) == (1.0, 2.0)
    assert (contrasts.differ, contrasts.linear_inside) == (0.0, 1.0)
    assert refit_summary([]) == ()


def test_a_trial_without_controls_has_a_route_of_its_drug() -> None:
    study: Trial = STUDIES["glue2024"]
    assert ArmValue(study, study.arm("r107_ol"), 120.0, -15.0, 1.0).route == "mouth"
