"""What the symbols of a model stand for at every row: parameters, covariates and columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near, standard_normals
from ketasim._base.text import shortened
from ketasim._base.words import counted
from ketasim.dosing import Sheet, carried
from ketasim.models.pk.declaration import TIME_SYMBOL, CompartmentModel, Parameter, names_used
from ketasim.simulation.prediction.columns import FROM_TABLE

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_PERCENT: Final = 100.0
_ALIKE: Final = 0.75  # of names that may be one another's, such as WGT and WT


class Numbers:
    """Symbols of a model at the rows of a table.

    **Arguments:**

    - `model`: with the numbers of its parameters.
    - `sheet`: the table. `subject`: of each row. `dosed`: whether a row gives a dose.
    - `fixed`: parameters that the call gave, which no column may also give. What the call or a
      column gives is not drawn.
    - `notes`: takes what the reader must know.

    **Raises:** `InputError` for a symbol that is neither declared nor a column, or has no number.
    """

    def __init__(
        self,
        model: CompartmentModel,
        sheet: Sheet,
        subject: Integers,
        dosed: Integers,
        fixed: Sequence[str],
        notes: list[str],
    ) -> None:
        self._model, self._sheet, self._subject = model, sheet, subject
        self._notes = notes
        self.count = len(subject)
        self.subjects = int(subject[-1]) + 1 if len(subject) else 0
        self._drawn: list[Parameter] = []
        self.kept: list[str] = []
        self.values: dict[str, Any] = {TIME_SYMBOL: sheet.values("TIME")}
        self.used: set[str] = set()
        only_doses = self._symbols()
        for one in model.parameters:
            self._parameter(one, fixed)
        for one in model.covariates:
            self._covariate(one.name, one.default, only_doses, dosed)
        declared = {*self.values, *model.definitions, *model.compartment_names}
        for name in sorted(self._names - declared):
            self._covariate(name, None, only_doses, dosed)

    def _symbols(self) -> set[str]:
        """Names used, and those of them that only doses need."""
        where: dict[str, str] = {}
        doses = {text for _, text in self._model.dose_expressions()}
        always: set[str] = set()
        for field, text in self._model.expressions():
            found = names_used(text, field)
            for name in found:
                where.setdefault(name, field)
            if text not in doses:
                always |= found
        for name in reversed(list(self._model.definitions)):
            if name in always:
                always |= names_used(self._model.definitions[name], name)
        self._names, self._where = set(where), where
        known = [
            *(one.name for one in (*self._model.parameters, *self._model.covariates)),
            *self._model.definitions,
            *self._model.compartment_names,
            TIME_SYMBOL,
        ]
        for name, field in where.items():
            if name not in known and not self._sheet.has(name):
                raise InputError(
                    field,
                    f"'{name}' is no parameter, covariate or compartment, and the table has no "
                    "such column",
                    _remedy(name, [*known, *self._sheet.columns]),
                )
        return set(where) - always

    def _parameter(self, one: Parameter, fixed: Sequence[str]) -> None:
        name = one.name
        given = name in fixed
        if self._sheet.has(name) and name in self._sheet.columns:
            given = True
            if name in fixed:
                raise InputError(
                    name,
                    "is a column of the table, and was set as well",
                    "leave one of the two out",
                )
            values, filled = carried(self._sheet.values(name), self._subject)
            self._told(name, filled)
            bad = np.isnan(values)
            if bad.any() and one.value is None:
                raise InputError(
                    self._sheet.field(name, int(np.argmax(bad))), "is blank", "fill it in"
                )
            self.values[name] = np.where(bad, one.value or 0.0, values)
            self._notes.append(f"{name} {FROM_TABLE}")
            self.used.add(name)
        elif one.value is None:
            if name in self._names:
                raise InputError(
                    f"parameter {name}",
                    "has no value",
                    f"set it, as --set {name}=1, or give it a column of the table",
                )
            return
        else:
            self.values[name] = one.value
        if not given:
            self._other_case(name)
        if one.sd_log or one.rse:
            (self.kept.append(name) if given else self._drawn.append(one))

    def _other_case(self, name: str) -> None:
        """Refuse a column that differs from a parameter in case alone."""
        declared = {*self._names, *(one.name for one in self._model.covariates)}
        declared |= {one.name for one in self._model.parameters}
        for one in self._sheet.columns:
            if one.upper() == name.upper() and one not in (
                *self._sheet.events.values(),
                *declared,
            ):
                raise InputError(
                    name,
                    f"the table has no such column, but '{shortened(one)}'",
                    f"name it {name} where it gives the parameter; give it another name where it "
                    "does not",
                )

    def _covariate(
        self, name: str, default: float | None, only_doses: set[str], dosed: Integers
    ) -> None:
        if name not in self._sheet.columns:
            if default is None:
                if name not in self._names:
                    return
                raise InputError(
                    name, "the table has no such column", "add it, or give the covariate a default"
                )
            self.values[name] = default
            self._notes.append(f"{name} is not in the table: {default:g} is used{self._like(name)}")
            return
        self.used.add(name)
        values, filled = carried(self._sheet.values(name), self._subject)
        self._told(name, filled)
        bad = np.isnan(values)
        if bad.any() and default is not None:
            values = np.where(bad, default, values)
            self._notes.append(f"{name} is blank at first: {default:g} is used")
        elif bad.any():
            needed = bad
            if name in only_doses:
                needed = np.zeros_like(bad)
                needed[dosed] = bad[dosed]
            if needed.any() and name in self._names:
                raise InputError(
                    self._sheet.field(name, int(np.argmax(needed))),
                    "is blank, and no row before of the subject has a value",
                    "fill it in",
                )
        self.values[name] = values

    def _like(self, name: str) -> str:
        """A column that may be meant by a covariate that the table has not, in words.

        **Raises:** `InputError` where the two differ in case alone.
        """
        left = [one for one in self._sheet.columns if one not in self.values]
        for one in left:
            if one.upper() == name.upper():
                raise InputError(
                    name,
                    f"the table has no such column, but '{shortened(one)}'",
                    f"name it {name} in the table, or the covariate {shortened(one)} in the model",
                )
        alike = get_close_matches(name.upper(), [one.upper() for one in left], 1, _ALIKE)
        found = next((one for one in left if alike and one.upper() == alike[0]), "")
        return f"; it has '{shortened(found)}', which the model does not know" if found else ""

    def _told(self, name: str, filled: int) -> None:
        if filled:
            rows = counted(filled, "row")
            self._notes.append(
                f"{shortened(name)} is blank in {rows}: the value of the row before is used"
            )

    @property
    def varies(self) -> bool:
        """Whether any parameter is drawn between subjects."""
        return any(one.sd_log for one in self._drawn)

    @property
    def uncertain(self) -> bool:
        """Whether any parameter has a standard error."""
        return any(one.rse for one in self._drawn)

    def typical(self) -> dict[str, Any]:
        """Numbers at every row without any draw: numbers, or arrays of shape (R,)."""
        return dict(self.values)

    def drawn(self, seed: int, draws: range, uncertainty: bool) -> dict[str, Any]:
        """Numbers of some draws, one draw behind the other: arrays of shape (draws*R,).

        Every parameter has its own stream of random numbers; a draw depends neither on how many
        there are nor on the other parameters.
        """
        n = len(draws)
        found = {
            name: np.tile(value, n) if np.ndim(value) else value
            for name, value in self.values.items()
        }
        effects = self._effects(seed, draws)
        for one in self._drawn:
            shift = np.zeros((n, self.count))
            if one.sd_log:
                shift += effects[one.name][:, self._subject]
            if one.rse and uncertainty:
                sd = np.sqrt(np.log1p((one.rse / _PERCENT) ** 2))
                own = standard_normals(seed, f"predict:uncertainty:{one.name}", draws.start, n, 1)
                shift += sd * own
            found[one.name] = found[one.name] * np.exp(shift.reshape(-1))
        return found

    def _effects(self, seed: int, draws: range) -> dict[str, Array]:
        """Effects of every subject by parameter, each of shape (draws, S), correlated as told."""
        names, covariance = self._model.covariance()
        here = [name for name in names if any(one.name == name for one in self._drawn)]
        place = [names.index(name) for name in here]
        normals = {
            name: np.stack(
                [
                    standard_normals(seed, f"predict:{name}:{d}", 0, self.subjects, 1)[:, 0]
                    for d in draws
                ]
            )
            for name in here
        }
        lower = np.linalg.cholesky(covariance[np.ix_(place, place)]) if here else np.zeros((0, 0))
        found: dict[str, Array] = {}
        for row, name in enumerate(here):
            # a sum, not a matrix product: its rounding must not depend on the number of draws
            total = lower[row, row] * normals[name]
            for column in range(row):
                if lower[row, column]:
                    total = total + lower[row, column] * normals[here[column]]
            found[name] = total
        return found


def _remedy(name: str, known: Iterable[str]) -> str:
    found = near(name, known)
    if found.startswith("did you mean"):
        return found
    return f"declare it in [parameters] or [covariates], add the column, or {found}"
