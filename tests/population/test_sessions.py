"""How patients answer each session: from a session to the next, and the same whatever follows."""

from __future__ import annotations

import numpy as np
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
    occasions_at,
    session_answers,
    session_normals,
    virtual_patients,
)
from ketasim.simulation.mood.inputs import calendar_of, mood_input, patients_of

_STARTS = st.lists(st.integers(0, 60), min_size=1, max_size=8, unique=True).map(sorted)


@given(_STARTS, st.integers(0, 70))
def test_an_occasion_runs_from_a_session_to_the_start_of_the_next(
    days: list[int], day: int
) -> None:
    starts = [24.0 * one for one in days]
    (occasion,) = occasions_at(np.array([24.0 * day]), starts)
    assert occasion == sum(one < day for one in days) - 1


def test_the_answers_do_not_depend_on_who_else_or_what_follows() -> None:
    many = session_normals(3, 0, 50, 6)
    assert np.array_equal(session_normals(3, 20, 10, 4), many[20:30, :4])
    assert np.corrcoef(session_normals(3, 0, 4000, 2).T)[0, 1] < 0.05
    assert session_normals(3, 0, 5, 0).shape == (5, 0)
    assert np.array_equal(session_answers(0.0, many), np.ones((50, 7)))


def test_scores_with_answers_are_those_of_patients_whose_fast_arm_is_that_strong() -> None:
    """Put to solved scores, and solved anew with the effect of the fast arm of the last session."""
    course = load_course(
        {
            "patient": {"weight": "75 kg", "baseline": {"scale": "MADRS", "score": 31}},
            "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7",
            "population": {"n": 20, "seed": 5},
            "horizon": "12 d",
        }
    )
    given_, model = mood_input(course), MODELS["reference"]
    cohort = virtual_patients(course, load_card("reference"), model)
    numbers = given_.numbers()
    effects = mood_effects(5, 0, 20)
    values = mood_values(numbers, effects, given_.situation, np.full(20, 31.0))
    normals = session_normals(5, 0, 20, 3)
    answers = Answers.of(values, numbers["omega_A"], normals, course.regimen.sessions)
    times = 24.0 * np.array([1.0, 3.0, 4.0, 7.0, 9.0, 12.0])
    names = ("MADRS", "by_drug", "fast_arm")
    calendar = calendar_of(course, course.horizon)

    def solved(own: dict[str, object]) -> dict[str, np.ndarray]:
        patients = patients_of(cohort, numbers, own, calendar)
        found = solve(mood_chain(model), patients, times, names, engine="numpy", progress=False)
        return {name: np.asarray(found[name]) for name in names}

    found = answers.applied(solved(values), times)
    for session in range(3):
        factor = np.exp(numbers["omega_A"] * normals[:, session])
        alone = solved({**values, "e_A": values["e_A"] * factor})
        here = occasions_at(times, course.regimen.sessions) == session
        for name in ("MADRS", "by_drug"):
            assert np.allclose(found[name][:, here], alone[name][:, here], rtol=1e-9)
    assert np.abs(found["MADRS"] - solved(values)["MADRS"]).max() > 2.0
