"""The trials of the training table as virtual patients: states of the chain for given numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Arm, Trial
from ketasim.engine import Calendar, Patients, Plan, solve
from ketasim.evidence.mood_training import DAYS, FOLLOWED, OF_ENTERED, MoodRow
from ketasim.models import MODELS, mood_chain
from ketasim.population import (
    MOOD_STATES,
    Situation,
    arm_calendar,
    arm_patients,
    baseline_scores,
    drug_sessions,
    in_madrs,
    mood_effects,
    mood_plan,
    mood_values,
    situation_of,
)

Array = NDArray[np.float64]

DYNAMIC: Final = frozenset(
    {
        "g_max",
        "B_opt",
        "k_used",
        "kA",
        "s_gain",
        "kS",
        "stress",
        "k_fade",
        "omega_kS",
        "rho",
    }
    | {"kG", "kD", "kF", "k_lift", "k_session", "w_HNK", "w_5HT"}
)
"""Numbers of the card on which states depend that are solved."""

CLOSED: Final = MappingProxyType({"kN": "course", "kO": "antidepressant", "kC": "care"})
"""Numbers of the card that are rates of states which only time raises, to these states."""

TURNS: Final = 4
"""How often each patient has every session, with other answers to it."""

RELAPSE_STEP: Final = 168.0
"""Distance of the visits at which relapse is looked for, h: a week, as in most trials.

Each visit has an error of its own, so that more visits find more relapses."""
RELAPSE_DAYS: Final = 120.0
"""How long relapse is looked for where the trial does not say it, days."""
_DAY = 24.0


@dataclass(frozen=True)
class ArmDesign:
    """An arm with rows.

    **Arguments:**

    - `trial`, `arm`: of a study file. `situation`: of its patients.
    - `times`: h, where its states are wanted, ascending.
    - `baseline`: MADRS of its patients before treatment, shape (N,).
    """

    trial: Trial
    arm: Arm
    situation: Situation
    times: Array
    baseline: Array

    @property
    def key(self) -> tuple[str, str]:
        """Trial and arm."""
        return self.trial.key, self.arm.id

    @cached_property
    def sessions(self) -> tuple[float, ...]:
        """Starts of the sessions with a drug, h."""
        return drug_sessions(self.arm.doses)


@dataclass
class MoodWorld:
    """Virtual patients of many arms, the same in all of them.

    **Arguments:**

    - `designs`: the arms.
    - `effects`: standard normal numbers of the N patients, as `mood_effects` gives them.
    - `turns`: standard normal numbers behind what each session brings them, shape (`TURNS`, N, S).
    - `seed`: of the spread in pharmacokinetics.
    """

    designs: tuple[ArmDesign, ...]
    effects: Mapping[str, Array]
    turns: Array
    seed: int
    _plans: dict[int, Plan] = field(default_factory=dict[int, Plan], init=False)
    _pk: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]], init=False)
    _weights: list[Array] = field(default_factory=list[Array], init=False)

    def __post_init__(self) -> None:
        """Draw the pharmacokinetic parameters once."""
        n = len(self.effects["sens"])
        for design in self.designs:
            values, weight, _ = arm_patients(design.arm, self.seed, 0, n)
            self._pk.append(values)
            self._weights.append(weight)

    @property
    def n(self) -> int:
        """Number of patients in each arm."""
        return len(self.effects["sens"])

    def states(self, numbers: Mapping[str, float]) -> list[dict[str, Array]]:
        """States of every arm.

        **Arguments:**

        - `numbers`: of the card `mood`.

        **Returns:** for each design the `MOOD_STATES`, arrays of shape (N, times of the design).
        """
        found: list[dict[str, Array]] = [{} for _ in self.designs]
        for number, members in enumerate(_batches(self.designs)):
            chosen = [self.designs[i] for i in members]
            times = np.unique(np.concatenate([d.times for d in chosen]))
            patients = self._patients(members, numbers)
            chain = mood_chain(MODELS["reference"])
            if number not in self._plans:
                self._plans[number] = mood_plan(chain, patients, engine="numba")
            solved = solve(
                chain,
                patients,
                times,
                MOOD_STATES,
                plan=self._plans[number],
                engine="numba",
                progress=False,
            )
            for place, i in enumerate(members):
                rows = slice(place * self.n, (place + 1) * self.n)
                columns = np.searchsorted(times, self.designs[i].times)
                found[i] = {name: solved[name][rows][:, columns] for name in MOOD_STATES}
        return self.with_closed(found, numbers)

    def with_closed(
        self, states: Sequence[Mapping[str, Array]], numbers: Mapping[str, float]
    ) -> list[dict[str, Array]]:
        """States of every arm with those that only time raises by other rates.

        **Arguments:**

        - `states`: as `states` returns them. `numbers`: of the card `mood`.
        """
        return [
            {
                **known,
                **{
                    name: np.broadcast_to(
                        -np.expm1(-numbers[rate] * design.times), known[name].shape
                    )
                    for rate, name in CLOSED.items()
                },
            }
            for known, design in zip(states, self.designs, strict=True)
        ]

    def _patients(self, members: Sequence[int], numbers: Mapping[str, float]) -> Patients:
        parts: list[dict[str, Any]] = []
        calendars: list[Calendar] = []
        for i in members:
            design = self.designs[i]
            mood = mood_values(numbers, self.effects, design.situation, design.baseline)
            parts.append(self._pk[i] | mood | {"k_session": numbers["k_session"]})
            calendars.append(arm_calendar(design.arm, float(design.times[-1])))
        columns = {name: _joined([part[name] for part in parts], self.n) for name in parts[0]}
        return Patients(
            columns,
            np.concatenate([self._weights[i] for i in members]),
            tuple(calendars),
            np.repeat(np.arange(len(members)), self.n),
        )


def world_of(trials: Sequence[Trial], rows: Sequence[MoodRow], n: int, seed: int) -> MoodWorld:
    """Make the virtual patients behind some rows.

    **Arguments:**

    - `trials`: with the arms. `rows`: of the training table.
    - `n`: patients an arm. `seed`: of the random numbers.
    """
    effects = quasi_effects(seed, n)
    by_key = {trial.key: trial for trial in trials}
    wanted: dict[tuple[str, str], set[float]] = {}
    for row in rows:
        for arm in (row.arm, row.control):
            if arm is not None:
                wanted.setdefault((row.trial, arm), set()).update(times_of(row, by_key[row.trial]))
    designs: list[ArmDesign] = []
    for (key, name), times in wanted.items():
        trial = by_key[key]
        arm = trial.arm(name)
        mean, sd = in_madrs(arm.baseline.scale, arm.baseline.mean, arm.baseline.sd)
        designs.append(
            ArmDesign(
                trial,
                arm,
                situation_of(trial, arm),
                np.array(sorted(times)),
                baseline_scores(mean, sd, effects["M0"], 60.0),
            )
        )
    most = max((len(design.arm.sessions) for design in designs), default=0)
    return MoodWorld(tuple(designs), effects, quasi_sessions(seed, n, most), seed)


def times_of(row: MoodRow, trial: Trial) -> Array:
    """Times at which a row needs the states, h."""
    if row.metric in DAYS or row.metric in FOLLOWED:
        start = (row.start or 0.0) + _DAY
        end = relapse_end(row, trial)
        return np.append(np.arange(start, end - 1e-6, RELAPSE_STEP), end)
    assert row.time is not None
    if row.metric in OF_ENTERED:
        assert row.start is not None
        return np.array([row.start, row.time])
    return np.array([row.time])


def relapse_end(row: MoodRow, trial: Trial) -> float:
    """Until when relapse is followed, h."""
    if row.time is not None:
        return row.time
    given = [t for one in trial.assessments if "relapse" in one.metrics for t in one.times]
    start = row.start or 0.0
    longest = start + RELAPSE_DAYS * _DAY
    return min(max(given), longest) if given and row.metric.endswith("mean") else longest


def quasi_effects(seed: int, n: int) -> dict[str, Array]:
    """Evenly spread standard normal numbers: a scrambled Sobol sequence.

    **Arguments:**

    - `seed`: of the scrambling. `n`: patients, a power of two.

    **Returns:** as `mood_effects`.
    """
    from scipy.special import ndtri
    from scipy.stats import qmc

    names = tuple(mood_effects(seed, 0, 1))
    points = qmc.Sobol(len(names), seed=seed).random(n)
    normals = ndtri(np.clip(points, 1e-9, 1 - 1e-9))
    return {name: normals[:, i].copy() for i, name in enumerate(names)}


def quasi_sessions(seed: int, n: int, sessions: int) -> Array:
    """Evenly spread standard normal numbers behind what each session brings a patient.

    A patient has every session `TURNS` times, evenly apart: so few patients say what many do.

    **Arguments:**

    - `seed`: of the scrambling. `n`: patients, a power of two. `sessions`: how many, S.

    **Returns:** shape (`TURNS`, n, S).
    """
    from scipy.special import ndtri
    from scipy.stats import qmc

    if not sessions:
        return np.zeros((TURNS, n, 0))
    points = qmc.Sobol(sessions, seed=seed + 1).random(n)
    turned = (points + np.arange(TURNS)[:, None, None] / TURNS) % 1.0
    return np.asarray(ndtri(np.clip(turned, 1e-9, 1 - 1e-9)), np.float64)


def _batches(designs: Sequence[ArmDesign]) -> list[list[int]]:
    """Arms with few times, and those followed for relapse: they share output times."""
    few = [i for i, d in enumerate(designs) if len(d.times) < _MANY]
    many = [i for i, d in enumerate(designs) if len(d.times) >= _MANY]
    return [group for group in (few, many) if group]


_MANY = 10


def _joined(values: Sequence[Any], n: int) -> Any:
    first = values[0]
    if all(np.ndim(v) == 0 for v in values) and all(v == first for v in values):
        return first
    return np.concatenate([np.broadcast_to(np.asarray(v, np.float64), (n,)) for v in values])
