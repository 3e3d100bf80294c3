"""Steps of a course are those of a course near it, and still exact enough."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.dosing import load_course
from ketasim.engine import Patients, Plan, solve
from ketasim.evidence import load_card
from ketasim.models import MODELS, mood_chain
from ketasim.population import typical_effects, virtual_patients
from ketasim.population.steps import EXACT
from ketasim.simulation.mood.inputs import calendar_of, mood_input
from ketasim.simulation.mood.steps import mood_patients, near_calendar, steps_of

MODEL = MODELS["reference"]
CHAIN = mood_chain(MODEL)


def solved(regimen: str, weight: float, age: float, score: float) -> tuple[Patients, Plan]:
    """A typical patient, and the steps chosen for a course near theirs."""
    patient = {
        "weight": f"{weight} kg",
        "age": age,
        "baseline": {"scale": "MADRS", "score": score},
    }
    course = load_course({"regimen": regimen, "patient": patient, "horizon": "21 d"})
    numbers, calendar = mood_input(course), calendar_of(course, course.horizon)
    cohort = virtual_patients(course, load_card("reference"), MODEL)
    patients = mood_patients(
        *(cohort, numbers, calendar, typical_effects(), numbers.numbers()), spread=False
    )
    return patients, steps_of(course, numbers, calendar, CHAIN, MODEL)


@pytest.mark.parametrize(
    ("regimen", "weight", "age", "score"),
    [
        # the edges of a tenth: 0.49 and 0.54 mg/kg, 82 and 90 kg
        ("ketamine 0.489 mg/kg iv over 40 min twice weekly x 4", 82.1, 44.9, 26.1),
        ("ketamine 0.537 mg/kg iv over 40 min twice weekly x 4", 89.9, 40.0, 27.9),
        ("ketamine 51.5 mg oral daily x 5", 68.0, 69.9, 33.0),
    ],
)
def test_the_tolerance_is_kept_at_the_edges_of_the_grid(
    regimen: str, weight: float, age: float, score: float
) -> None:
    patients, plan = solved(regimen, weight, age, score)
    assert plan.tolerance == EXACT[0]
    times = np.linspace(0.0, 504.0, 300)
    names = [state.name for state in CHAIN.response.states]
    found = solve(CHAIN, patients, times, names, plan=plan).values[0]
    exact = solve(CHAIN, patients, times, names, engine="oracle").values[0]
    scale = np.maximum(np.abs(exact), 1e-3 * np.abs(exact).max(axis=0))
    assert (np.abs(found - exact) <= plan.tolerance * np.maximum(scale, 1e-60)).all()


def test_a_course_that_differs_a_little_has_the_same_steps() -> None:
    regimen = "ketamine {} mg/kg iv over 40 min twice weekly x 4"
    one = solved(regimen.format(0.5), 86.0, 41.0, 33.0)[1]
    other = solved(regimen.format(0.51), 87.0, 44.0, 32.5)[1]
    assert one == other
    assert solved(regimen.format(1.0), 86.0, 41.0, 33.0)[1] != one


@settings(max_examples=50)
@given(dose=st.floats(0.01, 2.0).map(lambda x: float(f"{x:.4g}")))
def test_a_dose_moves_by_less_than_a_twentieth(dose: float) -> None:
    course = load_course({"regimen": f"ketamine {dose} mg/kg iv over 40 min once"})
    calendar = calendar_of(course, course.horizon)
    near = near_calendar(calendar)
    assert len(near.doses) == len(calendar.doses)
    moved, given_ = near.doses[0], calendar.doses[0]
    assert (
        abs(math.log(moved.milligrams(70.0) / given_.milligrams(70.0))) <= math.log(1.1) / 2 + 1e-9
    )
    assert (moved.time, moved.duration, moved.route) == (given_.time, given_.duration, given_.route)
    assert near_calendar(near).doses == near.doses
