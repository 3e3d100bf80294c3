"""The same forecast by another way: a long random walk through what the scores allow.

The forecast weighs virtual patients; here walkers move through the standard normal numbers behind
a patient, by steps that keep the prior (preconditioned Crank-Nicolson, cotter2013) and are taken by
the likelihood of the scores alone. Nothing of the weighing is used. The patient's fluctuation, the
error of the score before treatment and the lasting differences of scales are numbers of the walk,
and a score has the chance of the interval that is rounded to it, by the normal law of its error:
no widened density, no draws at the ends of a scale, no patients who share a solution. Parameters of
the pharmacokinetics are proposed anew from their prior. The chain itself is solved by the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import PopulationSpec, Score, scales
from ketasim.engine import Calendar, Patients, solve
from ketasim.evidence import load_card
from ketasim.forecasting.weighing.scale_error import scale_error
from ketasim.models import MODELS, mood_chain
from ketasim.population import (
    MOOD_STATES,
    card_draws,
    card_normals,
    chain_scores,
    from_madrs,
    mood_values,
    receptor_values,
    session_answers,
    session_weights,
    to_madrs,
    virtual_patients,
)
from ketasim.simulation.mood.inputs import MoodInput, calendar_of, mood_input
from ketasim.validation.forecast.settings import Setting

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_EFFECTS: Final = ("sens", "kS", "e_P", "e_N", "e_C", "none", "e_O", "none_O")
_TRIAL: Final = ("early", "open early", "late", "open late", "drug", "series")  # as `worlds`
_SOLVED: Final = "kS"  # the effect that acts inside the solved states
_WITHIN: Final = 8  # moves of what acts outside them, for each solution
_AIM: Final = 0.35  # of the moves that are taken
_LEAST: Final = 1e-300
_HIGHEST: Final = 60.0  # of the MADRS


@dataclass(frozen=True)
class Walked:
    """What a walk found of one patient.

    **Arguments:**

    - `mean`, `sd`: of the later score, points of the scale.
    - `mean_error`, `sd_error`: their Monte Carlo errors, from walkers, which are independent.
    - `drift`: second half of the walk less the first, in the Monte Carlo error of the difference:
      beyond ±3 the walkers have not forgotten their starts.
    """

    mean: float
    sd: float
    mean_error: float
    sd_error: float
    drift: float


@dataclass(eq=False)
class _Here:
    """Where the walkers are: normals, pharmacokinetics, solved states, likelihood."""

    card: Array
    numbers: Mapping[str, Array]  # of `card`
    effects: dict[str, Array]
    noise: Array
    body: Mapping[str, Array]
    states: Mapping[str, Array]
    log: Array


class Walk:
    """Walkers of several patients of a setting.

    **Arguments:**

    - `setting`: of the patients. `known`: scores of each, of the same days and scales.
    - `later`: h, of the score that is forecast. `walkers`: of each patient. `seed`: of the walk.
    """

    def __init__(
        self,
        setting: Setting,
        known: Sequence[Sequence[Score]],
        later: float,
        *,
        walkers: int,
        seed: int,
    ) -> None:
        self._setting, self._walkers, self._later = setting, walkers, later
        self._n = len(known) * walkers
        self._rng = np.random.default_rng(seed)
        self._seed = 1000 * seed
        self._known = [
            np.repeat([one.score for one in same], walkers) for same in zip(*known, strict=True)
        ]
        self._on = [one.scale for one in known[0]]
        self._times = np.array([one.time for one in known[0]])
        self._order = np.array([*self._times, later])
        self._base = setting.baseline[0]
        self._offsets = list(dict.fromkeys([self._base, *self._on]))
        self._alone = replace(setting.course, population=PopulationSpec(n=self._n, seed=self._seed))
        self._given: MoodInput = mood_input(self._alone)
        self._calendar: Calendar = calendar_of(self._alone, later)

    def run(self, burn: int, steps: int) -> list[Walked]:
        """Walk, forget the first steps, and keep the others.

        **Arguments:**

        - `burn`: steps that are forgotten, in which lengths of steps are set. `steps`: kept.
        """
        here = self._start()
        lengths = {"outer": 0.4, "inner": 0.4}
        sums = np.zeros((2, 3, self._n))
        for step in range(burn + steps):
            taken = self._outer(here, lengths["outer"], fresh=step % 2 == 1)
            inner = np.mean([self._inner(here, lengths["inner"]) for _ in range(_WITHIN)])
            if step < burn:
                for name, share in (("outer", taken), ("inner", inner)):
                    moved = lengths[name] * np.exp(0.5 * (float(share) - _AIM))
                    lengths[name] = float(np.clip(moved, 0.02, 0.95))
            else:
                score = self._rated(here)
                half = int(step - burn >= steps // 2)
                sums[half] += np.stack([np.ones(self._n), score, score**2])
        return self._told(sums)

    def _start(self) -> _Here:
        new = self._given.situation.new_antidepressant
        names = [k for k in _EFFECTS if new or not k.endswith("_O")]
        names += [f"session {k}" for k in range(len(self._setting.course.regimen.sessions))]
        card = card_normals(self._given.card, self._seed, 0, self._n)
        here = _Here(
            card=card,
            numbers=self._numbers(card),
            effects={k: self._rng.standard_normal(self._n) for k in (*names, *_TRIAL)},
            noise=self._rng.standard_normal((len(self._times) + 2 + len(self._offsets), self._n)),
            body=self._body(0),
            states={},
            log=np.zeros(self._n),
        )
        here.states = self._solved(here)
        here.log = self._log(here)
        return here

    def _body(self, step: int) -> Mapping[str, Array]:
        """Pharmacokinetics from their prior."""
        self._seed += 1
        alone = replace(self._alone, population=PopulationSpec(n=self._n, seed=self._seed + step))
        cohort = virtual_patients(
            alone, load_card("reference"), MODELS["reference"], uncertainty=True
        )
        return {k: np.broadcast_to(v, (self._n,)) for k, v in cohort.values.items()}

    def _numbers(self, card: Array) -> Mapping[str, Array]:
        drawn = self._given.numbers(card_draws(self._given.card, 0, 0, self._n, normals=card))
        return {k: np.broadcast_to(np.asarray(v, np.float64), (self._n,)) for k, v in drawn.items()}

    def _values(self, here: _Here) -> dict[str, Any]:
        """Numbers of the patients."""
        numbers = here.numbers
        own = {k: np.zeros(self._n) for k in _EFFECTS} | here.effects
        base = np.full(self._n, self._given.baseline)
        values = mood_values(numbers, own, self._given.situation, base)
        # trial effects as `ketasim.trials` adds them
        z = dict(zip(_TRIAL, (own[k] for k in _TRIAL), strict=True))
        known = 0.0 if self._alone.mood.blinded else 1.0
        wide = known * numbers["tau_open"]
        drug = numbers["tau_drug"] * z["drug"] + known * numbers["tau_series"] * z["series"]
        values["sens"] = values["sens"] * (1.0 + np.maximum(drug, -1.0))
        values["e_P"] = values["e_P"] + numbers["tau_early"] * z["early"] + wide * z["open early"]
        values["e_N"] = values["e_N"] + numbers["tau_late"] * z["late"] + wide * z["open late"]
        return values

    def _scores(self, here: _Here) -> Array:
        """Scores of the chain, with the answers to the sessions."""
        values = self._values(here)
        sessions = self._setting.course.regimen.sessions
        normals = np.stack([here.effects[f"session {k}"] for k in range(len(sessions))], axis=1)
        weights = session_weights(self._order, sessions)
        answered = session_answers(here.numbers["omega_A"], normals) @ weights
        return chain_scores({**values, "e_A": values["e_A"][:, None] * answered}, here.states)

    def _solved(self, here: _Here) -> Mapping[str, Array]:
        mark = {"k_session": here.numbers["k_session"]}
        everything = {**here.body, **receptor_values(), **mark, **self._values(here)}
        weight = np.full(self._n, float(self._alone.patient.weight))
        people = Patients(everything, weight, (self._calendar,))
        found = solve(
            mood_chain(MODELS["reference"]),
            people,
            self._order,
            MOOD_STATES,
            plan=self._setting.plan,
            progress=False,
        )
        return {name: np.asarray(found[name], np.float64) for name in MOOD_STATES}

    def _added(self, here: _Here) -> tuple[Array, Array]:
        """What ratings add before their own errors, shape (n, K + 1), and errors of the MADRS."""
        sigma, omega, rate = (here.numbers[k] for k in ("sigma", "omega_F", "k_F"))
        count = len(self._times)
        state = here.noise[0] * omega
        first, before = state, 0.0
        base = sigma * _ratio(self._base) * here.noise[count + 1]
        lasting = {
            scale: scale_error(scale).offset * here.noise[count + 2 + place]
            for place, scale in enumerate(self._offsets)
        }
        added = np.empty((self._n, count + 1))
        for place, (time, scale) in enumerate(
            zip(self._order, [*self._on, self._base], strict=True)
        ):
            kept = np.exp(-rate * (time - before))
            fresh = here.noise[place + 1] if place < count else self._rng.standard_normal(self._n)
            state = kept * state + omega * np.sqrt(1.0 - kept**2) * fresh
            before = time
            added[:, place] = state - first - base + lasting[scale] - lasting[self._base]
        return added, sigma

    def _log(self, here: _Here) -> Array:
        """Logarithm of the chance of the scores."""
        from scipy.special import log_ndtr, ndtr  # only here: scipy is slow to load

        score = self._scores(here)
        added, sigma = self._added(here)
        total = np.zeros(self._n)
        for place, scale in enumerate(self._on):
            sd = sigma * _ratio(scale)
            middle = score[:, place] + added[:, place]
            low, high = _interval(scale, self._known[place])
            up, down = (high - middle) / sd, (low - middle) / sd
            # far above the mean the two chances are both near one: their complements are not
            flip = down > 0.0
            up, down = np.where(flip, -down, up), np.where(flip, -up, down)
            inside = ndtr(up) - ndtr(down)
            total += np.where(inside > _LEAST, np.log(np.maximum(inside, _LEAST)), log_ndtr(up))
        return total

    def _rated(self, here: _Here) -> Array:
        """A draw of the later score, points of its scale, not rounded."""
        score = self._scores(here)[:, -1]
        added, sigma = self._added(here)
        error = sigma * _ratio(self._base) * self._rng.standard_normal(self._n)
        points = np.clip(score + added[:, -1] + error, 0.0, _HIGHEST)
        return np.asarray(from_madrs(self._base, points), np.float64)

    def _near(self, normals: Array, length: float) -> Array:
        fresh = self._rng.standard_normal(normals.shape)
        return np.sqrt(1.0 - length**2) * normals + length * fresh

    def _outer(self, here: _Here, length: float, *, fresh: bool) -> float:
        """Move what acts inside the solved states."""
        card = self._near(here.card, length)
        there = replace(
            here,
            card=card,
            numbers=self._numbers(card),
            effects={**here.effects, _SOLVED: self._near(here.effects[_SOLVED], length)},
            body=self._body(1) if fresh else here.body,
        )
        there.states = self._solved(there)
        return self._step(here, there)

    def _inner(self, here: _Here, length: float) -> float:
        """Move what acts outside them."""
        moved = {k: v if k == _SOLVED else self._near(v, length) for k, v in here.effects.items()}
        there = replace(here, effects=moved, noise=self._near(here.noise, length))
        return self._step(here, there)

    def _step(self, here: _Here, there: _Here) -> float:
        there.log = self._log(there)
        taken = np.log(self._rng.random(self._n)) < there.log - here.log
        if there.card is not here.card:
            here.card = np.where(taken[:, None], there.card, here.card)
        here.numbers = _chosen(taken, there.numbers, here.numbers)
        here.noise = np.where(taken, there.noise, here.noise)
        here.log = np.where(taken, there.log, here.log)
        here.effects = _chosen(taken, there.effects, here.effects)
        here.body = _chosen(taken, there.body, here.body)
        here.states = _chosen(taken[:, None], there.states, here.states)
        return float(taken.mean())

    def _told(self, sums: Array) -> list[Walked]:
        patients = self._n // self._walkers
        shape = (2, 3, patients, self._walkers)
        parts = sums.reshape(shape)
        count, one, two = parts.sum(axis=0)
        means, squares = one / count, two / count
        found: list[Walked] = []
        for place in range(patients):
            mean, square = means[place], squares[place]
            sd = float(np.sqrt(square.mean() - mean.mean() ** 2))
            # by the delta method: the variance is a smooth function of two means over walkers
            pull = (square - 2.0 * mean.mean() * mean) / (2.0 * sd)
            halves = parts[:, 1, place] / parts[:, 0, place]
            found.append(
                Walked(
                    mean=float(mean.mean()),
                    sd=sd,
                    mean_error=float(mean.std(ddof=1) / np.sqrt(self._walkers)),
                    sd_error=float(pull.std(ddof=1) / np.sqrt(self._walkers)),
                    drift=_drift(halves[1] - halves[0]),
                )
            )
        return found


def _drift(gap: Array) -> float:
    return float(gap.mean() / (gap.std(ddof=1) / np.sqrt(len(gap))))


def _chosen(taken: Flags, new: Mapping[str, Array], old: Mapping[str, Array]) -> dict[str, Array]:
    return {k: v if new[k] is v else np.where(taken, new[k], v) for k, v in old.items()}


def _ratio(scale: str) -> float:
    return scale_error(scale).error / scale_error("MADRS").error


def _interval(scale: str, score: Array) -> tuple[Array, Array]:
    """Points of the MADRS that are rounded to a score."""
    top = float(scales()[scale])
    low = np.asarray(to_madrs(scale, np.maximum(score - 0.5, 0.0)), np.float64)
    high = np.asarray(to_madrs(scale, np.minimum(score + 0.5, top)), np.float64)
    return np.where(score < 0.5, -np.inf, low), np.where(score > top - 0.5, np.inf, high)
