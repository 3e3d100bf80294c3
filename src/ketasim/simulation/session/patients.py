"""The effects of a course's sessions in each of its patients, a piece of them at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.evidence import Card
from ketasim.models import SESSION
from ketasim.population import (
    SESSION_CURVES,
    Cohort,
    Sensitivity,
    card_draws,
    pressure_sensitivity,
    session_curves,
)
from ketasim.simulation.calendar import Session
from ketasim.simulation.concentrations import Key
from ketasim.simulation.session.group import both

Array = NDArray[np.float64]

SESSION_UNITS: Final[Mapping[Key, str]] = MappingProxyType(
    {(curve.name, "patient"): curve.unit for curve in SESSION_CURVES}
)
"""Quantity and site of the effects of a session to unit. Shares are of patients, or the chance of
one; pressures and heart rate are changes from before the dose; cognition is a share of the full
effect, of which no study gives the size."""


class SessionCurves:
    """Effects of a course's sessions in each patient.

    What tells patients and sessions apart is drawn once; a piece of the patients or of the times
    has the same bits as the whole.
    """

    def __init__(self, card: Card, cohort: Cohort, sessions: Sequence[Session]) -> None:
        """Take the patients.

        **Arguments:**

        - `card`: the card `session`. `cohort`: the patients, one after another of those of the
          course. `sessions`: of the course.
        """
        self._card, self._cohort = card, cohort
        self._starts = np.array([session.start for session in sessions])
        self._drawn: dict[int, Array] = {}

    def at(
        self,
        hours: Array,
        effect_site: Mapping[str, Array],
        patients: slice = slice(None),
    ) -> dict[Key, Array]:
        """The curves of `SESSION_UNITS` at some times, in some patients.

        **Arguments:**

        - `hours`: h from the first dose, ascending, shape (T,).
        - `effect_site`: S-ketamine and S-norketamine of these patients, ng/mL, each of shape
          (T, n).
        - `patients`: which of the cohort; all when left out.

        **Returns:** quantity and site to shape (T, n).
        """
        n = len(range(self._cohort.n)[patients])
        drugs = both(effect_site, (len(hours), n))
        values = self.values(patients)
        number = np.searchsorted(self._starts, hours + 1e-9, side="right").clip(min=1)
        if self._cohort.typical:
            effect = SESSION.effect(values, *drugs)
            curves = session_curves(values, effect, drugs, session=number[:, None])
            return {(name, "patient"): curve for name, curve in curves.items()}
        found = {key: np.empty((len(hours), n)) for key in SESSION_UNITS}
        sessions, place = np.unique(number, return_inverse=True)
        drawn = [self.sensitivity(int(session), patients) for session in sessions]
        if not drawn:
            return found
        session_curves(
            values,
            SESSION.effect(values, *drugs),
            drugs,
            session=number[:, None],
            patients=replace(drawn[0], session=np.array([one.session for one in drawn])[place]),
            out={name: table for (name, _), table in found.items()},
        )
        return found

    def values(self, patients: slice = slice(None)) -> dict[str, Any]:
        """Numbers of the card; where patients differ in them, of each of these, shape (n,)."""
        if not self._cohort.uncertainty:
            return dict(self._numbers)
        return {symbol: one[patients] for symbol, one in self._numbers.items()}

    def sensitivity(self, session: int, patients: slice = slice(None)) -> Sensitivity:
        """How sensitive these patients are in a session, counted from 1."""
        if session not in self._drawn:
            # the names of these streams choose the patients drawn: they stay as they are
            stream = f"acute session {session}"
            drawn = standard_normals(self._seed, stream, self._first, self._cohort.n, 1)
            self._drawn[session] = drawn[:, 0]
        own, pressure = self._own
        return Sensitivity(own[patients], pressure[patients], self._drawn[session][patients])

    @property
    def _seed(self) -> int:
        return self._cohort.seed or 0

    @property
    def _first(self) -> int:
        return self._cohort.first

    @cached_property
    def _own(self) -> tuple[Array, Array]:
        own = standard_normals(self._seed, "acute", self._first, self._cohort.n, 2)[:, 0]
        return own, pressure_sensitivity(self._seed, self._cohort.n, self._first)

    @cached_property
    def _numbers(self) -> Mapping[str, Any]:
        if not self._cohort.uncertainty:
            return self._card.values()
        return card_draws(self._card, self._seed, self._first, self._cohort.n)
