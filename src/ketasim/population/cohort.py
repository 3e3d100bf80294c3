"""Virtual patients: covariates and individual parameters as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cohort:
    """The patients of a simulation.

    **Arguments:**

    - `ids`: numbers of the patients, from 1, shape (n,).
    - `weight`: kg, shape (n,), for doses in mg/kg.
    - `age`: years, shape (n,); nothing where no age is given.
    - `sex`: female or male, shape (n,); nothing where it is not given.
    - `covariates`: covariate of the model to values, shape (n,).
    - `parameters`: parameter of the model to individual values, shape (n,), in the card's units.
    - `spread`: symbols whose values differ between patients.
    - `drawn`: covariates that differ between patients, of `weight`, `age` and `sex`.
    - `uncertainty`: every patient has another draw of the numbers within their uncertainty.
    - `typical`: the one patient is the typical one, without spread.
    - `seed`: what the spread was drawn with, nothing for the typical patient.
    - `notes`: what the model did with the patient's description, as sentences.
    """

    ids: NDArray[np.int64]
    weight: Array
    covariates: Mapping[str, Array]
    parameters: Mapping[str, Array]
    spread: tuple[str, ...] = ()
    typical: bool = True
    seed: int | None = None
    notes: tuple[str, ...] = ()
    age: Array | None = None
    sex: NDArray[np.str_] | None = None
    drawn: tuple[str, ...] = ()
    uncertainty: bool = False

    def __post_init__(self) -> None:
        """Make the tables read-only."""
        object.__setattr__(self, "covariates", MappingProxyType(dict(self.covariates)))
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.ids)

    @property
    def first(self) -> int:
        """Place of the first patient among all that a seed draws, counted from 0."""
        return int(self.ids[0]) - 1

    @property
    def values(self) -> dict[str, Array]:
        """Parameters and covariates together, as the engine takes them."""
        return {**self.parameters, **self.covariates}

    def describe(self) -> str:
        """Say in a sentence who was simulated."""
        if self.typical:
            return "Typical patient: no between-patient variability."
        own = [name for name in ("weight", "age") if name not in self.drawn]
        differ = [*self._drawn_words(), f"{len(self.spread)} parameters as published"]
        text = (
            f"{self.n} virtual patients (seed {self.seed}). They differ in "
            f"{' and '.join(differ)}; {', '.join([*own, 'and']) if own else ''} all else that is "
            "given are the patient's own."
        ).replace(";  all", "; all")
        if self.uncertainty:
            text += " Each has its own draw of the parameters within their uncertainty."
        return text

    def _drawn_words(self) -> list[str]:
        """The covariates that differ, with mean and SD of those drawn."""
        found: list[str] = []
        for name, values, unit in (("weight", self.weight, "kg"), ("age", self.age, "years")):
            if name in self.drawn and values is not None:
                found.append(f"{name} (mean {values.mean():.3g}, SD {values.std():.2g} {unit})")
        if "sex" in self.drawn and self.sex is not None:
            found.append(f"sex ({100 * np.mean(self.sex == 'female'):.0f} % female)")
        return found

    def take(self, which: slice | NDArray[np.int64]) -> Cohort:
        """Return some of the patients, unchanged.

        **Arguments:**

        - `which`: a slice, or positions from 0.
        """
        return Cohort(
            ids=self.ids[which],
            weight=self.weight[which],
            covariates={name: values[which] for name, values in self.covariates.items()},
            parameters={name: values[which] for name, values in self.parameters.items()},
            spread=self.spread,
            typical=self.typical,
            seed=self.seed,
            notes=self.notes,
            age=None if self.age is None else self.age[which],
            sex=None if self.sex is None else self.sex[which],
            drawn=self.drawn,
            uncertainty=self.uncertainty,
        )
