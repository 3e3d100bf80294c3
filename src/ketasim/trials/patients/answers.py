"""How much patients of an arm answer to each session: its effect by the fast arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Arm, Trial
from ketasim.evidence import load_card
from ketasim.population import drug_sessions, session_normals, session_weights

Array = NDArray[np.float64]


def answer_normals(trial: Trial, arm: Arm, seed: int, first: int, count: int) -> Array:
    """Standard normal numbers behind the answers of patients to the sessions they may have.

    **Arguments:**

    - `trial`, `arm`: whose sessions; of a crossover those of all periods.
    - `seed`: of the patients. `first`, `count`: those asked for, counted from 0.

    **Returns:** shape (count, S).
    """
    arms = trial.arms if trial.design == "crossover" else (arm,)
    most = sum(len(one.sessions) + len(one.rule_times) for one in arms)
    return session_normals(seed, first, count, most)


def fast_effects(
    values: Mapping[str, Any],
    answers: Array,
    times: Array,
    arm: Arm,
    got: NDArray[np.int64] | None = None,
) -> Array:
    """Effect of the fast arm of each patient at each time, `e_A` by the answers, shape (n, T).

    **Main arguments:**

    - `values`: of the chain. `answers`: as of `session_answers`, shape (n, S) or more.
    - `times`: h, shape (T,). `arm`: whose sessions they are.

    **Other arguments:**

    - `got`: sessions that each has had; all when left out.
    """
    effect = np.reshape(np.asarray(values["e_A"], np.float64), (-1, 1))
    sessions = np.array(drug_sessions(arm.doses), np.float64)
    had = np.full(len(answers), len(arm.sessions)) if got is None else got
    found = np.zeros((len(answers), len(times)))
    for count in map(int, np.unique(had)):
        who = had == count
        until = arm.sessions[count - 1] if count else -np.inf
        begun = sessions[sessions <= until]
        found[who] = answers[who, : len(begun)] @ session_weights(times, begun)
    return effect * found


@dataclass
class Blend:
    """Answers of patients whose sessions differ, blended by what is left of each session.

    **Arguments:**

    - `decay`, `rise`: 1/h, as of `session_weights`.
    - `sums`, `parts`: over the sessions before the last: of what is left times the answer, and of
      what is left, as at the last, shape (n,).
    - `answer`: to the last, and its start `last`, h, not a number before the first, shape (n,).
    """

    decay: float
    rise: float
    sums: Array
    parts: Array
    answer: Array
    last: Array

    @classmethod
    def start(cls, n: int) -> Blend:
        """Patients before anything is given."""
        card = load_card("mood").values()
        none = np.zeros(n)
        return cls(card["kA"], card["kG"], none, none, none, np.full(n, np.nan))

    def _now(self, time: float) -> tuple[Array, Array, Array]:
        given = ~np.isnan(self.last)
        since = np.where(given, time - self.last, 0.0)
        risen = -np.expm1(-self.rise * since)
        return self.sums + self.answer * risen, self.parts + risen, since

    def at(self, time: float) -> Array:
        """By how much the fast arm counts, shape (n,)."""
        sums, parts, _ = self._now(time)
        return sums / np.where(parts > 0.0, parts, 1.0)

    def session(self, time: float, answer: Array, who: NDArray[np.bool_]) -> None:
        """Give some patients a session, with their answers to it, shape (n,)."""
        sums, parts, since = self._now(time)
        kept = np.exp(-self.decay * since)
        self.sums = np.where(who, sums * kept, self.sums)
        self.parts = np.where(who, parts * kept, self.parts)
        self.answer = np.where(who, answer, self.answer)
        self.last = np.where(who, time, self.last)
