"""The calibration of the chain to mood as a problem: numbers, rows, and how uncertain they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.calibration.mood.predict import (
    ArmScores,
    States,
    TrialEffect,
    arm_scores,
    contributions,
    predicted,
    visit_noise,
)
from ketasim.calibration.mood.world import CLOSED, DYNAMIC, MoodWorld, world_of
from ketasim.dosing import Trial
from ketasim.evidence import Card, Scale
from ketasim.evidence.mood_training import MEANS, SHARES, SPREADS, MoodRow
from ketasim.models import declared, from_scale, to_scale

Array = NDArray[np.float64]

PATIENTS: Final = 128
"""Virtual patients an arm; a power of two."""
WITH_THE_BURST: Final = ("e_A", "s_gain")
"""What is divided by the factor that a fitted card's burst is raised by: what the burst drives."""
BETWEEN_TRIALS: Final = ("tau_early", "tau_late", "tau_drug", "tau_open", "tau_series")
"""Between-trial variability: of an early, a late and a drug effect; in series where everybody knows
what is given, of one more early and late effect, and of one more drug effect."""

SPREAD_FLOOR = 0.05  # relative; how exactly the model's SD of a group can be taken
SHARE_FLOOR = 0.5  # a count that is added to both sides of a share
POINTS_FLOOR = 0.7  # points; how exactly the model's mean of a group can be taken
SHARES_FLOOR = 0.08  # fraction; the same of a share
RELAPSE_FLOOR = 0.20  # relative, of a time to relapse: definitions and visits differ
_STEP = 2e-3
_FAR = 30.0  # from zero on a scale
_HIGHEST = 0.95  # correlation
_SHIFT = 0.02
_DRAWS = 32  # of the trials' effects, a power of two


@dataclass(frozen=True)
class Point:
    """The model at one vector of numbers.

    **Arguments:**

    - `vector`: free numbers on their scales. `numbers`: all of the card.
    - `effects`: of the trials, early, late and drug, shape (trials, 3).
    - `states`: of the arms. `values`: predictions of the rows, shape (rows,).
    """

    vector: Array
    effects: Array
    numbers: Mapping[str, float]
    states: States
    values: Array


class MoodProblem:
    """Rows, patients and priors of the calibration.

    **Arguments:**

    - `prior`: the card to start from; `extra.prior` has the SD of every free number on its scale.
    - `trials`, `rows`: what is fitted.
    - `n`: patients an arm. `seed`: of the random numbers.
    """

    def __init__(
        self, prior: Card, trials: Sequence[Trial], rows: Sequence[MoodRow], n: int, seed: int
    ) -> None:
        self.prior = prior
        self.rows = tuple(rows)
        self.world: MoodWorld = world_of(trials, self.rows, n, seed)
        sds: Mapping[str, float] = prior.extra["prior"]
        self.free = tuple(s for s in sds if s not in BETWEEN_TRIALS)
        self.sd = np.array([float(sds[s]) for s in self.free])
        self.tau_sd = np.array([float(sds[s]) for s in BETWEEN_TRIALS])
        self.start = self.transform(prior.values())
        self.reference: Mapping[str, float] = prior.values()
        self.published = np.array([row.value for row in self.rows])

    @cached_property
    def trials(self) -> tuple[str, ...]:
        """Trials with rows, by name."""
        return tuple(sorted({row.trial for row in self.rows}))

    @cached_property
    def trial_of(self) -> NDArray[np.int64]:
        """Position of each row's trial in `trials`."""
        return np.array([self.trials.index(row.trial) for row in self.rows])

    def transform(self, numbers: Mapping[str, float]) -> Array:
        """Free numbers on their scales."""
        return np.array([_to_scale(s, numbers[s]) for s in self.free])

    def numbers(self, vector: Array, taus: Array | None = None) -> dict[str, float]:
        """All numbers of the card at a vector of the free ones."""
        values = dict(self.prior.values())
        values.update({s: _from_scale(s, float(x)) for s, x in zip(self.free, vector, strict=True)})
        if taus is not None:
            values.update(dict(zip(BETWEEN_TRIALS, (float(t) for t in taus), strict=True)))
        return values

    def at(self, vector: Array, effects: Array | None = None) -> Point:
        """Solve the chain for every arm and predict every row.

        **Arguments:**

        - `vector`: free numbers on their scales. `effects`: of the trials; none when left out.
        """
        own = np.zeros((len(self.trials), 3)) if effects is None else effects
        numbers = self.numbers(vector)
        states = self.world.states(numbers)
        return Point(vector, own, numbers, states, self._predict(numbers, states, own))

    def with_effects(self, point: Point, effects: Array) -> Point:
        """The same numbers with other effects of the trials."""
        values = self._predict(point.numbers, point.states, effects)
        return Point(point.vector, effects, point.numbers, point.states, values)

    def _predict(self, numbers: Mapping[str, float], states: States, effects: Array) -> Array:
        arms = self.scores(numbers, states, effects)
        return np.array([predicted(row, arms, self.world) for row in self.rows])

    def scores(
        self, numbers: Mapping[str, float], states: States, effects: Array
    ) -> dict[tuple[str, str], ArmScores]:
        """Scores of the patients of every arm."""
        own = {
            trial: TrialEffect(*(float(x) for x in effects[i]))
            for i, trial in enumerate(self.trials)
        }
        return {
            design.key: arm_scores(
                design,
                state,
                self.world.effects,
                self.world.turns,
                numbers,
                own[design.trial.key],
                self.reference,
            )
            for design, state in zip(self.world.designs, states, strict=True)
        }

    def jacobian(self, point: Point, *, exact: bool = True) -> Array:
        """Derivatives of the predictions by the free numbers, shape (rows, free).

        **Main arguments:**

        - `point`: where.

        **Other arguments:**

        - `exact`: false: from one side, which is enough for the way to an optimum.
        """
        columns: list[Array] = []
        for i in range(len(self.free)):
            sides = [self._moved(point, i, _STEP)]
            sides.append(self._moved(point, i, -_STEP) if exact else point.values)
            columns.append((sides[0] - sides[1]) / (2 * _STEP if exact else _STEP))
        return np.column_stack(columns)

    def _moved(self, point: Point, place: int, by: float) -> Array:
        """Predictions with one free number moved on its scale."""
        symbol, vector = self.free[place], point.vector.copy()
        vector[place] += by
        numbers = self.numbers(vector)
        if symbol in DYNAMIC:
            states: States = self.world.states(numbers)
        elif symbol in CLOSED:
            states = self.world.with_closed(point.states, numbers)
        else:
            states = point.states
        return self._predict(numbers, states, point.effects)

    @cached_property
    def in_open_series(self) -> NDArray[np.bool_]:
        """Whether everybody with rows in a row's trial knows what is given, shape (rows,)."""
        known: dict[str, bool] = {}
        for design in self.world.designs:
            key = design.trial.key
            known[key] = known.get(key, True) and design.arm.open
        return np.array([known[row.trial] for row in self.rows])

    def trial_columns(self, point: Point) -> Array:
        """Derivatives by the effects of each row's own trial, shape (rows, 3)."""
        columns: list[Array] = []
        for i in range(3):
            shift = np.zeros(3)
            shift[i] = _SHIFT
            up, down = (
                self._predict(point.numbers, point.states, point.effects + sign * shift)
                for sign in (1.0, -1.0)
            )
            columns.append((up - down) / (2 * _SHIFT))
        return np.column_stack(columns)

    def sampling(self, point: Point) -> Array:
        """Covariance of the published numbers by the patients they come from, (rows, rows).

        Its diagonal is as published; rows of one arm are correlated as the virtual patients say.
        """
        sd = np.array([_error(row) for row in self.rows])
        correlation = np.eye(len(self.rows))
        arms = self.scores(point.numbers, point.states, point.effects)
        groups: dict[tuple[str, str], list[int]] = {}
        for i, row in enumerate(self.rows):
            groups.setdefault((row.trial, row.arm), []).append(i)
        for key, members in groups.items():
            arm = arms[key]
            parts = [(i, contributions(self.rows[i], arm)) for i in members]
            kept = [(i, *part) for i, part in parts if part is not None]
            if len(kept) < 2:
                continue
            table = np.column_stack([values for _, values, _, _ in kept])
            centred = table - arm.weights @ table
            cov = (centred * arm.weights[:, None]).T @ centred
            # ratings of a patient share the noise of the first, and a fluctuation with a memory
            load = np.array([by_noise for _, _, by_noise, _ in kept])
            cov += np.outer(load, load) * visit_noise([self.rows[i] for i, *_ in kept], arm)
            cov[np.diag_indices(len(kept))] += [rest for _, _, _, rest in kept]
            root = np.sqrt(np.diag(cov))
            index = [i for i, _, _, _ in kept]
            correlation[np.ix_(index, index)] = cov / np.outer(root, root)
        return correlation * np.outer(sd, sd) + np.diag([_floor(row) ** 2 for row in self.rows])

    def expected(self, point: Point, taus: Array) -> Array:
        """Predictions for trials that are not known, shape (rows,): the mean over their effects.

        **Arguments:**

        - `point`: numbers and states. `taus`: one SD for each of `BETWEEN_TRIALS`.
        """
        from scipy.special import ndtri
        from scipy.stats import qmc

        normals = ndtri(np.clip(qmc.Sobol(3, seed=1).random(_DRAWS), 1e-9, 1 - 1e-9))
        spread = np.sqrt(self.variances(taus))
        values = [
            self._predict(point.numbers, point.states, spread * draw[None, :]) for draw in normals
        ]
        return np.mean(values, axis=0)

    def variances(self, taus: Array) -> Array:
        """Variances of the trials' effects, shape (trials, 3).

        **Arguments:**

        - `taus`: one SD for each of `BETWEEN_TRIALS`.
        """
        early, late, drug, opened, series = (float(t) ** 2 for t in taus)
        own = np.tile([early, late, drug], (len(self.trials), 1))
        for i in range(len(self.trials)):
            if self.in_open_series[np.argmax(self.trial_of == i)]:
                own[i] += [opened, opened, series]
        return own

    def between(self, columns: Array, taus: Array) -> Array:
        """Covariance that the trials' own effects add, (rows, rows)."""
        same = self.trial_of[:, None] == self.trial_of[None, :]
        own = self.variances(taus)[self.trial_of]
        return np.where(same, (columns * own) @ columns.T, 0.0)


def in_frame_of(values: Mapping[str, float], prior: Card) -> dict[str, float]:
    """Numbers of a fitted card as the fit has them, with the height of the burst of its prior.

    The calibration sets that height to what was measured in people after the fit, and the two
    numbers that follow the burst take the opposite factor; see `ketasim.calibration.mood.fit`.
    """
    factor = values["g_max"] / prior.values()["g_max"]
    changed = {s: values[s] * factor for s in WITH_THE_BURST}
    return {**values, **changed, "g_max": prior.values()["g_max"]}


def _error(row: MoodRow) -> float:
    """Standard error of a published number."""
    if row.metric in SHARES and row.se is None:
        assert row.n is not None
        share = (row.value * row.n + SHARE_FLOOR) / (row.n + 2 * SHARE_FLOOR)
        return float(np.sqrt(share * (1 - share) / row.n))
    assert row.se is not None
    if row.metric in SPREADS:
        return float(np.hypot(row.se, SPREAD_FLOOR * row.value))
    if row.metric.startswith("days"):
        return float(np.hypot(row.se, RELAPSE_FLOOR * row.value))
    return row.se


def _floor(row: MoodRow) -> float:
    """How exactly the model's value of a row can be taken, in its unit."""
    if row.metric in MEANS:
        return POINTS_FLOOR
    return SHARES_FLOOR if row.metric in SHARES else 0.0


def _to_scale(symbol: str, value: float) -> float:
    return float(to_scale(scale_of(symbol), value))


def _from_scale(symbol: str, value: float) -> float:
    # no step of the fit is to overflow, or to reach the end of a correlation
    far = _HIGHEST if scale_of(symbol) != declared("mood")[symbol].domain.scale else _FAR
    return float(from_scale(scale_of(symbol), np.clip(value, -far, far)))


def scale_of(symbol: str) -> Scale:
    """Scale on which a number is free: that of its declared domain, but of a correlation.

    The data leave that near zero, where Fisher's z and the correlation itself are the same.
    """
    scale = declared("mood")[symbol].domain.scale
    return "natural" if scale == "fisher" else scale
