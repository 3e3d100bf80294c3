"""Patients of a trial in its report: their flow, and what sessions do to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ketasim._base.numbers import NOTHING, number, percent, span
from ketasim.trials import TrialResult

if TYPE_CHECKING:
    from ketasim.dosing import Trial

_DAY: Final = 24.0


_CAUSES: Final = {
    "left_adverse_event": "adverse event",
    "left_lack_of_effect": "lack of effect",
    "left_completely_at_random": "at random",
    "left_other": "other reasons",
}


def flow_of(result: TrialResult) -> dict[str, Any] | None:
    """Patients of every arm from beginning to end, means over the replicates."""
    trial, rows = result.trial, result.flow().to_dicts()
    if not rows:
        return None
    last = {arm.id: trial.phase(arm)[1] for arm in trial.arms}
    arms: list[dict[str, Any]] = []
    for row in rows:
        arm = trial.arm(row["arm"])
        left = {told: row[name] for name, told in _CAUSES.items() if row[name] >= _SEEN}
        arms.append(
            {
                "label": trial.labels[arm.id],
                "of": "" if arm.branch is None else trial.labels[arm.branch.of],
                "begun": _count(row["begun"]),
                "left": _count(sum(left.values())),
                "causes": [(told, _count(count)) for told, count in left.items()],
                "completed": _count(row["completed"]),
                "until": days_of(last[arm.id]),
                "sessions": _with_sd(row["sessions"], row["sessions_sd"]) if arm.sessions else "",
                "missed": number(row["missed"], 2) if (row["missed"] or 0.0) >= _SEEN else "",
                "rescued": _count(row["rescued"]) if trial.rescue is not None else "",
                "rule": _rule(row),
            }
        )
    heads = [
        (
            f"{trial.enrolled:,}",
            "go through all arms" if trial.design == "crossover" else "enrolled",
        )
    ]
    stages = [{"head": heads[0], "arms": [one for one in arms if not one["of"]]}]
    for of in dict.fromkeys(one["of"] for one in arms if one["of"]):
        own = [one for one in arms if one["of"] == of]
        total = sum(row["begun"] for row in rows if _of(trial, row["arm"]) == of)
        stages.append({"head": (_count(total), f"of {of} randomised again"), "arms": own})
    return {"stages": stages}


def _of(trial: Trial, name: str) -> str:
    branch = trial.arm(name).branch
    return "" if branch is None else trial.labels[branch.of]


def _rule(row: dict[str, Any]) -> str:
    if row["shorter_interval"] is None:
        return ""
    parts = [percent(row[name], 2) for name in ("never_changed", "changed_once", "changed_more")]
    return (
        f"Shorter interval at {percent(row['shorter_interval'], 2)} of decisions; kept throughout "
        f"by {parts[0]} of patients, changed once by {parts[1]}, more often by {parts[2]}"
    )


_SEEN: Final = 0.05  # patients, or sessions, below which nothing is told


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.1f}"


def _with_sd(value: float, sd: float) -> str:
    return f"{value:.3g}" if sd < _SEEN else f"{value:.3g} (SD {sd:.2g})"


_EFFECTS: Final = {
    "CADSS": "CADSS, mean of the peaks",
    "SBP": "Increase in systolic pressure, mean of the peaks",
    "DBP": "Increase in diastolic pressure, mean of the peaks",
    "cadss_above_4": "CADSS above 4",
    "dissociation_report": "Dissociation reported",
    "sedation_moaas": "Sedation, MOAA/S of 4 or less",
    "sedation_report": "Sedation reported",
    "dizziness": "Dizziness",
    "nausea": "Nausea",
    "vomiting": "Vomiting",
}


def sessions_of(result: TrialResult) -> dict[str, Any] | None:
    """Effects of sessions, a column an arm; nothing where no arm's are assessed."""
    table = result.sessions()
    known = table.filter(pl.col("mean").is_not_null())
    if known.is_empty():
        return None
    arms = list(dict.fromkeys(known["arm"]))
    rows: list[dict[str, Any]] = []
    for effect, told in _EFFECTS.items():
        for statistic in ("first_session", "any_session"):
            part = known.filter(effect=effect, statistic=statistic)
            if part.is_empty():
                continue
            found = {row["arm"]: row for row in part.to_dicts()}
            rows.append(
                {
                    "what": told,
                    "statistic": statistic.replace("_", " "),
                    "cells": [_session_cell(found.get(arm)) for arm in arms],
                }
            )
    others = table.filter(pl.col("mean").is_null())
    notes = [f"{result.trial.labels[row['arm']]}: {row['note']}." for row in others.to_dicts()]
    own = {row["arm"]: row for row in known.to_dicts()}
    notes += [
        f"{result.trial.labels[arm]}: {own[arm]['note']}." for arm in arms if own[arm]["note"]
    ]
    heads = [(result.trial.labels[arm], own[arm]["sessions"]) for arm in arms]
    return {"heads": heads, "rows": rows, "notes": notes}


def _session_cell(row: dict[str, Any] | None) -> tuple[str, str]:
    if row is None:
        return NOTHING, ""
    if row["unit"] == "fraction":
        return percent(row["mean"], 2), span(percent(row["p05"], 2), percent(row["p95"], 2))
    unit = "points" if row["unit"] == "point" else row["unit"]
    return f"{number(row['mean'], 2)} {unit}", span(number(row["p05"], 2), number(row["p95"], 2))


def days_of(hours: float) -> str:
    """Write a time in days."""
    days = f"{hours / _DAY:.3g}"
    return f"{days}\u00a0day" if days == "1" else f"{days}\u00a0days"
