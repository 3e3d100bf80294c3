"""An option: a simulated course, and every number it is compared by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import words
from ketasim.dosing import Course
from ketasim.planning.burden import burden, within
from ketasim.planning.certainty import Certainty, certainties
from ketasim.planning.criteria import CRITERIA
from ketasim.planning.measure import PATIENTS, UNCERTAINTY, Measure
from ketasim.population import DRAWN_EVERY, VisitNoise, times_back
from ketasim.simulation import MADRS, SessionProfile, Simulation
from ketasim.simulation.mood.course import Mood
from ketasim.simulation.mood.drawn import DrawnMeans, days_well, typical_drawn
from ketasim.simulation.mood.inputs import mood_input

Array = NDArray[np.float64]
Key = tuple[str, str]

_TOTAL: Final = "ketamine"  # both enantiomers: what options with different drugs have in common
_NO_MOOD: Final = "mood was not computed"
_NO_SHARES: Final = "the typical patient has no shares; give a population"
_NO_SESSION: Final = "effects of sessions were not computed"
_SHARES: Final = {"response": "response", "remission": "remission_10"}
_DAY: Final = 24.0
_EFFECTS: Final = {"CADSS_peak": "CADSS", "SBP_peak": "SBP", "sedation_peak": "sedation"}
_MOST_TIMES: Final = 150  # of the curve by which days are counted under each draw
_SLIP: Final = 1e-6  # h


@dataclass(frozen=True, eq=False)
class Option:
    """One of the courses that are compared.

    **Arguments:**

    - `name`: unlike that of any other option.
    - `simulation`: of its course.
    - `quantity`: quantity and site by which exposures are compared; nothing without a dose.
    """

    name: str
    simulation: Simulation
    quantity: Key | None

    @property
    def course(self) -> Course:
        """What is given to whom."""
        return self.simulation.course

    @cached_property
    def given(self) -> Course:
        """The course with the doses before the horizon."""
        return within(self.course)

    @cached_property
    def what(self) -> str:
        """What is given, in words."""
        return "; ".join(self.given.regimen.describe())

    @cached_property
    def certainty(self) -> tuple[Certainty, ...]:
        """How near it is to what was studied."""
        return certainties(self.simulation)

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """Every number but the cost, which takes a price that all options have."""
        return (*self._exposure(), *self._session(), *self._course(), *burden(self.given))

    @cached_property
    def shown_session(self) -> SessionProfile | None:
        """Of the first and the last session the one with the higher expected dissociation."""
        effects = self.simulation.session_effects
        if effects is None:
            return None
        return max(effects.sessions, key=lambda one: float(one.means["CADSS"].max()))

    @cached_property
    def drawn(self) -> DrawnMeans | None:
        """Scores and shares under each parameter draw; nothing where mood was not computed."""
        mood = self.simulation.mood
        if mood is None or mood.card.uncertainty is None:
            return None
        if mood.drawn is not None:
            return mood.drawn
        times = mood.table["time_h"].to_numpy()
        curve = self.simulation.times
        every = -(-len(curve) // _MOST_TIMES)
        return typical_drawn(self.course, times, np.unique(np.append(curve[::every], curve[-1])))

    def _exposure(self) -> Iterator[Measure]:
        if self.quantity is None:
            return
        quantity, site = self.quantity
        note = f"{words.quantity(quantity)}, {words.site(site)}"
        for key, session, metric in (("cmax", "first", "cmax"), ("auc", "course", "auc_inf")):
            values = self.simulation.exposed((quantity, site), session, metric)
            if values is None:
                continue
            drawn = None if self.simulation.cohort.typical else values
            yield Measure(key, float(values.mean()), drawn, PATIENTS, note=note)

    def _session(self) -> Iterator[Measure]:
        session = self.shown_session
        if session is None:
            for key in (*_EFFECTS, "CADSS_resolved"):
                yield Measure(key, None, note=_NO_SESSION)
            return
        rows = {row["effect"]: row for row in session.table.to_dicts()}
        note = f"session {session.number}"
        drawn = session.behind.drawn
        for key, effect in _EFFECTS.items():
            peaks = drawn[effect].max(axis=1)
            yield Measure(key, rows[effect]["peak"], peaks, UNCERTAINTY, note=note)
        yield _resolved(session, rows["CADSS"]["level"], note)

    def _course(self) -> Iterator[Measure]:
        mood = self.simulation.mood
        if mood is None:
            for key, one in CRITERIA.items():
                if one.group == "course" and not one.weekly:
                    yield Measure(key, None, note=_NO_MOOD)
            return
        yield from self._weeks(mood)
        times = mood.table["time_h"].to_numpy()
        after = int(np.abs(times - mood.well_from).argmin())
        for place, row in (("last", after), ("end", len(times) - 1)):
            yield self._at(mood, "MADRS", "MADRS", place, row)
        for share, column in _SHARES.items():
            for place, row in (("last", after), ("end", len(times) - 1)):
                yield self._at(mood, share, column, place, row)
        yield self._days(mood)

    def _weeks(self, mood: Mood) -> Iterator[Measure]:
        """Scores and shares before and after the sessions of each week."""
        times = mood.table["time_h"].to_numpy()
        for week in mood.weekly.to_dicts():
            quiet = "" if week["sessions"] else "no session in this week"
            for place in ("trough", "peak"):
                at = week[f"{place}_h"]
                row = int(np.abs(times - at).argmin())
                for name, column in (("MADRS", "MADRS"), *_SHARES.items()):
                    value = week[f"{name}_{place}"]
                    if value is None:
                        continue
                    drawn = self._under(column, row) if abs(times[row] - at) <= _SLIP else None
                    yield Measure(
                        f"{name}_{place}", value, drawn, UNCERTAINTY, week["week"], at, quiet
                    )

    def _at(self, mood: Mood, name: str, column: str, place: str, row: int) -> Measure:
        found = mood.table.row(row, named=True)
        value, at = found.get(column), float(found["time_h"])
        if value is None:
            return Measure(f"{name}_{place}", None, at_h=at, note=_NO_SHARES)
        return Measure(
            f"{name}_{place}", float(value), self._under(column, row), UNCERTAINTY, at_h=at
        )

    def _under(self, column: str, row: int) -> Array | None:
        drawn = self.drawn
        return None if drawn is None or column not in drawn.means else drawn.means[column][:, row]

    def _days(self, mood: Mood) -> Measure:
        noise = None
        if not self.simulation.cohort.typical:
            noise = VisitNoise.of(mood_input(self.course).numbers())
        scores = self.simulation.values[MADRS].T
        value = days_well(self.simulation.times, scores, mood.baseline, noise)
        drawn = None if self.drawn is None else self.drawn.days_well
        half = "expected days on which a rating shows half of the baseline or less"
        note = half if noise is not None else "days with half of the baseline or less"
        return Measure("days_well", float(value[0]), drawn, UNCERTAINTY, note=note)


def _resolved(session: SessionProfile, level: float, note: str) -> Measure:
    """When dissociation has resolved, minutes after the first dose."""
    minutes = session.minutes
    coarse, curves = minutes[::DRAWN_EVERY], session.behind.drawn["CADSS"]
    mean = session.means["CADSS"]
    value = float(times_back(minutes, mean[None], level)[0])
    drawn = np.minimum(times_back(coarse, curves, level), minutes[-1])
    note = f"{note}, mean at or below {level:g} points"
    if not np.isfinite(value):
        note = f"{note}: not resolved within {minutes[-1]:.0f} min"
        return Measure("CADSS_resolved", None, note=note)
    if mean.max() <= level:
        note = f"{note} throughout"
    return Measure("CADSS_resolved", value, drawn, UNCERTAINTY, note=note)


def shared_quantity(simulations: Sequence[Simulation]) -> Key | None:
    """Quantity and site by which the exposures of some courses are compared.

    **Arguments:**

    - `simulations`: of them.

    **Returns:** the main quantity where it is the same in all, else ketamine as the sum of its
    enantiomers, at a site that all have; nothing where there is none.
    """
    mains = [one.main for one in simulations]
    names = {None if main is None else main[0] for main in mains}
    common = {key for key in simulations[0].values if all(key in s.values for s in simulations)}
    wanted = next(iter(names)) if len(names) == 1 else _TOTAL
    sites = [main[1] for main in mains if main is not None]
    return next(((wanted, site) for site in sites if wanted and (wanted, site) in common), None)
