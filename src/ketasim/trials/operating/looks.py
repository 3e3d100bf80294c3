"""Looks at a running trial: how often it ends at each, with how many patients, and how truly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from ketasim.dosing import Futility
from ketasim.trials.operating.question import Question
from ketasim.trials.operating.shares import mean_of, share_of
from ketasim.trials.operating.world import World
from ketasim.trials.sequential import (
    Boundaries,
    beta_spent,
    boundaries,
    conditional_bound,
    spent_bound,
)

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

ALPHA: Final = 0.05
"""Two-sided type-I error over all looks."""


@dataclass(frozen=True)
class Looked:
    """What looks at the running trial do to its primary analysis.

    **Arguments:**

    - `plan`: the boundaries, of the parts of the patients that were planned.
    - `table`: a row a size and a look.
    - `whole`: a row a size: power, type-I error and assurance over all looks, the same had no look
      ended a trial for futility, and the mean number of patients.
    """

    plan: Boundaries
    table: pl.DataFrame
    whole: pl.DataFrame


def stopped_at(z: Array, critical: Array) -> Places:
    """Place of the look at which each replicate is told from none; L where at none.

    **Arguments:**

    - `z`: standardised statistic at each look, not a number where there is no fit, shape (L, R).
    - `critical`: what it must reach, shape (L,).
    """
    return _first(np.abs(np.nan_to_num(z)) >= critical[:, None])


def futile_at(favour: Array, bound: Array) -> Places:
    """Place of the first look that shows too little of each replicate; L where none does.

    **Arguments:**

    - `favour`: standardised statistic in favour of the first arm at each look, not a number where
      there is no fit, shape (L, R).
    - `bound`: below which a look before the last ends the trial, shape (L - 1,).
    """
    with np.errstate(invalid="ignore"):
        little = favour < np.append(bound, -np.inf)[:, None]
    return _first(little)


def _first(flags: Flags) -> Places:
    return np.where(flags.any(axis=0), flags.argmax(axis=0), len(flags)).astype(np.int64)


def bound_of(plan: Boundaries, futility: Futility | None) -> Array:
    """Statistics below which looks before the last end a trial, minus infinity without a rule.

    **Arguments:**

    - `plan`: boundaries for efficacy, L looks. `futility`: the rule.

    **Returns:** shape (L - 1,).
    """
    count = len(plan.critical) - 1
    if futility is None:
        return np.full(count, -np.inf)
    if futility.z is not None:
        return np.broadcast_to(np.array(futility.z, np.float64), (count,))
    if futility.conditional_power is not None:
        return conditional_bound(plan, futility.conditional_power)
    assert futility.spending is not None and futility.beta is not None
    kind = f"spending-{futility.spending.replace('_', '-')}"
    return spent_bound(plan, beta_spent(plan, kind, futility.beta))


def looked(
    asked: Question,
    worlds: Mapping[str, World],
    total: Callable[[int], int],
    draws: int | None = None,
) -> Looked:
    """How the primary analysis ends at looks.

    **Arguments:**

    - `asked`: with its looks. `worlds`: `power`, `type1` and `assurance` to the replicates behind.
    - `total`: from the patients in the first arm to those of all arms.
    - `draws`: of the numbers of the card, which replicates with assurance have by turns.
    """
    looks = asked.trial.looks
    assert looks is not None
    plan = boundaries(looks.at, looks.boundary.replace("_", "-"), alpha=ALPHA, sided=2)
    p = np.asarray(2.0 * special.ndtr(-plan.critical), np.float64)
    bound = bound_of(plan, looks.futility)
    # scores and hazards of the arm that is better are lower, shares of responders higher
    favours = 1.0 if asked.ways[0].analysis == "responder" else -1.0
    rows: list[dict[str, Any]] = []
    whole: list[dict[str, Any]] = []
    for size in asked.sizes:
        cuts = asked.looked(size)
        patients = np.array([total(cut) for cut in cuts], np.float64)
        shown: dict[str, Places] = {}
        futile: dict[str, Places] = {}
        for name, world in worlds.items():
            z = np.stack([world.outcome(asked.ways[0], cut).z for cut in cuts])
            shown[name] = stopped_at(z, plan.critical)
            futile[name] = futile_at(favours * z, bound)
        # what is significant at a look ends the trial with that
        ends = {name: np.where(own <= futile[name], own, len(cuts)) for name, own in shown.items()}
        gives_up = {
            name: np.where(own < shown[name], own, len(cuts)) for name, own in futile.items()
        }
        ruled = looks.futility is not None
        for place, cut in enumerate(cuts):
            before = place < len(bound) and np.isfinite(bound[place])
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
                    **({"z_futility": float(bound[place]) if before else None} if ruled else {}),
                    **_shares("stops", ends, place, place, draws),
                    **(_shares("futile", gives_up, place, place, draws) if ruled else {}),
                }
            )
        last = len(cuts) - 1
        used = {
            name: patients[np.minimum(np.minimum(own, gives_up[name]), last)]
            for name, own in ends.items()
        }
        whole.append(
            {
                "n_per_arm": size,
                "n_total": total(size),
                **_shares("", ends, 0, last, draws),
                **(
                    {
                        **_shares("unstopped", shown, 0, last, draws),
                        **_shares("futile", gives_up, 0, last, draws),
                    }
                    if ruled
                    else {}
                ),
                **{f"patients_{name}": mean_of(own) for name, own in used.items()},
            }
        )
    schema = {"z_futility": pl.Float64} if looks.futility is not None else {}
    return Looked(plan, pl.DataFrame(rows, schema_overrides=schema), pl.DataFrame(whole))


def _shares(
    head: str, worlds: Mapping[str, Places], first: int, last: int, draws: int | None
) -> dict[str, float]:
    """Shares of the replicates that end within some looks, with their Monte-Carlo errors."""
    return {
        key: value
        for name, own in worlds.items()
        for key, value in share_of(
            f"{head}_{name}" if head else name,
            ((own >= first) & (own <= last)).astype(np.float64),
            draws if name == "assurance" else None,
        ).items()
    }
