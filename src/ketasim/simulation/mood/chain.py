"""The chain from receptor block to mood of a course, state by state, in the typical patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Course
from ketasim.engine import solve
from ketasim.evidence import load_card
from ketasim.models import MODELS, mood_chain
from ketasim.population import mood_values, typical_effects, virtual_patients
from ketasim.simulation.mood.inputs import PARTS, calendar_of, mood_input, patients_of
from ketasim.simulation.mood.steps import steps_of

Array = NDArray[np.float64]

ARMS: Final = ("by_fast_arm", "by_synapses")
"""Parts of what the drug brings: the burst as mood remembers it, and restored synapses."""

_STATES: Final = ("glutamate", "bdnf", "fast_arm", "restored", "expectation", "MADRS")
_SMALL: Final = 1e-12


@dataclass(frozen=True)
class Chain:
    """The chain of a course in the typical patient.

    **Arguments:**

    - `times`: h, shape (T,).
    - `curves`: name to shape (T,). `glutamate` and `bdnf`: ratio to the level at rest; `restored`:
      fraction of the lost synapses; `expectation`: fraction; `MADRS`, `PARTS` and `ARMS`: points.
    - `baseline`: MADRS before treatment, points.
    """

    times: Array
    curves: Mapping[str, Array]
    baseline: float

    def peak(self, name: str, until: float = np.inf) -> tuple[float, float]:
        """The largest value of a curve, and when it is reached, h.

        **Arguments:**

        - `name`: of the curve. `until`: h, what is later is not looked at.
        """
        place = int(self.curves[name][self.times <= until].argmax())
        return float(self.curves[name][place]), float(self.times[place])

    def at(self, name: str, hours: float) -> float:
        """Value of a curve at a time."""
        return float(np.interp(hours, self.times, self.curves[name]))


def course_chain(course: Course, times: Array) -> Chain:
    """Solve the chain of a course for the typical patient, with every state in between.

    **Arguments:**

    - `course`: with patient, regimen and what decides on mood.
    - `times`: h, ascending, shape (T,).

    **Raises:** `InputError` when the baseline cannot be used.
    """
    given, model = mood_input(course), MODELS["reference"]
    cohort = virtual_patients(course, load_card("reference"), model, typical=True)
    numbers = given.numbers()
    start = np.full(1, given.baseline)
    values = mood_values(numbers, typical_effects(), given.situation, start, spread=False)
    calendar = calendar_of(course, max(course.horizon, float(times[-1])))
    patients = patients_of(cohort, numbers, values, calendar)
    chain = mood_chain(model)
    plan = steps_of(replace(course, population=None), given, calendar, chain, model)
    solved = solve(chain, patients, times, (*_STATES, *PARTS), plan=plan, progress=False)
    curves = {name: np.asarray(solved[name][0]) for name in (*_STATES, *PARTS)}
    points = in_points(given.baseline, curves)
    arms = numbers["e_A"] * curves["fast_arm"], numbers["e_S"] * curves["restored"]
    whole = sum(arms, np.zeros_like(times))
    share = points["by_drug"] / np.where(np.abs(whole) < _SMALL, 1.0, whole)
    split = {name: share * arm for name, arm in zip(ARMS, arms, strict=True)}
    return Chain(np.asarray(times, np.float64), {**curves, **points, **split}, given.baseline)


def in_points(baseline: float, solved: Mapping[str, Array]) -> dict[str, Array]:
    """Parts of the fall of the score in points.

    The parts add up on the logarithm of the score. Each is taken times the logarithmic mean of the
    scores before and now, so that they add up in points as well, in whatever order they came.

    **Arguments:**

    - `baseline`: MADRS before treatment, points.
    - `solved`: `MADRS` in points and `PARTS` on the logarithm of severity, arrays of one shape.

    **Returns:** `MADRS` and `PARTS` in points, of that shape.
    """
    fall = baseline - solved["MADRS"]
    total = sum((solved[part] for part in PARTS), np.zeros_like(fall))
    flat = np.abs(total) < _SMALL
    mean = np.where(flat, baseline, fall / np.where(flat, 1.0, total))
    return {"MADRS": solved["MADRS"]} | {part: mean * solved[part] for part in PARTS}
