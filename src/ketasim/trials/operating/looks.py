"""Looks at a running trial: how often it ends at each, with how many patients, and how truly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from ketasim.trials.operating.question import Question
from ketasim.trials.operating.shares import mean_of, share_of
from ketasim.trials.operating.world import World
from ketasim.trials.sequential import Boundaries, boundaries

Array = NDArray[np.float64]

ALPHA: Final = 0.05
"""Two-sided type-I error over all looks."""


@dataclass(frozen=True)
class Looked:
    """What looks at the running trial do to its primary analysis.

    **Arguments:**

    - `plan`: the boundaries, of the parts of the patients that were planned.
    - `table`: a row a size and a look.
    - `whole`: a row a size: power, type-I error and assurance over all looks, and the mean number
      of patients.
    """

    plan: Boundaries
    table: pl.DataFrame
    whole: pl.DataFrame


def stopped_at(z: Array, critical: Array) -> NDArray[np.int64]:
    """Place of the look at which each replicate is told from none; L where at none.

    **Arguments:**

    - `z`: standardised statistic at each look, not a number where there is no fit, shape (L, R).
    - `critical`: what it must reach, shape (L,).
    """
    over = np.abs(np.nan_to_num(z)) >= critical[:, None]
    return np.where(over.any(axis=0), over.argmax(axis=0), len(critical)).astype(np.int64)


def looked(asked: Question, worlds: Mapping[str, World], total: Callable[[int], int]) -> Looked:
    """How the primary analysis ends at looks.

    **Arguments:**

    - `asked`: with its looks. `worlds`: `power`, `type1` and `assurance` to the replicates behind.
    - `total`: from the patients in the first arm to those of all arms.
    """
    looks = asked.trial.looks
    assert looks is not None
    plan = boundaries(looks.at, looks.boundary.replace("_", "-"), alpha=ALPHA, sided=2)
    p = np.asarray(2.0 * special.ndtr(-plan.critical), np.float64)
    rows: list[dict[str, Any]] = []
    whole: list[dict[str, Any]] = []
    for size in asked.sizes:
        cuts = asked.looked(size)
        patients = np.array([total(cut) for cut in cuts], np.float64)
        stops = {
            name: stopped_at(
                np.stack([world.outcome(asked.ways[0], cut).z for cut in cuts]), plan.critical
            )
            for name, world in worlds.items()
        }
        for place, cut in enumerate(cuts):
            rows.append(
                {
                    "n_per_arm": size,
                    "look": place + 1,
                    "followed": looks.at[place],
                    "n_per_arm_then": cut,
                    "n_total_then": total(cut),
                    "z": float(plan.critical[place]),
                    "p": float(p[place]),
                    "spent": float(plan.spent[place]),
                    **{
                        key: value
                        for name, own in stops.items()
                        for key, value in share_of(
                            f"stops_{name}", (own == place).astype(np.float64)
                        ).items()
                    },
                }
            )
        used = {name: patients[np.minimum(own, len(cuts) - 1)] for name, own in stops.items()}
        whole.append(
            {
                "n_per_arm": size,
                "n_total": total(size),
                **{
                    key: value
                    for name, own in stops.items()
                    for key, value in share_of(name, (own < len(cuts)).astype(np.float64)).items()
                },
                **{f"patients_{name}": mean_of(own) for name, own in used.items()},
            }
        )
    return Looked(plan, pl.DataFrame(rows), pl.DataFrame(whole))
