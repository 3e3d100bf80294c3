"""The scores of a course as the law of ratings sees them: points of the MADRS, with their width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.dosing import Baseline, Course, Score, scales
from ketasim.population import convertible, to_madrs

Array = NDArray[np.float64]

_DAY: Final = 24.0
_SLIP: Final = 1e-6  # h


@dataclass(frozen=True, eq=False)
class Ratings:
    """Scores after the one before treatment, in the order of time.

    **Arguments:**

    - `baseline`: the score before treatment; `base`: the same in points of the MADRS.
    - `scores`: the others, length K, as they were given.
    - `times`: h since the start, shape (K,).
    - `values`: points of the MADRS, shape (K,).
    - `low`, `high`: between which the rating lay before it was rounded, points of the MADRS, shape
      (K,); endless at an end of the scale.
    """

    baseline: Baseline
    base: float
    scores: tuple[Score, ...]
    times: Array
    values: Array
    low: Array
    high: Array

    @property
    def scales(self) -> tuple[str, ...]:
        """Scale of each score, length K."""
        return tuple(one.scale for one in self.scores)

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Which lie inside their scale, not at its end, shape (K,)."""
        return np.isfinite(self.low) & np.isfinite(self.high)

    def first(self, count: int) -> Ratings:
        """The first of them."""
        part = slice(0, count)
        arrays = (one[part] for one in (self.times, self.values, self.low, self.high))
        return Ratings(self.baseline, self.base, self.scores[part], *arrays)


def ratings_of(course: Course) -> Ratings:
    """Read the scores of a course.

    The score before treatment is the one up to the first session; of several scales that of the
    MADRS, else the first. Without one it is `patient.baseline`.

    **Raises:** `InputError` when there is no score before treatment, or of a scale without a
    cross-walk to the MADRS.
    """
    for one in course.scores:
        _check_scale(one.scale, "scores.scale")
    before = _before(course)
    given = course.patient.baseline
    if before is None and given is None:
        raise InputError(
            "scores",
            "there is no score before treatment",
            "add one of day 0, or 'baseline' under 'patient'",
        )
    if before is None:
        assert given is not None
        baseline, later = given, course.scores
    else:
        if given is not None and given.scale == before.scale and given.score != before.score:
            raise InputError(
                "patient.baseline",
                f"{given.scale} {given.score:g}, and {before.score:g} before treatment in 'scores'",
                "leave one of them out",
            )
        baseline = Baseline(scale=before.scale, score=before.score)
        later = tuple(one for one in course.scores if one is not before)
        if given is not None and given.scale != before.scale:
            later = (Score(0.0, given.scale, given.score), *later)
    _check_scale(baseline.scale, "patient.baseline.scale")
    base = float(to_madrs(baseline.scale, baseline.score))
    if base <= 0.0:
        raise InputError(
            "scores",
            f"{baseline.scale} {baseline.score:g} before treatment means no depression",
            "give the score before treatment",
        )
    # what was rated before the start, or before treatment on another scale, is of its beginning
    later = tuple(Score(max(one.time, 0.0), one.scale, one.score) for one in later)
    return rated(baseline, base, sorted(later, key=lambda one: (one.time, one.scale)))


def rated(baseline: Baseline, base: float, scores: Sequence[Score]) -> Ratings:
    """Scores in points of the MADRS; arguments as of `Ratings`."""
    bounds = [_bounds(one.scale, one.score) for one in scores]
    low, high = (np.array([one[side] for one in bounds], np.float64) for side in (0, 1))
    exact = np.array([to_madrs(one.scale, one.score) for one in scores], np.float64)
    inside = np.isfinite(low) & np.isfinite(high)
    middle = (np.where(inside, low, 0.0) + np.where(inside, high, 0.0)) / 2.0
    return Ratings(
        baseline,
        base,
        tuple(scores),
        np.array([one.time for one in scores], np.float64),
        np.where(inside, middle, exact),
        low,
        high,
    )


def _bounds(scale: str, score: float) -> tuple[float, float]:
    """Between which points of the MADRS a rating lay that was rounded to a score."""
    top = float(scales()[scale])
    low = -np.inf if score < 0.5 else float(to_madrs(scale, score - 0.5))
    high = np.inf if score > top - 0.5 else float(to_madrs(scale, score + 0.5))
    return low, high


def _before(course: Course) -> Score | None:
    """The score before treatment that the others are compared with."""
    first = course.regimen.sessions[0]
    early = [one for one in course.scores if one.time <= _SLIP]
    early = early or [one for one in course.scores if one.time <= first + _SLIP]
    if not early:
        return None
    own = [one for one in early if one.scale == "MADRS"]
    return (own or early)[0]


def _check_scale(scale: str, field: str) -> None:
    if scale not in convertible():
        raise InputError(
            field,
            f"no published cross-walk links {scale} and MADRS",
            "use one of: " + ", ".join(convertible()),
        )
