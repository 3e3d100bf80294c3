"""Times to events of a trial's virtual patients: response, leaving and relapse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from ketasim.dosing import Arm, Assessment
from ketasim.trials.assess import definition, hits, starters, visit_by_visit

if TYPE_CHECKING:
    from ketasim.trials.result import TrialResult

_DAY: Final = 24.0
_KEYS: Final = ("STUDYID", "USUBJID", "SUBJID", "REPL", "ARMCD", "TRTP", "TRTPN")


def times_of(result: TrialResult, rated: pl.DataFrame, tabled: pl.DataFrame) -> pl.DataFrame:
    """Days to the first response, to the first visit missed by who left, and to relapse.

    **Arguments:**

    - `rated`: the patients with the identifiers that all data sets have, each rating once.
    - `tabled`: the same, with those at the randomisation in both periods.

    **Returns:** a row a subject and event; of relapse those who are followed for it, from the
    start of that, parameter by parameter (`TTREL`, `TTREL2` ...) as the trial assesses it.
    """
    scale = result.trial.assessments[0].scale
    part = rated.filter(pl.col("scale").cast(pl.String) == scale, pl.col("time_h") > 0.0)
    # the treatment a subject is compared in, whatever was given at a visit
    part = part.with_columns(pl.col("ARM").alias("TRTP"), pl.col("ARMN").alias("TRTPN"))
    day = pl.col("time_h") / _DAY
    there = pl.col("score").is_not_null()
    each = part.group_by(_KEYS, maintain_order=True).agg(
        day.filter(pl.col("response").fill_null(value=False) & there).min().alias("response"),
        day.filter(~there).min().alias("left"),
        day.filter(there).max().fill_null(0.0).alias("last"),
    )
    tables = [
        each.select(
            *_KEYS,
            pl.lit(name).alias("PARAM"),
            pl.lit(code).alias("PARAMCD"),
            pl.col(event).fill_null(pl.col("last")).alias("AVAL"),
            pl.col(event).is_null().cast(pl.Int64).alias("CNSR"),
            pl.when(pl.col(event).is_null())
            .then(pl.lit("LAST VISIT"))
            .otherwise(pl.lit(described))
            .alias("EVNTDESC"),
        )
        for event, code, name, described in (
            ("response", "TTRESP", f"Days to First Response, {scale}", "RESPONSE"),
            ("left", "TTDISC", "Days to First Visit Missed after Leaving", "LEFT THE TRIAL"),
        )
    ]
    return pl.concat([*tables, *_relapses(result, tabled)])


def _relapses(result: TrialResult, rated: pl.DataFrame) -> list[pl.DataFrame]:
    trial, codes, tables = result.trial, dict[str, str](), list[pl.DataFrame]()
    for arm in trial.arms:
        for one in trial.assessed(arm):
            if one.relapse is None or one.start is None:
                continue
            what = definition(one, "relapse").replace(f"from {one.start:g} h, ", "")
            name = f"Days from Day {one.start / _DAY:g} to Relapse, {one.scale}: {what}"
            code = codes.setdefault(name, f"TTREL{len(codes) + 1 if codes else ''}")
            tables.append(_relapse(rated, arm, one, name, code))
    return tables


def _relapse(rated: pl.DataFrame, arm: Arm, one: Assessment, name: str, code: str) -> pl.DataFrame:
    """Subjects of an arm who are followed for relapse; who leaves is followed until then."""
    assert one.relapse is not None and one.start is not None
    own = rated.filter(
        pl.col("arm").cast(pl.String) == arm.id, pl.col("scale").cast(pl.String) == one.scale
    )
    subjects = own.unique("USUBJID", keep="first", maintain_order=True)
    scores = own.pivot("time_h", index="USUBJID", values="score", maintain_order=True)

    def at(*times: float) -> np.ndarray:
        # exact: these are the times by which the patients were tabled
        columns = [scores[str(time)].to_numpy().astype(np.float64) for time in times]
        return np.stack(columns, axis=1)[None]

    baseline = at(0.0)[:, :, 0]
    seen = at(*one.times)
    shown = hits(one.relapse, seen, baseline[:, :, None], one.response_at_least)
    followed = starters(one, at(one.start)[:, :, 0], baseline)
    last, event = np.full(followed.shape, one.start), np.zeros(followed.shape, np.bool_)
    steps = visit_by_visit(shown, ~np.isnan(seen), followed, one.relapse.visits)
    for time, (there, relapsed) in zip(one.times, steps, strict=True):
        last = np.where(there, time, last)
        event |= relapsed
    made = subjects.with_columns(
        pl.lit(name).alias("PARAM"),
        pl.lit(code).alias("PARAMCD"),
        pl.Series("AVAL", (last[0] - one.start) / _DAY),
        pl.Series("CNSR", (~event[0]).astype(np.int64)),
        pl.Series("EVNTDESC", np.where(event[0], "RELAPSE", "LAST VISIT").astype(str)),
    )
    columns = (*_KEYS, "PARAM", "PARAMCD", "AVAL", "CNSR", "EVNTDESC")
    return made.filter(pl.Series(followed[0])).select(columns)
