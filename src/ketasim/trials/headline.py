"""The numbers a trial opens with: the primary contrast, then the arms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import polars as pl

from ketasim._base import Headline, HeadlineRow
from ketasim._base.headline import share
from ketasim._base.numbers import span
from ketasim._base.words import counted
from ketasim.dosing import Trial, whose
from ketasim.trials.metrics import METRICS, RATES, RATIO, unit_of
from ketasim.trials.operating.characteristics import Characteristics
from ketasim.trials.operating.question import OWN_ESTIMAND

_DAY: Final = 24.0
# arms have long names, and a line is short
_BRIEF: Final = {"change": "change", RATIO: "hazard ratio of relapse"}
ANALYSES_IN_WORDS: Final = {
    "mmrm": "MMRM",
    "ancova": "ANCOVA",
    "responder": "responders",
    "survival": "Cox, log-rank",
}
"""Analysis to its name in words."""

ESTIMANDS_IN_WORDS: Final = {
    "hypothetical": "hypothetical, had nobody left",
    "treatment_policy": "treatment policy",
    "observed_cases": "observed cases",
    "composite": "who left has no response",
    "j2r": "jump to reference",
    "cr": "copy reference",
    "cir": "copy increments in reference",
    "delta": "delta-adjusted",
}
"""Estimand to its name in words."""
OVER_LOOKS: Final = " over all looks"
"""Of a share or a size of a trial with looks."""


def estimand_words(trial: Trial, estimand: str) -> str:
    """An estimand in words, and what it takes scores under rescue and missed sessions for.

    **Arguments:**

    - `estimand`: of an analysis of the trial.
    """
    told = ESTIMANDS_IN_WORDS[estimand]
    if estimand == "treatment_policy" and (trial.rescue or trial.adherence):
        after = ["rescue"] if trial.rescue else []
        after += ["missed sessions"] if trial.adherence else []
        return f"{told}, scores as they are whatever happened, after {', '.join(after)} and leaving"
    if trial.rescue is None:
        return told
    if estimand == "hypothetical":
        return "hypothetical for leaving alone, had nobody left; scores under rescue as rated"
    return f"{told}; scores under rescue as rated"


_BESIDE: Final = (
    "Ranges of power, assurance and type-I error: two Monte-Carlo errors to each side; those of "
    "sizes: one."
)
_NOTE: Final = "Expected values; ranges: 90 % prediction interval of a trial of this size."


def trial_headline(
    trial: Trial,
    summary: pl.DataFrame,
    characteristics: Characteristics | None = None,
    *,
    by_id: bool = False,
) -> Headline:
    """The primary contrast with its power, then the last visit of the scale named first.

    **Main arguments:**

    - `summary`: as `TrialResult.summary` returns it.
    - `characteristics`: of its analyses, where it has a primary contrast.

    **Other arguments:**

    - `by_id`: name arms by their ids, for a page that tells before what they are.
    """
    title = (
        f"Trial {trial.title or trial.key}: {trial.design}, {trial.enrolled} patients; "
        f"{counted(trial.replicates, 'replicate')}, seed {trial.seed}"
    )
    if characteristics is None:
        return Headline(title, tuple(_rows(trial, summary, by_id)), _NOTE)
    first = [*_primary(trial, characteristics, by_id)]
    first += [*_sizes(trial, characteristics, by_id)]
    # the primary contrast stands first, and what it is beside follows
    rest = [replace(row, brief=False) for row in _rows(trial, summary, by_id)]
    return Headline(title, (*first, *rest), f"{_NOTE} {_BESIDE}")


def _primary(trial: Trial, found: Characteristics, by_id: bool) -> Iterator[HeadlineRow]:
    """The primary contrast, and how often it is told from none at this size."""
    row = found.own_row()
    metric = metric_of(row["analysis"])
    name = row["contrast"] if by_id else trial.label(row["contrast"])
    how, when = ANALYSES_IN_WORDS[row["analysis"]], _when(row["time_h"])
    if row["estimand"] not in ("hypothetical", *OWN_ESTIMAND.values()):
        how += f", {ESTIMANDS_IN_WORDS[row['estimand']]}"
    if metric == RATIO:  # of the logarithm, as one over the other
        row |= {key: _ratio(row[key]) for key in ("predicted", "p05", "p95")}
    n = f"{row['n_per_arm']} in {_first(trial, by_id)}"
    over = "" if found.looks is None else OVER_LOOKS
    curve = found.curve(found.question.ways[0])
    own = curve.filter(pl.col("n_per_arm") == row["n_per_arm"]).to_dicts()[0]
    yield HeadlineRow(
        f"Primary, {name}: {row['scale']} {_BRIEF.get(metric, metric)}, {when}, {how}",
        _write(metric, row["predicted"]),
        span(_write(metric, row["p05"]), _write(metric, row["p95"])),
        "%" if metric in RATES else unit_of(metric),
    )
    for key, told in (
        ("power", f"Power{over} with {n}, the effect as in the card"),
        ("assurance", f"Assurance{over} with {n}, the effect uncertain"),
        ("type1", f"Type-I error{over}, no difference between arms"),
    ):
        if own[key] is not None:
            yield HeadlineRow(told, *_with_error(own[key], own[f"{key}_mc_se"]), "%")
    if found.looks is not None:
        yield from _ends(own)


def _ends(row: dict[str, Any]) -> Iterator[HeadlineRow]:
    """When trials end by looks."""
    yield HeadlineRow(
        "Patients in all arms when a trial ends, mean, the effect as in the card",
        f"{row['patients_power']:.0f}",
        f"of {row['n_total']:,}",
        "patients",
    )
    for key, told in (
        ("unstopped_power", "Power over all looks if none ended a trial for futility"),
        ("futile_type1", "Ends for futility, no difference between arms"),
    ):
        if key in row:
            yield HeadlineRow(told, *_with_error(row[key], row[f"{key}_mc_se"]), "%")


def metric_of(analysis: str) -> str:
    """What an analysis compares: `change`, `response` or `hazard_ratio`."""
    return {"responder": "response", "survival": RATIO}.get(analysis, "change")


def _ratio(value: float | None) -> float | None:
    return None if value is None else math.exp(value)


def _sizes(trial: Trial, found: Characteristics, by_id: bool) -> Iterator[HeadlineRow]:
    """Patients for the power that is wanted, then for 80 and 90 %."""
    primary = trial.primary
    assert primary is not None
    arm = _first(trial, by_id)
    sizes = found.question.sizes
    over = "" if found.looks is None else OVER_LOOKS
    # a few lines have room for two sizes each, and beside futility for one
    most = 2 if trial.looks is None or trial.looks.futility is None else 1
    for assurance in (False, True):
        what = "assurance" if assurance else "power"
        for place, one in enumerate(found.needed(primary.analysis, assurance=assurance)):
            told = f"Patients in {arm} for {share(one.target)} % {what}{over}"
            brief = place < most
            if one.n is not None:
                low = sizes[0] if one.low is None else one.low
                high = f"> {sizes[-1]}" if one.high is None else str(one.high)
                yield HeadlineRow(told, str(one.n), span(str(low), high), "patients", brief)
            else:
                end = f"<= {sizes[0]}" if one.above else f"> {sizes[-1]}"
                yield HeadlineRow(told, end, unit="patients", brief=brief)


def _first(trial: Trial, by_id: bool) -> str:
    name = counted_arm(trial)
    return name if by_id else trial.label(name)


def counted_arm(trial: Trial) -> str:
    """Id of the arm whose patients sizes are of: the first of the contrast, as it was enrolled."""
    assert trial.primary is not None
    name = trial.primary.contrast[0]
    return whose(trial.arm(name)) or name


def _with_error(value: float, error: float) -> tuple[str, str]:
    """A share with two Monte-Carlo errors to each side."""
    ends = max(value - 2.0 * error, 0.0), min(value + 2.0 * error, 1.0)
    return share(value), span(*map(share, ends))


def _rows(trial: Trial, summary: pl.DataFrame, by_id: bool) -> Iterator[HeadlineRow]:
    scale = trial.assessments[0].scale
    known = summary.filter((pl.col("scale") == scale) & pl.col("mean").is_not_null())
    there = [name for name in ("change", *METRICS) if name in set(known["metric"])]
    single = {arm.id for arm in trial.arms}
    # these end where their patients are randomised again
    before = [arm.id for arm in trial.arms if arm.withdrawal is not None]
    for metric in dict.fromkeys(there):
        part = known.filter(pl.col("metric") == metric)
        part = part.filter(pl.col("definition") == part["definition"][0])
        last = [
            row
            for side in (
                part.filter(pl.col("arm").is_in(before)),
                part.filter(~pl.col("arm").is_in(before)),
            )
            if len(side)
            for row in side.filter(pl.col("time_h") == side["time_h"].max()).to_dicts()
        ]
        # what is compared comes before what is compared with
        for row in sorted(last, key=lambda row: row["arm"] in single):
            arm = row["arm"] if by_id else trial.label(row["arm"])
            yield HeadlineRow(
                f"{arm}: {scale} {_BRIEF.get(metric, METRICS[metric])}, {_when(row['time_h'])}",
                _write(metric, row["mean"]),
                span(_write(metric, row["p05"]), _write(metric, row["p95"])),
                "%" if metric in RATES else unit_of(metric),
                brief=metric in (there[0], "response", RATIO),
            )
    yield from _guesses(trial, summary, by_id)


def _guesses(trial: Trial, summary: pl.DataFrame, by_id: bool) -> Iterator[HeadlineRow]:
    """What patients guess, where some are blinded."""
    if all(arm.open or not arm.sessions for arm in trial.arms):
        return
    chances = dict(summary.select("arm", "guess_drug").iter_rows())
    for arm in trial.arms:
        chance: float | None = chances.get(arm.id)
        if chance is not None:
            name = arm.id if by_id else trial.label(arm.id)
            text = f"{name}: probability of guessing the drug"
            yield HeadlineRow(text, share(chance), unit="%", brief=False)


def _when(hours: float) -> str:
    return f"{hours:g} h" if hours < 2 * _DAY else f"day {hours / _DAY:.4g}"


def _write(metric: str, value: float | None) -> str:
    """Shares in percent; points to a tenth, as trials print them."""
    if value is None:
        return "-"
    if metric == RATIO:
        return f"{value:.2f}"
    if metric in RATES and value >= 0.0:
        return share(value)
    scale = 100.0 if metric in RATES else 1.0 / _DAY if metric == "time_to_relapse" else 1.0
    return f"{round(scale * value, 1) + 0.0:.1f}"
