"""Virtual patients of the chain to mood: who responds, for how long, who expects how much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.population.expectation import Situation
from ketasim.population.scales import to_madrs

Array = NDArray[np.float64]

LOWEST_BASELINE: Final = 1.0
"""Lowest score before treatment that is drawn, points of the MADRS (assumed)."""

MOOD_SPREADS: Final = {
    "sens": "omega_sens",
    "kS": "omega_kS",
    "e_P": "omega_P",
    "e_O": "omega_O",
    "e_N": "omega_N",
    "e_C": "omega_C",
}
"""Parameter of the chain to the symbol of its between-patient variability on the card `mood`: SD of
the logarithm, but of `e_N`, which has either sign, in its own unit."""

MOOD_STATES: Final = (
    "fast_arm",
    "restored",
    "expectation",
    "antidepressant",
    "course",
    "care",
)
"""What mood sees of the chain; all else about a patient acts on these algebraically."""

_SCORED: Final = ("by_drug", "by_expectation", "by_antidepressant", "by_course", "MADRS")
_DRAWS: Final = ("sens", "kS", "e_P", "e_O", "e_N", "e_C", "M0", "none", "none_O")


def mood_effects(seed: int, first: int, count: int) -> dict[str, Array]:
    """Standard normal numbers behind the differences between patients.

    **Arguments:**

    - `seed`: of the simulation.
    - `first`, `count`: the patients asked for, counted from 0.

    **Returns:** name to array of shape (count,): one a parameter of `MOOD_SPREADS`, `M0`, and
    `none` and `none_O` (whom the drug and a new antidepressant never help).
    """
    return {name: standard_normals(seed, f"mood:{name}", first, count, 1)[:, 0] for name in _DRAWS}


def typical_effects() -> dict[str, Array]:
    """Effects of the typical patient: none, and a patient who responds."""
    return {name: np.zeros(1) for name in _DRAWS}


def correlated(numbers: Mapping[str, Any], effects: Mapping[str, Array]) -> dict[str, Array]:
    """Effects with the correlation between sensitivity and durability put in.

    **Arguments:**

    - `numbers`: of the card `mood`; `rho` is the correlation.
    - `effects`: as `mood_effects` returns them.
    """
    rho = np.asarray(numbers["rho"], np.float64)
    mixed = -rho * effects["sens"] + np.sqrt(1.0 - rho**2) * effects["kS"]
    return {**effects, "kS": mixed}


def in_madrs(scale: str, mean: float, sd: float) -> tuple[float, float]:
    """Mean and SD of a scale in points of the MADRS, by the published cross-walk.

    **Arguments:**

    - `scale`: such as `HDRS17`. `mean`, `sd`: points on it.

    **Raises:** `InputError` when no cross-walk is carried.
    """
    if scale == "MADRS":
        return mean, sd
    low, middle, high = (to_madrs(scale, max(x, 0.0)) for x in (mean - sd, mean, mean + sd))
    return middle, (high - low) / 2.0


def baseline_scores(mean: Any, sd: Any, effect: Array, highest: float) -> Array:
    """Scores before treatment, within the scale.

    **Arguments:**

    - `mean`, `sd`: points. `effect`: standard normal, shape (n,). `highest`: of the scale.
    """
    return np.clip(mean + sd * effect, LOWEST_BASELINE, highest)


def mood_values(
    numbers: Mapping[str, Any],
    effects: Mapping[str, Array],
    situation: Situation,
    baseline: Array,
    *,
    spread: bool = True,
) -> dict[str, Any]:
    """Values of the parameters of the chain behind the receptor.

    **Main arguments:**

    - `numbers`: symbol of the card `mood` to a number, or an array (n,) where every patient has
      another draw of the card's uncertainty.
    - `effects`: as `mood_effects` returns them, shape (n,).
    - `situation`: what is given, whether it can be told, and where.
    - `baseline`: MADRS before treatment, shape (n,).

    **Other arguments:**

    - `spread`: false for the typical patient.

    **Returns:** symbol of `MOOD_PARAMETERS` to a number or an array (n,).
    """
    from ketasim.models import MOOD_PARAMETERS

    values: dict[str, Any] = {s.name: numbers[s.name] for s in MOOD_PARAMETERS if s.name in numbers}
    z = correlated(numbers, effects)
    left: Any = numbers["f_old"] if situation.older else 1.0
    amplitude: Any = left * situation.expectation(numbers)
    new: Any = left * numbers["e_O"] if situation.new_antidepressant else 0.0
    natural: Any = left * numbers["e_N"]
    values |= {"sens": left, "e_P": amplitude, "e_O": new, "e_N": natural, "M0": baseline}
    slow: Any = left * numbers["e_C"]
    values["e_C"] = slow
    if not spread:
        return values
    from scipy.special import ndtr  # only here: scipy is slow to load

    # a patient is among those whom a treatment never helps, or not
    responds = ndtr(effects["none"]) >= numbers["share_none"]
    helped = ndtr(effects["none_O"]) >= numbers["share_none_O"]
    return values | {
        "sens": left * responds * np.exp(numbers["omega_sens"] * z["sens"]),
        "kS": numbers["kS"] * np.exp(numbers["omega_kS"] * z["kS"]),
        "e_P": amplitude * np.exp(numbers["omega_P"] * z["e_P"]),
        "e_O": new * helped * np.exp(numbers["omega_O"] * z["e_O"]),
        "e_N": natural + numbers["omega_N"] * z["e_N"],
        "e_C": slow * np.exp(numbers["omega_C"] * z["e_C"]),
    }


def chain_scores(values: Mapping[str, Any], states: Mapping[str, Array]) -> Array:
    """MADRS without error of measurement, by the chain's own expressions.

    **Arguments:**

    - `values`: as `mood_values` returns them, numbers or arrays (n,).
    - `states`: `MOOD_STATES`, shape (n, T).

    **Returns:** points, shape (n, T).
    """
    from ketasim.models import MOOD, evaluate

    known: dict[str, Any] = {
        name: value[:, None] if np.ndim(value) == 1 else value for name, value in values.items()
    }
    known |= states
    for quantity in MOOD.quantities:
        if quantity.name in _SCORED:
            known[quantity.name] = evaluate(quantity.expression, known)
    return np.asarray(known["MADRS"], np.float64)
