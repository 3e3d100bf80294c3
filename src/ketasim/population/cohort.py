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
    - `covariates`: covariate of the model to values, shape (n,).
    - `parameters`: parameter of the model to individual values, shape (n,), in the card's units.
    - `spread`: symbols whose values differ between patients.
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

    def __post_init__(self) -> None:
        """Make the tables read-only."""
        object.__setattr__(self, "covariates", MappingProxyType(dict(self.covariates)))
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.ids)

    @property
    def values(self) -> dict[str, Array]:
        """Parameters and covariates together, as the engine takes them."""
        return {**self.parameters, **self.covariates}

    def describe(self) -> str:
        """Say in a sentence who was simulated."""
        if self.typical:
            return "The typical patient: no spread between patients."
        return (
            f"{self.n} virtual patients around the patient: weight, age and all else that is given "
            f"are the patient's own; {len(self.spread)} parameters differ between patients as "
            f"published (seed {self.seed})."
        )

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
        )
