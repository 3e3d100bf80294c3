"""When patients leave a trial: at a constant hazard, after a session, or as they do badly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.dosing import PATTERNS, Arm, Dropout, Trial
from ketasim.evidence import load_table

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_POOLED: Final = "META_FRONT2026"

_DOUBLINGS: Final = 60
_HALVINGS: Final = 80


CAUSES: Final = (*PATTERNS, "other")
"""Causes by which a patient is told to have left, in the order of their codes from 0; `other` is
what is left of the rates of the card `mood` after adverse events."""

STAYS: Final = -1
"""Code of a patient who has not left."""


@cache
def adverse_share(drug: bool) -> float:
    """Part of the hazard of the card that is by adverse events: of 28 days, by frontpsy2026.

    **Arguments:**

    - `drug`: of patients on the drug, or on a control.
    """
    table = load_table("mood/outcomes").filter(
        (pl.col("trial_id") == _POOLED)
        & (pl.col("metric") == "dropout_pct")
        & (pl.col("arm_id") == ("ESK" if drug else "PBO"))
    )
    rows = {row["note"]: float(row["value"]) / 100.0 for row in table.to_dicts()}
    event, any_cause = rows["discontinuation for AE"], rows["any-cause discontinuation"]
    return float(np.log1p(-event) / np.log1p(-any_cause))


def constant_hazard(dropout: Dropout) -> float:
    """Hazard, 1/h, at which the share of a drop-out has left at its time."""
    return float(-np.log1p(-dropout.share) / dropout.by)


def leaves_after_session(
    dropout: Dropout,
    sessions: Array,
    due: Array,
    took: Flags | None = None,
    planned: Array | None = None,
) -> Array:
    """Time at which a patient leaves, h: right after a session, each with the same chance.

    **Arguments:**

    - `dropout`: its share has left after the sessions until its time, were all attended.
    - `sessions`: times, h, ascending, shape (S,).
    - `due`: cumulative hazard at which a patient leaves, shape (n,).
    - `took`: whether a patient had each session, shape (n, S); all when left out.
    - `planned`: sessions by which the share is meant, h; these when left out.

    **Returns:** shape (n,); infinite for who stays.
    """
    each = each_session(dropout, sessions if planned is None else planned)
    if each is None:
        return np.full(np.shape(due), np.inf)
    after = np.ceil(due / each).astype(np.int64) - 1
    times = np.append(np.asarray(sessions, np.float64), np.inf)
    if took is not None:
        # the first session by which more have been attended than the patient stands
        past = np.cumsum(took, axis=1) > after[:, None]
        after = np.where(past.any(axis=1), past.argmax(axis=1), len(sessions))
    left = times[np.minimum(after, len(sessions))]
    # the rating at the start of a session is before what happens in it
    return np.nextafter(left, np.inf)


def each_session(dropout: Dropout, sessions: Array) -> float | None:
    """Hazard of each session at which the share of a drop-out has left at its time.

    **Returns:** nothing where no session is until then, or nobody leaves.
    """
    until = int((sessions <= dropout.by).sum())
    return float(-np.log1p(-dropout.share) / until) if until and dropout.share else None


def leaves_by_score(rate: float, hours: Array, times: Array, due: Array) -> Array:
    """Time at which a patient leaves for lack of effect, h, infinite for who stays.

    **Arguments:**

    - `rate`: 1/h. `hours`: as `exposure` counts them, shape (..., n, T). `times`: h, shape (T,).
    - `due`: cumulative hazard at which a patient leaves, shape (n,).
    """
    over = rate * hours >= due[:, None]
    place = over.argmax(axis=-1)
    gone = over.any(axis=-1)
    before = np.concatenate([np.zeros((*hours.shape[:-1], 1)), hours], axis=-1)
    start = np.concatenate([[0.0], times])
    low, high = (
        np.take_along_axis(before, (place + side)[..., None], axis=-1)[..., 0] for side in (0, 1)
    )
    asked = due / rate if rate > 0.0 else np.full(due.shape, np.inf)
    part = np.clip((asked - low) / np.maximum(high - low, 1e-12), 0.0, 1.0)
    return np.where(gone, start[place] + part * (start[place + 1] - start[place]), np.inf)


def exposure(scores: Array, baseline: Array, times: Array) -> Array:
    """What the hazard of leaving for lack of effect adds up to, for a rate of one.

    The hazard is in proportion to the last score over that before treatment: who has half of the
    baseline left leaves half as fast.

    **Arguments:**

    - `scores`: at the visits, shape (..., n, T). `baseline`: shape (n,). `times`: h, shape (T,).

    **Returns:** hours, until each visit, shape (..., n, T).
    """
    level = np.ones_like(scores, np.float64)
    start = baseline[:, None]
    level[..., 1:] = np.clip(scores[..., :-1], 0.0, None) / np.where(start > 0.0, start, 1.0)
    return np.cumsum(level * np.diff(times, prepend=0.0), axis=-1)


def rate_of(dropout: Dropout, exposures: Sequence[tuple[Array, float]]) -> float:
    """Rate, 1/h, at which the share of a drop-out has left for lack of effect at its time.

    **Arguments:**

    - `exposures`: of each arm, hours as `exposure` counts them until that time, shape (n,), and how
      much the arm weighs.
    """
    total = sum(weight for _, weight in exposures)

    def share(rate: float) -> float:
        return sum(
            weight / total * float(-np.expm1(-rate * hours).mean()) for hours, weight in exposures
        )

    high = constant_hazard(dropout)
    for _ in range(_DOUBLINGS):
        if share(high) >= dropout.share:
            break
        high *= 2.0
    low = 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if share(middle) < dropout.share else (low, middle)
    return high


def hours_until(time: float, scores: Array, baseline: Array, times: Array) -> Array:
    """As `exposure`, until one time, which may be between visits or after them, shape (n,)."""
    inside = times < time
    ends = np.append(times[inside], time)
    padded = np.concatenate([scores[:, inside], scores[:, :1]], axis=1)
    return exposure(padded, baseline, ends)[:, -1]


@dataclass(frozen=True)
class Stage:
    """A stretch of a patient's time in one arm.

    **Arguments:**

    - `arm`: which. `start`: h, from the beginning of the trial.
    """

    arm: Arm
    start: float


def staged(due: Array, stages: Sequence[tuple[Array, float]]) -> Array:
    """Time at which hazards that change add up to what is due, h, shape (n,).

    **Arguments:**

    - `due`: shape (n,). `stages`: hazard, 1/h, a number or shape (n,), and its start, h.
    """
    found = np.full(due.shape, np.inf)
    rest = due
    with np.errstate(divide="ignore", invalid="ignore"):
        for place, (hazard, start) in enumerate(stages):
            end = stages[place + 1][1] if place + 1 < len(stages) else np.inf
            time = start + np.where(hazard > 0.0, rest / hazard, np.inf)
            here = np.isinf(found) & (time < end)
            found = np.where(here, time, found)
            rest = rest - (hazard * (end - start) if np.isfinite(end) else 0.0)
    return found


@dataclass(frozen=True)
class Leavers:
    """Patients who may leave.

    **Arguments:**

    - `trial`: with its causes. `stages`: the arms they are in, one after the other.
    - `dues`: cause to the cumulative hazard at which a patient leaves by it, shape (n,); `card`
      those of the card, `why` a chance for its cause.
    - `card`: hazards of the card of each stage, 1/h, numbers or shape (n,).
    - `sessions`: h, and ids of the arms they are of. `took`: whether each was attended, shape
      (n, S); all when nothing.
    - `rate`: at which they leave for lack of effect, 1/h.
    """

    trial: Trial
    stages: Sequence[Stage]
    dues: Mapping[str, Array]
    card: Sequence[Array]
    sessions: Sequence[tuple[float, str]]
    took: Flags | None
    rate: float

    def departures(self, scores: Array, baseline: Array, times: Array) -> tuple[Array, Array]:
        """When patients leave and why.

        **Arguments:**

        - `scores`: at the visits, with and without trial effects, shape (2, n, T).
        - `baseline`: shape (n,). `times`: of the visits, h from the beginning, shape (T,).

        **Returns:** h from the beginning, infinite for who stays, shape (2, n); codes of `CAUSES`,
        with trial effects, shape (n,).
        """
        shape = scores.shape[:2]
        found: list[tuple[Array, Array]] = []
        causes = self.trial.dropout
        whole = [any(one.of(stage.arm) for one in causes) for stage in self.stages]
        for one in causes:
            acts = [one.of(stage.arm) for stage in self.stages]
            if not any(acts):
                continue
            due = self.dues[one.pattern]
            if one.pattern == "lack_of_effect":
                hours = exposure(scores, baseline, times)
                left = leaves_by_score(self.rate, hours, times, due)
            elif one.pattern == "adverse_event":
                left = self._after_sessions(one, due)
            else:
                hazard = constant_hazard(one)
                parts = zip(acts, self.stages, strict=True)
                left = staged(due, [(np.asarray(hazard * on), stage.start) for on, stage in parts])
            code = np.full(shape[1], float(CAUSES.index(one.pattern)))
            found.append((np.broadcast_to(left, shape), code))
        if not all(whole):
            # whom no cause of the file reaches leaves as the card has it
            parts = zip(whole, self.card, self.stages, strict=True)
            rates = [(np.asarray(0.0 if on else own), stage.start) for on, own, stage in parts]
            left = staged(self.dues["card"], rates)
            event = self.dues["why"] < adverse_share(self.stages[-1].arm.control is None)
            code = np.where(event, CAUSES.index("adverse_event"), CAUSES.index("other"))
            found.append((np.broadcast_to(left, shape), code.astype(np.float64)))
        each = np.stack([left for left, _ in found])
        first = each.argmin(axis=0)
        leaves = np.take_along_axis(each, first[None], axis=0)[0]
        codes = np.stack([code for _, code in found])
        return leaves, np.take_along_axis(codes, first[:1], axis=0)[0]

    def _after_sessions(self, one: Dropout, due: Array) -> Array:
        arms = {stage.arm.id: stage.arm for stage in self.stages}
        chosen = np.array([one.of(arms[of]) for _, of in self.sessions], np.bool_)
        times = np.array([time for time, _ in self.sessions])[chosen]
        took = None if self.took is None else self.took[:, chosen]
        first, last = self.stages[0].arm, self.stages[-1].arm
        # whatever follows a randomised withdrawal, the open phase goes on as it began
        planned = None
        if last.branch is not None:
            planned = np.array([*first.sessions, *first.rule_times], np.float64)
        return leaves_after_session(one, times, due, took, planned)


def stop_hazard(arm: Arm, numbers: Mapping[str, Any]) -> Array:
    """Hazard of leaving the trial, 1/h, of an arm's patients."""
    symbol = "stop_drug" if arm.control is None else "stop_control"
    return np.asarray(numbers[symbol], np.float64)
