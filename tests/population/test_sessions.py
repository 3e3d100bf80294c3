"""How patients answer each session: each by its own, and the same whatever follows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.dosing import load_course
from ketasim.engine import solve
from ketasim.evidence import load_card
from ketasim.models import MODELS, mood_chain
from ketasim.population import (
    Answers,
    mood_effects,
    mood_values,
    session_answers,
    session_normals,
    session_weights,
    virtual_patients,
)
from ketasim.simulation.mood.inputs import calendar_of, mood_input, patients_of

_STARTS = st.lists(st.integers(0, 60), min_size=1, max_size=8, unique=True).map(sorted)


@given(_STARTS, st.integers(0, 1700))
def test_weights_share_out_what_is_left_of_the_sessions(days: list[int], hour: int) -> None:
    starts = [24.0 * one for one in days]
    (found,) = session_weights(np.array([float(hour)]), starts).T
    begun = np.array(starts) < hour
    assert (found[~begun] == 0.0).all() and (found[begun] > 0.0).all()
    assert found.sum() == pytest.approx(1.0 if begun.any() else 0.0)
    if hour - max([s for s in starts if s < hour], default=0.0) > 12.0:
        assert (np.diff(found[begun]) > 0.0).all()  # the later the more


def test_a_session_weighs_nothing_as_it_begins_and_most_a_day_later() -> None:
    begins, later = session_weights(np.array([72.01, 96.0]), (0.0, 72.0)).T
    assert begins[1] < 0.15
    assert later[1] > 0.75


def test_the_answers_do_not_depend_on_who_else_or_what_follows() -> None:
    many = session_normals(3, 0, 50, 6)
    assert np.array_equal(session_normals(3, 20, 10, 4), many[20:30, :4])
    assert np.corrcoef(session_normals(3, 0, 4000, 2).T)[0, 1] < 0.05
    assert session_normals(3, 0, 5, 0).shape == (5, 0)
    assert np.array_equal(session_answers(0.0, many), np.ones((50, 6)))


def test_each_session_counts_by_its_own_answer() -> None:
    """Against fast arms of one session each, added up with the answers."""
    course = load_course(
        {
            "patient": {"weight": "75 kg", "baseline": {"scale": "MADRS", "score": 31}},
            "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7",
            "population": {"n": 20, "seed": 5},
            "horizon": "12 d",
        }
    )
    asked, model = mood_input(course), MODELS["reference"]
    cohort = virtual_patients(course, load_card("reference"), model)
    numbers = asked.numbers()
    values = mood_values(numbers, mood_effects(5, 0, 20), asked.situation, np.full(20, 31.0))
    answers = Answers.of(
        values, numbers["omega_A"], session_normals(5, 0, 20, 3), course.regimen.sessions
    )
    times = 24.0 * np.array([1.0, 3.0, 3.25, 4.0, 7.0, 7.25, 8.0, 12.0])
    names = ("MADRS", "by_drug", "fast_arm")

    def solved(regimen: str, at: np.ndarray) -> dict[str, np.ndarray]:
        own = load_course({"regimen": regimen, "horizon": "13 d"})
        patients = patients_of(cohort, numbers, values, calendar_of(own, own.horizon))
        found = solve(mood_chain(model), patients, at, names, engine="numpy", progress=False)
        return {name: np.asarray(found[name]) for name in names}

    plain = solved("ketamine 0.5 mg/kg iv over 40 min on days 0 3 7", times)
    found = answers.applied(plain, times)
    added = np.zeros_like(plain["fast_arm"])
    for place, start in enumerate(course.regimen.sessions):
        since = times - start
        later = since > 0.0
        one = solved("ketamine 0.5 mg/kg iv over 40 min once", np.unique(since[later]))
        column = np.searchsorted(np.unique(since[later]), since[later])
        answer = answers.factors[:, place : place + 1]
        added[:, later] += answer * one["fast_arm"][:, column]
    wanted = plain["by_drug"] + answers.strength[:, None] * (added - plain["fast_arm"])
    assert np.allclose(found["by_drug"], wanted, rtol=0.15, atol=0.02)
    assert np.abs(found["MADRS"] - plain["MADRS"]).max() > 2.0
    turned = answers.applied({k: v.T for k, v in plain.items()}, times, turned=True)
    assert np.allclose(turned["MADRS"].T, found["MADRS"])
