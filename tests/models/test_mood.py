"""The chain to mood: what its declaration says, and two solvers that agree on it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.dosing import load_trial
from ketasim.engine import Patients, solve
from ketasim.evidence import load_card
from ketasim.models import MODELS, MOOD, RECEPTOR, SESSION_STATE, mood_chain, with_sessions
from ketasim.population import (
    Situation,
    arm_calendar,
    arm_patients,
    mood_effects,
    mood_plan,
    mood_values,
    session_marks,
)

CHAIN = mood_chain(MODELS["reference"])
N = 6


def people(content: dict, *, seed: int = 3, n: int = N, **changed: float) -> Patients:
    """Patients of the first arm of a trial."""
    head = {"population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}}}
    assess = [{"scale": "MADRS", "metrics": ["score"], "at": ["21 d"]}]
    trial = load_trial(
        {"trial": "t", **head, "arms": [{"id": "a", "n": 5, **content}], "assess": assess}
    )
    arm = trial.arms[0]
    numbers = load_card("mood").values() | changed
    values, weight, _ = arm_patients(arm, seed, 0, n)
    mood = mood_values(numbers, mood_effects(seed, 0, n), Situation(), np.full(n, 33.0))
    values = {**values, **mood, "k_session": numbers["k_session"]} | changed
    return Patients(values, weight, (arm_calendar(arm),))


INFUSION = {"drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min", "days": [0]}


def test_the_marks_of_sessions_add_a_state_and_leave_concentrations_alone() -> None:
    marked = with_sessions(MODELS["reference"])
    assert [s.name for s in marked.states][-1] == SESSION_STATE
    times = [1.0, 24.0, 100.0]
    patients = people(INFUSION)
    bare = Patients(patients.values, patients.weight, (patients.calendars[0],))
    doses = tuple(d for d in bare.calendars[0].doses if d.drug != "session")
    assert len(doses) < len(bare.calendars[0].doses)
    without = Patients(bare.values, bare.weight, (type(bare.calendars[0])(doses, 504.0),))
    key = ("s_ketamine", "effect")
    both = [solve(CHAIN, p, times, [key], engine="numpy")[key] for p in (patients, without)]
    np.testing.assert_allclose(both[0], both[1], rtol=1e-9)


def test_the_engine_agrees_with_the_oracle() -> None:
    days = {**INFUSION, "days": [0, 3, 7]}
    patients = people(days, n=3)
    names = ["glutamate", "fast_arm", "bdnf", "synapses", "expectation", "MADRS"]
    times = [0.4, 0.7, 2.0, 24.0, 72.5, 170.0, 400.0]
    fast, slow = (
        solve(CHAIN, patients, times, names, engine=engine, rtol=1e-5)
        for engine in ("numpy", "oracle")
    )
    for name in names:
        scale = np.abs(slow[name]).max()
        np.testing.assert_allclose(fast[name], slow[name], atol=3e-4 * scale, rtol=0)


def test_without_a_drug_only_expectation_and_time_act() -> None:
    patients = people({"control": "saline", "days": [0, 7]})
    names = ["glutamate", "fast_arm", "restored", "by_drug", "by_expectation"]
    steps = mood_plan(CHAIN, patients, engine="numpy")
    solved = solve(CHAIN, patients, [1.0, 24.0, 200.0, 500.0], names, engine="numpy", plan=steps)
    np.testing.assert_allclose(solved["glutamate"], 1.0, atol=1e-9)
    for name in ("fast_arm", "restored", "by_drug"):
        np.testing.assert_allclose(solved[name], 0.0, atol=1e-7)
    assert (solved["by_expectation"] > 0).all()


def test_glutamate_has_an_inverted_u_and_answers_to_a_fresh_block() -> None:
    peaks = []
    for dose in (0.1, 0.3, 0.5, 3.0):
        patients = people({**INFUSION, "dose": f"{dose} mg/kg"}, n=2)
        times = np.linspace(0.05, 12.0, 60)
        peaks.append(solve(CHAIN, patients, times, ["glutamate"], engine="numpy")["glutamate"])
    highest = [p.max() for p in peaks]
    assert highest[0] < highest[1] < highest[2]
    # far beyond the best block there is less of it at the end of the infusion
    end = int(np.searchsorted(np.linspace(0.05, 12.0, 60), 0.6))
    assert (peaks[3][:, end] < peaks[2][:, end]).all()
    # and it is over within hours though drug is left
    assert (peaks[2][:, -1] - 1.0 < 0.2 * (highest[2] - 1.0)).all()


@settings(max_examples=6)
@given(
    days=st.lists(st.integers(0, 18), min_size=1, max_size=6, unique=True).map(sorted),
    dose=st.floats(0.05, 1.5),
    stress=st.floats(0.0, 3.0),
)
def test_synapses_stay_between_the_depressed_and_the_healthy_level(days, dose, stress) -> None:
    content = {**INFUSION, "dose": f"{round(dose, 3):g} mg/kg", "days": days}
    patients = people(content, n=2, stress=max(stress, 1e-3))
    solved = solve(
        CHAIN, patients, np.linspace(1, 500, 40), ["synapses", "MADRS"], engine="numpy", rtol=1e-4
    )
    depressed = 1.0 / (1.0 + max(stress, 1e-3))
    assert (solved["synapses"] >= depressed * (1 - 1e-3)).all()
    assert (solved["synapses"] <= 1.0 + 1e-6).all()
    assert ((solved["MADRS"] >= 0) & (solved["MADRS"] <= 60)).all()


def test_another_session_restores_more_and_stress_takes_it_away_sooner() -> None:
    late = [500.0]
    one, six = (
        solve(CHAIN, people({**INFUSION, "days": days}), late, ["restored"], engine="numpy")
        for days in ([0], [0, 2, 4, 7, 9, 11])
    )
    assert (six["restored"] > one["restored"]).all()
    usual = load_card("mood").values()["stress"]
    calm, tense = (
        solve(CHAIN, people(INFUSION, stress=s), late, ["restored"], engine="numpy")
        for s in (usual / 2, usual * 2)
    )
    assert (tense["restored"] < calm["restored"]).all()


def test_the_declaration_holds_every_number_of_the_card_that_acts() -> None:
    symbols = {s.name for s in MOOD.parameters} - {s.name for s in RECEPTOR.parameters}
    own = {"sens", "e_P", "M0"}  # of a patient, not of the card
    assert symbols - own <= set(load_card("mood").entries)


def test_marks_come_once_a_session() -> None:
    marks = session_marks([24.0, 0.0, 24.0])
    assert [m.time for m in marks] == [0.0, 24.0]
    assert {(m.drug, m.route) for m in marks} == {("session", "session")}


def test_a_model_without_an_effect_site_is_refused() -> None:
    with pytest.raises(ValueError, match="does not give"):
        mood_chain(MODELS["otto2021"])
