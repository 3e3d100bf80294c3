"""A model as plain differential equations with its numbers, ready to be written for any engine."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.models.pk.declaration import Output
from ketasim.models.pk.measure import measure_of
from ketasim.population import correlated_blocks

Array = NDArray[np.float64]

NORMAL_CDF: Final = "normal_cdf"
"""The share of a standard normal distribution below a number, as an expression calls it."""

AMOUNTS: Final = ("mg", "")
"""Units of states that are amounts; all others are numbers of their own."""

_TENS: Final = {"k": 3, "": 0, "m": -3, "µ": -6, "n": -9, "p": -12}


@dataclass(frozen=True)
class Constant:
    """A parameter or a covariate.

    **Arguments:**

    - `name`, `value`, `unit`, `meaning`: of it.
    - `whence`: its source and grade in words; empty of a model of one's own.
    """

    name: str
    value: float
    unit: str = ""
    meaning: str = ""
    whence: str = ""

    @property
    def said(self) -> str:
        """Unit, meaning and source, as a comment on one line."""
        unit = f"[{self.unit}]" if self.unit else ""
        text = "; ".join(filter(None, (f"{unit} {self.meaning}".strip(), self.whence)))
        return " ".join(text.split())


@dataclass(frozen=True)
class Formula:
    """A quantity that is computed: an expression of what stands before it."""

    name: str
    expression: str
    unit: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class State:
    """A compartment.

    **Arguments:**

    - `name`, `unit`, `meaning`: of it. `change`: expression of its rate of change, 1/h.
    - `initial`: expression of its value at time 0, without what is given then.
    - `dosed`: whether drug may flow into it from outside.
    - `fraction`, `lag` (h), `duration` (h, of a dose with RATE -2), `rate` (with RATE -1): of doses
      into it, expressions; nothing where they do as the dose says.
    """

    name: str
    unit: str
    meaning: str
    change: str
    fraction: str | None = None
    lag: str | None = None
    duration: str | None = None
    rate: str | None = None
    initial: str = "0"
    dosed: bool = True

    def of_doses(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """What doses into it need, as name and expression.

        **Arguments:**

        - `names`: what an engine calls the fraction, the lag, the duration and the rate.
        """
        for name, text in zip(
            names, (self.fraction, self.lag, self.duration, self.rate), strict=True
        ):
            if text is not None:
                yield name, text


@dataclass(frozen=True)
class Effects:
    """Random effects between patients: normal on a scale of each parameter.

    **Arguments:**

    - `scales`: parameter to `log`, `logit` or `natural`, p of them.
    - `covariance`: shape (p, p).
    - `whence`: parameter to the source and grade of its variability, in words.
    """

    scales: Mapping[str, str] = field(default_factory=dict[str, str])
    covariance: Array = field(default_factory=lambda: np.zeros((0, 0)))
    whence: Mapping[str, str] = field(default_factory=dict[str, str])

    @cached_property
    def blocks(self) -> tuple[tuple[tuple[str, ...], Array], ...]:
        """Parameters that are correlated with each other, and their covariance, block by block."""
        names = tuple(self.scales)
        return tuple(
            (tuple(names[i] for i in one), self.covariance[np.ix_(one, one)])
            for one in correlated_blocks(names, self.covariance)
        )

    @property
    def symbols(self) -> tuple[str, ...]:
        """The parameters in the order of the blocks, which numbers the effects."""
        return tuple(name for names, _ in self.blocks for name in names)

    def said(self, symbol: str) -> str:
        """Scale, source and grade of a parameter's variability, as a comment on one line."""
        scale = f"variance on the {self.scales[symbol]} scale"
        return "; ".join(filter(None, (scale, self.whence.get(symbol, ""))))

    def also(self, other: Effects) -> Effects:
        """These and others, which are independent of them."""
        p, q = len(self.scales), len(other.scales)
        covariance = np.zeros((p + q, p + q))
        covariance[:p, :p], covariance[p:, p:] = self.covariance, other.covariance
        return Effects({**self.scales, **other.scales}, covariance, {**self.whence, **other.whence})


@dataclass(frozen=True)
class Given:
    """What a course puts into a compartment.

    **Arguments:**

    - `state`: the compartment. `start`: h. `duration`: h, 0 for all at once.
    - `amount`: what arrives in it, in the unit of the compartment.
    """

    state: str
    start: float
    duration: float
    amount: float


@dataclass(frozen=True)
class OdeModel:
    """A model as differential equations: times in h.

    **Arguments:**

    - `name`, `title`: of the model.
    - `parameters`, `covariates`: with their numbers, those of the typical patient.
    - `formulas`: in the order in which they are computed; none changes with time.
    - `states`: in the order of their numbers in CMT.
    - `outputs`: what is predicted; one whose expression is its own name is among `moving`.
    - `effects`: between patients. `notes`: what the reader must know, a line each.
    - `moving`: quantities of states and of each other, computed in their order at every moment.
    - `shown`: states that are shown beside the outputs.
    - `given`: doses of a course. `horizon`: h, how long it is followed.
    - `data`: name of the table of events.
    - `amount`: unit of AMT, in which amounts are.
    """

    name: str
    title: str
    parameters: tuple[Constant, ...]
    covariates: tuple[Constant, ...]
    formulas: tuple[Formula, ...]
    states: tuple[State, ...]
    outputs: tuple[Output, ...]
    effects: Effects = field(default_factory=Effects)
    notes: tuple[str, ...] = ()
    moving: tuple[Formula, ...] = ()
    shown: tuple[str, ...] = ()
    given: tuple[Given, ...] = ()
    horizon: float = 0.0
    data: str = "data.csv"
    amount: str = "mg"

    @property
    def substance(self) -> tuple[str, str, int]:
        """The unit of amounts in SBML: its name, what it is a part of, and the power of ten."""
        name = str(measure_of(self.amount))
        for short, base in (("g", "gram"), ("mol", "mole")):
            prefix = name.removesuffix(short)
            if name.endswith(short) and prefix in _TENS:
                return name.replace("µ", "u"), base, _TENS[prefix]
        return "amount_of_dose", "dimensionless", 0

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every name, without repetition."""
        parts = (self.parameters, self.covariates, self.formulas, self.states)
        names = [one.name for part in (*parts, self.moving, self.outputs) for one in part]
        return tuple(dict.fromkeys(names))

    @property
    def own_outputs(self) -> tuple[Output, ...]:
        """Outputs that are not among the moving quantities."""
        moving = {one.name for one in self.moving}
        return tuple(one for one in self.outputs if one.name not in moving)

    def moving_for(self, expressions: Iterable[str]) -> tuple[Formula, ...]:
        """The moving quantities that some expressions need, in their order."""
        wanted = {name for text in expressions for name in _names(text)}
        kept: list[Formula] = []
        for one in reversed(self.moving):
            if one.name in wanted:
                kept.append(one)
                wanted |= _names(one.expression)
        return tuple(reversed(kept))

    @property
    def uses_normal_cdf(self) -> bool:
        """Whether an expression needs the normal distribution."""
        texts = [one.expression for part in (self.moving, self.outputs) for one in part]
        return any(NORMAL_CDF in text for text in texts)


def _names(text: str) -> set[str]:
    return {
        node.id
        for node in ast.walk(ast.parse(text.strip(), mode="eval"))
        if isinstance(node, ast.Name)
    }
