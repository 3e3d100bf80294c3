"""What a randomised withdrawal tells beside its arms: hazard ratios, and how many entered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Arm, Entry, Trial, arm_name
from ketasim.trials.assess import Cell, Values
from ketasim.trials.hazard import log_hazard_ratio
from ketasim.trials.metrics import RATIO

Array = NDArray[np.float64]
Found = Mapping[Cell, Mapping[str, tuple[Values, Values]]]

_DAY = 24.0


def hazard_ratios(pair: tuple[Arm, Arm], found: Found) -> dict[Cell, tuple[Values, Values]]:
    """Logarithms of hazard ratios of relapse, one a scale and definition, at its last visit.

    **Arguments:**

    - `pair`: the first over the second. `found`: cell to arm to values with and without the effects
      of trials.
    """
    groups: dict[tuple[str, str], dict[float, Cell]] = {}
    for cell, arms in found.items():
        both = [arms[arm.id][0] for arm in pair if arm.id in arms]
        if len(both) == 2 and all(one.events is not None for one in both):
            # relapse and its opposite tell the same
            groups.setdefault((cell.scale, cell.definition), {}).setdefault(cell.time, cell)
    made: dict[Cell, tuple[Values, Values]] = {}
    for visits in groups.values():
        last = visits[max(visits)]
        cell = replace(last, metric=RATIO)
        with_effects, without = (
            _ratio(pair, [found[visits[time]] for time in sorted(visits)], place)
            for place in (0, 1)
        )
        made[cell] = with_effects, without
    return made


def _ratio(
    pair: tuple[Arm, Arm], visits: list[Mapping[str, tuple[Values, Values]]], place: int
) -> Values:
    sides: list[tuple[Array, Array]] = []
    for arm in pair:
        own = [visit[arm.id][place] for visit in visits]
        events = [one.events for one in own if one.events is not None]
        sides.append((np.column_stack(events), np.column_stack([one.count for one in own])))
    value, variance = log_hazard_ratio(sides[0], sides[1])
    started = sides[0][1][:, 0] + sides[1][1][:, 0]
    return Values(value, started, np.full(len(value), np.nan), variance)


def entered_notes(trial: Trial, entered: Mapping[str, Array]) -> tuple[str, ...]:
    """How many are randomised again, as sentences.

    **Arguments:**

    - `trial`: as simulated. `entered`: id of an arm that a withdrawal made to its patients
      in every replicate.
    """
    notes: list[str] = []
    for arm in trial.arms:
        if arm.withdrawal is None:
            continue
        names = [
            one.id
            for one in trial.arms
            if one.branch is not None and one.branch.of == arm.id and one.id in entered
        ]
        if not names:
            continue
        total = float(np.sum([entered[name] for name in names], axis=0).mean())
        each = ", ".join(f"{name} {entered[name].mean():.3g}" for name in names)
        notes.append(
            f"Arm {arm_name(arm)}: on day {arm.withdrawal.after / _DAY:g}, {total:.3g} of "
            f"{arm.n} patients are randomised again ({_who(trial, arm.withdrawal.entry)}, as rated "
            f"then); means over the replicates: {each}."
        )
    return tuple(notes)


def _who(trial: Trial, entry: Entry) -> str:
    scale = entry.scale or trial.scale
    if entry.kind == "all":
        return "all who are there"
    if entry.kind == "remission":
        return f"{scale} of {trial.remission_at_most:g} or less"
    if entry.kind in ("response", "no_response"):
        word = "" if entry.kind == "response" else "no "
        return f"{word}improvement of {100 * trial.response_at_least:g} % or more"
    ends = (
        f"{entry.score_at_least:g} or more" if entry.score_at_least is not None else "",
        f"{entry.score_at_most:g} or less" if entry.score_at_most is not None else "",
    )
    return f"{scale} of {' and '.join(filter(None, ends))}"
