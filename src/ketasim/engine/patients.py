"""The patients of a run: their numbers, their weights, and who is treated by which calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim.engine.linear.inputs import DoseLike, alike
from ketasim.models import ChainModel, LinearModel, evaluate

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


_SHORTEST = 0.01  # h


@dataclass(frozen=True)
class Calendar:
    """Doses and how long a patient is followed.

    **Arguments:**

    - `doses`: in any order; those at or after the horizon are left out.
    - `horizon`: h from time 0.
    """

    doses: tuple[DoseLike, ...]
    horizon: float

    def __post_init__(self) -> None:
        """Check the horizon."""
        if not np.isfinite(self.horizon) or self.horizon < _SHORTEST:
            raise InputError("horizon", f"is {self.horizon:g} h", f"give {_SHORTEST:g} h or more")


@dataclass(frozen=True)
class Patients:
    """Who is simulated.

    **Arguments:**

    - `values`: every parameter and covariate of the model, a number for all or an array (n,).
    - `weight`: kg, shape (n,).
    - `calendars`: the calendars.
    - `calendar_of`: for each patient the position of its calendar, shape (n,); the first for all
      when left out.

    **Raises:** `InputError` naming what has another shape or is not finite.
    """

    values: Mapping[str, Any]
    weight: Array
    calendars: tuple[Calendar, ...]
    calendar_of: Integers = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        """Check shapes and numbers; keep arrays."""
        weight = np.atleast_1d(np.asarray(self.weight, np.float64))
        n = len(weight)
        if n == 0:
            raise InputError("weight", "there is no patient", "give at least one weight")
        object.__setattr__(self, "weight", weight)
        _check("weight", weight, n)
        if weight.min() <= 0.0:
            place = int(weight.argmin())
            raise InputError(
                "weight", f"of patient {place} is {weight[place]:g} kg", "give more than zero"
            )
        values = {name: np.asarray(value, np.float64) for name, value in self.values.items()}
        for name, value in values.items():
            _check(name, value, n)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "calendars", tuple(self.calendars))
        which = np.asarray(self.calendar_of, np.int64)
        if which.size == 0:
            which = np.zeros(n, np.int64)
        if which.shape != (n,) or which.min() < 0 or which.max() >= len(self.calendars):
            raise InputError(
                "calendar_of",
                f"does not name one of {len(self.calendars)} calendars for each of {n} patients",
                "give a position from 0 for every patient",
            )
        object.__setattr__(self, "calendar_of", which)

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.weight)

    def take(self, which: Integers) -> Patients:
        """Some of the patients, unchanged.

        **Arguments:**

        - `which`: positions from 0.
        """
        return Patients(
            values={k: v if v.ndim == 0 else v[which] for k, v in self.values.items()},
            weight=self.weight[which],
            calendars=self.calendars,
            calendar_of=self.calendar_of[which],
        )

    def require(self, model: ChainModel) -> None:
        """Check that every parameter and covariate of a model is given.

        **Raises:** `InputError` naming the first that is missing.
        """
        pk = model.pharmacokinetics
        for symbol in (*pk.parameters, *pk.covariates, *model.response.parameters):
            if symbol.name not in self.values:
                raise InputError(
                    symbol.name,
                    f"'{model.name}' needs it ({symbol.meaning}) and it is not among the values",
                    near(symbol.name, self.values),
                )


def _check(name: str, value: Array, n: int) -> None:
    if value.ndim > 1 or (value.ndim == 1 and len(value) != n):
        raise InputError(
            name, f"has the shape {value.shape}", f"give one number, or {n}, one a patient"
        )
    wrong = ~np.isfinite(np.atleast_1d(value))
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        who = f"of patient {place} " if value.ndim else ""
        raise InputError(
            name, f"the value {who}is {np.atleast_1d(value)[place]}", "give finite numbers"
        )


@dataclass(frozen=True)
class Group:
    """Patients who can be solved together: the same calendar, lags and release durations.

    **Arguments:**

    - `calendar`: its position.
    - `members`: positions of the patients, ascending.
    """

    calendar: int
    members: Integers


def groups_of(model: ChainModel, patients: Patients) -> tuple[Group, ...]:
    """Split patients by calendar, and by the lags and durations of their doses' absorption."""
    pk = model.pharmacokinetics
    found: list[Group] = []
    for number, calendar in enumerate(patients.calendars):
        members = np.flatnonzero(patients.calendar_of == number)
        if not len(members):
            continue
        apart = alike(pk, calendar.doses, partial(_column, pk, patients.take(members)))
        found += [Group(number, members[one]) for one in apart or [slice(None)]]
    return tuple(found)


def _column(pk: LinearModel, part: Patients, text: str) -> Array:
    """Value of an expression in each patient."""
    value = np.asarray(evaluate(text, pk.resolve(part.values)), np.float64)
    return np.broadcast_to(value, (part.n,))
