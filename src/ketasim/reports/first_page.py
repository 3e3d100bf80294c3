"""The first page of a course: what came out, before how; the same in report, page and print."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ketasim._base import words
from ketasim._base.numbers import NOTHING, number, percent, span
from ketasim.figures.course import figures
from ketasim.figures.figure import Drawing
from ketasim.figures.mood import mood_front_figure
from ketasim.figures.session_plan import plan_front_figure
from ketasim.population import PRESSURES, SEVERE
from ketasim.reports.course_patient import days_words
from ketasim.reports.course_screening import brief
from ketasim.screening import Screen, ScreenFinding, SessionPlan, pressure_limits

if TYPE_CHECKING:
    from ketasim.dosing import Patient
    from ketasim.figures.figure import Figure
    from ketasim.population import PressureOutlook
    from ketasim.simulation.mood.course import Mood
    from ketasim.simulation.result import Simulation

_WEEKS: Final = 6  # rows of the table by week, about
_WARNINGS: Final = 3  # in full; the others in the last chapter
_LISTED: Final = 3  # medicines or entries of the history in the sentence; of more the number
_RANGE: Final = "90 % of patients"
_UNCERTAIN: Final = "90 % uncertainty interval"
_NOT_STATED: Final = {
    "beyond a course file": "ECG, laboratory values, examination",
    "cyp2b6": "CYP2B6 genotype",
    "vitals": "vital signs",
    "place": "clinic or home",
}
_BEYOND: Final = ("extrapolat", "above", "beyond", "outside")
_SHARED: Final = "virtual patients share"  # one weight or age, where real groups differ
_SLIP: Final = 1e-6
_AWAITED: Final = (
    "Peak dissociation (CADSS), first session",
    "Expected blood pressure",
    "Monitoring period ends at the earliest, after the start",
)
_HIGHER: Final = 1.1  # of the first session's rise; from there a later session is told


@dataclass(frozen=True)
class FirstTile:
    """One number of the first page.

    **Arguments:**

    - `name`: what it is. `value`: with its unit. `range`: with what it is the range of.
    - `notes`: sentences below, without a full stop.
    - `chapter`: anchor of the chapter with more.
    - `pending`: whether it is still computed; its value is empty.
    """

    name: str
    value: str
    range: str = ""
    notes: tuple[str, ...] = ()
    chapter: str = ""
    pending: bool = False


@dataclass(frozen=True)
class FirstWeek:
    """One row by week; a rate is empty for the typical patient.

    **Arguments:**

    - `week`: such as `2`. `day`: of the rating, such as `12`.
    - `score`: mean. `response`, `remission`: percentages, each with its interval.
    """

    week: str
    day: str
    score: str
    response: str = ""
    response_range: str = ""
    remission: str = ""
    remission_range: str = ""


@dataclass(frozen=True)
class FirstFinding:
    """One finding of the screening that matters.

    **Arguments:**

    - `severity`: with the drug it was made for, where that is not given.
    - `about`: what it is on; `matched`: what of the course, as written.
    - `statement`: what the evidence says. `sources`: keys.
    """

    severity: str
    about: str
    matched: str
    statement: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class FirstPage:
    """The first page of a course, in words and drawings.

    **Arguments:**

    - `title`: of the course. `sentence`: what was simulated.
    - `tiles`: the numbers. `weeks`: response and remission by week, none without mood.
    - `weeks_heads`: of that table. `weeks_note`: what its values and ranges are.
    - `session`, `course`: one figure each, where there is one to draw.
    - `findings`: at most five, the most severe first. `more`: how many there are besides.
    - `not_assessed`: what could not be assessed, in a sentence.
    - `warnings`: what the reader must know, in brief; `more_warnings`: the others, and those
      that are longer, for another place.
    - `rests`: what this rests on and cannot know, three lines.
    - `pending`: whether the session is still computed, and what follows from it.
    """

    title: str
    sentence: str
    tiles: tuple[FirstTile, ...]
    weeks: tuple[FirstWeek, ...]
    weeks_heads: tuple[str, ...]
    weeks_note: str
    session: Figure | None
    course: Figure | None
    findings: tuple[FirstFinding, ...]
    more: str
    not_assessed: str
    warnings: tuple[str, ...]
    more_warnings: tuple[str, ...]
    rests: tuple[str, ...]
    pending: bool = False


def first_page(
    simulation: Simulation,
    *,
    plan: SessionPlan | None = None,
    pending: bool = False,
) -> FirstPage:
    """Arrange the first page of a course.

    **Main arguments:**

    - `simulation`: what `simulate` returned.

    **Other arguments:**

    - `plan`: of its first session, when it was made already.
    - `pending`: whether the simulation is without the profiles of its sessions because they are
      still computed: their tiles are named, and nothing is said that rests on them.
    """
    effects, mood, screen = simulation.session_effects, simulation.mood, simulation.screening
    if plan is None and effects is not None and effects.sessions:
        plan = simulation.session_plan()
    pending = pending and bool(simulation.sessions)
    session, course = _drawn(simulation, plan, pending)
    told = _awaited() if pending else _session_tiles(simulation, plan)
    tiles = [*_mood_tiles(simulation), *told]
    shown = [_finding(one, screen) for one in screen.foremost]
    weeks = () if mood is None else tuple(_weeks(mood, simulation.cohort.typical))
    scale = _scale(simulation)
    warned = _warned(simulation)
    top = tuple(map(brief, warned[:_WARNINGS]))
    return FirstPage(
        title=simulation.course.title or "Simulation",
        sentence=_sentence(simulation),
        tiles=tuple(tiles),
        weeks=weeks,
        weeks_heads=("Week", "Day", "MADRS", "Response", "Remission"),
        weeks_note=_weeks_note(simulation, scale) if weeks else "",
        session=session,
        course=course,
        findings=tuple(shown),
        more=_more(screen),
        not_assessed=_not_assessed(screen),
        warnings=top,
        more_warnings=(
            *(full for full, short in zip(warned, top, strict=False) if full != short),
            *warned[_WARNINGS:],
        ),
        rests=() if pending else tuple(_rests(simulation)),
        pending=pending,
    )


def _warned(simulation: Simulation) -> tuple[str, ...]:
    """Warnings: that trials disagree; beyond what was studied; others; what patients share."""
    against = "" if simulation.mood is None else simulation.mood.disagreement

    def rank(text: str) -> int:
        if against and against in text:
            return 0
        if _SHARED in text:
            return 3
        return 1 if any(word in text.lower() for word in _BEYOND) else 2

    return tuple(sorted(simulation.warnings, key=rank))


def _awaited() -> list[FirstTile]:
    """Names of the tiles of a session that is still computed."""
    return [FirstTile(name, "", chapter="session", pending=True) for name in _AWAITED]


def _drawn(
    simulation: Simulation, plan: SessionPlan | None, pending: bool
) -> tuple[Figure | None, Figure | None]:
    """One figure of the session and one of the course; of concentrations where it has to be."""
    session = None if plan is None or plan.effects is None else plan_front_figure(plan)
    course = mood_front_figure(simulation)
    wanted = [name for name, one in (("session", session), ("course", course)) if one is None]
    wanted = [name for name in wanted if name == "course" or not pending]
    others = figures(simulation, None, only=wanted) if wanted else {}
    session = session or next(iter(others.get("session", ())), None)
    course = course or next(iter(others.get("course", ())), None)
    return _named(session, "first-session"), _named(course, "first-course")


def _named(figure: Figure | None, name: str) -> Figure | None:
    """One panel, without a number: the page has one of each."""
    if figure is None:
        return None
    title = figure.title.partition(". ")[2] if figure.title.startswith("Figure ") else figure.title
    one = tuple(Drawing(drawing.narrow or drawing.svg) for drawing in figure.drawings[:1])
    return replace(figure, name=name, title=title, drawings=one, columns=1)


def _sentence(simulation: Simulation) -> str:
    """Regimen, patient, number of patients and time in one sentence."""
    course, cohort = simulation.course, simulation.cohort
    given = "; ".join(course.regimen.describe()).rstrip(".")
    who = "the typical patient" if cohort.typical else f"{cohort.n:,} virtual patients"
    like = ", ".join(patient_brief(course.patient))
    of = f" ({like})" if like else ""
    return f"{words.capital(given)}, in {who}{of}, followed for {days_words(course.horizon)}."


def patient_brief(patient: Patient) -> list[str]:
    """Who a patient is, in a few words each.

    **Arguments:**

    - `patient`: of a course.
    """
    told: list[str] = []
    if patient.age is not None:
        told.append(f"{patient.age:g} years")
    guessed = ", assumed" if "weight" in patient.assumed else ""
    told.append(f"{patient.weight:g} kg{guessed}")
    if patient.sex:
        told.append(str(patient.sex))
    if patient.diagnosis:
        name = str(patient.diagnosis).replace("_", " ")
        told.append(name.upper() if len(name) <= 4 else name)
    told += _entries("medicine", patient.medicines)
    told += _entries("entry of the history", patient.history, "entries of the history")
    return told


def _entries(one: str, given: Iterable[object], many: str = "") -> list[str]:
    """A few entries as written, of many the number."""
    entries = [str(one) for one in given]
    if len(entries) <= _LISTED:
        return entries
    return [words.counted(len(entries), one, many)]


def _scale(simulation: Simulation) -> str:
    """The scale of the patient's score before treatment, MADRS where it is not shown."""
    baseline, mood = simulation.course.patient.baseline, simulation.mood
    scale = getattr(baseline, "scale", "MADRS") if baseline is not None else "MADRS"
    return scale if mood is not None and scale in mood.table.columns else "MADRS"


def _mood_tiles(simulation: Simulation) -> list[FirstTile]:
    mood = simulation.mood
    if mood is None:
        return []
    rows = mood.table.to_dicts()
    end = rows[-1]
    after = min(rows, key=lambda row: abs(row["time_h"] - min(mood.well_from, end["time_h"])))
    told = after["time_h"] < end["time_h"] - _SLIP
    when = f"day {after['day']:.4g}, a day after the last session" if told else "at the end"
    scale = _scale(simulation)
    notes: list[str] = []
    if told:
        notes.append(f"day {end['day']:.4g}: {number(end[scale], 2)}")
    if scale != "MADRS":
        notes.append(f"MADRS {number(mood.baseline, 2)} to {number(after['MADRS'], 2)}")
    change = f"{number(rows[0][scale], 2)} → {number(after[scale], 2)}"
    spread = _rated(simulation, after["time_h"]) if scale == "MADRS" else ""
    name = f"{scale} before, and {when}"
    found = [
        FirstTile(name, change, f"{spread}, {_RANGE}" if spread else "", tuple(notes), "course")
    ]
    for metric, title in (("response", "Response"), ("remission_10", "Remission, MADRS ≤ 10")):
        if after.get(metric) is None:
            continue
        low, high = _interval(after, metric)
        lines = [f"day {end['day']:.4g}: {percent(end[metric], 2)}{_bracket(end, metric)}"]
        ends = span(low, high)
        found.append(
            FirstTile(
                f"{title}, {when.split(',', maxsplit=1)[0]}",
                percent(after[metric], 2),
                f"{ends}, {_UNCERTAIN}" if ends else "",
                tuple(lines) if told else (),
                "course",
            )
        )
    return found


def _interval(row: dict[str, Any], metric: str) -> tuple[str, str]:
    return percent(row.get(f"{metric}_p05"), 2), percent(row.get(f"{metric}_p95"), 2)


def _bracket(row: dict[str, Any], metric: str) -> str:
    ends = span(*_interval(row, metric))
    return f" ({ends})" if ends else ""


def _rated(simulation: Simulation, time: float) -> str:
    """Range of the scores as rated at a time, where the curves have it."""
    mood = simulation.mood
    if mood is None or mood.rated is None:
        return ""
    place = int(np.abs(simulation.times - time).argmin())
    if abs(simulation.times[place] - time) > _SLIP:
        return ""
    return span(*(number(float(mood.rated[name][place]), 2) for name in ("p05", "p95")))


def _weeks(mood: Mood, typical: bool) -> list[FirstWeek]:
    """The end of a few weeks: the last with a session and the last of all are among them."""
    by_time = {round(row["time_h"], 3): row for row in mood.table.to_dicts()}
    weeks = [
        (week, row)
        for week in mood.weekly.to_dicts()
        if (row := by_time.get(round(week["peak_h"], 3))) is not None
    ]
    treated = [i for i, (week, _) in enumerate(weeks) if week["sessions"]]
    places = np.linspace(0, len(weeks) - 1, min(_WEEKS, len(weeks))).round().astype(int)
    chosen = sorted({*places.tolist(), *treated[-1:]})
    found: list[FirstWeek] = []
    for week, row in (weeks[i] for i in chosen):
        rates = {"response": "", "response_range": "", "remission": "", "remission_range": ""}
        if not typical and row.get("response") is not None:
            rates = {
                "response": percent(row["response"], 2),
                "response_range": span(*_interval(row, "response")),
                "remission": percent(row["remission_10"], 2),
                "remission_range": span(*_interval(row, "remission_10")),
            }
        found.append(
            FirstWeek(f"{week['week']}", f"{row['day']:.4g}", number(row["MADRS"], 2), **rates)
        )
    return found


def _weeks_note(simulation: Simulation, scale: str) -> str:
    if simulation.cohort.typical:
        return "Typical patient: response and remission need a population."
    note = "Rated a day after the last session of the week, or at its end. Response: MADRS halved; "
    note += "remission: at most 10. Percentages of all virtual patients; in brackets the "
    note += "90 % uncertainty interval."
    return note if scale == "MADRS" else f"{note} {scale} is converted from the mean MADRS."


def _session_tiles(simulation: Simulation, plan: SessionPlan | None) -> list[FirstTile]:
    effects = simulation.session_effects
    if effects is None or not effects.sessions or plan is None:
        return []
    table = {row["effect"]: row for row in effects.sessions[0].table.to_dicts()}
    tiles = [_dissociation(table), _pressure(simulation)]
    if plan.watch_end_min is None:
        tiles.append(FirstTile("Monitoring period", "none in the sources", "for this form", ()))
        return tiles
    note = "at least 2 h after the last dose" if plan.end_min else "at least 2 h"
    borrowed = plan.monitoring.partition("It is that of ")[2].rstrip(".")
    notes = [f"as on {borrowed}" if borrowed else "as on the label"]
    if plan.longer:
        late = "may not be resolved by then"
        notes.append(f"{words.counted(len(plan.longer), 'predicted effect')} {late}")
    name = "Monitoring period ends at the earliest, after the start"
    value = f"{plan.watch_end_min:.0f} min"
    tiles.append(FirstTile(name, value, note, tuple(notes), "session"))
    return tiles


def _dissociation(table: dict[str, dict[str, Any]]) -> FirstTile:
    row = table["CADSS"]
    spread = span(number(row["peak_p05"], 2), number(row["peak_p95"], 2))
    notes: list[str] = []
    if row["state"] == "back":
        ends = _minutes(row["back_at_low"], row["back_at_high"])
        notes.append(f"mean resolved (at most {row['level']:g}) by {row['back_at_min']:.0f} min")
        if ends:
            notes[-1] += f" ({ends})"
    elif row["state"] == "never above":
        notes.append(f"mean stays at or below {row['level']:g}")
    else:
        notes.append("mean not resolved in the time shown")
    felt = table["dissociation"]
    if felt["in_session"] is not None:
        text = f"any dissociation in {percent(felt['in_session'], 2)} of patients"
        if felt["state"] == "back":
            text += f"; in less than {percent(felt['level'], 2)} from {felt['back_at_min']:.0f} min"
        notes.append(text)
    return FirstTile(
        f"Peak dissociation (CADSS), first session, at {row['peak_at_min']:.0f} min",
        f"{number(row['peak'], 2)} points",
        f"{spread}, {_RANGE}" if spread else "",
        tuple(notes),
        "session",
    )


def _minutes(low: float | None, high: float | None) -> str:
    if low is None:
        return ""
    return f"{low:.0f} or later" if high is None else span(f"{low:.0f}", f"{high:.0f}")


def _pressure(simulation: Simulation) -> FirstTile:
    """The patient's own pressure with the rise, against the limits."""
    one = _highest(simulation)
    name = f"Expected blood pressure, session {one.session}, at {one.rises[0].at_min:.0f} min"
    rise = "/".join(f"{'−' if r.mean < 0 else '+'}{number(abs(r.mean), 2)}" for r in one.rises)
    spread = "; ".join(
        f"{PRESSURES[r.name]} {ends}"
        for r in one.rises
        if (ends := span(number(r.low, 2), number(r.high, 2)))
    )
    limits = _limits(simulation)
    given = [r for r in one.rises if r.before is not None]
    if not given:
        missing = "own pressure not given: pressure reached and chance of 180/110 not assessed"
        range_ = f"{spread}, {_RANGE}" if spread else ""
        return FirstTile(name, f"own {rise} mmHg", range_, (missing, *limits), "session")
    value = "/".join(_reached(r.reached(r.mean)) for r in one.rises)
    reached = "; ".join(
        f"{PRESSURES[r.name]} {ends}"
        for r in given
        if (ends := span(_reached(r.reached(r.low)), _reached(r.reached(r.high))))
    )
    own = "/".join(NOTHING if r.before is None else f"{r.before:g}" for r in one.rises)
    base = "/".join(f"+{number(r.base, 2)}" for r in one.rises if r.base)
    notes = [f"own {own}, increase {rise}" + (f", after placebo too {base}" if base else "")]
    if one.chance is not None:
        cuts = "/".join(f"{SEVERE[r.name]:g}" for r in given)
        ends = span(percent(one.chance_low, 2), percent(one.chance_high, 2))
        bracket = f" ({ends})" if ends else ""
        without = f"{percent(one.without_drug, 2)} without the drug"
        notes.append(f"chance of a reading of {cuts}: {percent(one.chance, 2)}{bracket}; {without}")
    range_ = f"{reached}, {_RANGE}" if reached else ""
    return FirstTile(name, f"{value} mmHg", range_, (*notes, *limits), "session")


def _limits(simulation: Simulation) -> tuple[str, ...]:
    """Limits of labels and trials, those of one drug and verdict together."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in pressure_limits(simulation.course):
        found.setdefault((one.verdict.lower(), _plain(one.whose)), []).append(one.limit)
    return tuple(
        f"{verdict} {' and '.join(limits)} ({whose})" for (verdict, whose), limits in found.items()
    )


def _plain(whose: str) -> str:
    """Whose limit it is, in brackets."""
    return whose.rstrip(".").replace("; ", ", ")


def _reached(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0f}"


def _highest(simulation: Simulation) -> PressureOutlook:
    """Of the first session, or of the last where pressure rises higher."""
    assert simulation.session_effects is not None
    outlooks = [session.outlook for session in simulation.session_effects.sessions]
    highest = max(outlooks, key=lambda one: one.rise("SBP").mean)
    higher = highest.rise("SBP").mean > _HIGHER * outlooks[0].rise("SBP").mean
    return highest if higher else outlooks[0]


def _finding(one: ScreenFinding, screen: Screen) -> FirstFinding:
    other = "" if one.applies_here else f", from {one.applies_to}, not {screen.given}"
    about = f"{one.about}, boxed warning" if one.boxed else one.about
    statement = brief(one.told)
    return FirstFinding(
        f"{words.capital(one.severity)}{other}", about, one.matched, statement, one.sources
    )


def _more(screen: Screen) -> str:
    """How many findings there are besides those shown, by severity."""
    shown = set(screen.foremost)
    rest = [one for one in screen.findings if one.severity != "not assessed" and one not in shown]
    if not rest:
        return ""
    counts = {name: sum(one.severity == name for one in rest) for name in screen.counts()}
    plural = {"caution": "cautions", "note": "notes"}
    told = [f"{n} {name if n == 1 else plural.get(name, name)}" for name, n in counts.items() if n]
    other = sum(not one.applies_here for one in rest)
    suffix = f"; {other} of them for another drug or route" if other else ""
    return f"{len(rest)} more: {', '.join(told)}{suffix}."


def _not_assessed(screen: Screen) -> str:
    missing = [
        _NOT_STATED.get(one.subject, one.about)
        for one in screen.not_assessed
        if one.kind == "not stated"
    ]
    parts: list[str] = []
    if screen.unread:
        parts.append(f"not understood: {'; '.join(screen.unread)}")
    if missing:
        parts.append(f"not given: {', '.join(missing)}")
    rest = len(screen.not_assessed) - len(missing)
    if rest > 0 and not screen.unread:
        parts.append(f"{rest} more in the screening")
    return "; ".join(parts)


def _rests(simulation: Simulation) -> list[str]:
    """What the page rests on, what is published beside it, what it cannot know."""
    mood, assumed = simulation.mood, len(simulation.assumptions)
    sources = words.counted(len(simulation.sources()), "published source")
    values = words.counted(assumed, "assumption")
    lines = [f"Rests on {sources} and {values}; the report lists both at its end."]
    if mood is not None and mood.near:
        near = min(mood.near, key=lambda one: (not one.near, -one.own_time_h))
        kind = "nearest published trial" if near.near else "closest published trial (not near)"
        change = near.metric == "change"
        write = number if change else percent
        what = f"a change of the {near.scale} of" if change else f"{near.metric} in"
        ends = span(write(near.p05, 2), write(near.p95, 2))
        lines.append(
            f"Published beside predicted: the {kind} ({near.title}, {near.given}) reported {what} "
            f"{write(near.published, 2)}; the model for it: {write(near.predicted, 2)} ({ends})."
        )
    unknown = "Averages of virtual patients with these characteristics, not a forecast for one "
    unknown += "person; differences between trials, rare events and what is not listed are not "
    unknown += "included."
    return [*lines, unknown]
