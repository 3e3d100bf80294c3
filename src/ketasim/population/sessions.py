"""Sessions as the chain to mood sees them: a mark each, with or without a drug."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ketasim.models import SESSION_MARK


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
