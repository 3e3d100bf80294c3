"""From receptor to mood: the chain of a course, solved for its patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim._base import Headline, Shown
from ketasim._base.result import later
from ketasim.dosing import Course
from ketasim.engine import Calendar, Patients, Plan, Trajectories, stream
from ketasim.engine.progress import Progress
from ketasim.evidence import Card, Entry
from ketasim.models import ChainModel, LinearModel, mood_chain
from ketasim.population import (
    Cohort,
    Situation,
    VisitNoise,
    card_draws,
    mood_effects,
    typical_effects,
)
from ketasim.simulation.concentrations import Key
from ketasim.simulation.mood.beside import (
    NearValue,
    disagreement,
    near_values,
    times_compared,
)
from ketasim.simulation.mood.chain import in_points
from ketasim.simulation.mood.drawn import DRAWS, DrawnMeans, days_well
from ketasim.simulation.mood.inputs import PARTS, MoodInput, calendar_of, mood_input
from ketasim.simulation.mood.likelihood import (
    Scores,
    assessment_times,
    drawn_chances,
    spread_of_chances,
    spread_of_parts,
    weekly_table,
)
from ketasim.simulation.mood.rated import rated_quantiles, rated_table
from ketasim.simulation.mood.reach import beyond_evidence
from ketasim.simulation.mood.steps import mood_patients, steps_of
from ketasim.simulation.mood.studied import of_course
from ketasim.simulation.mood.weeks import week_table, week_times, weeks_of

Array = NDArray[np.float64]

MADRS: Final[Key] = ("MADRS", "patient")
"""The score, as `Simulation.values` holds it."""

MOOD_UNITS: Final[Mapping[Key, str]] = {
    ("glutamate", "brain"): "ratio",
    ("bdnf", "brain"): "ratio",
    ("synapses", "brain"): "ratio",
    MADRS: "point",
    **{(part, "patient"): "point" for part in PARTS},
}
"""Quantity and site of the chain to mood to unit. The parts are points of the MADRS: what the drug,
expectation, a new oral antidepressant and the natural course bring; they add up to the fall."""

_BRAIN = ("glutamate", "bdnf", "synapses")
_TOGETHER = 50_000  # numbers that change places together; they stay in the processor's cache
_EACH = 100  # patients with each of them
_LONGER = 1.7  # steps of the outer band over those of the patients' own curves
_MOST_TIMES = 150  # of the outer band
_DAY = 24.0


@dataclass(frozen=True)
class OuterBand:
    """MADRS as rated: over patients, within them, and over the uncertainty of the card's numbers.

    **Arguments:**

    - `times`: h, shape (T,).
    - `p05`, `p50`, `p95`: points, shape (T,).
    - `draws`, `patients`: how many parameter draws, and patients with each.
    """

    times: Array
    p05: Array
    p50: Array
    p95: Array
    draws: int
    patients: int


@dataclass(frozen=True, repr=False)
class Mood(Shown):
    """What a simulation says of mood.

    **Arguments:**

    - `card`: the card `mood`.
    - `situation`: what decides on expectation.
    - `baseline`: MADRS before treatment, points.
    - `entries`: parameters used, with their values.
    - `assumed`: field of the course and what was assumed of it, in a sentence.
    - `sources`: keys of sources beside those of the card.
    - `table`: before and a day after the sessions of each week (of every session, and by day, in
      courses of up to two weeks), and by week after them: mean MADRS; shares of response (half of
      the baseline), of a MADRS of at most 10 and 12, and of patients still well, with the 5-95 %
      range of the uncertainty; mean points by drug, expectation, oral antidepressant and natural
      course; the mean on other scales. Of the typical patient no shares.
    - `well_from`: h, the rating from which patients count as still well: a day after the last
      session.
    - `weekly`: scores before the sessions of each week and a day after them; see `SCHEMA`.
    - `outer`: MADRS with parameter uncertainty; nothing of the typical patient, where the
      card has no uncertainty, or where each patient has a draw of the numbers already.
    - `rated`: spread of the MADRS as rated at the times of the curves; see `rated_table`. Nothing
      of the typical patient.
    - `near`: what the nearest published trials reported, beside what the model gives for them.
    - `disagreement`: where they disagree with the model, in a sentence; empty where they agree.
    - `drawn`: means under each draw of the card's numbers, at the times of `table`; nothing of the
      typical patient.
    """

    card: Card
    situation: Situation
    baseline: float
    entries: tuple[Entry, ...]
    assumed: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]
    table: pl.DataFrame
    well_from: float
    weekly: pl.DataFrame
    outer: OuterBand | None = None
    rated: pl.DataFrame | None = None
    near: tuple[NearValue, ...] = ()
    disagreement: str = ""
    drawn: DrawnMeans | None = None

    def headline(self) -> Headline:
        """MADRS and response before treatment, a day after the last session, and at the end."""
        rows = tuple(later("ketasim.simulation.headline:mood_rows")(self))
        title = f"Mood: MADRS {self.baseline:g} before treatment, card {self.card.key}"
        return Headline(title, rows, "Means; ranges: 90 % uncertainty interval.")


@dataclass(frozen=True)
class _Run:
    """What the parts of a run share."""

    chain: ChainModel
    calendar: Calendar
    cohort: Cohort
    given: MoodInput
    effects: Mapping[str, Array]
    spread: bool
    drawn: Mapping[str, Array] | None = None
    steps: Plan | None = None

    def patients(
        self, cohort: Cohort, effects: Mapping[str, Array], numbers: dict[str, Any]
    ) -> Patients:
        return mood_patients(
            cohort, self.given, self.calendar, effects, numbers, spread=self.spread
        )


def simulate_mood(
    course: Course, cohort: Cohort, model: LinearModel, hours: Array
) -> tuple[dict[Key, Array], Mood, tuple[str, ...]]:
    """Solve the chain to mood.

    **Arguments:**

    - `course`: with patient and regimen. `cohort`: its patients. `model`: the reference model.
    - `hours`: h, times of the curves, ascending, shape (T,).

    **Returns:** the curves of `MOOD_UNITS`, shape (T, n); what they say; and warnings.

    **Raises:** `InputError` when the baseline cannot be used.
    """
    given = mood_input(course)
    horizon = max(course.horizon, float(hours[-1]))
    seed = cohort.seed or 0
    run = _Run(
        chain=mood_chain(model),
        calendar=calendar_of(course, horizon),
        cohort=cohort,
        given=given,
        effects=typical_effects() if cohort.typical else mood_effects(seed, 0, cohort.n),
        spread=not cohort.typical,
        drawn=card_draws(given.card, seed, 0, cohort.n) if cohort.uncertainty else None,
    )
    sessions = [s for s in course.regimen.sessions if s < horizon]
    well_from = max(sessions, default=0.0) + _DAY
    compared = times_compared(sessions, course.horizon)
    asked = assessment_times(sessions, course.horizon, (well_from, *compared))
    uncertain = not cohort.typical and given.card.uncertainty is not None
    draws = _drawn(run, seed) if uncertain else None
    steps = steps_of(
        *(course, given, run.calendar, run.chain, model), uncertainty=cohort.uncertainty
    )
    run = replace(run, steps=steps)
    weeks = weeks_of(sessions, course.horizon)
    around = week_times(weeks)
    times = np.union1d(np.union1d(hours, asked), around)
    rows = np.searchsorted(times, np.concatenate([asked, around]))
    curves, scores = _curves(run, times, np.searchsorted(times, hours), rows)
    by_week = scores["MADRS"][:, len(asked) :]
    scores = {name: values[:, : len(asked)] for name, values in scores.items()}
    found = Scores(asked, tuple(sessions), well_from, given.baseline, scores)
    noise = None if cohort.typical else VisitNoise.of(given.numbers(run.drawn))
    table = weekly_table(found, noise)
    outer = drawn = None
    if draws is not None:
        band, drawn, parts = _outer(run, draws, hours, found)
        if noise is not None and cohort.n > _EACH and not cohort.uncertainty:
            curve = curves[MADRS][np.searchsorted(hours, drawn.shown)].T
            drawn = _centred(drawn, table, found, noise, curve)
        table = table.with_columns(*spread_of_chances(drawn.means), *parts)
        # the patients themselves differ in it already
        outer = None if cohort.uncertainty else band
    own = of_course(course, setting=given.situation.setting)
    near = near_values(own, compared) if sessions else ()
    disagrees = disagreement(own, near)
    far = beyond_evidence(own, course.horizon) if sessions else ""
    mood = Mood(
        card=given.card,
        situation=given.situation,
        baseline=given.baseline,
        entries=given.acting(cohort.typical),
        assumed=given.assumed,
        sources=given.sources,
        table=table,
        well_from=well_from,
        weekly=week_table(weeks, by_week, given.baseline, noise),
        outer=outer,
        rated=None if noise is None else rated_table(hours, curves[MADRS], noise),
        near=near,
        disagreement=disagrees,
        drawn=drawn,
    )
    said = (*given.warnings, *filter(None, (disagrees, far)))
    if cohort.typical and given.situation.new_antidepressant:
        part = given.card.entry("share_none_O").value
        text = (
            "The typical patient responds to the new oral antidepressant; according to the card, "
            f"{100 * part:.0f} % of patients never do."
        )
        said = (*said, text)
    return curves, mood, said


def _curves(
    run: _Run, times: Array, shown: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[dict[Key, Array], dict[str, Array]]:
    """Curves at the times shown, shape (T, n), and scores and parts at the rows, shape (n, R)."""
    n = run.cohort.n
    names = (*_BRAIN, "MADRS", *PARTS)
    curves = {key: np.empty((len(shown), n)) for key in MOOD_UNITS}
    scores = {name: np.empty((len(rows), n)) for name in ("MADRS", *PARTS)}
    patients = run.patients(run.cohort, run.effects, run.given.numbers(run.drawn))
    with Progress(n, show=None) as bar:
        written = _Written(run.given.baseline, shown, rows, curves, scores, bar)
        stream(run.chain, patients, times, names, [written], plan=run.steps, progress=False)
    for key, table in curves.items():
        if not table.any():  # a part that nobody has takes no memory
            curves[key] = np.broadcast_to(0.0, table.shape)
    return curves, {name: np.ascontiguousarray(table.T) for name, table in scores.items()}


@dataclass(frozen=True)
class _Written:
    """Writes curves and scores where they go: a reducer of `stream`, whose pieces are disjoint.

    **Arguments:**

    - `shown`: which times are those of the curves, ascending. `rows`: those of the scores.
    - `curves`, `scores`: name to where they go, times before patients. `bar`: told of patients.
    """

    baseline: float
    shown: NDArray[np.int64]
    rows: NDArray[np.int64]
    curves: Mapping[Key, Array]
    scores: Mapping[str, Array]
    bar: Progress

    def begin(self, patients: int, times: Array, names: tuple[Any, ...]) -> None:
        del patients, times, names

    def reduce(self, piece: Trajectories, members: NDArray[np.int64]) -> int:
        first, last = int(members[0]), int(members[-1]) + 1
        here = slice(first, last) if last - first == len(members) else members
        count = max(_TOGETHER // (len(members) * len(piece.names)), 1)
        for begin in range(0, len(piece.times), count):
            end = begin + count
            values = np.ascontiguousarray(piece.values[:, begin:end].transpose(2, 1, 0))
            solved = {str(name): one for name, one in zip(piece.names, values, strict=True)}
            points = in_points(self.baseline, solved)
            low, high = np.searchsorted(self.shown, [begin, end])
            shown = self.shown[low:high] - begin
            for (name, site), table in self.curves.items():
                table[low:high, here] = (solved if site == "brain" else points)[name][shown]
            asked = np.flatnonzero((self.rows >= begin) & (self.rows < end))
            for place, row in zip(asked, self.rows[asked] - begin, strict=True):
                for name, table in self.scores.items():
                    table[place, here] = points[name][row]
        return len(members)

    def merge(self, whole: None, part: int) -> None:
        del whole
        self.bar.advance(part)

    def finish(self, whole: None) -> None:
        del whole


def _drawn(run: _Run, seed: int) -> tuple[Cohort, dict[str, Array], dict[str, Array]]:
    """Some patients with each of some draws of the card's numbers: one draw after another."""
    each = min(run.cohort.n, _EACH)
    cohort = run.cohort.take(np.tile(np.arange(each), DRAWS))
    effects = {name: np.tile(values[:each], DRAWS) for name, values in run.effects.items()}
    drawn = card_draws(run.given.card, seed, 0, DRAWS)
    return cohort, effects, {s: np.repeat(values, each) for s, values in drawn.items()}


def _outer(
    run: _Run,
    draws: tuple[Cohort, dict[str, Array], dict[str, Array]],
    hours: Array,
    scores: Scores,
) -> tuple[OuterBand, DrawnMeans, Sequence[pl.Series]]:
    """The outer band, means under each draw, and the range of the parts of the improvement."""
    cohort, effects, drawn = draws
    numbers = run.given.numbers(drawn)
    # enough for a band, and no more: the last time is kept
    every = -(-len(hours) // _MOST_TIMES)
    shown = np.unique(np.append(hours[::every], hours[-1]))
    times = np.union1d(shown, scores.times)
    patients = run.patients(cohort, effects, numbers)
    names = ("MADRS", *PARTS)
    at, rows = np.searchsorted(times, shown), np.searchsorted(times, scores.times)
    keep = _Kept({"shown": ("MADRS", at), **{name: (name, rows) for name in names}})
    steps = run.steps
    if steps is not None:
        # percentiles of thousands move by less than 0.03 points, shares by 0.0002
        steps = replace(
            steps, profile=steps.profile.longer(_LONGER), error=_LONGER**4 * steps.error
        )
    (kept,) = stream(run.chain, patients, times, names, [keep], plan=steps, progress=False)
    noise = VisitNoise.of(numbers)
    p05, p50, p95 = rated_quantiles(shown, kept["shown"], noise, (0.05, 0.5, 0.95))
    band = OuterBand(shown, p05, p50, p95, DRAWS, cohort.n // DRAWS)
    at_rows = {name: kept[name].T for name in names}
    found = replace(scores, values=in_points(run.given.baseline, at_rows))
    shares = drawn_chances(found, noise, DRAWS)
    means = found.values["MADRS"].reshape(DRAWS, -1, len(scores.times)).mean(axis=1)
    days = days_well(shown, kept["shown"].T, run.given.baseline, noise, DRAWS)
    drawn_means = DrawnMeans(scores.times, {"MADRS": means, **shares}, shown, days)
    return band, drawn_means, spread_of_parts(found, DRAWS)


def _centred(
    drawn: DrawnMeans, table: pl.DataFrame, scores: Scores, noise: VisitNoise, curve: Array
) -> DrawnMeans:
    """Means under the draws as they would be of all patients, not of the first of them.

    **Arguments:**

    - `table`: means of all patients with the card's own numbers.
    - `scores`: of all patients with them, and `noise` within them.
    - `curve`: MADRS of all patients at `drawn.shown`, points, shape (n, T).
    """
    first = {name: values[:_EACH] for name, values in scores.values.items()}
    same = drawn_chances(replace(scores, values=first), noise, 1)
    same["MADRS"] = first["MADRS"].mean(axis=0, keepdims=True)
    means: dict[str, Array] = {}
    for name, values in drawn.means.items():
        moved = values + table[name].fill_null(np.nan).to_numpy() - same[name]
        means[name] = moved if name == "MADRS" else np.clip(moved, 0.0, 1.0)
    every, few = (
        days_well(drawn.shown, part, scores.baseline, noise)[0] for part in (curve, curve[:_EACH])
    )
    return replace(drawn, means=means, days_well=drawn.days_well + every - few)


@dataclass(frozen=True)
class _Kept:
    """Keeps some names at some times, times before patients: a reducer of `stream`."""

    wanted: Mapping[str, tuple[str, NDArray[np.int64]]]

    def begin(self, patients: int, times: Array, names: tuple[Any, ...]) -> dict[str, Array]:
        del times, names
        return {key: np.empty((len(at), patients)) for key, (_, at) in self.wanted.items()}

    def reduce(
        self, piece: Trajectories, members: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], dict[str, Array]]:
        return members, {k: piece[name][:, at].T for k, (name, at) in self.wanted.items()}

    def merge(
        self, whole: dict[str, Array], part: tuple[NDArray[np.int64], dict[str, Array]]
    ) -> dict[str, Array]:
        members, found = part
        for key, table in found.items():
            whole[key][:, members] = table
        return whole

    def finish(self, whole: dict[str, Array]) -> dict[str, Array]:
        return whole
