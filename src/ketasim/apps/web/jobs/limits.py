"""How much long work may take."""

from __future__ import annotations

from dataclasses import dataclass, field

from ketasim._base.size import processors


def _spared() -> int:
    return max(processors() - 1, 1)


@dataclass(frozen=True)
class JobLimits:
    """How much long work may take.

    **Arguments:**

    - `workers`: processes; all cores but one when left out, so that the page goes on answering.
    - `waiting`: jobs that wait for one. `own`: unfinished jobs of one client.
    - `seconds`: a job may take. `memory`: bytes that a worker may have beside what it starts with.
    - `idle`: s after which a worker without work ends. `turns`: jobs after which it is replaced.
    - `kept`: bytes of all results kept in memory. `expiry`: s that a result is kept.
    """

    workers: int = field(default_factory=_spared)
    waiting: int = 16
    own: int = 2
    seconds: float = 900.0
    memory: float = 3e9
    idle: float = 600.0
    turns: int = 50
    kept: int = 128_000_000
    expiry: float = 3600.0
