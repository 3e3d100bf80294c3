"""The engine beside independent solvers: matrix exponentials, Radau, LSODA on all states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Dose, load_course
from ketasim.engine import concentrations
from ketasim.engine.linear.inputs import Input, inputs_of
from ketasim.evidence import load_card
from ketasim.models import MODELS, LinearModel, mood_chain
from ketasim.validation.claims.claim import Claim, judged

Array = NDArray[np.float64]

_LINEAR: Final = 1e-9
_VARYING: Final = 1e-3
_CHAIN: Final = 1e-4
"""Parts of the largest value by which two solvers may differ, the engine's tolerances: of linear
models, of those whose rates change with time and are held for minutes, of the chain."""
_ADULT: Final = {
    "WT": 70.0,
    "AGE": 40.0,
    **dict.fromkeys(("ASIAN", "JAPANESE", "TICLOPIDINE"), 0.0),
    **dict.fromkeys(("act_2B6", "act_3A", "act_gut", "act_liver", "act_N"), 1.0),
}
_PEOPLE: Final = 1
_COURSES: Final = (
    "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7",
    "esketamine 56 mg intranasal on days 0 4 7",
    "ketamine 100 mg oral on days 0 2 4",
)
_SHOWN: Final = ("MADRS", "synapses", "burst", "fast_arm")
_DAY: Final = 24.0


def solvers() -> Iterator[Claim]:
    """Each published model by matrix exponentials, and the chain from dose to mood by LSODA."""
    yield from _linear()
    yield from _chain()


def _linear() -> Iterator[Claim]:
    from ketasim.engine.oracle import solve_adaptive
    from ketasim.models import evaluate

    times = np.array([0.25, 2.0 / 3.0, 1.0, 2.0, 4.0, 8.0, 24.0])
    weight = np.array([70.0])
    for key, model in sorted(MODELS.items()):
        drug = "ketamine" if "ketamine" in model.streams else next(iter(model.streams))
        doses = (Dose(0.0, drug, "iv", 35.0, "mg", duration=2.0 / 3.0),)
        values = {**load_card(key).values(), **_ADULT}
        try:
            quick = concentrations(model, values, doses, times, weight)
        except ValueError:
            continue  # of another route only
        worst = 0.0
        for stream in model.streams[drug]:
            resolved = model.resolve({**values, "R": float(stream.prefix == "r")})
            inputs = inputs_of(model, doses, resolved, weight, stream)
            keep = model.reachable({one.state for one in inputs}, model.outputs)

            rates = partial(_rates, model, resolved, keep)
            if model.time_varying:
                amounts = solve_adaptive(rates, keep, inputs, times, rtol=1e-9, atol=1e-10)
            else:
                amounts = _exponentials(rates(0.0)[0], keep, inputs, times)
            for output in model.outputs:
                if output.state not in keep:
                    continue
                per = 1000.0 * evaluate(output.scale, resolved) / evaluate(output.volume, resolved)
                wanted = amounts[:, keep.index(output.state)] * float(np.ravel(per)[0])
                name = f"{stream.prefix}_{output.analyte}" if stream.prefix else output.analyte
                found = quick.values[name, output.site][:, 0]
                worst = max(worst, float(np.abs(found - wanted).max() / wanted.max()))
        yield _claim(
            "concentrations after 35 mg IV over 40 min",
            key,
            worst,
            _VARYING if model.time_varying else _LINEAR,
            "Radau IIA, order 5" if model.time_varying else "matrix exponential",
        )


def _rates(
    model: LinearModel, resolved: Mapping[str, Any], keep: tuple[str, ...], time: float
) -> Array:
    """Rate matrix of one patient, shape (1, m, m)."""
    return np.broadcast_to(model.rate_matrix(resolved, keep, time), (1, len(keep), len(keep)))


def _exponentials(
    matrix: Array, states: Sequence[str], inputs: Sequence[Input], times: Array
) -> Array:
    """Amounts (T, m) of one patient after infusions and boluses, each followed by itself."""
    from scipy.linalg import expm

    m = len(states)
    found = np.zeros((len(times), m))
    for one in inputs:
        if one.state not in states:
            continue
        entry = np.zeros(m)
        entry[list(states).index(one.state)] = one.amount[0]
        supplied = np.zeros((m + 1, m + 1))
        supplied[:m, :m] = matrix
        for k, time in enumerate(times - one.start):
            if time <= 0.0:
                continue
            if one.duration == 0.0:
                found[k] += expm(matrix * time) @ entry
                continue
            supplied[:m, m] = entry / one.duration
            during = expm(supplied * min(float(time), one.duration))[:m, m]
            found[k] += expm(matrix * max(float(time) - one.duration, 0.0)) @ during
    return found


def _chain() -> Iterator[Claim]:
    from ketasim.engine import solve
    from ketasim.population import Situation, mood_effects, mood_values, virtual_patients
    from ketasim.simulation.mood.inputs import calendar_of, patients_of

    numbers, model = load_card("mood").values(), MODELS["reference"]
    times = np.concatenate([[1.0, 4.0], _DAY * np.array([1.0, 3.0, 7.0, 14.0])])
    for regimen in _COURSES:
        course = load_course(
            {
                "regimen": regimen,
                "horizon": "14 d",
                "population": {"n": _PEOPLE, "seed": 1},
            }
        )
        cohort = virtual_patients(course, load_card("reference"), model)
        start = np.full(_PEOPLE, numbers["M_max"] / 2.0)
        values = mood_values(numbers, mood_effects(1, 0, _PEOPLE), Situation(), start)
        patients = patients_of(cohort, numbers, values, calendar_of(course, course.horizon))
        chain = mood_chain(model)
        exact = solve(chain, patients, times, _SHOWN, engine="oracle", progress=False)
        quick = solve(chain, patients, times, _SHOWN, progress=False)
        worst = max(
            float(np.abs(quick[name] - exact[name]).max() / np.abs(exact[name]).max())
            for name in _SHOWN
        )
        yield _claim(f"chain to mood, {regimen}", "a virtual patient", worst, _CHAIN, "LSODA")


def _claim(what: str, where: str, worst: float, most: float, solver: str) -> Claim:
    return Claim(
        area="solvers",
        what=what,
        where=where,
        published=f"{solver} of SciPy",
        predicted=worst,
        unit="of the largest value",
        criterion=f"differs by at most {most:g} of the largest value",
        outcome=judged(worst <= most),
        grade="derived",
        independent=True,
        source="",
        place="",
        high=most,
        error=worst,
        measure="relative",
    )
