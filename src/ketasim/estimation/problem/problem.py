"""What is to be fitted: observations, what may be moved, and how it moves the predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim._base.words import counted
from ketasim.estimation.likelihood.conditional import People
from ketasim.estimation.likelihood.residual import ResidualError, ResidualSd
from ketasim.estimation.problem.observed import Observed
from ketasim.evidence import Scale
from ketasim.models import moved
from ketasim.models.pk.declaration import CompartmentModel

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_TOGETHER: Final = 200_000  # rows that are solved together


@dataclass(frozen=True)
class Direction:
    """A parameter that is estimated, has an effect of the subject, or both.

    Its number x is on a scale of its own: the value is `base` moved by `factor` x on it.

    **Arguments:**

    - `name`, `unit`, `meaning`: of the parameter. `value`: where it starts, or its typical value.
    - `scale`, `base`, `factor`: as `moved` takes them; `base` of every row where it changes, (R,).
    - `estimated`: whether the typical value is. `spread`: whether subjects differ.
    """

    name: str
    unit: str
    meaning: str
    value: float
    scale: Scale = "log"
    base: Any = 1.0
    factor: float = 1.0
    estimated: bool = True
    spread: bool = False

    @property
    def start(self) -> float:
        """Its number at the start."""
        if not self.estimated:
            return 0.0
        return float(np.log(self.value)) if self.scale == "log" else self.value / self.factor

    def values(self, x: Array, rows: Any = slice(None)) -> Array:
        """Values of some numbers, of rows where the base changes; shapes broadcast."""
        base = self.base[rows] if np.ndim(self.base) else self.base
        return moved(self.scale, base, self.factor * x)


@dataclass(frozen=True)
class Problem:
    """Observations, and what may be moved to come near them.

    **Arguments:**

    - `model`: its name. `own`: its declaration; nothing of one that ships.
    - `directions`: what may be moved, P of them. `covariance`: of those with a spread, (q, q).
    - `outputs`: name and unit of each. `sds`: of the residual error.
    - `observed`: the values. `subject`: of each row, shape (R,). `time`: h, shape (R,).
    - `ids`: of the subjects. `numbers`: of the rows. `carried`: columns of the table.
    - `solve`: from values by name, of several draws behind each other, and their number to the
      outputs of every row: name to shape (B, R).
    - `notes`: what the reader must know. `keys`: of sources.
    - `held`: parameters that keep their value, with value and unit.
    """

    model: str
    own: CompartmentModel | None
    directions: tuple[Direction, ...]
    covariance: Array
    outputs: tuple[tuple[str, str], ...]
    sds: tuple[ResidualSd, ...]
    observed: Observed
    subject: Integers
    time: Array
    ids: tuple[str, ...]
    numbers: Integers
    carried: Any
    solve: Callable[[dict[str, Any], int], dict[str, Array]]
    notes: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    held: tuple[tuple[str, float, str], ...] = ()

    @property
    def effects(self) -> Integers:
        """Places of the directions with a spread, shape (q,)."""
        return np.array([i for i, one in enumerate(self.directions) if one.spread], np.int64)

    @property
    def estimated(self) -> Integers:
        """Places of those whose typical value is estimated."""
        return np.array([i for i, one in enumerate(self.directions) if one.estimated], np.int64)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the directions with a spread."""
        return tuple(one.name for one in self.directions if one.spread)

    @property
    def middle(self) -> Array:
        """Numbers of the directions at the start, shape (P,)."""
        return np.array([one.start for one in self.directions])

    @property
    def start_sds(self) -> Array:
        """Residual SDs at the start."""
        return np.array([one.start for one in self.sds])

    @property
    def subjects(self) -> Integers:
        """Subject of each observation, shape (N,)."""
        return self.subject[self.observed.row]

    def predict(self, places: Array) -> Array:
        """Predictions of every observation, shape (B, N), at numbers of shape (B, S, P).

        **Raises:** `InputError` for values that a rate, a dose or an output cannot have.
        """
        rows = len(self.subject)
        together = max(_TOGETHER // rows, 1)
        parts = [self._some(places[i : i + together]) for i in range(0, len(places), together)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.observed.row)))

    def rows(self, places: Array) -> Array:
        """Predictions of every output at every row, shape (B, O, R); see `predict`."""
        together = max(_TOGETHER // len(self.subject), 1)
        parts = [
            np.stack([solved[name] for name, _ in self.outputs], axis=1)
            for i in range(0, len(places), together)
            for solved in (self._solved(places[i : i + together]),)
        ]
        return np.concatenate(parts)

    def _solved(self, places: Array) -> dict[str, Array]:
        values = {
            one.name: one.values(places[:, self.subject, p]).reshape(-1)
            for p, one in enumerate(self.directions)
        }
        return self.solve(values, len(places))

    def _some(self, places: Array) -> Array:
        solved = self._solved(places)
        found = np.empty((len(places), len(self.observed.row)))
        for number, (name, _) in enumerate(self.outputs):
            mine = self.observed.output == number
            found[:, mine] = solved[name][:, self.observed.row[mine]]
        return found

    def people(self) -> People:
        """Subjects for the likelihood."""
        observed = self.observed
        error = ResidualError(self.sds, observed.output, observed.value, observed.below)
        return People(self.subjects, len(self.ids), self.predict, self.effects, error)

    def typical(self) -> Array:
        """Predictions at the start without any effect, shape (N,)."""
        places = np.tile(self.middle, (1, len(self.ids), 1))
        return self.predict(places)[0]


def check_errors(problem: Problem, field: Callable[[int], str]) -> None:
    """Refuse observations at which the residual error has no spread.

    **Arguments:**

    - `problem`: at its start. `field`: what to call the cell of an observation in an error.

    **Raises:** `InputError`.
    """
    observed, f = problem.observed, problem.typical()
    for number, (name, _) in enumerate(problem.outputs):
        kinds = {one.kind for one in problem.sds if one.output == number}
        mine = observed.output == number
        if "additive" in kinds:
            continue
        nothing = np.flatnonzero(mine & ~(f > 0))
        if len(nothing):
            raise InputError(
                field(int(nothing[0])),
                f"the prediction of {name} is {f[nothing[0]]:g} there, where a "
                f"{'log-normal' if 'log' in kinds else 'proportional'} error has no SD "
                f"({counted(len(nothing), 'row')})",
                "leave the value out (MDV 1), or take --error combined",
            )
        zero = np.flatnonzero(mine & (observed.value <= 0))
        if "log" in kinds and len(zero):
            raise InputError(
                field(int(zero[0])),
                f"{observed.value[zero[0]]:g} has no logarithm, and the error is log-normal",
                "leave it out (MDV 1), or take --error combined",
            )


def check_identified(problem: Problem, weighted: Array) -> None:
    """Refuse typical values that the observations cannot tell.

    **Arguments:**

    - `problem`: at its start. `weighted`: change of every prediction along every direction, in
      standard deviations of its residual, shape (N, P).

    **Raises:** `InputError` that names the parameter, or those that cannot be told apart.
    """
    names = [one.name for one in problem.directions if one.estimated]
    weighted = weighted[:, problem.estimated]
    sizes = np.sqrt((weighted**2).sum(axis=0))
    for name, size in zip(names, sizes, strict=True):
        if not size > _UNMOVED:
            raise InputError(
                f"parameter {name}",
                "no observation depends on it",
                f"leave it as it is, as --fix {name}",
            )
    if len(names) < 2:
        return
    _, values, axes = np.linalg.svd(weighted / sizes, full_matrices=False)
    short = len(values) < len(names)
    if short or values[-1] < _SINGULAR * values[0]:
        share = np.ones(len(names)) if short else np.abs(axes[-1])
        told = [name for name, part in zip(names, share, strict=True) if part > _PART]
        raise InputError(
            f"parameters {_and(told)}",
            "cannot be told apart by these observations (singular)",
            f"fix one of them, as --fix {told[-1]}",
        )


_UNMOVED: Final = 1e-8  # standard deviations of all observations together, for an e-fold
_SINGULAR: Final = 1e-7
_PART: Final = 0.1


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
