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
    Answers,
    Cohort,
    Situation,
    VisitNoise,
    card_draws,
    mood_effects,
    session_normals,
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
    mean_scores,
    spread_of_chances,
    spread_of_parts,
    weekly_table,
)
from ketasim.simulation.mood.means import ASKED, DAYS, RATED, WEEKLY, MoodMeans, pooled_means
from ketasim.simulation.mood.rated import rated_quantiles, rated_spread, rated_table
from ketasim.simulation.mood.reach import beyond_evidence
from ketasim.simulation.mood.steps import mood_patients, steps_of
from ketasim.simulation.mood.studied import of_course
from ketasim.simulation.mood.weeks import Week, mean_weeks, week_table, week_times, weeks_of
from ketasim.simulation.statistics import groups

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
class MoodCourse:
    """What the mood of a course's patients follows from, whoever of them are looked at.

    **Arguments:**

    - `course`: with patient and regimen. `hours`: h, times of the curves, ascending, shape (T,).
    - `given`: what the course says of mood. `chain`, `calendar`, `steps`: how it is solved.
    - `typical`, `uncertainty`, `seed`: of the patients; see `Cohort`.
    - `sessions`: h, their starts. `well_from`, `weeks`: see `Mood`.
    - `compared`: h, when published trials are looked for. `asked`: h, of the table, shape (R,).
    """

    course: Course
    hours: Array
    given: MoodInput
    chain: ChainModel
    calendar: Calendar
    steps: Plan
    typical: bool
    uncertainty: bool
    seed: int
    sessions: tuple[float, ...]
    well_from: float
    weeks: tuple[Week, ...]
    compared: tuple[float, ...]
    asked: Array

    @property
    def draws(self) -> bool:
        """Whether the card's numbers are drawn within their uncertainty, for the outer band."""
        return not self.typical and self.given.card.uncertainty is not None

    @property
    def shown(self) -> Array:
        """Times of the outer band, h: enough for a band, and no more; the last is kept."""
        every = -(-len(self.hours) // _MOST_TIMES)
        return np.unique(np.append(self.hours[::every], self.hours[-1]))

    def patients(
        self, cohort: Cohort, effects: Mapping[str, Array], numbers: dict[str, Any]
    ) -> Patients:
        """Patients of the chain, whose effects and numbers are given."""
        return mood_patients(
            cohort, self.given, self.calendar, effects, numbers, spread=not self.typical
        )

    def effects(self, cohort: Cohort) -> Mapping[str, Array]:
        """What tells patients apart."""
        if self.typical:
            return typical_effects()
        return mood_effects(self.seed, cohort.first, cohort.n)

    def answers(self, patients: Patients, numbers: Mapping[str, Any], normals: Array) -> Answers:
        """Answers of patients to the sessions, from standard normal numbers, shape (n, S)."""
        return Answers.of(patients.values, numbers["omega_A"], normals, self.sessions)

    def normals(self, cohort: Cohort) -> Array:
        """Standard normal numbers behind what each session brings, shape (n, S)."""
        return session_normals(self.seed, cohort.first, cohort.n, len(self.sessions))

    def drawn(self, cohort: Cohort) -> Mapping[str, Array] | None:
        """Numbers of the card in each of some patients, where they differ in them."""
        if not self.uncertainty:
            return None
        return card_draws(self.given.card, self.seed, cohort.first, cohort.n)


@dataclass(frozen=True)
class SolvedMood:
    """Mood of some patients.

    **Arguments:**

    - `curves`: those of `MOOD_UNITS`, shape (T, n).
    - `scores`: at the times of the table. `weekly`: MADRS at those of the weeks, shape (n, 2W).
    - `noise`: within a patient; nothing for the typical patient.
    """

    curves: dict[Key, Array]
    scores: Scores
    weekly: Array
    noise: VisitNoise | None

    def take(self, which: slice) -> SolvedMood:
        """Some of the patients."""
        values = {name: table[which] for name, table in self.scores.values.items()}
        return SolvedMood(
            {key: table[:, which] for key, table in self.curves.items()},
            replace(self.scores, values=values),
            self.weekly[which],
            None if self.noise is None else self.noise.of_patients(which),
        )


def simulate_mood(
    course: Course,
    cohort: Cohort,
    model: LinearModel,
    hours: Array,
    *,
    means: MoodMeans | None = None,
) -> tuple[dict[Key, Array], Mood, tuple[str, ...]]:
    """Solve the chain to mood.

    **Main arguments:**

    - `course`: with patient and regimen. `cohort`: its patients. `model`: the reference model.
    - `hours`: h, times of the curves, ascending, shape (T,).

    **Other arguments:**

    - `means`: of all patients, where the cohort is the first of them.

    **Returns:** the curves of `MOOD_UNITS`, shape (T, n); what they say; and warnings.

    **Raises:** `InputError` when the baseline cannot be used.
    """
    asked = mood_course(course, cohort, model, hours)
    solved = solve_mood(asked, cohort)
    mood, said = _mood_of(asked, cohort, solved, mood_means(asked, solved, means))
    return solved.curves, mood, said


def mood_course(course: Course, cohort: Cohort, model: LinearModel, hours: Array) -> MoodCourse:
    """What the mood of a course's patients follows from.

    **Arguments:** as of `simulate_mood`; of the cohort only what all patients share is used.

    **Raises:** as `simulate_mood`.
    """
    given = mood_input(course)
    horizon = max(course.horizon, float(hours[-1]))
    chain, calendar = mood_chain(model), calendar_of(course, horizon)
    sessions = [s for s in course.regimen.sessions if s < horizon]
    well_from = max(sessions, default=0.0) + _DAY
    compared = times_compared(sessions, course.horizon)
    return MoodCourse(
        course=course,
        hours=hours,
        given=given,
        chain=chain,
        calendar=calendar,
        steps=steps_of(course, given, calendar, chain, model, uncertainty=cohort.uncertainty),
        typical=cohort.typical,
        uncertainty=cohort.uncertainty,
        seed=cohort.seed or 0,
        sessions=tuple(sessions),
        well_from=well_from,
        weeks=weeks_of(sessions, course.horizon),
        compared=compared,
        asked=assessment_times(sessions, course.horizon, (well_from, *compared)),
    )


def solve_mood(asked: MoodCourse, cohort: Cohort) -> SolvedMood:
    """Solve the chain for some patients.

    **Arguments:**

    - `asked`: of the course. `cohort`: one after another of its patients.
    """
    given, hours = asked.given, asked.hours
    around = week_times(asked.weeks)
    times = np.union1d(np.union1d(hours, asked.asked), around)
    rows = np.searchsorted(times, np.concatenate([asked.asked, around]))
    drawn = asked.drawn(cohort)
    curves, scores = _curves(asked, cohort, drawn, times, np.searchsorted(times, hours), rows)
    by_week = scores["MADRS"][:, len(asked.asked) :]
    scores = {name: values[:, : len(asked.asked)] for name, values in scores.items()}
    found = Scores(asked.asked, asked.sessions, asked.well_from, given.baseline, scores)
    noise = None if asked.typical else VisitNoise.of(given.numbers(drawn))
    return SolvedMood(curves, found, by_week, noise)


def mood_means(asked: MoodCourse, solved: SolvedMood, known: MoodMeans | None = None) -> MoodMeans:
    """What is told of patients together, those of more than a group by groups.

    **Arguments:**

    - `asked`: of the course. `solved`: the patients. `known`: returned as it is.
    """
    if known is not None:
        return known
    parts = groups(len(solved.weekly))
    if len(parts) == 1:
        return _means(asked, solved)
    return pooled_means([_means(asked, solved.take(part)) for part in parts])


def _means(asked: MoodCourse, solved: SolvedMood) -> MoodMeans:
    noise, baseline = solved.noise, asked.given.baseline
    rated: dict[str, Array] = {}
    days: dict[str, Array] = {}
    if noise is not None:
        score = solved.curves[MADRS]
        rated = rated_spread(asked.hours, score, noise)
        if asked.draws and not asked.uncertainty:
            score = np.take(score, np.searchsorted(asked.hours, asked.shown), axis=0)
            days["well"] = days_well(asked.shown, score.T, baseline, noise)
    tables = {
        ASKED: mean_scores(solved.scores, noise),
        WEEKLY: mean_weeks(week_times(asked.weeks), solved.weekly, baseline, noise),
        RATED: rated,
        DAYS: days,
    }
    return MoodMeans(len(solved.weekly), tables)


def _mood_of(
    asked: MoodCourse, cohort: Cohort, solved: SolvedMood, means: MoodMeans
) -> tuple[Mood, tuple[str, ...]]:
    """What is said of mood, and warnings.

    **Arguments:**

    - `cohort`, `solved`: the patients, or the first of them. `means`: of all.
    """
    course, given, noise = asked.course, asked.given, solved.noise
    table = weekly_table(solved.scores, means.tables[ASKED])
    outer = drawn = None
    if asked.draws:
        band, drawn, parts = _outer(asked, cohort, solved.scores)
        if noise is not None and means.count > _EACH and means.tables[DAYS]:
            curve = solved.curves[MADRS][np.searchsorted(asked.hours, drawn.shown)].T[:_EACH]
            drawn = _centred(drawn, table, solved.scores, noise, means.tables[DAYS]["well"], curve)
        table = table.with_columns(*spread_of_chances(drawn.means), *parts)
        # the patients themselves differ in it already
        outer = None if asked.uncertainty else band
    own = of_course(course, setting=given.situation.setting)
    near = near_values(own, asked.compared) if asked.sessions else ()
    disagrees = disagreement(own, near)
    far = beyond_evidence(own, course.horizon) if asked.sessions else ""
    mood = Mood(
        card=given.card,
        situation=given.situation,
        baseline=given.baseline,
        entries=given.acting(asked.typical),
        assumed=given.assumed,
        sources=given.sources,
        table=table,
        well_from=asked.well_from,
        weekly=week_table(asked.weeks, means.tables[WEEKLY]),
        outer=outer,
        rated=None if noise is None else rated_table(asked.hours, means.tables[RATED]),
        near=near,
        disagreement=disagrees,
        drawn=drawn,
    )
    said = (*given.warnings, *filter(None, (disagrees, far)))
    if asked.typical and given.situation.new_antidepressant:
        part = given.card.entry("share_none_O").value
        text = (
            "The typical patient responds to the new oral antidepressant; according to the card, "
            f"{100 * part:.0f} % of patients never do."
        )
        said = (*said, text)
    return mood, said


def _curves(
    asked: MoodCourse,
    cohort: Cohort,
    drawn: Mapping[str, Array] | None,
    times: Array,
    shown: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> tuple[dict[Key, Array], dict[str, Array]]:
    """Curves at the times shown, shape (T, n), and scores and parts at the rows, shape (n, R)."""
    n = cohort.n
    names = (*_BRAIN, "MADRS", *PARTS)
    curves = {key: np.empty((len(shown), n)) for key in MOOD_UNITS}
    scores = {name: np.empty((len(rows), n)) for name in ("MADRS", *PARTS)}
    numbers = asked.given.numbers(drawn)
    patients = asked.patients(cohort, asked.effects(cohort), numbers)
    answers = None
    if not asked.typical:
        answers = asked.answers(patients, numbers, asked.normals(cohort))
        names = (*names, "fast_arm")
    with Progress(n, show=None) as bar:
        written = _Written(asked.given.baseline, shown, rows, curves, scores, bar, answers)
        stream(asked.chain, patients, times, names, [written], plan=asked.steps, progress=False)
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
    - `answers`: to the sessions; nothing of the typical patient.
    """

    baseline: float
    shown: NDArray[np.int64]
    rows: NDArray[np.int64]
    curves: Mapping[Key, Array]
    scores: Mapping[str, Array]
    bar: Progress
    answers: Answers | None

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
            if self.answers is not None:
                times = np.asarray(piece.times[begin:end], np.float64)
                solved = self.answers.applied(solved, times, here, turned=True)
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


def _drawn(asked: MoodCourse, cohort: Cohort) -> tuple[Cohort, dict[str, Array], dict[str, Array]]:
    """The first patients with each of some draws of the card's numbers: a draw after another."""
    each = min(cohort.n, _EACH)
    first = cohort.take(slice(0, each))
    effects = {name: np.tile(values, DRAWS) for name, values in asked.effects(first).items()}
    drawn = card_draws(asked.given.card, asked.seed, 0, DRAWS)
    numbers = {s: np.repeat(values, each) for s, values in drawn.items()}
    return first.take(np.tile(np.arange(each), DRAWS)), effects, numbers


def _outer(
    asked: MoodCourse, first: Cohort, scores: Scores
) -> tuple[OuterBand, DrawnMeans, Sequence[pl.Series]]:
    """The outer band, means under each draw, and the range of the parts of the improvement."""
    cohort, effects, drawn = _drawn(asked, first)
    numbers, shown = asked.given.numbers(drawn), asked.shown
    times = np.union1d(shown, scores.times)
    patients = asked.patients(cohort, effects, numbers)
    names = ("MADRS", *PARTS, "fast_arm")
    at, rows = np.searchsorted(times, shown), np.searchsorted(times, scores.times)
    curve = {"shown": ("MADRS", at), "shown arm": ("fast_arm", at)}
    keep = _Kept({**curve, **{name: (name, rows) for name in names}})
    # percentiles of thousands move by less than 0.03 points, shares by 0.0002
    longer = asked.steps.profile.longer(_LONGER)
    steps = replace(asked.steps, profile=longer, error=_LONGER**4 * asked.steps.error)
    (kept,) = stream(asked.chain, patients, times, names, [keep], plan=steps, progress=False)
    normals = np.tile(asked.normals(first.take(slice(0, cohort.n // DRAWS))), (DRAWS, 1))
    answers = asked.answers(patients, numbers, normals)
    both = {"MADRS": kept["shown"], "fast_arm": kept["shown arm"]}
    kept["shown"] = answers.applied(both, shown, turned=True)["MADRS"]
    noise = VisitNoise.of(numbers)
    p05, p50, p95 = rated_quantiles(shown, kept["shown"], noise, (0.05, 0.5, 0.95))
    band = OuterBand(shown, p05, p50, p95, DRAWS, cohort.n // DRAWS)
    at_rows = answers.applied({name: kept[name].T for name in names}, scores.times)
    found = replace(scores, values=in_points(asked.given.baseline, at_rows))
    shares = drawn_chances(found, noise, DRAWS)
    means = found.values["MADRS"].reshape(DRAWS, -1, len(scores.times)).mean(axis=1)
    days = days_well(shown, kept["shown"].T, asked.given.baseline, noise, DRAWS)
    drawn_means = DrawnMeans(scores.times, {"MADRS": means, **shares}, shown, days)
    return band, drawn_means, spread_of_parts(found, DRAWS)


def _centred(
    drawn: DrawnMeans,
    table: pl.DataFrame,
    scores: Scores,
    noise: VisitNoise,
    days: Array,
    curve: Array,
) -> DrawnMeans:
    """Means under the draws as they would be of all patients, not of the first of them.

    **Arguments:**

    - `table`: means of all patients with the card's own numbers. `days`: their days well, shape
      (1,).
    - `scores`: of patients with them, the first at least, and `noise` within them.
    - `curve`: MADRS of the first patients at `drawn.shown`, points, shape (n, T).
    """
    first = {name: values[:_EACH] for name, values in scores.values.items()}
    same = drawn_chances(replace(scores, values=first), noise, 1)
    same["MADRS"] = first["MADRS"].mean(axis=0, keepdims=True)
    means: dict[str, Array] = {}
    for name, values in drawn.means.items():
        moved = values + table[name].fill_null(np.nan).to_numpy() - same[name]
        means[name] = moved if name == "MADRS" else np.clip(moved, 0.0, 1.0)
    few = days_well(drawn.shown, curve, scores.baseline, noise)[0]
    return replace(drawn, means=means, days_well=drawn.days_well + days[0] - few)


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
