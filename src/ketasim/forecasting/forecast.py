"""The verb `forecast`: one patient's scores so far, and what may follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.dosing import Course, load_course
from ketasim.engine import Plan
from ketasim.evidence import load_card
from ketasim.forecasting.ahead import days_ahead, fluctuations, followed
from ketasim.forecasting.cautions import cautions
from ketasim.forecasting.difference import Followed, differences
from ketasim.forecasting.fit import fit_table, tail_chance
from ketasim.forecasting.mixture import Mixture
from ketasim.forecasting.options import Options, options_of
from ketasim.forecasting.past import past_table
from ketasim.forecasting.result import Forecast
from ketasim.forecasting.tables import day_rows, lost_row, lost_table, part_rows, scales_of, well_of
from ketasim.forecasting.weighing.ensemble import PATIENTS, Ensemble, Normals, ensemble
from ketasim.forecasting.weighing.ratings import Ratings, ratings_of
from ketasim.forecasting.weighing.scale_error import scale_error
from ketasim.forecasting.weighing.shared import SHARED
from ketasim.forecasting.weighing.steps import steps_for
from ketasim.forecasting.weighing.weigh import ENOUGH, Weighed, weigh
from ketasim.forecasting.words import learned_words, lost_words, unusual_words
from ketasim.population import session_normals
from ketasim.vocabulary import scale_words

Array = NDArray[np.float64]

SURVIVORS: Final = 3200
"""Patients who are followed ahead."""

LEAST_PATIENTS: Final = 1000
"""Fewest virtual patients that can be asked for."""

MOST_PATIENTS: Final = 1_000_000
"""Most virtual patients that can be asked for."""

_PRIOR: Final = 200  # solutions of the population that is shown beside the patient
_EACH: Final = 4  # patients on each


def forecast(
    course: Course | Mapping[str, Any] | str | Path,
    *,
    n: int = PATIENTS,
    seed: int | None = None,
    level: float = 0.5,
) -> Forecast:
    """Forecast one patient from the scores so far, under each candidate for what follows.

    Virtual patients of the patient's course, each with parameters drawn within their uncertainty,
    are weighed by how likely they make the scores; those that remain are followed ahead.

    **Main arguments:**

    - `course`: a course with `scores` and, for candidates, `next`; its content as a mapping, the
      path of a course file, or the name of an example that ships.

    **Other arguments:**

    - `n`: virtual patients drawn.
    - `seed`: of all that is drawn; that of the course's population, or 0, when left out.
    - `level`: probability of having lost the response whose day is told.

    **Returns:** `Forecast`. Decision support for professionals; not medical advice.

    **Raises:** `InputError`, one line with the field and the remedy.
    """
    course = course if isinstance(course, Course) else load_course(course)
    if seed is None:
        seed = 0 if course.population is None else course.population.seed
    _check(n, seed, level)
    ahead, ratings = options_of(course), ratings_of(course)
    plan = steps_for([ahead.given, *(one.course for one in ahead.options)])
    found = weighed(with_baseline(ahead.given, ratings), ratings, n=n, seed=seed, plan=plan)
    return _told(course, ahead, found, seed, level, plan)


def with_baseline(course: Course, ratings: Ratings) -> Course:
    """The course of a patient who has the score before treatment that was measured."""
    return replace(course, patient=course.patient.model_copy(update={"baseline": ratings.baseline}))


def weighed(
    course: Course,
    ratings: Ratings,
    *,
    n: int = PATIENTS,
    seed: int = 0,
    plan: Plan | None = None,
    drawn: Ensemble | None = None,
) -> Weighed:
    """Draw virtual patients of a course and weigh them by scores.

    **Main arguments:**

    - `course`: with the score before treatment. `ratings`: the scores.

    **Other arguments:**

    - `n`: virtual patients. `seed`: of all that is drawn. `plan`: steps of the solver.
    - `drawn`: patients of that course drawn before, solved at the times of the ratings and others,
      in place of new ones: many patients of one calendar may share them.
    """
    times = ratings.times if drawn is None else drawn.times

    def look(normals: Normals, own_seed: int) -> Ensemble:
        count = normals.inner.shape[1]
        return ensemble(course, times, n=count, seed=own_seed, drawn=normals, plan=plan)

    first = ensemble(course, times, n=n, seed=seed, plan=plan) if drawn is None else drawn
    if drawn is not None:
        first = drawn.rebased(course, ratings.base)
    return weigh(first, ratings, seed=seed, look=look)


def _check(n: int, seed: int, level: float) -> None:
    if n < LEAST_PATIENTS:
        raise InputError("n", f"{n} virtual patients are too few", f"give {LEAST_PATIENTS} or more")
    if n > MOST_PATIENTS:
        raise InputError(
            "n", f"{n:,} virtual patients are too many", f"give at most {MOST_PATIENTS:,}"
        )
    if seed < 0:
        raise InputError("seed", f"{seed} is below 0", "give 0 or more")
    if not 0.0 < level < 1.0:
        raise InputError("level", f"{level:g} is no probability", "give one between 0 and 1")


def _told(
    course: Course,
    ahead: Options,
    found: Weighed,
    seed: int,
    level: float,
    plan: Plan,
) -> Forecast:
    ratings = found.ratings
    first = found.ensemble
    survivors = found.survivors(SURVIVORS, seed)
    times = days_ahead(ahead.now, ahead.horizon)
    # the first of the ensemble are those of the prior
    few = min(_PRIOR, first.size // SHARED)
    prior = (SHARED * np.arange(few)[:, None] + np.arange(_EACH)).ravel()
    chosen = np.concatenate([survivors.chosen, prior])
    options = ahead.options
    bare = [replace(one, course=with_baseline(one.course, ratings)) for one in options]
    most = max(len(one.course.regimen.sessions) for one in bare)
    normals = np.vstack(
        [survivors.normals(most), session_normals(seed, len(survivors.chosen), len(prior), most)]
    )
    every = followed(first, chosen, normals, bare, times, plan)
    count = len(survivors.chosen)
    scales = scales_of(ratings)
    noise = fluctuations(survivors, times, scales, seed)
    law = first.law.take(first.solution[prior])
    widths = {scale: np.sqrt(law.variance(times, scale)) for scale in scales}
    tables: list[pl.DataFrame] = []
    priors: list[pl.DataFrame] = []
    parts: list[pl.DataFrame] = []
    lost: list[dict[str, Any]] = []
    side: list[Followed] = []
    for one, both in zip(options, every, strict=True):
        mine = replace(
            both, score=both.score[:count], parts={k: v[:count] for k, v in both.parts.items()}
        )
        keeps = well_of(mine, noise, ratings)
        kept = keeps.p_well
        side.append(Followed(one.name, mine, keeps))
        for scale in scales:
            rating = noise.rating(scale, mine.score)
            tables.append(day_rows(one.name, rating, scale, ratings, times, kept))
            theirs = Mixture(both.score[count:], widths[scale])
            priors.append(day_rows(one.name, theirs, scale, ratings, times, None))
        parts.append(part_rows(one.name, mine, times, ratings.base))
        lost.append(lost_row(one, mine, noise, ratings, level))
    days, before = pl.concat(tables), pl.concat(priors)
    moved, learned = _learned(days, before, ratings)
    tail = tail_chance(found, found.first, seed)
    return Forecast(
        course=course,
        ahead=ahead,
        ratings=ratings,
        days=days,
        prior=before,
        contributions=pl.concat(parts),
        lost=lost_table(lost),
        differences=differences(side, noise, ratings, found.effective),
        past=past_table(first, survivors, with_baseline(ahead.given, ratings), ahead.now, plan),
        fit=fit_table(found, survivors),
        patients=first.size,
        effective=found.effective,
        rounds=found.rounds,
        moved=moved,
        information=found.information,
        tail=tail,
        learned=learned,
        unusual=unusual_words(tail, len(ratings.scores)),
        losing=tuple(
            lost_words(
                row["option"], level, row["day"], row["p_lost"], row["horizon"], row["p_responded"]
            )
            for row in lost
        ),
        cards=(load_card("reference"), load_card("receptor"), first.given.card),
        given=first.given,
        errors=tuple(scale_error(scale) for scale in scales),
        seed=seed,
        level=level,
        warnings=tuple(
            dict.fromkeys(
                (
                    *cautions(ahead, first.given.situation.setting),
                    *(w for one in options for w in one.course.warnings),
                    *first.given.warnings,
                    *_few(found),
                )
            )
        ),
    )


def _few(found: Weighed) -> tuple[str, ...]:
    """Say where hardly any virtual patient is like this one."""
    if found.effective >= ENOUGH:
        return ()
    if not found.ratings.scores:
        told = (
            f"The effective sample is {found.effective:.0f}, below {ENOUGH:.0f}: few virtual "
            "patients were drawn, and chances and ranges are rough. Draw more."
        )
        return (told,)
    told = (
        f"The effective sample is {found.effective:.0f} after {found.rounds} further looks, below "
        f"{ENOUGH:.0f}: hardly any virtual patient has such scores, and chances and ranges are "
        "rough. Another seed shows by how much."
    )
    return (told,)


def _learned(days: pl.DataFrame, before: pl.DataFrame, ratings: Ratings) -> tuple[float, str]:
    """Part of the variance that the scores took away at the end, and the sentence."""
    scale = ratings.baseline.scale
    rows = [
        table.filter((pl.col("scale") == scale) & (pl.col("day") == table["day"].max())).row(
            0, named=True
        )
        for table in (before, days)
    ]
    old, new = rows
    gone = 1.0 - (new["sd"] / old["sd"]) ** 2 if old["sd"] > 0.0 else 0.0
    where = f"{scale_words(scale)} on day {new['day']:.4g}"
    ends = [(row["p05"], row["p95"]) for row in (old, new)]
    return gone, learned_words(len(ratings.scores), gone, where, ends[0], ends[1])
