"""What one early score says of a later response, by the forecast, as published tables ask it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ketasim.dosing import Course, Score, load_course, scales
from ketasim.forecasting.forecast import SURVIVORS, weighed
from ketasim.forecasting.simulated import predicted
from ketasim.forecasting.weighing.ensemble import PATIENTS, ensemble
from ketasim.forecasting.weighing.ratings import rated
from ketasim.forecasting.weighing.steps import steps_for
from ketasim.population import to_madrs
from ketasim.validation.forecast.points import Points, points_of

_DAY: Final = 24.0
_LEAST: Final = 1e-4  # chance of an early score below which it is left out


@dataclass(frozen=True)
class Case:
    """A published question on early scores.

    **Arguments:**

    - `key`: of the case. `course`: without a score before treatment.
    - `baseline`: scale, mean and SD of that score. `early`, `later`: days of the two others.
    """

    key: str
    course: dict[str, Any]
    baseline: tuple[str, float, float]
    early: float
    later: float

    def of(self, score: float) -> Course:
        """The course of a patient with a score before treatment."""
        patient = {
            **self.course["patient"],
            "baseline": {"scale": self.baseline[0], "score": score},
        }
        return load_course({**self.course, "patient": patient, "horizon": f"{self.later:g} d"})


def _course(regimen: str, setting: str, background: str, *, blinded: bool) -> dict[str, Any]:
    return {
        "patient": {"weight": "80 kg", "setting": setting, "diagnosis": "trd"},
        "regimen": regimen,
        "mood": {"background": background, "blinded": blinded},
    }


_SPRAY: Final = "esketamine 56 mg intranasal on day 0, then 84 mg on days 3 7 10 14 17 21 24"
_SIX: Final = "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11"
_WEEKLY: Final = _SPRAY + " 28 35 42 49 56 63 70 77 84"

CASES: Final = (
    Case(
        "TRANSFORM", _course(_SPRAY, "outpatient", "new", blinded=True), ("MADRS", 37.4, 5.5), 1, 28
    ),
    Case(
        "six, first",
        _course(_SIX, "inpatient", "continued", blinded=False),
        ("MADRS", 36.6, 5.9),
        1,
        12,
    ),
    Case(
        "six, fourth",
        _course(_SIX, "inpatient", "continued", blinded=False),
        ("MADRS", 36.6, 5.9),
        8,
        12,
    ),
    Case(
        "clinics",
        _course(_WEEKLY, "outpatient", "continued", blinded=False),
        ("MADRS", 36.6, 5.9),
        4,
        90,
    ),
)
"""TRANSFORM-1 and -2, six infusions (early score a day after the first or the fourth), esketamine
in clinics. Scores before treatment and schedules are those of the studies in the package."""

_NODES: Final = ((-np.sqrt(3.0), 1.0 / 6.0), (0.0, 2.0 / 3.0), (np.sqrt(3.0), 1.0 / 6.0))


def early_rows(case: Case) -> Iterator[dict[str, Any]]:
    """Forecast each early score that is likely, at three scores before treatment.

    **Returns:** rows: case, baseline, score, chance (of baseline and score together), response (the
    forecast's chance of one at the later day) and mean of the later score.
    """
    scale, mean, sd = case.baseline
    top = float(scales()[scale])
    times = (case.early * _DAY, case.later * _DAY)
    bases = [float(np.clip(np.rint(mean + sd * z), 1.0, top)) for z, _ in _NODES]
    first = case.of(bases[1])
    plan = steps_for([first])
    drawn = ensemble(first, times, n=PATIENTS, seed=1, plan=plan)
    for base, (_, part) in zip(bases, _NODES, strict=True):
        course = case.of(base)
        assert course.patient.baseline is not None

        def forecast(scores: list[Score], course: Course = course) -> tuple[Points, Any]:
            baseline = course.patient.baseline
            assert baseline is not None
            known = rated(baseline, float(to_madrs(scale, baseline.score)), scores)
            found = weighed(course, known, seed=1, plan=plan, drawn=drawn)
            mixture = predicted(found, times, scale, count=SURVIVORS, seed=1)
            return points_of(mixture, scale), mixture.spread(scale)["mean"]

        prior = forecast([])[0].up_to[0]
        for score, chance in enumerate(np.diff(prior, prepend=0.0)):
            if chance < _LEAST:
                continue
            points, means = forecast([Score(times[0], scale, float(score))])
            yield {
                "case": case.key,
                "baseline": base,
                "score": score,
                "chance": float(part * chance),
                "response": float(points.at_most(base / 2.0)[1]),
                "later": float(means[1]),
            }
