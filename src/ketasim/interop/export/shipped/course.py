"""Doses of a course, as what they put into the compartments of an exported model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ketasim._base import InputError
from ketasim.dosing import Course
from ketasim.engine import inputs_of
from ketasim.evidence import Card
from ketasim.interop.export.ode import Given, OdeModel
from ketasim.models import LinearModel
from ketasim.models.expression import own_value
from ketasim.population import covariates_of

if TYPE_CHECKING:
    import polars as pl

_AFTER = (0.5, 1.0, 2.0, 4.0, 24.0)  # h after a dose, at which a table has a row
_DAY = 24.0


def given_by(course: Course, model: LinearModel, card: Card) -> tuple[Given, ...]:
    """What the doses of a course put into compartments, in the typical patient.

    **Arguments:**

    - `course`: with its patient. `model`, `card`: of the pharmacokinetics.

    **Raises:** `InputError` for a drug or a route that the model does not know, and for doses
    before the course that go on for ever.
    """
    if any(dose.steady_state_interval for dose in course.regimen.doses):
        raise InputError(
            "--course",
            "it begins at a steady state, which no file of equations says",
            "write the doses out that come before",
        )
    covariates, _ = covariates_of(course.patient, model, card)
    values: dict[str, Any] = {one.name: card.entry(one.name).value for one in model.parameters}
    streams = {s.prefix: s for several in model.streams.values() for s in several}
    weight = np.array([float(course.patient.weight)])
    found: list[Given] = []
    for prefix, stream in streams.items():
        resolved = model.resolve({**values, **covariates, "R": float(prefix == "r")})
        for one in inputs_of(model, course.regimen.doses, resolved, weight, stream):
            state = f"{prefix}_{one.state}" if len(streams) > 1 else one.state
            amount = float(one.amount[0])
            if amount > 0.0:
                found.append(Given(state, one.start, one.duration, amount))
    return tuple(sorted(found, key=lambda one: (one.start, one.state)))


def marks(course: Course, state: str) -> tuple[Given, ...]:
    """One unit into a compartment at the start of every session."""
    starts = [float(start) for start in course.regimen.sessions if start < course.horizon]
    return tuple(Given(state, start, 0.0, 1.0) for start in starts)


def event_table(model: OdeModel) -> pl.DataFrame:
    """The doses of an exported course as rows of a table of events, and rows to be predicted.

    **Arguments:**

    - `model`: with `given`, and `horizon`, h.

    **Returns:** columns ID, TIME (h), EVID, AMT, RATE, CMT (number), DV, MDV and the covariates.
    Rows to be predicted (EVID 0) are at every dose, some hours after it, and every day.
    """
    import polars as pl

    numbers = {state.name: n for n, state in enumerate(model.states, start=1)}
    states = {state.name: state for state in model.states}
    known: dict[str, Any] = {one.name: one.value for one in (*model.parameters, *model.covariates)}
    for formula in model.formulas:
        known[formula.name] = own_value(formula.expression, known)

    def value(text: str | None, otherwise: float) -> float:
        return otherwise if text is None else float(own_value(text, known))

    rows: list[tuple[float, int, float, float, str]] = []
    for one in model.given:
        state = states[one.state]
        amount = one.amount / value(state.fraction, 1.0)
        time = one.start - value(state.lag, 0.0)
        if one.duration == 0.0:
            rate = 0.0
        else:
            rate = -2.0 if state.duration is not None else one.amount / one.duration
        rows.append((time, 1, amount, rate, str(numbers[one.state])))
    starts = sorted({one.start for one in model.given})
    days = np.arange(0.0, model.horizon + 1e-9, _DAY)
    asked = {0.0, model.horizon, *map(float, days), *starts}
    asked |= {start + after for start in starts for after in _AFTER}
    rows += [(t, 0, 0.0, 0.0, "1") for t in sorted(asked) if t <= model.horizon]
    rows.sort(key=lambda row: (row[0], -row[1]))
    times, evid, amounts, rates, places = zip(*rows, strict=True)
    count = len(rows)
    return pl.DataFrame(
        {
            "ID": [1] * count,
            "TIME": times,
            "EVID": evid,
            "AMT": amounts,
            "RATE": rates,
            "CMT": [int(place) for place in places],
            "DV": [0.0] * count,
            "MDV": [int(one != 0) for one in evid],  # only where it is 0 does NONMEM simulate DV
            **{one.name: [one.value] * count for one in model.covariates},
        }
    )
