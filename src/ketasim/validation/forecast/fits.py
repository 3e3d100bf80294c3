"""Simulated patients forecast from their first scores, beside what they were and were rated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.forecasting.forecast import SURVIVORS, weighed
from ketasim.forecasting.simulated import Simulated, predicted
from ketasim.forecasting.tables import limits_of
from ketasim.forecasting.weighing.ensemble import PATIENTS, Ensemble, ensemble
from ketasim.forecasting.weighing.weigh import ENOUGH, Weighed, weigh
from ketasim.population import session_normals
from ketasim.validation.forecast.points import points_of
from ketasim.validation.forecast.settings import COUNTS, KNOWN, LATER, Setting

Array = NDArray[np.float64]

RANKED: Final = ("sensitivity", "expected_28", "expected_56", "rated_28", "rated_56")
"""Quantities whose truth has a rank in its forecast: sensitivity to the drug, the score without
error and fluctuation on a later day, and the score as rated on it, before rounding."""

_TRUTH: Final = 1_000_003  # between the seed of a forecast and that of the patients
_LEARNT: Final = 2_000_003  # and of those from whom rivals learn


def simulated(setting: Setting, count: int, *, learnt: bool = False) -> Simulated:
    """The patients of a setting, or others of the same law from whom rivals may learn."""
    return setting.patients(count, (_LEARNT if learnt else _TRUTH) + setting.place)


def drawn_for(setting: Setting, n: int = PATIENTS, seed: int = 0) -> Ensemble:
    """The virtual patients by whom all patients of a setting are forecast."""
    return ensemble(
        setting.course, setting.times, n=n, seed=seed + setting.place, plan=setting.plan
    )


def fit_rows(
    setting: Setting,
    patients: Simulated,
    drawn: Ensemble,
    *,
    which: Sequence[tuple[int, int]] | None = None,
) -> Iterator[dict[str, Any]]:
    """Forecast patients of a setting from their first scores.

    A patient is weighed once by all scores that are asked for: what the first of them say is a part
    of that. Where more patients are looked for, each number of scores is a forecast of its own.

    **Main arguments:**

    - `setting`: of the patients. `patients`: as `simulated` draws them. `drawn`: as of `drawn_for`.

    **Other arguments:**

    - `which`: positions of patients and numbers of scores; all with each of `COUNTS` when left out.

    **Returns:** rows, one a patient and number of scores: setting, patient, scores, effective
    sample, further looks; `u_…` for each of `RANKED`, the chance by the forecast of less than the
    truth, uniform where it is calibrated; and for each later day the score as rated, median, mean
    and SD, whether it lies in the printed bands, chance of response and whether there was one, and
    ranked probability score.
    """
    if which is None:
        which = [(p, count) for p in range(len(patients.chain)) for count in COUNTS]
    later = patients.times[len(KNOWN) :]
    # of patients of whom nothing is known, the same for all
    chain = drawn.chain(later)
    prior = session_normals(drawn.size, 0, drawn.size, len(drawn.sessions))
    every: dict[int, list[int]] = {}
    for patient, count in which:
        every.setdefault(patient, []).append(count)
    for patient, counts in every.items():
        known = patients.known(patient, max(counts))
        whole = weigh(drawn, known, seed=patient)
        for count in counts:
            found, ahead, normals = _first(whole, count), chain, prior
            if found.effective < ENOUGH:
                found = weighed(
                    setting.course,
                    known.first(count),
                    seed=patient,
                    plan=setting.plan,
                    drawn=drawn,
                )
                ahead, size = found.ensemble.chain(later), found.ensemble.size
                normals = session_normals(patient, 0, size, len(drawn.sessions))
            row = _row(patients, patient, found, ahead.scores(found.normals(normals)))
            yield {"setting": setting.name, "patient": patient, "scores": count, **row}


def _first(found: Weighed, count: int) -> Weighed:
    """The same patients weighed by the first scores."""
    return replace(
        found,
        ratings=found.ratings.first(count),
        lower=found.lower[:, :count, :count],
        likelihood=found.likelihood.first(count),
    )


def _row(patients: Simulated, patient: int, found: Weighed, expected: Array) -> dict[str, Any]:
    times = patients.times[len(KNOWN) :]
    later = slice(len(KNOWN), None)
    baseline = found.ratings.baseline
    chance = float(np.random.default_rng((patient, len(found.ratings.times))).random())
    sensitivity = np.asarray(found.ensemble.values["sens"], np.float64)
    row: dict[str, Any] = {
        "effective": round(found.effective, 1),
        "looks": found.rounds,
        "u_sensitivity": _rank(found.own, sensitivity, patients.sensitivity[patient], chance),
    }
    truth, rated = patients.chain[patient, later], patients.ratings[patient, later]
    scores = patients.scores[patient, later]
    scale = baseline.scale
    mixture = predicted(found, times.tolist(), scale, count=SURVIVORS, seed=patient)
    spread, points = mixture.spread(scale), points_of(mixture, scale)
    responds = mixture.below(limits_of(found.ratings, scale).response)
    crps = [float(one) for one in points.crps(scores)]
    for place, day in enumerate(LATER):
        name = f"{day:g}"
        score = float(scores[place])
        row |= {
            f"u_expected_{name}": _rank(found.own, expected[:, place], truth[place], chance),
            f"u_rated_{name}": float(mixture.below(float(rated[place]))[place]),
            f"rated_{name}": score,
            f"median_{name}": float(spread["p50"][place]),
            f"mean_{name}": float(spread["mean"][place]),
            f"sd_{name}": float(spread["sd"][place]),
            f"in_50_{name}": bool(spread["p25"][place] <= score <= spread["p75"][place]),
            f"in_90_{name}": bool(spread["p05"][place] <= score <= spread["p95"][place]),
            f"p_response_{name}": float(responds[place]),
            f"response_{name}": bool(score <= np.floor(baseline.score / 2.0)),
            f"crps_{name}": crps[place],
        }
    return row


def _rank(weights: Array, values: Array, truth: float, chance: float) -> float:
    """Chance of less than the truth; of those equal to it a part by chance."""
    less, same = values < truth, values == truth
    return float(weights[less].sum() + chance * weights[same].sum())
