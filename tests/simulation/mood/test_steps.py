"""Steps of a course's mood: the same for every seed and number of patients, and exact enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ketasim.dosing import Course, load_course
from ketasim.engine import Patients, Plan, remembered, solve
from ketasim.evidence import load_card
from ketasim.models import MODELS, ChainModel, mood_chain
from ketasim.population import card_draws, mood_effects, virtual_patients
from ketasim.simulation import MADRS, compare_regimens, simulate
from ketasim.simulation.mood.course import _Run, _with_plan
from ketasim.simulation.mood.inputs import calendar_of, mood_input

INFUSIONS = "ketamine 0.5 mg/kg iv over 40 min twice weekly for 2 weeks"
SPRAYS = "esketamine 84 mg intranasal twice weekly for 2 weeks"
TABLETS = "ketamine 100 mg oral daily for 1 week"
STATES = ("glutamate", "bdnf", "synapses", "expectation", "MADRS")


def _course(regimen: str, n: int, seed: int) -> Course:
    patient = {"weight": "70 kg"}
    population = {"n": n, "seed": seed}
    content: dict[str, Any] = {"regimen": regimen, "horizon": "21 d", "patient": patient}
    return load_course({**content, "population": population})


def _planned(course: Course) -> tuple[_Run, ChainModel]:
    model = MODELS["reference"]
    cohort = virtual_patients(course, load_card("reference"), model)
    run = _Run(
        chain=mood_chain(model),
        calendar=calendar_of(course, course.horizon),
        cohort=cohort,
        given=mood_input(course),
        effects=mood_effects(cohort.seed or 0, 0, cohort.n),
        spread=True,
    )
    return _with_plan(run, course, model), mood_chain(model)


def _values(chain: ChainModel, patients: Patients, steps: Plan, finer: int) -> dict[str, Any]:
    plan = Plan(steps.profile.finer(finer), steps.tolerance, 0.0, 0)
    times = np.unique(np.concatenate([np.linspace(0.0, 504.0, 160), np.linspace(84.0, 90.0, 60)]))
    solved = solve(chain, patients, times, STATES, plan=plan, engine="numba", progress=False)
    return {name: solved[name] for name in STATES}


@pytest.mark.parametrize("regimen", [INFUSIONS, SPRAYS, TABLETS])
def test_patients_whom_the_pilot_did_not_see_are_as_exact(regimen: str) -> None:
    course = _course(regimen, 200, seed=11)
    run, chain = _planned(course)
    assert run.steps is not None
    own = run.patients(run.cohort, run.effects, run.given.numbers(None))
    found, exact = (_values(chain, own, run.steps, finer) for finer in (1, 3))
    for name in STATES:
        scale = np.maximum(np.abs(exact[name]), 1e-3 * np.abs(exact[name]).max(axis=1)[:, None])
        errors = (np.abs(found[name] - exact[name]) / scale).max(axis=1)
        # a corner of the rates may fall otherwise in a patient of hundreds
        assert np.quantile(errors, 0.98) <= run.steps.tolerance
        assert errors.max() <= 5 * run.steps.tolerance
    # of the outer band, where every number of the card is another: the score
    numbers = run.given.numbers(card_draws(run.given.card, 11, 0, 200))
    drawn = run.patients(run.cohort, run.effects, numbers)
    found, exact = (_values(chain, drawn, run.steps, finer) for finer in (1, 3))
    missed = np.abs(found["MADRS"] - exact["MADRS"])
    assert np.quantile(missed.max(axis=1), 0.98) <= 0.05
    assert missed.max() <= 0.3


def test_steps_depend_neither_on_the_seed_nor_on_the_number_of_patients() -> None:
    first, _ = _planned(_course(SPRAYS, 40, seed=1))
    second, _ = _planned(_course(SPRAYS, 7, seed=2))
    assert first.steps == second.steps


@pytest.mark.parametrize("typical", [True, False])
def test_what_is_kept_changes_no_bit(
    typical: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = _course(SPRAYS, 40, seed=1)
    kept = simulate(course, typical=typical, session=False)
    # compiled code stays where it is: only plans are looked for elsewhere
    monkeypatch.setattr(remembered, "chosen_folder", lambda: tmp_path)
    remembered._HERE.clear()
    found = simulate(course, typical=typical, session=False)
    remembered._HERE.clear()
    read = simulate(course, typical=typical, session=False)
    assert len(list((tmp_path / "plans").iterdir())) == 1
    for key, values in kept.values.items():
        np.testing.assert_array_equal(found.values[key], values)
        np.testing.assert_array_equal(read.values[key], values)


def test_regimens_side_by_side_are_those_of_their_courses() -> None:
    courses = [_course(regimen, 40, seed=3) for regimen in (INFUSIONS, SPRAYS, TABLETS)]
    found = compare_regimens(courses[0], [course.regimen for course in courses])
    assert found.times.tolist() == [0.0, 168.0, 336.0, 504.0]
    for course, scores in zip(courses, found.madrs, strict=True):
        alone = simulate(course, times=found.times, session=False).values[MADRS].T
        np.testing.assert_allclose(scores, alone, rtol=1e-3)
    assert np.ptp(found.madrs[:, :, 1], axis=0).min() > 0.0
