"""What the model of a session makes of each published number, for a set of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri

from ketasim.calibration.session.training import SessionRow
from ketasim.dosing import Course
from ketasim.engine import concentrations
from ketasim.evidence import Card, load_card
from ketasim.models import MODELS, SESSION
from ketasim.population import (
    SESSION_CURVES,
    mean_of_maxima,
    mean_score,
    session_curve,
    share_ever,
    share_now,
    share_of_sessions,
    share_rising,
    time_back,
    time_from,
    virtual_patients,
)

Array = NDArray[np.float64]
Numbers = Mapping[str, float]

MINUTES = np.concatenate(
    [np.arange(0.0, 65.0, 2.5), np.arange(65.0, 130.0, 5.0), [135.0, 150.0, 180.0, 240.0]]
)
_STEP = 1e-3  # of the central differences, on the scale on which a number is free
PRESSURES = ("SBP", "DBP", "HR")
_EVENTS = {event.name: event for event in SESSION.events}
_CURVES = {curve.event or curve.name.lower(): curve for curve in SESSION_CURVES}
# What a published timing is worth; nothing is printed (assumed).
_TIME_SD = 7.5  # min
_SHARE_SD = 0.3  # probit or log scale, of what is left when an effect is called resolved
# SD of one patient's rise: measured (yale2024bp, acute/acute_observed), of the heart rate assumed.
_RISE_SD = {"SBP": 11.2, "DBP": 8.45, "HR": 10.0}
# What the share of patients in a programme is worth: all are taken to have the mean number of
# sessions, of which they had from one to hundreds (assumed, probit scale).
_PROGRAMME_SD = 0.15
_NEVER = 1e-6  # share below which predictions are not told apart
_LARGER = 1.02  # factor on the drug's rise, for what a study's own rise does to a share
_FEWEST = 0.5  # people; a share of nobody still has an error


class SessionProblem:
    """Published numbers, the exposures behind them, and predictions on the scale of the fit.

    Shares are compared as probits, scores as logarithms, pressures and times as they are.

    **Arguments:**

    - `rows`: the published numbers.
    - `prior`: the card that holds what is not free.
    """

    def __init__(self, rows: Sequence[SessionRow], prior: Card) -> None:
        self.rows = tuple(rows)
        self.prior = prior
        self.published = np.array([_scaled(row, row.value) for row in rows])
        self.variance = np.array([self._error(row) ** 2 for row in rows])
        self.studies = np.array([row.study for row in rows])
        self.whats = np.array([row.what for row in rows])
        # a rise is measured: it has no part in how studies differ in what is reported
        self.shares = np.array([_is_probit(row) and row.what not in PRESSURES for row in rows])
        self.scores = np.array([row.unit == "points" for row in rows])
        self.pressed = np.array([row.what in PRESSURES for row in rows])

    def predict(self, values: Numbers) -> tuple[Array, Array]:
        """Predictions of all rows in the units of the table, and the drug's part of a pressure.

        **Arguments:**

        - `values`: the card's numbers.

        **Returns:** two arrays of shape (rows,); the second is how a pressure changes, on the scale
        of the fit, with the logarithm of the drug's rise, and 0 where it has no meaning.
        """
        effects: dict[str, Array] = {}
        found: dict[object, tuple[float, float]] = {}
        total, drug = np.zeros(len(self.rows)), np.zeros(len(self.rows))
        for i, row in enumerate(self.rows):
            key = (row.what, row.statistic, row.courses, row.sessions, row.minute, row.cut)
            full = (*key, row.older, row.drug)
            if full not in found:
                found[full] = self._predicted(values, row, effects)
            bare, drug[i] = found[full]
            total[i] = _with_background(row, bare)
        return total, drug

    def scaled(self, predicted: Array, *, bounded: bool = True) -> Array:
        """Predictions on the scale of the fit; what is published as a bound pulls from above.

        **Arguments:**

        - `predicted`: in the units of the table, shape (rows,).
        - `bounded`: false gives a prediction within a bound as it is.
        """
        found = np.array([_scaled(r, p) for r, p in zip(self.rows, predicted, strict=True)])
        if not bounded:
            return found
        bound = np.array([row.statistic.endswith(("at_most", "by_time")) for row in self.rows])
        return np.where(bound, np.maximum(found, self.published), found)

    @staticmethod
    def unscaled(row: SessionRow, value: float) -> float:
        """Back from the scale of the fit."""
        if row.unit == "fraction":
            return float(ndtr(value))
        return float(np.exp(value)) if row.unit == "points" else value

    def jacobian(self, values: Numbers, symbols: Sequence[str], scales: Sequence[str]) -> Array:
        """Derivatives of the predictions on the scale of the fit, by central differences.

        **Arguments:**

        - `values`: the card's numbers. `symbols`: those to differentiate by, each on its scale of
          `scales`.

        **Returns:** shape (rows, symbols).
        """

        def moved(symbol: str, scale: str, step: float) -> Array:
            value = _shifted(values[symbol], scale, step)
            return self.scaled(self.predict({**values, symbol: value})[0])

        columns = [
            (moved(symbol, scale, _STEP) - moved(symbol, scale, -_STEP)) / (2 * _STEP)
            for symbol, scale in zip(symbols, scales, strict=True)
        ]
        return np.stack(columns, axis=1)

    def between(self, values: Numbers, drug: Array) -> Array:
        """Covariance between rows of the same study, on the scale of the fit."""
        same = (self.studies[:, None] == self.studies[None, :]).astype(np.float64)
        alike = same * (self.whats[:, None] == self.whats[None, :])
        probit = np.outer(self.shares, self.shares)
        # of a score, whose logarithm is fitted, the spread is relative as well
        gain = np.outer(drug, drug) * np.outer(self.pressed, self.pressed)
        gain = gain + np.outer(self.scores, self.scores)
        reported = values["tau_study"] ** 2 * same + values["tau_event"] ** 2 * alike
        return reported * probit + values["tau_gain"] ** 2 * same * gain

    def _predicted(
        self, values: Numbers, row: SessionRow, effects: dict[str, Array]
    ) -> tuple[float, float]:
        """Prediction without background, and the drug's part of it; averaged over the doses."""
        if not row.courses:
            nobody = np.zeros((len(MINUTES), 1))
            return self._of_effect(values, row, nobody, (nobody, nobody))
        parts: list[tuple[float, float]] = []
        for course in row.courses:
            key, drug = course.title, exposure(course)
            if key not in effects:
                effects[key] = SESSION.effect(values, *drug)
            parts.append(self._of_effect(values, row, effects[key], drug))
        mean = np.mean(parts, axis=0)
        return float(mean[0]), float(mean[1])

    def _of_effect(
        self, values: Numbers, row: SessionRow, effect: Array, drug: tuple[Array, Array]
    ) -> tuple[float, float]:
        if row.statistic.endswith("_time"):
            return _time(values, row, effect, drug), 0.0
        if row.what in PRESSURES:
            return _pressure(values, row, effect)
        if row.what == "cadss":
            score = mean_score(values, effect, row.sessions).mean(axis=1)
            if row.statistic == "mean_at_most":
                return _at(row, score), 0.0
            return float(score.max()), 0.0
        event = _EVENTS[row.what]
        if row.statistic == "ever":
            return share_ever(values, event, effect.max(axis=0), row.sessions), 0.0
        if row.statistic == "sessions":
            return share_of_sessions(values, event, effect.max(axis=0), row.sessions), 0.0
        return _at(row, share_now(values, event, effect).mean(axis=1)), 0.0

    def _error(self, row: SessionRow) -> float:
        """Standard error of a published number on the scale of the fit."""
        if row.statistic.endswith("_time"):
            return _TIME_SD
        if row.minute is not None and row.what not in PRESSURES:
            return _SHARE_SD
        if row.study == "rems" and row.statistic == "ever":
            return _PROGRAMME_SD
        if row.low is not None and row.high is not None:
            return abs(_scaled(row, row.high) - _scaled(row, row.low)) / (2 * 1.96)
        assert row.n is not None or row.use != "fit", row
        n = row.n or 100.0
        if _is_probit(row):
            share = float(np.clip(row.value, _FEWEST / n, 1 - _FEWEST / n))
            variance = share * (1 - share) / n
            if row.comparator is not None and row.comparator_n is not None:
                seen = float(np.clip(row.comparator, _FEWEST / row.comparator_n, 1))
                spared = (1 - share) / (1 - seen)
                variance += spared**2 * seen * (1 - seen) / row.comparator_n
            density = np.exp(-(ndtri(share) ** 2) / 2) / np.sqrt(2 * np.pi)
            return float(np.sqrt(variance) / density)
        if row.what == "cadss":
            spread = self.prior.values()["omega"]
            return float(np.sqrt(np.expm1(spread**2) / n))
        return float(_RISE_SD[row.what] / np.sqrt(n))


@cache
def exposure(course: Course) -> tuple[Array, Array]:
    """S-ketamine and S-norketamine at the effect site, ng/mL, each of shape (times, patients)."""
    model = MODELS["reference"]
    cohort = virtual_patients(course, load_card("reference"), model)
    solved = concentrations(
        model,
        cohort.values,
        course.regimen.doses,
        MINUTES / 60.0,
        cohort.weight,
        sites=(SESSION.site,),
        areas=False,
    )
    return solved.values["s_ketamine", SESSION.site], solved.values["s_norketamine", SESSION.site]


def _time(values: Numbers, row: SessionRow, effect: Array, drug: tuple[Array, Array]) -> float:
    """When the mean over patients begins, is highest or is back, min after the start."""
    curve = _CURVES[row.what.lower()]
    mean = session_curve(values, curve, effect, *drug).mean(axis=1)
    if row.statistic == "peak_time":
        return _top(mean)
    when = time_from if row.statistic == "onset_time" else time_back
    return min(when(MINUTES, mean, values[curve.level]), MINUTES[-1])


def _pressure(values: Numbers, row: SessionRow, effect: Array) -> tuple[float, float]:
    full = values[f"{row.what}_full"]
    mean = full * effect.mean(axis=1)
    if row.statistic == "mean_change":
        return float(mean.max()), float(mean.max())
    if row.statistic == "mean_at":
        at = _at(row, mean)
        return at, at
    scatter = values[f"sigma_{row.what}"]
    base = values[f"older_{row.what}"] if row.older else 0.0
    readings = [values[f"reading_{i}"] for i in (1, 2, 3)]
    read = np.array([np.interp(readings, MINUTES, patient) for patient in effect.T], np.float64).T
    if row.statistic == "mean_max":
        total = mean_of_maxima(full, values, read, scatter, base)
        return total, total - mean_of_maxima(0.0, values, read[:, :1], scatter, base)
    assert row.cut is not None
    share, larger = (
        share_rising(row.cut, f * full, values, read, scatter, row.sessions, base)
        for f in (1.0, _LARGER)
    )
    # on the scale of the fit, by the logarithm of the drug's rise
    slope = (_scaled(row, larger) - _scaled(row, share)) / np.log(_LARGER)
    return share, float(slope)


def _top(curve: Array) -> float:
    """Time of the highest point of a curve over `MINUTES`, through a parabola, min."""
    i = int(np.clip(np.argmax(curve), 1, len(curve) - 2))
    a, b, _ = np.polyfit(MINUTES[i - 1 : i + 2], curve[i - 1 : i + 2], 2)
    top = np.clip(-b / (2 * a), MINUTES[i - 1], MINUTES[i + 1]) if a < 0 else MINUTES[i]
    return float(top)


def _shifted(value: float, scale: str, step: float) -> float:
    """A number moved by a step on the scale on which it is free."""
    if scale == "logit":
        return float(expit(logit(value) + step))  # pyright: ignore[reportUnknownArgumentType]
    return value * float(np.exp(step)) if scale == "log" else value + step


def _at(row: SessionRow, curve: Array) -> float:
    """A curve over `MINUTES` at the minute of a row."""
    assert row.minute is not None, row
    return float(np.asarray(np.interp(row.minute, MINUTES, curve), np.float64))


def _is_probit(row: SessionRow) -> bool:
    return row.unit == "fraction"


def _scaled(row: SessionRow, value: float) -> float:
    if row.unit == "fraction":
        few = _FEWEST / (row.n or 1e4)
        share = float(np.clip(value, _NEVER, 1 - few))
        return float(ndtri(share))  # pyright: ignore[reportUnknownArgumentType]
    return float(np.log(value)) if row.unit == "points" else value


def _with_background(row: SessionRow, share: float) -> float:
    """Add those who would show it without the drug, whom the comparator counts."""
    if row.comparator is None:
        return share
    return 1.0 - (1.0 - share) * (1.0 - row.comparator)
