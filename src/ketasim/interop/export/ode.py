"""A model as plain differential equations with its numbers, ready to be written for any engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ketasim.models.pk.declaration import Output

Array = NDArray[np.float64]


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
    """

    scales: Mapping[str, str] = field(default_factory=dict[str, str])
    covariance: Array = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def diagonal(self) -> bool:
        """Whether the effects are independent."""
        return not np.any(self.covariance - np.diag(np.diag(self.covariance)))


@dataclass(frozen=True)
class OdeModel:
    """A model as differential equations: amounts in mg or as AMT, times in h.

    **Arguments:**

    - `name`, `title`: of the model.
    - `parameters`, `covariates`: with their numbers, those of the typical patient.
    - `formulas`: in the order in which they are computed; none changes with time.
    - `states`: in the order of their numbers in CMT. `outputs`: what is predicted.
    - `effects`: between patients. `notes`: what the reader must know, a line each.
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

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every name, without repetition."""
        parts = (self.parameters, self.covariates, self.formulas, self.states, self.outputs)
        return tuple(dict.fromkeys(one.name for part in parts for one in part))
