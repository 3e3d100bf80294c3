"""What the patients of a trial can tell of their treatment, arm by arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from ketasim.dosing import Arm, Trial
from ketasim.population import situation_of, treatment_of

_COLUMNS = ("felt", "belief", "guess_drug", "guess_right")


def blinding_table(trial: Trial, numbers: Mapping[str, float]) -> pl.DataFrame:
    """How likely patients are to guess the drug.

    **Arguments:**

    - `trial`: with its arms. `numbers`: of the card `mood`.

    **Returns:** a row an arm, see `TrialResult.blinding`.
    """
    rows = [_row(trial, arm, numbers) for arm in trial.arms]
    schema = {"arm": pl.String, "told": pl.String, **dict.fromkeys(_COLUMNS, pl.Float64)}
    return pl.DataFrame(rows, schema=schema)


def _row(trial: Trial, arm: Arm, numbers: Mapping[str, float]) -> dict[str, Any]:
    if not arm.sessions:
        return {"arm": arm.id, "told": "none", **dict.fromkeys(_COLUMNS)}
    situation = situation_of(trial, arm)
    drug = situation.guesses_drug(numbers)
    return {
        "arm": arm.id,
        "told": how_told(arm),
        "felt": float(treatment_of(arm).intensity(numbers)),
        "belief": float(situation.belief(numbers)),
        "guess_drug": drug,
        "guess_right": drug if arm.control is None else 1.0 - drug,
    }


def how_told(arm: Arm) -> str:
    """Whether the patients of an arm know what they get: `open`, `masked` or `blinded`."""
    return "open" if arm.open else "masked" if arm.masked else "blinded"
