"""Sessions as the chain to mood sees them: a mark each, and how much mood answers to each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.dosing import Dose
from ketasim.dosing.regimen import by_session
from ketasim.evidence import load_card
from ketasim.models import SESSION_MARK

Array = NDArray[np.float64]

_SLIP: Final = 1e-6  # h: a rating at the start of a session is one before it


@dataclass(frozen=True)
class SessionMark:
    """The mark of one session: what raises expectation, whatever is given.

    **Arguments:**

    - `time`: start of the session, h.
    """

    time: float

    @property
    def drug(self) -> str:
        """The mark's own name, which the chain to mood knows as a drug."""
        return SESSION_MARK

    @property
    def route(self) -> str:
        """The mark's own name, which the chain to mood knows as a route."""
        return SESSION_MARK

    @property
    def duration(self) -> float:
        """Nothing: the mark is set at once."""
        return 0.0

    @property
    def device(self) -> int:
        """The first of its session."""
        return 0

    @property
    def rate_given(self) -> bool:
        """No input has a rate."""
        return False

    @property
    def steady_state_interval(self) -> float | None:
        """Nothing: a mark is set once."""
        return None

    def milligrams(self, weight: Any) -> Any:
        """One unit, for every patient."""
        return 1.0 + 0.0 * weight


def session_marks(times: Iterable[float]) -> tuple[SessionMark, ...]:
    """Mark sessions.

    **Arguments:**

    - `times`: starts of the sessions, h.
    """
    return tuple(SessionMark(float(time)) for time in sorted(set(times)))


def drug_sessions(doses: Iterable[Dose]) -> tuple[float, ...]:
    """Starts of the sessions that hold a drug, h, ascending: a sham leaves the fast arm as it is.

    **Arguments:**

    - `doses`: of an arm or a regimen.
    """
    return tuple(sorted(session[0].time for session in by_session(doses)))


def session_weights(
    times: Array,
    sessions: Sequence[float] | Array,
    *,
    decay: float | None = None,
    rise: float | None = None,
) -> Array:
    """Part of the fast arm at each time that each session has brought.

    Every session brings the same, fades with the fast arm and comes up as glutamate does: that of
    sessions far apart is the last one's.

    **Main arguments:**

    - `times`: h, shape (T,). `sessions`: h, their starts, ascending, shape (S,).

    **Other arguments:**

    - `decay`: of the fast arm, 1/h; `kA` of the card `mood` when left out.
    - `rise`: turnover of glutamate, 1/h; `kG` of it.

    **Returns:** shape (S, T); the sum over sessions is 1, and 0 before the first.
    """
    card = load_card("mood").values() if decay is None or rise is None else {}
    fading = card["kA"] if decay is None else decay
    rising = card["kG"] if rise is None else rise
    starts = np.asarray(sessions, np.float64)
    since = np.asarray(times, np.float64) - starts[:, None]
    begun = since > _SLIP
    latest = np.min(np.where(begun, since, np.inf), axis=0, initial=np.inf)
    apart = np.where(begun, since - np.where(np.isfinite(latest), latest, 0.0), 0.0)
    left = np.where(begun, -np.expm1(-rising * np.maximum(since, 0.0)), 0.0)
    left = left * np.exp(-fading * apart)
    whole = left.sum(axis=0)
    return left / np.where(whole > 0.0, whole, 1.0)


def session_normals(seed: int, first: int, count: int, sessions: int) -> Array:
    """Standard normal numbers behind how much a patient's mood answers to each session.

    A session's do not depend on how many follow it.

    **Arguments:**

    - `seed`: of the simulation. `first`, `count`: the patients asked for, counted from 0.
    - `sessions`: how many, S.

    **Returns:** shape (count, S).
    """
    found = [
        standard_normals(seed, f"mood:session {number}", first, count, 1)
        for number in range(sessions)
    ]
    return np.hstack(found) if found else np.zeros((count, 0))


def session_answers(omega: Any, normals: Array) -> Array:
    """How much a patient's mood answers to each session: what it brings the fast arm is multiplied.

    Pharmacometrics calls it variability between occasions.

    **Arguments:**

    - `omega`: SD of its logarithm, `omega_A` of the card `mood`, a number or shape (n,).
    - `normals`: as of `session_normals`, shape (n, S).

    **Returns:** shape (n, S). Times `session_weights` it is by how much the whole fast arm counts.
    """
    return np.exp(np.reshape(np.asarray(omega, np.float64), (-1, 1)) * normals)


@dataclass(frozen=True, eq=False)
class Answers:
    """Patients' answers to their sessions, put to scores that were solved without them.

    **Arguments:**

    - `strength`: decrease in log severity by a fast arm of one, shape (n,).
    - `factors`: as of `session_answers`, shape (n, S). `sessions`: h, their starts, ascending.
    - `highest`: of the scale, points.
    """

    strength: Array
    factors: Array
    sessions: Array
    highest: float

    @classmethod
    def of(
        cls, values: Mapping[str, Any], omega: Any, normals: Array, sessions: Iterable[float]
    ) -> Answers:
        """Answers of patients.

        **Arguments:**

        - `values`: of the chain, as `mood_values` returns them.
        - `omega`, `normals`: as of `session_answers`. `sessions`: h.
        """
        made = values["sens"] * values["gate"] * values["e_A"]
        strength = np.broadcast_to(np.asarray(made, np.float64), (len(normals),))
        starts = np.array(sorted(sessions), np.float64)
        highest = float(np.max(values["M_max"]))
        return cls(strength, session_answers(omega, normals), starts, highest)

    def applied(
        self,
        solved: Mapping[str, Array],
        times: Array,
        members: Any = slice(None),
        *,
        turned: bool = False,
    ) -> dict[str, Array]:
        """Scores with the answers.

        **Main arguments:**

        - `solved`: `MADRS`, `fast_arm` and, where it is asked for, `by_drug`, shape (m, T).
        - `times`: h, shape (T,). `members`: which patients they are of; all when left out.

        **Other arguments:**

        - `turned`: times stand before patients, shape (T, m).

        **Returns:** the same with `MADRS` and `by_drug` changed. A score that the chain held at the
        end of the scale is taken for one there.
        """
        weights, strength = session_weights(times, self.sessions), self.strength[members]
        if turned:
            more = weights.T @ self._turned[:, members]
        else:
            more, strength = self.factors[members] @ weights, strength[:, None]
        more -= 1.0
        more *= strength
        more *= solved["fast_arm"]
        found = {**solved}
        if "by_drug" in solved:
            found["by_drug"] = solved["by_drug"] + more
        np.negative(more, out=more)
        np.exp(more, out=more)
        more *= solved["MADRS"]
        found["MADRS"] = np.minimum(self.highest, more, out=more)
        return found

    @cached_property
    def _turned(self) -> Array:
        return np.ascontiguousarray(self.factors.T)
