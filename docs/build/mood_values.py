"""Numbers of the model of mood that its page tells within sentences, from the card `mood`."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ketasim.calibration.mood import mechanism_curves
from ketasim.dosing import Trial, load_course, load_trial
from ketasim.evidence import Entry, load_card, load_table
from ketasim.population import Situation, situation_of
from ketasim.simulation.mood.inputs import published_baseline
from ketasim.trials.blinding import blinding_table
from mood_equations import interval
from table import table

_INFUSION = {"drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min"}
_LOW = {**_INFUSION, "dose": "0.1 mg/kg"}
_SPRAY = {"drug": "esketamine", "route": "intranasal", "dose": "84 mg"}
_TABLET = {"drug": "ketamine", "route": "oral", "dose": "50 mg"}
_RIGHT = {**_INFUSION, "drug": "arketamine"}
_TOLD = {
    "infusion": (_INFUSION, "saline"),
    "low": (_LOW, "saline"),
    "tablet": (_TABLET, "placebo_oral"),
}
_FIRST = "esketamine 84 mg intranasal twice weekly for 4 weeks"
_LONG = (27.9, 83.9, 167.9, 335.9)
"""Days at which a long course is read: before a session of both maintenance schedules."""
_YEAR = 8766.0  # h
_STOPPED = {"lost_four": _FIRST, "lost_year": f"{_FIRST} then weekly for 44 weeks"}
"""Courses that end, by the value that tells how soon half of what they brought is gone."""
_TABLETS = "glue2024:r107_ol:MADRS:168h:remission"
"""A row of the predictions kept with the package."""
_COMPARED = (
    ("infusion 0.5 mg/kg, saline", _INFUSION, "saline"),
    ("infusion 0.5 mg/kg, midazolam", _INFUSION, "midazolam"),
    ("infusion 0.1 mg/kg, midazolam", _LOW, "midazolam"),
    ("esketamine spray 84 mg, placebo spray", _SPRAY, "placebo_spray"),
    ("tablet 50 mg, placebo tablet", _TABLET, "placebo_oral"),
    ("arketamine infusion 0.5 mg/kg, saline", _RIGHT, "saline"),
    ("infusion 0.5 mg/kg under anaesthesia, sham", _INFUSION, "masked"),
)


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
    kept = mechanism_curves(
        [f"{_FIRST} then weekly for 44 weeks", f"{_FIRST} then every 2 weeks for 44 weeks", _FIRST],
        np.array([0.0, *_LONG]) * 24.0,
        ("MADRS",),
        card,
        situation=Situation(),
        baseline=baseline,
    )["MADRS"]
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
        "answer_spread": f"{math.exp(n['omega_A']):.1f}",
        "assumed": f"{sum(e.grade == 'assumed' for e in card.entries.values())}",
        "numbers": f"{len(card.entries)}",
    }
    found |= {
        "care_year": _percent(1.0 - math.exp(-n["e_C"] * (1.0 - math.exp(-n["kC"] * _YEAR)))),
    }
    for row, name in enumerate(("weekly", "fortnightly", "stopped")):
        for column, day in enumerate(_LONG, start=1):
            found[f"{name}_{day:.0f}"] = f"{kept[row, column]:.0f}"
    found |= _lost(n, baseline)
    expected = load_table("mood/predicted").filter(row_id=_TABLETS)["predicted"].item()
    found["tablets_week"] = _percent(float(expected))
    blinded = blinding_table(_trial(_INFUSION, "midazolam"), n)
    found["guess_midazolam"] = _percent(blinded["guess_right"][0])
    found["p_belief"] = _percent(1.0 - math.exp(-n["p_belief"]))
    for name, (drug, control) in _TOLD.items():
        found[f"felt_{name}"] = f"{_felt(drug, control):.2g}"
    found["felt_midazolam"] = f"{n['u_midazolam']:.2g}"
    found["felt_spray"] = f"{n['u_spray']:.2g}"
    for row, name in enumerate(("one", "six")):
        for column, day in enumerate((0, 1, 7, 14, 28)):
            found[f"{name}_{day}"] = f"{score['MADRS'][row, column]:.0f}"
    return found


def beliefs() -> str:
    """Return a table of what patients of usual comparisons feel, believe and guess."""
    numbers = load_card("mood").values()
    rows: list[list[str]] = []
    for name, drug, control in _COMPARED:
        trial = _trial(drug, control)
        told = blinding_table(trial, numbers)
        heights = [situation_of(trial, arm).expectation(numbers) for arm in trial.arms]
        felt = [f"{x:.1f}" for x in told["felt"]]
        believed = [_percent(x) for x in told["belief"]]
        off = [_percent(1.0 - math.exp(-x)) for x in heights]
        rows.append([name, *felt, *believed, _percent(told["guess_right"][0]), *off])
    head = ["drug, control", "felt, drug", "felt, control", "belief, drug", "belief, control"]
    return table([*head, "guess right", "off the score, drug", "off the score, control"], rows)


def _trial(drug: Mapping[str, object], control: str) -> Trial:
    masked = {"masked": True} if control == "masked" else {}
    return load_trial(
        {
            "trial": "compared",
            "population": {"baseline": {"scale": "MADRS", "mean": 34, "sd": 5}},
            "arms": [
                {"id": "drug", "n": 50, "days": [0], **drug, **masked},
                {"id": "control", "n": 50, "control": control},
            ],
            "assess": [{"scale": "MADRS", "at": ["24 h"], "metrics": ["change"]}],
        }
    )


def _lost(n: Mapping[str, float], baseline: float) -> dict[str, str]:
    """Days from one after the last session until half of what sessions bring is gone.

    What they bring is points below the same patient's score without any session.
    """
    days = np.arange(0.0, 420.0)
    hours = 24.0 * days
    score = mechanism_curves(
        list(_STOPPED.values()), hours, ("MADRS",), situation=Situation(), baseline=baseline
    )["MADRS"]
    course = n["e_N"] * (1.0 - np.exp(-n["kN"] * hours))
    care = n["e_C"] * (1.0 - np.exp(-n["kC"] * hours))
    brought = baseline * np.exp(-course - care) - score
    found: dict[str, str] = {}
    for (name, text), points in zip(_STOPPED.items(), brought, strict=True):
        after = int(load_course({"regimen": text}).regimen.sessions[-1] / 24.0) + 1
        gone = days[after:][points[after:] <= 0.5 * points[after]]
        found[name] = f"{gone[0] - after:.0f}"
    return found


def _felt(drug: Mapping[str, object], control: str) -> float:
    return float(blinding_table(_trial(drug, control), load_card("mood").values())["felt"][0])


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
