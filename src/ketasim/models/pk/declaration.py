"""A user's own compartmental model: parameters with numbers, compartments, flows, outputs."""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from ketasim._base import InputError, near
from ketasim._base.text import shortened
from ketasim.models.declaration import Flow
from ketasim.models.expression import own_expression
from ketasim.models.pk.dimensions import AMOUNT, check_units
from ketasim.models.pk.measure import measure_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

RESERVED: Final = (
    *("ID", "TIME", "AMT", "RATE", "DUR", "CMT", "EVID", "II", "ADDL", "SS", "MDV", "DV"),
    "ROW",
)
"""Columns of every event table, which no symbol may be called."""

TIME_SYMBOL: Final = "t"
"""What an expression calls the time, h, as TIME has it."""

_FUNCTIONS: Final = ("exp", "log", "sqrt", "min", "max", "where")


@dataclass(frozen=True)
class Parameter:
    """A parameter and its number.

    **Arguments:**

    - `name`, `unit`, `meaning`: of the parameter.
    - `value`: nothing where the table or the call gives it.
    - `sd_log`: between-patient variability: the standard deviation of the logarithm.
    - `rse`: relative standard error of the estimate, percent.
    """

    name: str
    value: float | None = None
    unit: str = ""
    meaning: str = ""
    sd_log: float = 0.0
    rse: float = 0.0


@dataclass(frozen=True)
class Covariate:
    """A column of the table that expressions use; `default` stands where it is blank or absent."""

    name: str
    unit: str = ""
    meaning: str = ""
    default: float | None = None


@dataclass(frozen=True)
class Compartment:
    """A compartment, and what a dose into it needs: expressions of parameters and columns.

    **Arguments:**

    - `name`: of the compartment.
    - `F`: part of a dose that reaches it; 1 when left out.
    - `lag`: h between the record and the dose.
    - `duration`: h, of a dose with RATE -2. `rate`: of a dose with RATE -1.
    - `also`: other names of it in CMT.
    """

    name: str
    F: str | None = None
    lag: str | None = None
    duration: str | None = None
    rate: str | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Output:
    """What is predicted: an expression of compartments, parameters and columns.

    **Arguments:**

    - `name`, `expression`, `unit`: of the output.
    - `proportional`: residual error: standard deviation as a part of the prediction.
    - `additive`: residual error: standard deviation in `unit`.
    - `sd_log`: residual error: standard deviation of the logarithm.
    """

    name: str
    expression: str
    unit: str = ""
    proportional: float = 0.0
    additive: float = 0.0
    sd_log: float = 0.0


@dataclass(frozen=True)
class CompartmentModel:
    """Compartments, numbered from 1 in their order, with flows between them.

    Amounts are in the unit of AMT and times in h. Where parts have units, they must come out: rates
    in 1/h, outputs in what they say, of AMT in `amount`. Rates that use a compartment or `t` make
    the model nonlinear; it is then solved numerically instead of exactly.

    **Arguments:**

    - `name`: of the model.
    - `parameters`, `covariates`, `compartments`, `flows`, `outputs`: its parts.
    - `definitions`: name to expression, each of parameters, covariates, columns and those before.
    - `correlations`: two parameters with a spread to the correlation of their effects.
    - `amount`: unit of AMT.

    **Raises:** `InputError` for two symbols of one name, a name or an expression that is not read,
    a compartment that is not known, compartments that only feed each other, or units that do not
    come out.
    """

    name: str
    parameters: tuple[Parameter, ...]
    compartments: tuple[Compartment, ...]
    flows: tuple[Flow, ...]
    outputs: tuple[Output, ...]
    covariates: tuple[Covariate, ...] = ()
    definitions: Mapping[str, str] = field(default_factory=dict[str, str])
    correlations: Mapping[tuple[str, str], float] = field(
        default_factory=dict[tuple[str, str], float]
    )
    amount: str = AMOUNT

    def __post_init__(self) -> None:
        """Check what can be checked without a table."""
        for part, what in (
            (self.compartments, "compartments"),
            (self.outputs, "output"),
        ):
            if not part:
                raise InputError(what, "there is none", "declare at least one")
        self._check_names()
        for where, text in self.expressions():
            names_used(text, where)
        known = self.compartment_names
        for number, flow in enumerate(self.flows, start=1):
            for key, name in (("from", flow.source), ("to", flow.target)):
                if name is not None and name not in known:
                    raise InputError(
                        f"flow {number}, {key}", f"unknown compartment '{name}'", near(name, known)
                    )
            if flow.source == flow.target:
                raise InputError(
                    f"flow {number}, to",
                    f"'{flow.source}' flows into itself",
                    "name another compartment, or leave 'to' out where it leaves the body",
                )
        later = list(self.definitions)
        for name, text in self.definitions.items():
            for other in sorted(names_used(text, f"definitions.{name}").intersection(later)):
                raise InputError(
                    f"definitions.{name}",
                    f"'{other}' is defined there or below",
                    "let it stand before what uses it",
                )
            later.remove(name)
        for where, text in self._before_amounts():
            for name in sorted(names_used(text, where)):
                if name in known or name == TIME_SYMBOL:
                    what = "the time" if name == TIME_SYMBOL else "an amount"
                    raise InputError(
                        where, f"'{name}' is {what}, which is not known there", "leave it out"
                    )
        self._check_loops()
        self._check_correlations()
        self._check_units()

    def expressions(self) -> list[tuple[str, str]]:
        """Every expression, after what it is called in an error."""
        found = [(f"definitions.{name}", text) for name, text in self.definitions.items()]
        found += self.dose_expressions()
        found += [(f"flow {n}, rate", one.rate) for n, one in enumerate(self.flows, start=1)]
        found += [
            (f"flow {n}, produced", one.produced)
            for n, one in enumerate(self.flows, start=1)
            if one.produced != "1"
        ]
        found += [(f"output.{one.name}", one.expression) for one in self.outputs]
        return found

    def dose_expressions(self) -> list[tuple[str, str]]:
        """Those that only a dose needs."""
        return [
            (f"compartments.{one.name}.{key}", text)
            for one in self.compartments
            for key in ("F", "lag", "duration", "rate")
            if (text := getattr(one, key)) is not None
        ]

    def _before_amounts(self) -> list[tuple[str, str]]:
        defined = [(f"definitions.{name}", text) for name, text in self.definitions.items()]
        return [*defined, *self.dose_expressions()]

    @property
    def compartment_names(self) -> tuple[str, ...]:
        """Names of the compartments, in the order of their numbers."""
        return tuple(one.name for one in self.compartments)

    @property
    def nonlinear(self) -> bool:
        """Whether a rate changes with an amount or with time."""
        moving = {*self.compartment_names, TIME_SYMBOL}
        texts = [text for flow in self.flows for text in (flow.rate, flow.produced)]
        return any(not own_expression(text)[1].isdisjoint(moving) for text in texts)

    def with_values(self, values: Mapping[str, Any]) -> CompartmentModel:
        """The model with other numbers.

        **Arguments:**

        - `values`: parameter to number.

        **Raises:** `InputError` for an unknown parameter or what is no number.
        """
        known = {one.name: one for one in self.parameters}
        for name, value in values.items():
            if name not in known:
                raise InputError(f"parameter {name}", "is not known", near(name, known))
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(f"parameter {name}", f"'{value}' is no number", "give a number")
            if not math.isfinite(value):
                raise InputError(f"parameter {name}", f"{value:g} is no number", "give a number")
            known[name] = replace(known[name], value=float(value))
        return replace(self, parameters=tuple(known.values()))

    def _check_names(self) -> None:
        seen: dict[str, str] = {}
        for kind, names in (
            ("parameters", [one.name for one in self.parameters]),
            ("covariates", [one.name for one in self.covariates]),
            ("definitions", list(self.definitions)),
            ("compartments", list(self.compartment_names)),
            ("output", [one.name for one in self.outputs]),
        ):
            for name in names:
                _check_name(kind, name)
                if name in seen:
                    raise InputError(
                        f"{kind}.{name}", f"{seen[name]} has the same name", "rename one of the two"
                    )
                seen[name] = kind

    def covariance(self) -> tuple[tuple[str, ...], Array]:
        """Between-patient variability of the logarithms.

        **Returns:** names of the q parameters with an `sd_log`, and their covariance, (q, q).
        """
        import numpy as np

        sds = {one.name: one.sd_log for one in self.parameters if one.sd_log}
        names = tuple(sds)
        correlation = np.eye(len(names))
        for (one, other), value in self.correlations.items():
            i, j = names.index(one), names.index(other)
            correlation[i, j] = correlation[j, i] = value
        each = np.array(list(sds.values()))
        return names, correlation * each[:, None] * each

    def _check_units(self) -> None:
        if measure_of(self.amount) is None:
            raise InputError(
                "amount",
                f"'{shortened(self.amount)}' is no unit",
                "give that of AMT, such as mg, µg or mg/kg",
            )
        check_units(
            {one.name: one.unit for one in (*self.parameters, *self.covariates)},
            definitions=self.definitions,
            doses=self.dose_expressions(),
            rates=[(f"flow {n}, rate", one.rate) for n, one in enumerate(self.flows, start=1)],
            outputs=[(f"output.{one.name}", one.expression, one.unit) for one in self.outputs],
            amount=self.amount,
            compartments=self.compartment_names,
            covariates=[one.name for one in self.covariates],
        )

    def _check_correlations(self) -> None:
        if not self.correlations:
            return
        import numpy as np

        known = {one.name for one in self.parameters}
        with_spread = [one.name for one in self.parameters if one.sd_log]
        for one, other in self.correlations:
            for name in (one, other):
                if name not in with_spread:
                    said = "has no sd_log" if name in known else "is no parameter"
                    raise InputError(
                        f"correlation.{one}.{other}",
                        f"'{name}' {said}",
                        near(name, with_spread) if with_spread else "give it one",
                    )
            if one == other or (other, one) in self.correlations:
                raise InputError(
                    f"correlation.{one}.{other}",
                    "stands twice" if one != other else "is 1 in any case",
                    "leave it out",
                )
        if np.linalg.eigvalsh(self.covariance()[1])[0] <= 0:
            raise InputError(
                "correlation",
                "no effects can have these correlations (not positive definite)",
                "check them together",
            )

    def _check_loops(self) -> None:
        """Refuse compartments that feed each other and that nothing leaves."""
        after = {name: _reached(name, self.flows) for name in self.compartment_names}
        leaving = {flow.source for flow in self.flows if flow.target is None}
        for name, reached in after.items():
            loop = {other for other in reached if name in after[other]}
            if len(loop) > 1 and loop == reached and loop.isdisjoint(leaving):
                names = [one for one in self.compartment_names if one in loop]
                raise InputError(
                    "flow",
                    f"nothing leaves {', '.join(names[:-1])} and {names[-1]}, which feed each "
                    "other",
                    "add a flow without 'to' out of one of them",
                )


def _reached(name: str, flows: Iterable[Flow]) -> set[str]:
    """The compartment and those that it flows into, directly or through others."""
    found = {name}
    grown = True
    while grown:
        more = {f.target for f in flows if f.source in found and f.target is not None} - found
        found |= more
        grown = bool(more)
    return found


def _check_name(kind: str, name: str) -> None:
    field = f"{kind}.{name}"
    if keyword.iskeyword(name):
        raise InputError(
            field, "is a word that expressions keep for themselves", f"rename it, as {name}_1"
        )
    if not (name.isascii() and name.isidentifier()):
        raise InputError(
            field, "is no name of a symbol", "use letters, digits and _, such as V2 or k_el"
        )
    if name.upper() in RESERVED:
        raise InputError(field, "is the name of a column of every event table", "rename it")
    if name in (*_FUNCTIONS, TIME_SYMBOL):
        what = "the time" if name == TIME_SYMBOL else "a function"
        raise InputError(field, f"is what expressions call {what}", "rename it")


def names_used(text: str, field: str) -> frozenset[str]:
    """Symbols of an expression.

    **Raises:** `InputError` when it is not read.
    """
    try:
        return own_expression(text)[1]
    except ValueError as error:
        raise InputError(
            field,
            f"'{shortened(text)}' {error}",
            "write arithmetic on symbols and numbers, such as CL/V*(WT/70)**0.75",
        ) from None
