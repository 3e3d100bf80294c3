"""How much patients of an arm answer to each session: its effect by the fast arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Arm, Trial
from ketasim.population import occasions_at, session_normals

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
    """Effect of the fast arm of each patient at each time, `e_A` times the answer, shape (n, T).

    **Main arguments:**

    - `values`: of the chain. `answers`: as of `session_answers`, shape (n, S + 1) or more.
    - `times`: h, shape (T,). `arm`: whose sessions they are.

    **Other arguments:**

    - `got`: sessions that each has had; the answer to the last of them goes on. All when left out.
    """
    effect = np.reshape(np.asarray(values["e_A"], np.float64), (-1, 1))
    occasions = occasions_at(times, arm.sessions)
    if got is None:
        return effect * answers[:, occasions]
    last = np.minimum(occasions[None, :], got[:, None] - 1)
    return effect * np.take_along_axis(answers, last, axis=1)
