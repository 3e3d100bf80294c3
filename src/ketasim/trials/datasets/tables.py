"""Tables of a trial's virtual patients as statisticians know them: subjects, scores, times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from ketasim._base import InputError
from ketasim.dosing import Trial
from ketasim.trials.datasets.adverse import assessed_arms, events_of
from ketasim.trials.datasets.people import people_of
from ketasim.trials.datasets.times import times_of
from ketasim.trials.operating.operate import pooled
from ketasim.trials.operating.question import question_of
from ketasim.trials.patients.allocation import Allocation, allocation_of

if TYPE_CHECKING:
    from ketasim.trials.result import TrialResult

_DAY: Final = 24.0
_AGAIN: Final = 2  # the period since a randomised withdrawal

LABELS: Final[Mapping[str, str]] = {
    "STUDYID": "Study Identifier",
    "USUBJID": "Unique Subject Identifier",
    "SUBJID": "Subject Identifier for the Study",
    "REPL": "Simulated Replicate, from 1",
    "ARM": "Description of Planned Arm",
    "ARMCD": "Planned Arm Code",
    "TRT01P": "Planned Treatment for Period 01",
    "TRT01PN": "Planned Treatment for Period 01 (N)",
    "TRT02P": "Planned Treatment for Period 02",
    "TRT02PN": "Planned Treatment for Period 02 (N)",
    "APERIOD": "Period",
    "TRTP": "Planned Treatment",
    "TRTPN": "Planned Treatment (N)",
    "AGE": "Age",
    "AGEU": "Age Units",
    "SEX": "Sex",
    "WEIGHTBL": "Weight at Baseline (kg)",
    "STRATAR": "Strata Used for Randomization",
    **{f"STRAT{w}D": f"Description of Stratification Factor {w}" for w in range(1, 6)},
    **{f"STRAT{w}R": f"Strat Factor {w} Value Used for Rand" for w in range(1, 6)},
    "BASE": "Baseline Value",
    "ITTFL": "Intent-To-Treat Population Flag",
    "RANDFL": "Randomized Population Flag",
    "EOSSTT": "End of Study Status",
    "DCSREAS": "Reason for Discontinuation from Study",
    "PARAM": "Parameter",
    "PARAMCD": "Parameter Code",
    "AVISIT": "Analysis Visit",
    "AVISITN": "Analysis Visit (N)",
    "ADY": "Analysis Relative Day",
    "ATPT": "Analysis Timepoint, Hours from Day 0",
    "AVAL": "Analysis Value",
    "CHG": "Change from Baseline",
    "PCHG": "Percent Change from Baseline",
    "ABLFL": "Baseline Record Flag",
    "CNSR": "Censor",
    "EVNTDESC": "Event or Censoring Description",
    "AEASSFL": "Adverse Events of Sessions Assessed Flag",
    "AESEQ": "Sequence Number",
    "AETERM": "Reported Term for the Adverse Event",
    "ASTDY": "Analysis Start Relative Day",
    "SESSN": "Session of the Subject, from 1",
    "TRTEMFL": "Treatment Emergent Analysis Flag",
    "AEBASIS": "Card, Number and Grade of the Rate",
}
"""Variable to its label, at most 40 characters."""

_REASONS: Final = {
    "lack_of_effect": "LACK OF EFFICACY",
    "adverse_event": "ADVERSE EVENT",
}


@dataclass(frozen=True)
class DataSet:
    """One data set.

    **Arguments:**

    - `name`: such as `ADSL`. `label`: what it is. `table`: its rows.
    """

    name: str
    label: str
    table: pl.DataFrame


def data_sets(result: TrialResult, *, replicate: int | None = None) -> tuple[DataSet, ...]:
    """ADSL, ADQS, ADTTE and ADAE of a trial's virtual patients.

    **Arguments:**

    - `result`: of a parallel trial. After a randomised withdrawal a subject is in the arm that it
      was randomised into (`ARMCD`), and what it gets at a visit is that of the period (`TRTP`).
    - `replicate`: one of them, from 1; left out, all that the table of patients holds.

    **Returns:** subjects; scores at the visits at which they were rated; days to the first
    response, to leaving and to relapse; adverse events of the sessions, where the session model
    has their rates (`AEASSFL` of the subject).

    **Raises:** `InputError`.
    """
    check_design(result.trial)
    kept = int(result.patients()["replicate"].n_unique())
    if replicate is not None and not 1 <= replicate <= kept:
        raise InputError(
            "--replicate",
            f"replicate {replicate} is not among those whose patients are kept",
            f"give 1 to {kept}",
        )
    table = result.patients()
    if replicate is not None:
        table = table.filter(pl.col("replicate") == replicate - 1)
    tabled = _keyed(result, table)
    rated = _once(tabled)
    subjects = _subjects(result, rated)
    others = (
        DataSet("ADQS", "Questionnaire Analysis Dataset", _scores(rated)),
        DataSet("ADTTE", "Time-to-Event Analysis Dataset", times_of(result, rated, tabled)),
        DataSet("ADAE", "Adverse Events Analysis Dataset", _events(result, tabled)),
    )
    own = [name for name in subjects.columns if re.fullmatch(r"STRATAR|STRAT\dR", name)]
    if own:
        strata = subjects.select("USUBJID", *own)
        others = tuple(
            replace(one, table=one.table.join(strata, "USUBJID", "left", maintain_order="left"))
            for one in others
        )
    return DataSet("ADSL", "Subject-Level Analysis Dataset", subjects), *others


def check_design(trial: Trial) -> None:
    """Refuse a trial whose data sets cannot be written: its patients are in several arms.

    **Raises:** `InputError`.
    """
    if trial.design == "crossover":
        raise InputError(
            "--datasets", "of a crossover no data sets are written", "take patients.parquet"
        )


def study_of(result: TrialResult) -> str:
    """Identifier of the study: the key of the trial."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", result.trial.key)[:40].upper()


def _keyed(result: TrialResult, table: pl.DataFrame) -> pl.DataFrame:
    """The table of patients with the identifiers and the arms that all data sets have."""
    trial, study = result.trial, study_of(result)
    places = {arm.id: place for place, arm in enumerate(trial.arms, 1)}
    entered = {one.id: one.id if one.branch is None else one.branch.of for one in trial.arms}
    arm = pl.col("arm").cast(pl.String)
    place = arm.replace_strict(places, return_dtype=pl.Int64)
    first = arm.replace_strict(entered).replace_strict(places, return_dtype=pl.Int64)
    number = first.cast(pl.String) + (pl.col("id") + 1).cast(pl.String).str.zfill(5)
    repeat = (pl.col("replicate") + 1).cast(pl.String).str.zfill(6)
    found = table.with_columns(
        pl.lit(study).alias("STUDYID"),
        (pl.lit(f"{study}-") + repeat + "-" + number).alias("USUBJID"),
        number.alias("SUBJID"),
        (pl.col("replicate") + 1).cast(pl.Int64).alias("REPL"),
        pl.when(arm.replace_strict(entered) == arm).then(1).otherwise(_AGAIN).alias("APERIOD"),
        arm.replace_strict(dict(trial.labels), return_dtype=pl.String).alias("TRTP"),
        place.alias("TRTPN"),
    )
    again = found.filter(pl.col("APERIOD") == _AGAIN).unique("USUBJID", keep="first")
    last = again.select("USUBJID", ARMCD=arm, ARM="TRTP", ARMN="TRTPN")
    return found.join(last, on="USUBJID", how="left", maintain_order="left").with_columns(
        pl.col("ARMCD").fill_null(arm),
        pl.col("ARM").fill_null(pl.col("TRTP")),
        pl.col("ARMN").fill_null(pl.col("TRTPN")),
    )


def _once(table: pl.DataFrame) -> pl.DataFrame:
    """Each rating once: of that at the randomisation, the one by which it was made."""
    before = table.filter(pl.col("APERIOD") < _AGAIN)
    since = table.filter(pl.col("APERIOD") == _AGAIN, pl.col("time_h") > 0.0)
    keys = ["USUBJID", "scale", "time_h"]
    since = since.join(before, on=keys, how="anti", maintain_order="left")
    return pl.concat([before, since])


def _subjects(result: TrialResult, rated: pl.DataFrame) -> pl.DataFrame:
    trial = result.trial
    first = rated.filter(pl.col("scale").cast(pl.String) == trial.assessments[0].scale)
    left = first.group_by("USUBJID").agg(pl.col("dropped").any().alias("left"))
    base = first.filter(pl.col("time_h") == 0.0).select(
        *("STUDYID", "USUBJID", "SUBJID", "REPL", "ARM", "ARMCD", "ARMN", "TRTP", "TRTPN"),
        *("arm", "id", "replicate"),
        pl.col("score").alias("BASE"),
    )
    people = people_of(result, _pool(result))
    known = list(assessed_arms(trial))
    withdrawn = [arm.id for arm in trial.arms if arm.withdrawal is not None]
    again = pl.col("arm") != pl.col("ARMCD")
    # who is in an open phase and in no arm after it
    ended = pl.col("arm").is_in(withdrawn) & ~again
    second = [
        pl.when(again).then(pl.col(name)).alias(to)
        for name, to in (("ARM", "TRT02P"), ("ARMN", "TRT02PN"))
    ]
    randomised = pl.when(ended).then(pl.lit("N")).otherwise(pl.lit("Y"))
    why = first.group_by("USUBJID").agg(pl.col("left").cast(pl.String).drop_nulls().first())
    reason = pl.col("left_why").replace_strict(_REASONS, default="WITHDRAWAL BY SUBJECT")
    return (
        base.with_columns(pl.col("arm").cast(pl.String))
        .join(people, on=["replicate", "arm", "id"], how="left", maintain_order="left")
        .join(left, on="USUBJID", how="left", maintain_order="left")
        .join(why.rename({"left": "left_why"}), on="USUBJID", how="left", maintain_order="left")
        .select(
            *("STUDYID", "USUBJID", "SUBJID", "REPL", "ARM", "ARMCD"),
            pl.col("TRTP").alias("TRT01P"),
            pl.col("TRTPN").alias("TRT01PN"),
            *(second if withdrawn else []),
            pl.col("age").round(1).alias("AGE"),
            pl.when(pl.col("age").is_not_null()).then(pl.lit("YEARS")).alias("AGEU"),
            pl.col("sex").alias("SEX"),
            pl.col("weight").round(1).alias("WEIGHTBL"),
            *_strata(allocation_of(result.trial)),
            "BASE",
            randomised.alias("ITTFL"),
            randomised.alias("RANDFL"),
            pl.when(pl.col("arm").is_in(known) & pl.col("ARMCD").is_in(known))
            .then(pl.lit("Y"))
            .otherwise(pl.lit("N"))
            .alias("AEASSFL"),
            pl.when(pl.col("left") | ended)
            .then(pl.lit("DISCONTINUED"))
            .otherwise(pl.lit("COMPLETED"))
            .alias("EOSSTT"),
            pl.when(pl.col("left"))
            .then(reason)
            .when(ended)
            .then(pl.lit("NOT RANDOMIZED AGAIN"))
            .alias("DCSREAS"),
        )
    )


def _strata(found: Allocation | None) -> list[pl.Expr]:
    """Strata of the randomisation of a subject, together and factor by factor."""
    if found is None:
        return []
    places: list[list[int]] = found.levels.T.tolist()
    levels = [[one.levels[k] for k in own] for one, own in zip(found.factors, places, strict=True)]
    whole = [", ".join(parts) for parts in zip(*levels, strict=True)]
    columns = [("STRATAR", whole)]
    columns += [(f"STRAT{w}R", own) for w, own in enumerate(levels, 1)]
    stratum = pl.col("stratum")
    made = [
        stratum.replace_strict(dict(enumerate(values)), return_dtype=pl.String).alias(name)
        for name, values in columns
    ]
    told = [pl.lit(one.name).alias(f"STRAT{w}D") for w, one in enumerate(found.factors, 1)]
    return [made[0], *(one for both in zip(told, made[1:], strict=True) for one in both)]


def _pool(result: TrialResult) -> Trial:
    """The trial with as many patients as were simulated."""
    asked = question_of(result.trial) if result.patients_differ else None
    return pooled(result.trial, asked)


def _events(result: TrialResult, rated: pl.DataFrame) -> pl.DataFrame:
    """Adverse events of the sessions that a subject had."""
    keys = ["STUDYID", "USUBJID", "SUBJID", "REPL", "ARMCD", "TRTP", "TRTPN"]
    own = ["replicate", "arm", "id"]
    subjects = rated.select(*own, *keys).with_columns(pl.col("arm").cast(pl.String)).unique(own)
    found = events_of(result, _pool(result)).with_columns(
        pl.col("replicate").cast(rated.schema["replicate"]), pl.col("id").cast(rated.schema["id"])
    )
    return (
        found.join(subjects, on=own, how="inner", maintain_order="left")
        .sort("REPL", "TRTPN", "SUBJID", "time_h", "term")
        .select(
            *keys,
            (pl.int_range(pl.len()).over("USUBJID") + 1).cast(pl.Int64).alias("AESEQ"),
            pl.col("term").alias("AETERM"),
            ((pl.col("time_h") / _DAY).floor().cast(pl.Int64) + 1).alias("ASTDY"),
            pl.col("time_h").alias("ATPT"),
            pl.col("session").alias("SESSN"),
            pl.lit("Y").alias("TRTEMFL"),
            pl.col("basis").alias("AEBASIS"),
        )
    )


def _scores(rated: pl.DataFrame) -> pl.DataFrame:
    """Scores at visits; who has left has no rows."""
    keys = ["USUBJID", "scale"]
    start = rated.filter(pl.col("time_h") == 0.0).select(*keys, pl.col("score").alias("BASE"))
    scale = pl.col("scale").cast(pl.String)
    times = sorted(rated["time_h"].unique().to_list())
    number = {time: float(place) for place, time in enumerate(times)}
    name = {time: _visit(time) for time in times}
    return (
        rated.filter(pl.col("score").is_not_null())
        .join(start, on=keys, how="left", maintain_order="left")
        .select(
            *("STUDYID", "USUBJID", "SUBJID", "REPL", "ARMCD", "TRTP", "TRTPN"),
            (scale + " Total Score").alias("PARAM"),
            scale.str.replace_all(r"[^A-Za-z0-9]", "")
            .str.to_uppercase()
            .str.head(8)
            .alias("PARAMCD"),
            pl.col("time_h").replace_strict(name, return_dtype=pl.String).alias("AVISIT"),
            pl.col("time_h").replace_strict(number, return_dtype=pl.Float64).alias("AVISITN"),
            ((pl.col("time_h") / _DAY).floor().cast(pl.Int64) + 1).alias("ADY"),
            pl.col("time_h").alias("ATPT"),
            *(["APERIOD"] if rated["APERIOD"].max() == _AGAIN else []),
            pl.col("score").alias("AVAL"),
            "BASE",
            pl.when(pl.col("time_h") > 0.0).then(pl.col("change")).alias("CHG"),
            pl.when((pl.col("time_h") > 0.0) & (pl.col("BASE") > 0.0))
            .then(100.0 * pl.col("change") / pl.col("BASE"))
            .alias("PCHG"),
            pl.when(pl.col("time_h") == 0.0).then(pl.lit("Y")).alias("ABLFL"),
        )
    )


def _visit(hours: float) -> str:
    if hours == 0.0:
        return "Baseline"
    return f"Hour {hours:g}" if hours < 2.0 * _DAY else f"Day {hours / _DAY:g}"
