"""Virtual patients with parameter draws of their own, solved once through a patient's sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.dosing import Course, PopulationSpec
from ketasim.engine import Calendar, Patients, Plan, solve
from ketasim.evidence import load_card
from ketasim.forecasting.weighing.chain import Chain
from ketasim.forecasting.weighing.law import RatingLaw
from ketasim.forecasting.weighing.shared import SHARED
from ketasim.models import MODELS, mood_chain
from ketasim.population import (
    MOOD_STATES,
    card_draws,
    card_normals,
    chain_scores,
    drug_sessions,
    mood_values,
    session_weights,
    virtual_patients,
)
from ketasim.simulation.mood.inputs import MoodInput, calendar_of, mood_input, patients_of

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

PATIENTS: Final = 48_000
"""Virtual patients of an ensemble when nothing else is asked for."""

_CLINIC: Final = ("clinic_early", "clinic_late", "clinic_drug")

INNER: Final = ("sens", "e_P", "e_N", "e_C", "none", *_CLINIC)
"""Normals that tell apart the patients who share a solution; two more with a new antidepressant."""

_WITH_NEW: Final = ("e_O", "none_O")
_TRAJECTORY: Final = "kS"


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Virtual patients of a course, N = n * `SHARED` of them on n solutions.

    Each solution has a draw of the cards' numbers within their uncertainty and a patient's
    pharmacokinetics and loss of synapses; what acts outside the solved states, as the sensitivity
    to the drug, differs between the patients who share it. Each is of a clinic of its own.

    **Arguments:**

    - `course`: with the score before treatment. `given`: its numbers of mood.
    - `patients`: n, as the engine takes them.
    - `times`: h, at which it was solved, shape (T,).
    - `states`: of `MOOD_STATES`, shape (n, T) each.
    - `values`: of the parameters of mood, a number or shape (N,).
    - `answer_sd`: of the logarithm of a patient's answer to a session, shape (N,).
    - `law`: of the ratings, of n solutions.
    - `solution`: of each patient, shape (N,).
    - `outer`: standard normal numbers behind the solutions: of the loss of synapses, and of the
      card's numbers; shape (D, n). `inner`: of the patients, by `INNER`, shape (E, N).
    """

    course: Course
    given: MoodInput
    patients: Patients
    times: Array
    states: Mapping[str, Array]
    values: Mapping[str, Any]
    answer_sd: Array
    law: RatingLaw
    solution: Integers
    outer: Array
    inner: Array

    @property
    def size(self) -> int:
        """Number of patients, N."""
        return len(self.solution)

    @property
    def sessions(self) -> tuple[float, ...]:
        """Starts of the sessions through which it was solved, h, ascending."""
        return drug_sessions(self.course.regimen.doses)

    def chain(self, times: Array, which: Integers | None = None) -> Chain:
        """Scores of the chain at some of the times, whatever each session brings.

        **Arguments:**

        - `times`: h, of those at which it was solved. `which`: patients; all when left out.
        """
        at = np.asarray(times, np.float64)
        rows = np.searchsorted(self.times, at - 1e-9)
        chosen = np.arange(self.size) if which is None else which
        solution, values = self.solution[chosen], self.of(chosen)
        # without the fast arm, and from a baseline that no worsening brings to the scale's end
        apart = {**values, "e_A": 0.0, "M_max": np.inf}
        arm = values["sens"] * values["gate"] * values["e_A"]
        rest, fast = np.empty((2, len(chosen), len(rows)))
        for place, row in enumerate(rows):
            states = {k: v[solution, row][:, None] for k, v in self.states.items()}
            rest[:, place] = chain_scores(apart, states)[:, 0]
            fast[:, place] = arm * states["fast_arm"][:, 0]
        omega = self.answer_sd[chosen]
        weights = session_weights(at, self.sessions)
        return Chain(rest, fast, omega, weights, float(np.max(self.values["M_max"])))

    def rebased(self, course: Course, base: float) -> Ensemble:
        """The same patients with another score before treatment.

        **Arguments:**

        - `course`: with that score. `base`: the same in points of the MADRS.
        """
        baseline = course.patient.baseline
        assert baseline is not None
        return replace(
            self,
            course=course,
            given=replace(self.given, baseline=base),
            values={**self.values, "M0": np.full(self.size, base)},
            law=replace(self.law, scale=baseline.scale),
        )

    def of(self, which: Integers) -> dict[str, Any]:
        """Values of the parameters of some of the patients."""
        return {k: v[which] if np.ndim(v) else v for k, v in self.values.items()}

    def joined(self, other: Ensemble) -> Ensemble:
        """Both together, those of the other behind."""
        n = self.patients.n
        return replace(
            self,
            patients=_joined(self.patients, other.patients),
            states={k: np.concatenate([v, other.states[k]]) for k, v in self.states.items()},
            values={
                k: _both(v, other.values[k], self.size, other.size) for k, v in self.values.items()
            },
            answer_sd=np.concatenate([self.answer_sd, other.answer_sd]),
            law=self.law.joined(other.law),
            solution=np.concatenate([self.solution, n + other.solution]),
            outer=np.concatenate([self.outer, other.outer], axis=1),
            inner=np.concatenate([self.inner, other.inner], axis=1),
        )


@dataclass(frozen=True, eq=False)
class Normals:
    """Standard normal numbers behind an ensemble, as `Ensemble` has them."""

    outer: Array
    inner: Array


def inner_names(given: MoodInput) -> tuple[str, ...]:
    """Names of the normals that tell apart the patients who share a solution."""
    return INNER + (_WITH_NEW if given.situation.new_antidepressant else ())


def ensemble(
    course: Course,
    times: Sequence[float] | Array,
    *,
    n: int = PATIENTS,
    seed: int = 0,
    drawn: Normals | None = None,
    plan: Plan | None = None,
) -> Ensemble:
    """Draw virtual patients of a course and solve them through its sessions.

    **Main arguments:**

    - `course`: with `patient.baseline`, the score before treatment.
    - `times`: h, at which the states are kept.

    **Other arguments:**

    - `n`: patients, a multiple of `SHARED`. `seed`: of all that is drawn.
    - `drawn`: standard normal numbers in place of the prior's, of as many patients.
    - `plan`: steps of the solver.

    **Raises:** `InputError` when the baseline cannot be used.
    """
    baseline = course.patient.baseline
    assert baseline is not None
    solutions = max(n // SHARED, 1)
    size = solutions * SHARED
    alone = replace(course, population=PopulationSpec(n=solutions, seed=seed))
    given = mood_input(alone)
    model = MODELS["reference"]
    cohort = virtual_patients(alone, load_card("reference"), model, uncertainty=True)
    if drawn is None:
        drawn = _normals(given, seed, solutions)
    card = given.card
    numbers = given.numbers(card_draws(card, seed, 0, solutions, normals=drawn.outer[1:].T))
    each = {k: np.repeat(v, SHARED) if np.ndim(v) else v for k, v in numbers.items()}
    own = {name: np.zeros(size) for name in _WITH_NEW}
    own |= dict(zip(inner_names(given), drawn.inner, strict=True))
    own[_TRAJECTORY] = np.repeat(drawn.outer[0], SHARED)
    values = mood_values(each, _turned(each, own), given.situation, np.full(size, given.baseline))
    values |= _of_clinic(values, each, own, blinded=course.mood.blinded)
    first = {k: v[::SHARED] if np.ndim(v) else v for k, v in values.items()}
    asked = np.unique(np.asarray(times, np.float64))
    calendar = calendar_of(alone, max(float(asked[-1]), 1.0) if len(asked) else 1.0)
    patients = patients_of(cohort, numbers, first, calendar)
    return Ensemble(
        course=course,
        given=given,
        patients=patients,
        times=asked,
        states=solved(patients, asked, plan),
        values=values,
        answer_sd=np.array(np.broadcast_to(each["omega_A"], (size,)), np.float64),
        law=RatingLaw.of(numbers, solutions, baseline.scale),
        solution=np.repeat(np.arange(solutions), SHARED),
        outer=drawn.outer,
        inner=drawn.inner,
    )


def _normals(given: MoodInput, seed: int, solutions: int) -> Normals:
    """Standard normal numbers of the prior."""
    loss = standard_normals(seed, f"mood:{_TRAJECTORY}", 0, solutions, 1)
    outer = np.hstack([loss, card_normals(given.card, seed, 0, solutions)])
    size = solutions * SHARED
    inner = [standard_normals(seed, f"mood:{k}", 0, size, 1)[:, 0] for k in inner_names(given)]
    return Normals(outer.T, np.stack(inner))


def solved(patients: Patients, times: Array, plan: Plan | None) -> dict[str, Array]:
    """States of mood at some times, shape (n, T) each."""
    if not len(times):
        return {name: np.zeros((patients.n, 0)) for name in MOOD_STATES}
    chain = mood_chain(MODELS["reference"])
    found = solve(chain, patients, times, MOOD_STATES, plan=plan, progress=False)
    return {name: np.ascontiguousarray(found[name]) for name in MOOD_STATES}


def _turned(numbers: Mapping[str, Any], own: Mapping[str, Array]) -> dict[str, Array]:
    """The normals so that those who share a solution have one loss of synapses.

    `mood_values` mixes the effects on sensitivity and durability by their correlation; here `kS` is
    what comes out for durability, and `sens` what is independent of it.
    """
    rho = np.asarray(numbers["rho"], np.float64)
    rest = np.sqrt(1.0 - rho**2)
    loss, free = own[_TRAJECTORY], own["sens"]
    return {**own, "sens": -rho * loss + rest * free, "kS": rest * loss + rho * free}


def _of_clinic(
    values: Mapping[str, Any],
    numbers: Mapping[str, Any],
    own: Mapping[str, Array],
    *,
    blinded: bool,
) -> dict[str, Any]:
    """Values of patients of a clinic that nobody has seen: clinics differ as trials do.

    As in `trials`, an early and a late effect add where expectation and where the natural course
    act, and the effect of the drug is multiplied, taken away at most. Where patients know what they
    get, trials differ more; the SDs of independent effects join.
    """
    early, late, drug = (own[name] for name in _CLINIC)
    known = 0.0 if blinded else 1.0
    of_early, of_late = (
        np.hypot(numbers[name], known * numbers["tau_open"]) for name in ("tau_early", "tau_late")
    )
    of_drug = np.hypot(numbers["tau_drug"], known * numbers["tau_series"])
    return {
        "sens": values["sens"] * np.maximum(1.0 + of_drug * drug, 0.0),
        "e_P": values["e_P"] + of_early * early,
        "e_N": values["e_N"] + of_late * late,
    }


def _joined(one: Patients, other: Patients) -> Patients:
    values = {k: _both(v, other.values[k], one.n, other.n) for k, v in one.values.items()}
    return Patients(values, np.concatenate([one.weight, other.weight]), one.calendars)


def _both(one: Any, other: Any, n: int, m: int) -> Any:
    if not np.ndim(one) and not np.ndim(other) and float(one) == float(other):
        return one
    return np.concatenate([np.broadcast_to(one, (n,)), np.broadcast_to(other, (m,))])


def by_calendars(patients: Patients, calendars: Sequence[Calendar]) -> Patients:
    """The same patients by other calendars."""
    return Patients(patients.values, patients.weight, tuple(calendars))
