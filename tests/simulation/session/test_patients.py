"""Effects of sessions in patients: a piece of the times or of the patients is that of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim import load_course, simulate
from ketasim.engine import LinearSolver
from ketasim.evidence import load_card
from ketasim.models import MODELS
from ketasim.population import virtual_patients
from ketasim.simulation import SESSION_UNITS
from ketasim.simulation.session.group import PATIENTS, session_group
from ketasim.simulation.session.patients import SessionCurves

CARD, MODEL = load_card("session"), MODELS["reference"]
DRUGS = ("s_ketamine", "s_norketamine")


def course(n: int):
    return load_course(
        {
            "patient": {"weight": "70 kg"},
            "regimen": "esketamine 56 mg intranasal twice weekly x4",
            "horizon": "14 d",
            "population": {"n": n, "seed": 3},
        }
    )


@pytest.mark.parametrize("uncertainty", [False, True])
def test_pieces_have_the_bits_of_the_whole(uncertainty: bool) -> None:
    result = simulate(course(23), mood=False, uncertainty=uncertainty, profiles=False)
    site = {name: result.values[name, "effect"] for name in DRUGS}
    whole = {key: result.values[key] for key in SESSION_UNITS}
    curves = SessionCurves(CARD, result.cohort, result.sessions)
    for step in (7, 64, len(result.times)):
        for patients in (slice(0, 9), slice(9, 23), slice(None)):
            for first in range(0, len(result.times), step):
                rows = slice(first, first + step)
                part = curves.at(
                    result.times[rows],
                    {name: one[rows, patients] for name, one in site.items()},
                    patients,
                )
                for key, found in part.items():
                    np.testing.assert_array_equal(found, whole[key][rows, patients])


def test_curves_are_the_same_without_what_a_session_is_like() -> None:
    full = simulate(course(4), mood=False)
    alone = simulate(course(4), mood=False, profiles=False)
    assert full.session_effects is not None and alone.session_effects is None
    for key in SESSION_UNITS:
        np.testing.assert_array_equal(alone.values[key], full.values[key])
    assert set(alone.warnings) <= set(full.warnings)


def test_the_group_is_the_first_of_many_patients() -> None:
    asked = course(PATIENTS + 5)
    cohort = virtual_patients(asked, load_card("reference"), MODEL)
    solution = LinearSolver(MODEL, cohort.values, cohort.weight).solve(asked.regimen.doses)
    few = session_group(course(3), cohort.take(slice(0, 3)), MODEL, solution)
    many = session_group(asked, cohort, MODEL, solution)
    assert few.cohort.n == many.cohort.n == PATIENTS
    np.testing.assert_array_equal(many.cohort.weight, cohort.weight[:PATIENTS])
    times = np.array([0.0, 0.5, 2.0, 90.0])
    for one, other in zip(few.read(times), many.read(times), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_what_is_computed_when_asked_is_that_of_the_session() -> None:
    asked = course(4)
    result = simulate(asked, mood=False)
    assert result.session_effects is not None
    for profile in result.session_effects.sessions:
        shape = (len(profile.minutes), result.session_effects.patients)
        assert {one.shape for one in profile.effects.values()} == {shape}
        table = {row["effect"]: row for row in profile.table.to_dicts()}
        for name, curve in profile.effects.items():
            if table[name]["peak_p05"] is not None:
                ends = np.percentile(curve.max(axis=0), (5.0, 95.0))
                found = [table[name]["peak_p05"], table[name]["peak_p95"]]
                np.testing.assert_allclose(found, ends, rtol=1e-12)
        effect = profile.effects["cognition"].mean(axis=1)
        np.testing.assert_allclose(profile.means["cognition"], effect, atol=1e-10)
        top = profile.outlook.rise("SBP").mean
        assert top == pytest.approx(table["SBP"]["peak"])
        assert profile.pressure["mean_change"][0] == pytest.approx(top)
