"""The numbers a trial opens with: the primary contrast, then the arms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from ketasim._base import Headline, HeadlineRow
from ketasim._base.headline import share
from ketasim._base.numbers import span
from ketasim.dosing import Trial
from ketasim.trials.metrics import METRICS, RATES, RATIO, unit_of

_DAY: Final = 24.0
# arms have long names, and a line is short
_BRIEF: Final = {"change": "change"}
_NOTE: Final = "Expected values; ranges: 90 % prediction interval of a trial of this size."


def trial_headline(trial: Trial, summary: pl.DataFrame, *, by_id: bool = False) -> Headline:
    """The last visit of the scale named first: how far arms are apart, and what each shows.

    **Main arguments:**

    - `summary`: as `TrialResult.summary` returns it.

    **Other arguments:**

    - `by_id`: name arms by their ids, for a page that tells before what they are.
    """
    title = (
        f"Trial {trial.title or trial.key}: {trial.design}, {trial.enrolled} patients; "
        f"{trial.replicates} replicates, seed {trial.seed}"
    )
    return Headline(title, tuple(_rows(trial, summary, by_id)), _NOTE)


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
