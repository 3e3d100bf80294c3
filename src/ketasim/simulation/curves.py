"""Curves of a simulation: kept where they fit, and computed piece by piece where they do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ketasim._base.size import processors
from ketasim.engine import FollowedPatients, LinearSolution, LinearSolver
from ketasim.engine.progress import Progress
from ketasim.models import RECEPTOR
from ketasim.simulation.concentrations import Key
from ketasim.simulation.headline import BLOCK
from ketasim.simulation.session.patients import SESSION_UNITS, SessionCurves
from ketasim.simulation.statistics import groups

Array = NDArray[Any]
Rows = slice | NDArray[np.int64]
_T = TypeVar("_T")
_R = TypeVar("_R")

HELD: Final = 0.25e9
"""Bytes of curves that a result keeps; of more, pieces are computed when they are asked for."""

PIECE: Final = 0.06e9
"""Bytes of curves that are computed together, where they are not kept."""

FOLLOWED: Final = 0.15e9
"""Bytes of patients followed through their doses that are kept for the next times; patients
beyond these are followed anew for each."""

CHUNK: Final = 500
"""Patients whose curves are computed together."""

_ORDER: Final = (
    "s_ketamine",
    "r_ketamine",
    "ketamine",
    "s_norketamine",
    "r_norketamine",
    "norketamine",
    "s_hnk",
    "r_hnk",
    "hnk",
)
_ALL: Final = slice(None)


@dataclass(frozen=True)
class Recipe:
    """What every curve follows from, for any times and patients by themselves.

    **Arguments:**

    - `times`: h, shape (T,). `n`: patients.
    - `solver`: the patients. `solution`: of the course. `sites`: those wanted.
    - `receptor`: numbers of the NMDA block; nothing where it is not computed.
    - `session`: effects of the sessions; nothing where they are not computed.
    - `mood`: curves that are computed already, shape (T, n).
    """

    times: Array
    n: int
    solver: LinearSolver
    solution: LinearSolution
    sites: tuple[str, ...]
    receptor: Mapping[str, float] | None = None
    session: SessionCurves | None = None
    mood: Mapping[Key, Array] = field(default_factory=dict[Key, Array])

    def piece(
        self,
        rows: Rows = _ALL,
        which: slice = _ALL,
        followed: FollowedPatients | None = None,
    ) -> dict[Key, Array]:
        """All curves at some of the times, of some of the patients; the same to the last bit.

        **Arguments:**

        - `rows`: of the times, ascending. `which`: of the patients. `followed`: these, if known.
        """
        hours = self.times[rows]
        found = self.concentrations(rows, which, followed)
        if self.session is not None:
            effect = {name: table for (name, site), table in found.items() if site == RECEPTOR.site}
            found |= self.session.at(hours, effect, which)
        return found | {key: table[rows, which] for key, table in self.mood.items()}

    def one(self, key: Key, which: slice = _ALL) -> Array:
        """One curve at all times, of some of the patients."""
        quantity, site = key
        if key in self.mood:
            return self.mood[key][:, which]
        if key == BLOCK or key in SESSION_UNITS:
            return replace(self, sites=(RECEPTOR.site,), mood={}).piece(which=which)[key]
        return self.solution.at(self.times, (site,), (quantity,), which)[key]

    def follow(self, which: slice) -> FollowedPatients:
        """Some of the patients, followed through their doses."""
        return self.solution.follow(self.times, sites=self.sites, patients=which)

    def concentrations(
        self,
        rows: Rows = _ALL,
        which: slice = _ALL,
        followed: FollowedPatients | None = None,
    ) -> dict[Key, Array]:
        """Concentrations and the block; see `piece`."""
        if followed is None:
            solved = self.solution.at(self.times[rows], sites=self.sites, patients=which)
        else:
            solved = followed.read(rows)
        found = {
            (quantity, site): solved[quantity, site]
            for site in self.sites
            for quantity in _ORDER
            if (quantity, site) in solved
        }
        effect = {name: table for (name, site), table in found.items() if site == RECEPTOR.site}
        if effect and self.receptor is not None:
            found[BLOCK] = RECEPTOR.block(RECEPTOR.resolve(self.receptor), effect)
        return found


class Curves(Mapping[Key, Array]):
    """Quantity and site, such as `("ketamine", "venous")`, to shape (T, n); read-only.

    Of a large population a curve is computed when it is asked for.

    **Arguments:**

    - `recipe`: what they follow from. `held`: bytes of curves that are kept.
    - `piece`: bytes of those computed together.
    """

    def __init__(self, recipe: Recipe, held: float = HELD, piece: float = PIECE) -> None:
        self._recipe, self._piece = recipe, piece
        first = recipe.piece(slice(0, 1), slice(0, 1))
        self._keys = tuple(first)
        # a metabolite is at one site what it is at another: such curves are one array
        places = [array_place(table) for table in first.values()]
        self._same = {
            key: self._keys[places.index(at)] for key, at in zip(first, places, strict=True)
        }
        self._followed: dict[int, FollowedPatients] = {}
        size = 8.0 * len(first) * len(recipe.times) * recipe.n
        # of patients that are told by groups the summary is asked, once for all drawings
        whole = size <= held and len(groups(recipe.n)) == 1
        self._held = recipe.piece() if whole else None
        self._freeze()

    def __getstate__(self) -> dict[str, Any]:
        """Of a copy the patients are followed anew."""
        return self.__dict__ | {"_followed": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Of a copy the curves are read-only as well."""
        self.__dict__.update(state)
        self._freeze()

    def __repr__(self) -> str:
        """How many curves of how many patients, and which."""
        names = dict.fromkeys(name for name, _ in self._keys)
        told = f"{len(self)} curves, shape ({len(self._recipe.times)}, {self._recipe.n})"
        return f"<{told}; quantities: {', '.join(names)}>"

    def _freeze(self) -> None:
        for table in (self._held or self._recipe.mood).values():
            table.flags.writeable = False

    @property
    def solution(self) -> LinearSolution:
        """The patients under the course, to be read at other times."""
        return self._recipe.solution

    @property
    def held(self) -> bool:
        """Whether all are in memory."""
        return self._held is not None

    def __getitem__(self, key: Key) -> Array:
        """One curve of every patient."""
        if key not in self._keys:
            some = ", ".join(map(str, self._keys[:3]))
            raise KeyError(f"there is no curve {key}; of {len(self)}, the first are {some}")
        if self._held is not None:
            return self._held[key]
        if key in self._recipe.mood:
            return self._recipe.mood[key]
        found = np.empty((len(self._recipe.times), self._recipe.n))

        def fill(which: slice) -> None:
            found[:, which] = self._recipe.one(key, which)

        in_threads(fill, _parts(self._recipe.n, CHUNK))
        found.flags.writeable = False
        return found

    def __contains__(self, key: object) -> bool:
        """Whether there is such a curve; none is computed for it."""
        return key in self._keys

    def __iter__(self) -> Iterator[Key]:
        """Keys in the order of the tables."""
        return iter(self._keys)

    def __len__(self) -> int:
        """How many curves each patient has."""
        return len(self._keys)

    def of(self, which: slice) -> dict[Key, Array]:
        """All curves of some patients."""
        if self._held is not None:
            return {key: table[:, which] for key, table in self._held.items()}
        return self._recipe.piece(which=which)

    def exposed(
        self,
        work: Callable[[slice, Rows, LinearSolver, Mapping[Key, Array]], _R],
        rows: NDArray[np.bool_],
    ) -> list[_R]:
        """Do some work for some patients after the others: concentrations and block.

        **Arguments:**

        - `work`: takes which patients, which of the times, and their solver and curves.
        - `rows`: which of the times are wanted, shape (T,); there may be more.
        """
        recipe = self._recipe
        if self._held is not None:
            exposed = {
                key: table
                for key, table in self._held.items()
                if key not in recipe.mood and key not in SESSION_UNITS
            }
            return [work(_ALL, _ALL, recipe.solver, exposed)]
        wanted = np.flatnonzero(rows)

        def part(which: slice) -> _R:
            curves = recipe.concentrations(wanted, which, self._follow(which))
            return work(which, wanted, recipe.solver.take(which), curves)

        return in_threads(part, _parts(recipe.n, CHUNK))

    def _follow(self, which: slice) -> FollowedPatients:
        """Some of the patients followed through their doses, kept where they fit."""
        known = self._followed.get(which.start)
        if known is None:
            known = self._recipe.follow(which)
            if sum(one.held for one in [known, *list(self._followed.values())]) <= FOLLOWED:
                self._followed[which.start] = known
        return known

    def stretches(self) -> Iterator[tuple[Rows, dict[Key, Array]]]:
        """All curves at some of the times, ascending, then at others.

        Times as long after a dose come together, which share work. What is given with one stretch
        is overwritten by the following one.
        """
        if self._held is not None:
            yield _ALL, dict(self._held)
            return
        recipe, count = self._recipe, len(self._recipe.times)
        computed = [key for key in self._keys if self._same[key] == key and key not in recipe.mood]
        length = max(int(self._piece / (8.0 * len(computed) * recipe.n)), 1)
        room = np.empty((len(computed), min(length, count), recipe.n))
        order = recipe.follow(slice(0, 1)).order
        order = np.arange(count) if order is None else order
        with Progress(count, show=None, what="times") as bar:
            for some in _parts(count, length):
                rows = np.sort(order[some])
                tables = dict(zip(computed, room[:, : len(rows)], strict=True))

                def fill(
                    which: slice, rows: Rows = rows, tables: Mapping[Key, Array] = tables
                ) -> None:
                    piece = recipe.piece(rows, which, self._follow(which))
                    for key, table in tables.items():
                        table[:, which] = piece[key]

                in_threads(fill, _parts(recipe.n, CHUNK))
                known = {key: table[rows] for key, table in recipe.mood.items()}
                bar.advance(len(rows))
                yield (
                    rows,
                    {
                        key: known[key] if key in known else tables[self._same[key]]
                        for key in self._keys
                    },
                )


def array_place(table: Array) -> tuple[int, tuple[int, ...]]:
    """Where in memory a table lies: two of one place are one."""
    return table.__array_interface__["data"][0], table.strides


def in_threads(work: Callable[[_T], _R], parts: Iterable[_T]) -> list[_R]:
    """Do some work for each part, on as many threads as there are cores; results in order."""
    with ThreadPoolExecutor(processors()) as pool:
        return list(pool.map(work, parts))


def _parts(whole: int, size: int) -> Iterator[slice]:
    for first in range(0, whole, size):
        yield slice(first, min(first + size, whole))
