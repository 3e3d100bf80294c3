"""Curves of a simulation, summarised where they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ketasim._base import words
from ketasim.figures.panels import Line
from ketasim.simulation.mood.course import MADRS
from ketasim.simulation.statistics import QUANTILES, statistics

if TYPE_CHECKING:
    from ketasim.simulation.result import Simulation

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Key = tuple[str, str]


class Curves:
    """The curves of a simulation, ready to be drawn: a summary of the patients at chosen times.

    **Arguments:**

    - `simulation`: what `simulate` returned.

    `times` are in hours, shape (T,). `typical`: there is one patient, without spread.
    `uncertainty`: every patient has a draw of the parameters. `centre` is the statistic that a line
    shows.
    """

    def __init__(self, simulation: Simulation) -> None:
        self.times = simulation.times
        self.typical = simulation.cohort.typical
        self.uncertainty = simulation.cohort.uncertainty
        self.centre = "mean" if self.typical else "p50"
        self._values = simulation.values
        self._known: dict[tuple[Key, bytes], dict[str, Array]] = {}
        self._whole: dict[Key, dict[str, Array]] = {}
        if not self._values.held:
            # what is not kept is summarised once for all, and not for every chart
            for part in simulation.summary().partition_by("quantity", "site"):
                key = (str(part["quantity"][0]), str(part["site"][0]))
                self._whole[key] = {name: part[name].to_numpy() for name in ("mean", *QUANTILES)}
        elif simulation.mood is not None and simulation.mood.rated is not None:
            self._whole[MADRS] = {
                "mean": self._values[MADRS].mean(axis=1),
                **{name: simulation.mood.rated[name].to_numpy() for name in QUANTILES},
            }

    def table(self, key: Key, rows: Rows) -> dict[str, Array]:
        """Statistics of a quantity at a site, each of shape (rows,).

        **Arguments:**

        - `key`: quantity and site. `rows`: positions of the times.
        """
        if key in self._whole:
            return {name: values[rows] for name, values in self._whole[key].items()}
        # of 48 quantities a report draws 15, most of them over one day of a course
        name = key, rows.tobytes()
        if name not in self._known:
            self._known[name] = statistics(self._values[key][rows], self.typical)
        return self._known[name]

    def has(self, key: Key) -> bool:
        """Whether there is such a curve with a mean above zero.

        **Arguments:**

        - `key`: quantity and site.
        """
        if key in self._whole:
            return bool(np.any(self._whole[key]["mean"] > 0))
        return key in self._values and bool(np.any(self._values[key].mean(axis=1) > 0))

    def top(self, keys: Sequence[Key], rows: Rows) -> float:
        """The largest number that will be drawn.

        **Arguments:**

        - `keys`: quantities and sites; those that are not there are left out.
        - `rows`: positions of the times.
        """
        name = "mean" if self.typical else "p95"
        there = (key for key in keys if key in self._values)
        return max((float(self.table(key, rows)[name].max()) for key in there), default=0.0)

    def line(
        self,
        key: Key,
        rows: Rows,
        *,
        start: float,
        scale: float,
        colour: str,
        dash: tuple[int, ...] = (),
        band: bool = True,
    ) -> Line:
        """A line, with its bands where there is a spread and they are wanted.

        **Arguments:**

        - `key`: quantity and site. `rows`: positions of the times.
        - `start`, `scale`: h, of the axis: times become (time - start) / scale.
        - `colour`, `dash`: how it looks. `band`: whether bands are wanted.
        """
        table = {name: values.tolist() for name, values in self.table(key, rows).items()}
        bands = band and not self.typical
        return Line(
            words.quantity(key[0]),
            ((self.times[rows] - start) / scale).tolist(),
            table[self.centre],
            outer=(table["p05"], table["p95"]) if bands else None,
            inner=(table["p25"], table["p75"]) if bands else None,
            colour=colour,
            dash=dash,
        )
