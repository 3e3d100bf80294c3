"""Who the virtual patients of a trial are: age, weight and sex, as they were drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim._base import uniforms
from ketasim.dosing import Trial
from ketasim.population import within
from ketasim.trials.patients.allocation import allocation_of
from ketasim.trials.patients.worlds import Worlds
from ketasim.trials.ratings import ArmSimulation

if TYPE_CHECKING:
    from ketasim.trials.result import TrialResult

Array = NDArray[np.float64]


def people_of(result: TrialResult, pool: Trial) -> pl.DataFrame:
    """Patients of the replicates that the table of patients holds.

    Sex is drawn from the share of women and changes nothing that is simulated.

    **Arguments:**

    - `result`: of a parallel trial. `pool`: the trial with as many patients as were simulated.

    **Returns:** columns replicate, arm, id, age (years), weight (kg), sex (F or M) and stratum, the
    place of it in `Allocation.levels`; null where the trial does not say it.
    """
    numbers = np.unique(result.patients()["replicate"].to_numpy())
    count, none = len(numbers), np.zeros(0)
    found: list[pl.DataFrame] = []
    allocation = allocation_of(pool)
    for arm in result.trial.enrolled_arms:
        one = ArmSimulation(
            *(pool, pool.arm(arm.id), none, pool.seed, Worlds({}, none, none, none)),
            result.patients_differ,
        )
        drawn = count if result.patients_differ else 1
        age, weight = one.covariates(drawn)
        total = drawn * one.stride
        chance = uniforms(one.people_seed, "trial:sex", 0, total, 1)[:, 0]
        chance = within(chance, one.parts(0, total).get("sex"))
        women = pool.population.female if arm.female is None else arm.female
        sex = np.where(chance < (women or 0.0), "F", "M")

        def shaped(
            values: NDArray[np.generic], drawn: int, stride: int, n: int
        ) -> NDArray[np.generic]:
            first = values.reshape(drawn, stride)[:, :n]
            return np.broadcast_to(first, (count, n)).ravel()

        size = drawn, one.stride, arm.n
        strata = None
        if allocation is not None:
            strata = shaped(allocation.patients(pool.seed, arm.id, 0, total), *size)
        found.append(
            pl.DataFrame(
                {
                    "replicate": np.repeat(numbers, arm.n),
                    "arm": arm.id,
                    "id": np.tile(np.arange(arm.n), count),
                    "age": None if age is None else shaped(age, *size),
                    "weight": None if weight is None else shaped(weight, *size),
                    "sex": None if women is None else shaped(sex, *size),
                    "stratum": strata,
                },
                schema_overrides={
                    "age": pl.Float64,
                    "weight": pl.Float64,
                    "sex": pl.String,
                    "stratum": pl.Int64,
                },
            )
        )
    return pl.concat(found)
