"""Rows of `mood/outcomes` in words: which arm, what was measured, when."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from ketasim.evidence.tables import Fact, facts

_DRUGS: Final = {"ketamine_racemic": "ketamine", "racemic ketamine": "ketamine"}
_ROUTES: Final = {
    "iv infusion": "IV",
    "oral ER tablet": "oral, extended-release tablet",
    "IV not stated in text": "(route not stated)",
}
_WITHOUT_DOSE: Final = ("placebo", "saline")
# arms that the tables name by these words alone
_ARMS: Final = {
    "ket": "ketamine",
    "k": "ketamine",
    "esk": "esketamine",
    "arket": "arketamine",
    "pbo": "placebo",
    "mdz": "midazolam",
    "racemic": "ketamine",
    "active": "an active control",
    "passive": "a passive control",
    "control": "any control",
    "in": "nasal",
    "any": "any",
    "pooled": "pooled arms",
    "oral": "by mouth",
}
_METRICS: Final = {
    "ls_mean_difference": "difference of least-squares means",
    "LSMD_vs_control": "difference of least-squares means",
    "adj_mean_difference": "adjusted difference of means",
    "mean_difference": "difference of means",
    "median_difference": "difference of medians",
    "median_unbiased_difference": "median-unbiased difference",
    "SMD": "standardised mean difference",
    "WMD": "weighted mean difference",
    "hedges_g": "Hedges' g",
    "cohen_d_vs_control": "Cohen's d",
    "cohen_d_from_baseline": "Cohen's d from baseline",
    "cohen_d_low": "Cohen's d, lowest",
    "cohen_d_high": "Cohen's d, highest",
    "OR_remission": "odds ratio of remission",
    "OR_response": "odds ratio of response",
    "RR_response": "risk ratio of response",
    "RR_remission": "risk ratio of remission",
    "pct_improvement_mean": "mean improvement, percent",
    "p_treatment": "p value of the treatment",
    "dropout_pct": "drop-out",
    "median_days_to_loss_of_response": "median days to loss of response",
}
_SCALES: Final = {
    "HADS_D": "HADS, depression",
    "HADS_A": "HADS, anxiety",
    "CSSRS_ISS_remission": "C-SSRS, suicidal ideation",
    "CAPS5": "CAPS-5",
    "YBOCS": "Y-BOCS",
    "VAS_anxiety": "visual analogue scale of anxiety",
    "PHQ9": "PHQ-9",
    "GAD7": "GAD-7",
    "SI_items": "items on suicidal ideation",
    "HAMD6": "HAMD-6",
    "mixed": "several scales",
    "completion": "completion of the study",
}
_PERCENT: Final = "_pct"
_UNITS: Final = {"day": "days", "week": "weeks", "min": "min", "h": "h"}
_AFTER_DOSE: Final = "h_post_dose"
# units of time that only say what kind of moment it was
_NO_UNIT: Final = ("visit", "window", "study", "follow-up", "sessions", "infusions")


def outcome_words(row: Fact) -> str:
    """Return what a row measured and when, such as "MADRS, response, day 14"."""
    scale, metric = row.get("scale"), row.get("metric")
    plain = metric.removesuffix(_PERCENT)
    name = _METRICS.get(metric, plain.replace("_", " "))
    parts = (_SCALES.get(scale, scale.replace("_", " ")), name, _when(row))
    return ", ".join(filter(None, parts))


def value_words(row: Fact) -> str:
    """Return the value of a row, a percentage with its sign."""
    value = row.get("value")
    return f"{value} %" if value and row.get("metric").endswith(_PERCENT) else value


def _when(row: Fact) -> str:
    time, unit = row.get("time"), row.get("time_unit")
    if not time or unit in _NO_UNIT:
        return time.replace("_", " ")
    if unit in ("day", "week") and re.fullmatch(r"[\d.-]+(?: \(.*\))?", time):
        return f"{unit} {time}"
    if unit == _AFTER_DOSE:
        return f"{time} h after the dose"
    return time if unit in time else f"{time} {_UNITS.get(unit, unit)}"


@cache
def arm_in_words(trial: str, arm: str) -> str:
    """Return who got what, such as "TRD: ketamine 0.5 mg/kg IV vs midazolam 0.045 mg/kg IV"."""
    people = next(
        (row.get("population") for row in facts("mood/trials") if row.get("trial_id") == trial), ""
    )
    first, *others = arm.removeprefix("contrast_").split("_vs_")
    given = _named(trial, first)
    if others:
        given += f" vs {_named(trial, others[0])}"
    return f"{people}: {given}" if people else given


def _named(trial: str, arm: str) -> str:
    """An arm by drug, dose and route; one that the tables do not describe by the words it has."""
    own = [row for row in facts("mood/arms") if row.get("trial_id") == trial]
    found = [row for row in own if row.get("arm_id") == arm]
    # a contrast may name an arm by its dose, or by the end of its id
    found = found or [row for row in own if _ends(row.get("arm_id"), arm)]
    if len(found) == 1:
        return _described(found[0])
    words = re.split(r"[_ ]", arm)
    told = [_ARMS.get(word.lower(), word) for word in words]
    return " ".join(told)


def _ends(name: str, token: str) -> bool:
    return re.fullmatch(rf"(?:[A-Za-z]+|\w+_){re.escape(token)}", name) is not None


def _described(row: Fact) -> str:
    drug = row.get("drug")
    for key, name in _DRUGS.items():
        drug = drug.replace(key, name)
    route = _ROUTES.get(row.get("route"), row.get("route"))
    if drug in _WITHOUT_DOSE:
        return " ".join(filter(None, (drug, route)))
    dose, unit = row.get("dose"), row.get("dose_unit")
    if dose:
        # the unit follows each amount of a dose that changes
        later = re.sub(r" day1 then (\S+)", rf" {unit} on day 1, then \1 {unit}", dose)
        dose = later if later != dose else re.sub(r"^(\S+)", rf"\1 {unit}", dose)
    parts = (drug, dose.strip(), route)
    return " ".join(filter(None, parts)).replace("_", " ")
