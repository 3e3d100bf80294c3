"""Words that every room uses: what is given and how, and how quantities are called."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

DRUGS: Final = ("ketamine", "esketamine", "arketamine")
"""Racemic ketamine, its S- and its R-enantiomer."""

ROUTES: Final = (
    "iv",
    "im",
    "sc",
    "intranasal",
    "oral",
    "oral_er",
    "sublingual",
    "buccal",
    "rectal",
    "inhaled",
)
"""Routes of administration; `oral_er` is the extended-release tablet."""

QUANTITIES = {
    "ketamine": "ketamine, S + R",
    "s_ketamine": "S-ketamine",
    "r_ketamine": "R-ketamine",
    "norketamine": "norketamine, S + R",
    "s_norketamine": "S-norketamine",
    "r_norketamine": "R-norketamine",
    "hnk": "hydroxynorketamine, S + R",
    "s_hnk": "S-hydroxynorketamine",
    "r_hnk": "R-hydroxynorketamine",
    "each_norketamine": "each norketamine",
    "ketamine+norketamine": "ketamine and norketamine together",
    "nmda_block": "NMDA block",
    "glutamate": "glutamate",
    "bdnf": "neurotrophic drive",
    "synapses": "synapses",
    "MADRS": "MADRS",
    "by_drug": "the drug",
    "by_expectation": "expectation",
    "by_antidepressant": "a new oral antidepressant",
    "by_course": "natural course and clinical care",
    "CADSS": "dissociation, CADSS",
    "dissociation": "CADSS above 4",
    "drug_high": "drug high",
    "sedation": "sedation, MOAA/S 4 or less",
    "dizziness": "dizziness",
    "nausea": "nausea",
    "vomiting": "vomiting",
    "SBP": "change in systolic pressure",
    "DBP": "change in diastolic pressure",
    "HR": "change in heart rate",
    "pain_relief": "experimental pain relief",
    "cognition": "cognitive decline, fraction of the full effect",
}
"""Quantity to its name in words."""

_ROUTES: Final = {
    "iv": "IV",
    "im": "IM",
    "sc": "SC",
    "intranasal": "nasal",
    "oral_er": "oral extended-release",
}

SITES = {
    "arterial": "arterial blood",
    "venous": "venous blood",
    "effect": "effect site",
    "brain": "prefrontal cortex",
    "patient": "patient",
}
"""Sampling site to its name in words."""

METRICS = {
    "cmax": "Cmax",
    "tmax": "Tmax",
    "auc": "AUC until the next session",
    "auc24": "AUC0–24",
    "auc_inf": "AUC to infinity",
    "half_life": "half-life",
    "F": "F",
    "F_combined": "F of ketamine and norketamine together",
    "cmax_second": "Cmax of the second dose",
    "c_at": "concentration at a time",
    "c_load": "concentration after a loading dose",
    "cl": "apparent clearance",
    "vss": "steady-state volume",
    "t_half": "half-life",
    "share": "share",
}
"""Metric to its name in words."""

GRADES = {
    "measured": "measured in humans, unless the source names cells or an animal",
    "estimated": "estimated by a published model",
    "fitted": "fitted by this package, with parameter uncertainty",
    "derived": "calculated from other values",
    "assumed": "not measured; the basis is given where there is one",
}
"""Grade to its meaning."""

BETWEEN_PATIENTS = "Bands: between-patient variability."
"""What the bands of a figure show."""

NOT_IN_BANDS = "Not included: parameter uncertainty, between-trial variability."
"""What they do not show."""

BOTH_IN_BANDS = (
    "Bands: between-patient variability and parameter uncertainty together. Not included: "
    "between-trial variability."
)
"""What they show where every patient has a draw of the parameters of its own."""

NO_SPREAD = (
    "Typical patient: no band. Between-patient variability, parameter uncertainty and "
    "between-trial variability are not shown."
)
"""The same for the typical patient."""

PATIENTS_90 = "90 % of patients (5-95 %)"
"""What the outer band of a chart is."""

PATIENTS_50 = "50 % of patients (25-75 %)"
"""What the inner band is."""

SPREADS: Final = ("between-patient variability", "parameter uncertainty", "between trials")
"""The three reasons for which a prediction has a range."""


WITHIN_PATIENTS: Final = "rating error and fluctuation of state from visit to visit"
"""Why a patient's rated score varies by itself."""


def spreads(shown: Collection[str], *, rated: bool = False) -> tuple[str, ...]:
    """Which of the three spreads the bands of a chart have and lack, a line each.

    **Arguments:**

    - `shown`: those of `SPREADS` that they have. `rated`: scores as rated at one visit.
    """
    within = [WITHIN_PATIENTS] if rated else []
    lines = (
        ("Bands", [*(name for name in SPREADS if name in shown), *within]),
        ("Not in the bands" if shown else "Not shown", [n for n in SPREADS if n not in shown]),
    )
    return tuple(f"{head}: {', '.join(names)}" for head, names in lines if names)


def bands(typical: bool, uncertainty: bool = False, *, rated: bool = False) -> str:
    """What the bands of a figure show and what they do not.

    **Arguments:**

    - `typical`: of the typical patient, without bands.
    - `uncertainty`: each virtual patient has its own draw of the parameters.
    - `rated`: of scores as they are rated at one visit.
    """
    if typical:
        return NO_SPREAD
    if rated:
        also = ", parameter uncertainty" if uncertainty else ""
        lack = "between-trial variability" if uncertainty else NOT_IN_BANDS.partition(": ")[2][:-1]
        return (
            f"Bands: scores as rated at one visit: between-patient variability{also}, "
            f"{WITHIN_PATIENTS}. Not included: {lack}."
        )
    return BOTH_IN_BANDS if uncertainty else f"{BETWEEN_PATIENTS} {NOT_IN_BANDS}"


def quantity(name: str) -> str:
    """Name of a quantity in words."""
    return QUANTITIES.get(name, name.replace("_", " "))


def site(name: str) -> str:
    """Name of a site in words."""
    return SITES.get(name, name)


def metric(name: str) -> str:
    """Name of a metric in words."""
    return METRICS.get(name, name.replace("_", " "))


def unit(name: str) -> str:
    """How a unit is written behind a number."""
    return "points" if name == "point" else name.replace("*", "·")


def route(name: str) -> str:
    """How a route of administration is written before a drug or a dose, such as `IV`."""
    return _ROUTES.get(name, name)


def counted(count: int, one: str, many: str = "") -> str:
    """A count with its noun, such as `1 week` and `3 weeks`.

    **Arguments:**

    - `count`: how many. `one`: the noun. `many`: its plural; left out, with an s.
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def spans(numbers: Sequence[int]) -> str:
    """Numbers as they are said: `3, 7-9`."""
    told: list[str] = []
    start = previous = None
    for number in (*numbers, None):
        if start is not None and previous is not None and number != previous + 1:
            told.append(f"{start}" if start == previous else f"{start}-{previous}")
            start = number
        if start is None:
            start = number
        previous = number
    return ", ".join(told)


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]
