"""What an arm is, in words: its label, as the file has it or by what is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from ketasim.dosing.trial.arm import Arm
from ketasim.dosing.trial.phase import Phase

_CONTROL_WORDS: Final = {
    "saline": "saline",
    "midazolam": "midazolam",
    "placebo_spray": "placebo spray",
    "placebo_oral": "oral placebo",
    "placebo_inhaled": "inhaled placebo",
    "masked": "sham under anaesthesia",
    "antidepressant": "oral antidepressant",
    "none": "no treatment",
}
ROUTE_WORDS: Final = {"iv": "IV", "im": "IM", "sc": "SC", "oral_er": "oral extended-release"}
"""Routes that are written in other words than their names."""


def arm_label(arm: Arm) -> str:
    """Return what an arm is: the label of the file, otherwise drug, dose and route, or the control.

    **Returns:** such as "ketamine 0.5 mg/kg IV" or "placebo spray"; arms of a trial may read alike,
    see `arm_labels`.
    """
    return arm.label or _given(arm, over=False)


def _after(arm: Arm, before: str) -> str:
    """What is given after a randomised withdrawal, and after what."""
    if arm.control is not None:
        return f"{_CONTROL_WORDS[arm.control]} after {before}"
    if arm.dosing_rule is not None and not _phases(arm, True):
        return f"{before} continued"
    early, late = ({replace(one, days=()) for one in _phases(arm, side)} for side in (False, True))
    if late <= early:
        return f"{before} continued"
    return f"{_given(arm, over=False)} after {before}"


def _phases(arm: Arm, late: bool) -> tuple[Phase, ...]:
    """Phases of the drug before a randomised withdrawal, or after; all where there was none."""
    if arm.branch is None:
        return arm.phases
    after = arm.branch.after / 24.0
    kept = [
        replace(one, days=tuple(day for day in one.days if (day >= after) == late))
        for one in arm.phases
    ]
    return tuple(one for one in kept if one.days)


def arm_name(arm: Arm) -> str:
    """Return the id of an arm, with what it is in brackets, for a sentence on the file."""
    label = arm_label(arm)
    return arm.id if label == arm.id else f"{arm.id} ({label})"


def arm_details(arm: Arm) -> str:
    """Return what an arm gets in full, such as "ketamine 0.5 mg/kg IV over 40 min".

    Of an arm of a randomised withdrawal, what it gets from then on.
    """
    return _given(arm, over=True)


def arm_labels(arms: Sequence[Arm]) -> dict[str, str]:
    """Return the id of each arm to its label, with the id in brackets where labels are alike."""
    labels = {arm.id: arm_label(arm) for arm in arms}
    for arm in arms:
        if arm.branch is not None and not arm.label:
            labels[arm.id] = _after(arm, labels.get(arm.branch.of, arm.branch.of))
    times = Counter(labels.values())
    return {
        name: f"{label} ({name})" if times[label] > 1 else label for name, label in labels.items()
    }


def contrast_label(text: str, labels: Mapping[str, str]) -> str:
    """Return an arm, or one arm against another, by label.

    **Arguments:**

    - `text`: an id, or two ids such as `ket - mdz` or `ket-mdz`. `labels`: of `arm_labels`.

    **Returns:** such as "ketamine 0.5 mg/kg IV vs midazolam"; a text that names no arm of these
    without its underscores.
    """
    if text in labels:
        return labels[text]
    for first in labels:
        second = text.removeprefix(first).lstrip(" ").removeprefix("-").lstrip(" ")
        if text.startswith(first) and second in labels:
            return f"{labels[first]} vs {labels[second]}"
    return text.replace("_", " ")


def _given(arm: Arm, *, over: bool) -> str:
    if arm.control is not None:
        return _CONTROL_WORDS[arm.control]

    def kind(phase: Phase) -> tuple[str, str, str, float]:
        return phase.drug, phase.unit, phase.route, phase.duration if over else 0.0

    found: list[str] = []
    for (drug, unit, route, duration), phases in groupby(
        _phases(arm, True) or arm.phases, key=kind
    ):
        amounts = [phase.amount for phase in phases]
        ends = dict.fromkeys(f"{one:g}" for one in (min(amounts), max(amounts)))
        each = dict.fromkeys(f"{one:g}" for one in amounts)
        dose = f"{', then '.join(each)} {unit}" if over else f"{'-'.join(ends)} {unit}"
        time = f" over {60 * duration:g} min" if duration > 0 else ""
        time = time or (" bolus" if over and route == "iv" else "")
        where = ROUTE_WORDS.get(route, route.replace("_", " "))
        # a label stands in lines that hold numbers too
        where = where if over else where.removeprefix("intra")
        found.append(f"{drug} {dose} {where}{time}")
    return ", then ".join(dict.fromkeys(found))
