"""Looks at the running trial in its report: how often it ends at each, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ketasim._base.numbers import NOTHING, percent
from ketasim.dosing import Futility
from ketasim.trials.operating import Characteristics

_ROUGH: Final = 0.01  # Monte-Carlo error from which a share has no digit behind the point

BOUNDARIES_IN_WORDS: Final = {
    "obrien_fleming": "O'Brien-Fleming",
    "pocock": "Pocock",
    "spending_obrien_fleming": "alpha spending like O'Brien-Fleming",
    "spending_pocock": "alpha spending like Pocock",
}
"""Boundary to its name in words."""


def looks_of(found: Characteristics) -> dict[str, Any] | None:
    """Looks at the running trial, of each size; nothing without any."""
    looked, looks = found.looks, found.question.trial.looks
    if looked is None or looks is None:
        return None
    rows = [
        {
            "n": f"{row['n_per_arm']:,}",
            "look": row["look"],
            "then": f"{row['n_per_arm_then']:,}",
            "z": f"{row['z']:.3f}",
            "p": f"{row['p']:.4f}",
            "power": shared(row, "stops_power"),
            "type1": shared(row, "stops_type1"),
            **(_futile(row) if looks.futility is not None else {}),
        }
        for row in looked.table.to_dicts()
    ]
    whole = [
        {
            "n": f"{row['n_per_arm']:,}",
            **{key: shared(row, key) for key in ("power", "assurance", "type1")},
            "patients": f"{row['patients_power']:.0f} of {row['n_total']:,}",
            **(_unstopped(row) if looks.futility is not None else {}),
        }
        for row in looked.whole.to_dicts()
    ]
    futility = "" if looks.futility is None else _in_words(looks.futility)
    return {
        "boundary": BOUNDARIES_IN_WORDS[looks.boundary],
        "futility": futility,
        "rows": rows,
        "whole": whole,
    }


def _futile(row: Mapping[str, Any]) -> dict[str, Any]:
    """Of a look, from which statistic on and how often it ends a trial for futility."""
    bound = row["z_futility"]
    return {
        "below": "" if bound is None else f"{bound:.3f}",
        "futile_power": shared(row, "futile_power"),
        "futile_type1": shared(row, "futile_type1"),
    }


def _unstopped(row: Mapping[str, Any]) -> dict[str, Any]:
    """Of a size, what the looks find had none ended a trial for futility, and its patients."""
    return {
        "unstopped_power": shared(row, "unstopped_power"),
        "unstopped_type1": shared(row, "unstopped_type1"),
        "patients_none": f"{row['patients_type1']:.0f} of {row['n_total']:,}",
    }


def _in_words(futility: Futility) -> str:
    """When a look ends a trial for futility, as the end of a sentence."""
    if futility.z is not None:
        bounds = ", ".join(f"{one:g}" for one in futility.z)
        return f"a standardised statistic in favour of the first arm below {bounds}"
    if futility.conditional_power is not None:
        wanted = 100.0 * futility.conditional_power
        return f"a conditional power under the current trend below {wanted:g} %"
    assert futility.spending is not None and futility.beta is not None
    name = BOUNDARIES_IN_WORDS[futility.spending]
    return f"a type-II error of {100.0 * futility.beta:g} % spent like {name}"


def shared(row: Mapping[str, Any], key: str) -> tuple[str, str]:
    """A share of the replicates in percent, and its Monte-Carlo error."""
    value, error = row[key], row[f"{key}_mc_se"]
    if value is None:
        return (NOTHING, "")
    # no digit behind the point that its own error hides
    told = f"{100 * value:.0f}\u202f%" if error >= _ROUGH and value > 0.0 else percent(value)
    return told, f"± {100 * error:.1f}"
