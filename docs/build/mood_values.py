"""Numbers of the model of mood that its page tells within sentences, from the card `mood`."""

from __future__ import annotations

import math

import numpy as np

from ketasim.calibration.mood import mechanism_curves
from ketasim.evidence import Entry, load_card
from ketasim.population import Situation
from ketasim.simulation.mood.inputs import published_baseline
from mood_equations import interval


def mood_values() -> dict[str, str]:
    """Return the numbers as they are shown, by name."""
    card = load_card("mood")
    n = card.values()
    baseline, trials, _ = published_baseline()
    at = np.array([0.0, 1.0, 7.0, 14.0, 28.0]) * 24.0
    one = "ketamine 0.5 mg/kg iv over 40 min once"
    six = "ketamine 0.5 mg/kg iv over 40 min on days 0, 2, 4, 7, 9, 11"
    score = mechanism_curves(
        [one, six],
        at,
        ("MADRS", "restored"),
        card,
        situation=Situation(),
        baseline=baseline,
    )
    found = {
        "baseline": f"{baseline:.0f}",
        "trials": f"{trials}",
        "share_none": _percent(n["share_none"]),
        "share_none_O": _percent(n["share_none_O"]),
        "best_block": _percent(n["B_opt"]),
        "half_fast": _days(n["kA"]),
        "half_synapses": _days(n["kS"] * (1.0 + n["stress"])),
        "half_expectation": _days(n["k_fade"]),
        "missing": _percent(n["stress"] / (1.0 + n["stress"])),
        "old": f"{n['f_old']:.2g}",
        "old_range": _range(card.entry("f_old")),
        "course": _percent(1.0 - math.exp(-n["e_N"])),
        "new_drug": _percent(1.0 - math.exp(-n["e_O"] * (1.0 - math.exp(-n["kO"] * 672.0)))),
        "slow": _days(n["kS"] * (1.0 + n["stress"]) * math.exp(-n["omega_kS"])),
        "quick": _days(n["kS"] * (1.0 + n["stress"]) * math.exp(n["omega_kS"])),
        "sens_spread": f"{math.exp(n['omega_sens']):.1f}",
        "assumed": f"{sum(e.grade == 'assumed' for e in card.entries.values())}",
        "numbers": f"{len(card.entries)}",
    }
    for symbol in ("saline", "midazolam", "spray", "masked", "known"):
        found[f"p_{symbol}"] = _percent(1.0 - math.exp(-n[f"p_{symbol}"]))
    for row, name in enumerate(("one", "six")):
        for column, day in enumerate((0, 1, 7, 14, 28)):
            found[f"{name}_{day}"] = f"{score['MADRS'][row, column]:.0f}"
    return found


def _percent(part: float) -> str:
    return f"{100.0 * part:.0f} %"


def _days(rate: float) -> str:
    """Half-life of a rate in 1/h."""
    days = math.log(2.0) / rate / 24.0
    if days < 2.0:
        return f"{24.0 * days:.0f} hours"
    return f"{days:.1f} days" if days < 10.0 else f"{days:.0f} days"


def _range(entry: Entry) -> str:
    shown = interval(entry)
    return f", with {shown} as its 95 % interval" if shown else ", without an interval"
