"""A regimen that a plan looks at."""

from __future__ import annotations

from dataclasses import dataclass

from ketasim.dosing import Regimen

OWN: str = "own"
GRID: str = "grid"
NAMED: str = "named"


@dataclass(frozen=True, eq=False)
class Candidate:
    """A regimen that a plan looks at.

    **Arguments:**

    - `number`: from 1, by which figures and tables call it.
    - `name`: what is given, as a sentence that the regimen reader understands; of a course's own
      list of doses, in words.
    - `regimen`: its doses.
    - `origin`: `own` of the course, `grid`, or `named` by a sentence.
    - `drug`, `route`, `dose`, `interval`, `sessions`, `taper`: its place in the grid, as text;
      empty of those that are not from it.
    - `beyond`: why it is beyond what was studied for the condition; empty within it.
    """

    number: int
    name: str
    regimen: Regimen
    origin: str
    drug: str = ""
    route: str = ""
    dose: str = ""
    interval: str = ""
    sessions: str = ""
    taper: str = ""
    beyond: str = ""


@dataclass(frozen=True)
class LeftOut:
    """A combination of a grid that is no candidate.

    **Arguments:**

    - `name`: what it would give. `why`: in a clause.
    """

    name: str
    why: str
