"""The noise within a patient, estimated from published ratings of the same people at two visits.

Three numbers of the card `mood` are estimated here, by themselves, and start the calibration: SD of
a rating's error, SD of a fluctuation of state, and the rate at which that is forgotten. What tells
them apart is time: the SD of change between two visits does not go to zero with the days between
them (the error), and grows over some weeks to a plateau (the fluctuation). What goes on growing is
true change, which differs between patients: each set of data has a trend of its own for it.

Data (`mood/noise_training` says which row enters as what, and why another does not):

- covariances of all pairs of visits in the two arms of a real trial (`mood/visit_moments`),
- SDs of change between two visits on a scale with a cross-walk, in points of the MADRS,
- SDs of change by interval on a scale without one, with a free factor: their shape alone,
- the error of two independent interviews on one occasion.

The noise does not depend on the level of the score: `level_power` estimates a power of it that is
zero within its error, where the scale's floor is not near. Below, ratings are cut by the floor.

No study is taken to measure the noise of all people: each has a factor of its own on it, with the
SD `BETWEEN_STUDIES`, which is assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.evidence import Entry, Fact, fact, facts, number
from ketasim.population import NOISE_SYMBOLS, VisitNoise, to_madrs

Array = NDArray[np.float64]

BETWEEN_STUDIES: Final = 0.15
"""SD of the logarithm of a study's own factor on the noise, assumed."""
ERROR_SD: Final = 0.2
"""The same of the error of two interviews: beside its sampling, other raters and training."""
SHAPE_SD: Final = 0.05
"""Relative SE of a point of the shape by interval: a few hundred patients, many intervals each."""
FLOOR: Final = 10.0
"""Points of the MADRS below which a mean is near the floor, seen from the SD of change."""

_DAY: Final = 24.0
_HAMILTON: Final[Mapping[str, str]] = {"HAMD17": "HDRS17", "HDRS": "HDRS17", "HAMD": "HDRS17"}
# logarithms at the start, and the SDs of what is known of them before: hardly anything
_START: Final[Mapping[str, tuple[float, float]]] = {
    "sigma": (np.log(3.0), 1.0),
    "omega_F": (np.log(4.0), 1.0),
    "k_F": (np.log(0.002), 1.5),
}


@dataclass(frozen=True)
class NoiseRow:
    """A published number of the noise beside what the estimate gives for it.

    **Arguments:**

    - `source`, `group`: whose. `days`: first and second visit.
    - `unit`: points of which scale. `published`, `fitted`: SD of the change between them (of the
      score, where both are one visit), with the trend of the study.
    """

    source: str
    group: str
    days: tuple[float, float]
    unit: str
    published: float
    fitted: float


@dataclass(frozen=True)
class NoiseFit:
    """The noise within a patient as estimated.

    **Arguments:**

    - `numbers`: by `NOISE_SYMBOLS`. `sd`: SE of the logarithm of each.
    - `correlation`: of the logarithms, shape (3, 3), in that order.
    - `rows`: what was fitted.
    """

    numbers: Mapping[str, float]
    sd: Mapping[str, float]
    correlation: Array
    rows: tuple[NoiseRow, ...]

    def interval(self, symbol: str) -> tuple[float, float]:
        """95 % interval of a number."""
        factor = float(np.exp(1.96 * self.sd[symbol]))
        return self.numbers[symbol] / factor, self.numbers[symbol] * factor

    def entries(self, card_entries: Mapping[str, Entry]) -> tuple[Entry, ...]:
        """Entries of the card, with grade, source and uncertainty.

        **Arguments:**

        - `card_entries`: of a card with these symbols, whose units and meanings are kept.
        """
        found: list[Entry] = []
        for symbol in NOISE_SYMBOLS:
            low, high = self.interval(symbol)
            spread = 100.0 * float(np.sqrt(np.expm1(self.sd[symbol] ** 2)))
            found.append(
                card_entries[symbol].replace(
                    value=_short(self.numbers[symbol]),
                    grade="fitted",
                    source="ketasim",
                    locator="noise within patients, mood/noise_training and mood/visit_moments",
                    rse=_short(spread),
                    low=_short(low),
                    high=_short(high),
                    interval="95% interval of the estimate",
                    note="",
                )
            )
        return tuple(found)


@dataclass(frozen=True)
class _Part:
    """A set of data: minus its log likelihood, and its rows, by all the numbers."""

    cost: Callable[[Mapping[str, float]], float]
    rows: Callable[[Mapping[str, float]], list[NoiseRow]]
    own: Mapping[str, tuple[float, float]]


@cache
def estimate_noise() -> NoiseFit:
    """Estimate the noise within a patient from the published tables.

    **Returns:** `NoiseFit`: the most likely numbers under weak priors, with errors by the curvature
    there. The same every time: nothing is drawn.
    """
    chosen = [row for row in facts("mood/noise_training") if row.get("use") == "fit"]
    by_kind: dict[str, list[Fact]] = {}
    for row in chosen:
        by_kind.setdefault(row.get("kind"), []).append(row)
    return _most_likely(
        [
            _covariances(facts("mood/visit_moments")),
            _changes(by_kind["change"]),
            _shape(by_kind["shape"]),
            _error(by_kind["error"]),
        ]
    )


def _most_likely(parts: Sequence[_Part]) -> NoiseFit:
    from scipy.optimize import minimize  # scipy is slow to load

    known = dict(_START) | {name: prior for part in parts for name, prior in part.own.items()}
    names = list(known)
    means, sds = (np.array([known[name][i] for name in names]) for i in (0, 1))

    def cost(point: Array) -> float:
        values = dict(zip(names, map(float, point), strict=True))
        return sum(part.cost(values) for part in parts) + float(
            np.sum(((point - means) / sds) ** 2) / 2.0
        )

    best = minimize(cost, means, method="BFGS", options={"gtol": 1e-4})
    point = np.asarray(best.x, np.float64)
    covariance = np.linalg.inv(_curvature(cost, point))[:3, :3]
    sd = np.sqrt(np.diag(covariance))
    values = dict(zip(names, map(float, point), strict=True))
    return NoiseFit(
        numbers={symbol: float(np.exp(values[symbol])) for symbol in NOISE_SYMBOLS},
        sd=dict(zip(NOISE_SYMBOLS, map(float, sd), strict=True)),
        correlation=covariance / np.outer(sd, sd),
        rows=tuple(row for part in parts for row in part.rows(values)),
    )


def level_power(above: float = FLOOR) -> tuple[float, float]:
    """Power of the level of the score to which the SD of change goes, in the real trial.

    **Arguments:**

    - `above`: points of the MADRS; groups of patients with a mean below are left out.

    **Returns:** the power and its SE: a line through the logarithms of `mood/change_by_level`, with
    a factor of its own for each arm and pair of visits.
    """
    groups: dict[tuple[str, ...], list[tuple[float, float, float]]] = {}
    for row in facts("mood/change_by_level"):
        level = to_madrs(_HAMILTON[row.get("scale")], _number(row, "mean_level"))
        if level >= above:
            which = tuple(row.get(name) for name in ("group", "day_1", "day_2"))
            point = (np.log(level), np.log(_number(row, "sd_change")), _number(row, "n") - 1.0)
            groups.setdefault(which, []).append(point)
    moved = square = 0.0
    for points in groups.values():
        level, sd, weight = np.array(points).T
        away = level - np.average(level, weights=weight)
        moved += float(np.sum(weight * away * sd))
        square += float(np.sum(weight * away**2))
    # the variance of the logarithm of an SD is 1/(2(n - 1))
    return moved / square, float(np.sqrt(0.5 / square))


def _law(values: Mapping[str, float], study: str = "") -> VisitNoise:
    own = np.exp(values.get(f"study {study}", 0.0))
    sigma, omega, rate = (np.exp(values[symbol]) for symbol in NOISE_SYMBOLS)
    return VisitNoise(own * sigma, own * omega, rate)


def _covariances(table: Sequence[Fact]) -> _Part:
    """Scores at all visits: a level and a trend of each patient, the noise on top of them."""
    arms: dict[str, list[Fact]] = {}
    for row in table:
        arms.setdefault(row.get("group"), []).append(row)
    study = table[0].source
    days = np.array(sorted({_number(row, "day_1") for row in table}))
    found: dict[str, tuple[Array, float]] = {}
    for arm, members in arms.items():
        matrix = np.empty((len(days), len(days)))
        for row in members:
            i, j = (int(np.searchsorted(days, _number(row, f"day_{k}"))) for k in (1, 2))
            ends = (_slope(row, "mean_1"), _slope(row, "mean_2"))
            matrix[i, j] = matrix[j, i] = ends[0] * ends[1] * _number(row, "covariance")
        found[arm] = matrix, float(np.mean([_number(row, "n") for row in members])) - 1.0

    def law(values: Mapping[str, float], arm: str) -> Array:
        level, trend = np.exp(values[f"level {arm}"]), np.exp(values[f"trend {arm}"])
        both = np.tanh(values[f"both {arm}"]) * level * trend
        course = 1.0 - np.exp(-np.exp(values["course"]) * days)
        noise = _law(values, study)
        kept = np.exp(-noise.rate * _DAY * np.abs(days[:, None] - days))
        own = noise.omega**2 * kept + noise.sigma**2 * np.eye(len(days))
        return (
            own + level**2 + both * (course[:, None] + course) + trend**2 * np.outer(course, course)
        )

    def cost(values: Mapping[str, float]) -> float:
        total = 0.0
        for arm, (matrix, n) in found.items():
            expected = law(values, arm)
            part = np.linalg.slogdet(expected)[1] + np.trace(np.linalg.solve(expected, matrix))
            total += n * float(part) / 2.0
        return total

    def rows(values: Mapping[str, float]) -> list[NoiseRow]:
        shown: list[NoiseRow] = []
        for arm, (matrix, _) in found.items():
            expected = law(values, arm)
            for i, one in enumerate(days):
                for j in range(i, len(days)):
                    sd = [
                        float(np.sqrt(m[i, i] if i == j else m[i, i] + m[j, j] - 2 * m[i, j]))
                        for m in (matrix, expected)
                    ]
                    pair = (float(one), float(days[j]))
                    shown.append(NoiseRow(study, arm, pair, "MADRS", sd[0], sd[1]))
        return shown

    own = {f"study {study}": (0.0, BETWEEN_STUDIES), "course": (np.log(0.1), 1.0)}
    for arm in arms:
        own |= {
            f"level {arm}": (np.log(5.0), 1.0),
            f"trend {arm}": (np.log(5.0), 1.0),
            f"both {arm}": (0.0, 0.5),
        }
    return _Part(cost, rows, own)


def _changes(chosen: Sequence[Fact]) -> _Part:
    """SDs of change, in points of the MADRS; patients differ in trend as in the real trial."""
    data = [(row, fact(row.get("fact"))) for row in chosen]
    slopes = [_scale_slope(row.get("scale")) for _, row in data]
    published = [
        slope * _number(row, "sd_change") for slope, (_, row) in zip(slopes, data, strict=True)
    ]

    def expected(values: Mapping[str, float]) -> list[float]:
        sds: list[float] = []
        for choice, row in data:
            first, second = _number(choice, "day_1"), _number(choice, "day_2")
            noise = _law(values, row.source)
            rate = np.exp(values["course"])
            arm = "placebo" if "placebo" in row.get("group") else "drug"
            grown = np.exp(-rate * first) - np.exp(-rate * second)
            # two visits differ as a visit and the rating before treatment do
            own = float(noise.covariance(*2 * [(second - first) * _DAY]))
            sds.append(float(np.sqrt(own + (np.exp(values[f"trend {arm}"]) * grown) ** 2)))
        return sds

    def cost(values: Mapping[str, float]) -> float:
        total = 0.0
        for (_, row), sd, fitted in zip(data, published, expected(values), strict=True):
            total += (_number(row, "n") - 1.0) * np.log(sd / fitted) ** 2
        return float(total)

    def rows(values: Mapping[str, float]) -> list[NoiseRow]:
        return [
            NoiseRow(row.source, row.get("group"), _days(choice), "MADRS", sd, fitted)
            for (choice, row), sd, fitted in zip(data, published, expected(values), strict=True)
        ]

    return _Part(cost, rows, {f"study {row.source}": (0.0, BETWEEN_STUDIES) for _, row in data})


def _shape(chosen: Sequence[Fact]) -> _Part:
    """SDs of change by interval on a scale of its own: a factor, and a trend as time goes on."""
    data = [(row, fact(row.get("fact"))) for row in chosen]
    days = np.array([_number(row, "day_2") for row, _ in data])
    published = np.array(
        [_number(row, "sd_change" if row.get("sd_change") else "value") for _, row in data]
    )
    last = float(days.max())

    def expected(values: Mapping[str, float]) -> Array:
        trend = np.exp(values["trend of the shape"]) * days / last
        own = _law(values).covariance(days * _DAY, days * _DAY)
        return np.exp(values["factor of the shape"]) * np.sqrt(own + trend**2)

    def cost(values: Mapping[str, float]) -> float:
        return float(np.sum((np.log(published / expected(values)) / SHAPE_SD) ** 2) / 2.0)

    def rows(values: Mapping[str, float]) -> list[NoiseRow]:
        return [
            NoiseRow(
                row.source,
                row.get("group") or row.get("population"),
                _days(choice),
                row.get("scale"),
                float(sd),
                float(fitted),
            )
            for (choice, row), sd, fitted in zip(data, published, expected(values), strict=True)
        ]

    own = {"factor of the shape": (0.0, 1.0), "trend of the shape": (np.log(3.0), 1.0)}
    return _Part(cost, rows, own)


def _error(chosen: Sequence[Fact]) -> _Part:
    """Error of a rating, where two raters saw a patient on one occasion."""
    data = [(fact(row.get("fact")), _number(row, "sd")) for row in chosen]

    def cost(values: Mapping[str, float]) -> float:
        return sum(((np.log(sd) - values["sigma"]) / ERROR_SD) ** 2 / 2.0 for _, sd in data)

    def rows(values: Mapping[str, float]) -> list[NoiseRow]:
        fitted = float(np.exp(values["sigma"]))
        return [
            NoiseRow(row.source, "one rating", (0.0, 0.0), "MADRS", sd, fitted) for row, sd in data
        ]

    return _Part(cost, rows, {})


def _curvature(cost: Callable[[Array], float], point: Array, step: float = 1e-3) -> Array:
    n = len(point)
    found = np.empty((n, n))
    moves = step * np.eye(n)
    for i in range(n):
        for j in range(i, n):
            signs = ((1, 1), (1, -1), (-1, 1), (-1, -1))
            up, one, other, down = (cost(point + a * moves[i] + b * moves[j]) for a, b in signs)
            found[i, j] = found[j, i] = (up - one - other + down) / (4.0 * step**2)
    return found


def _slope(row: Fact, column: str) -> float:
    return _scale_slope(row.get("scale"), _number(row, column))


def _scale_slope(scale: str, score: float = 15.0) -> float:
    """Points of the MADRS for a point of a scale, near a score."""
    name = _HAMILTON.get(scale, scale)
    return float(to_madrs(name, score + 0.5) - to_madrs(name, score - 0.5))


def _days(choice: Fact) -> tuple[float, float]:
    return _number(choice, "day_1"), _number(choice, "day_2")


def _number(row: Fact, column: str) -> float:
    found = number(row.get(column))
    assert found is not None, (row.id, column)
    return found


def _short(value: float, digits: int = 4) -> float:
    return float(f"{value:.{digits}g}")
