"""The sessions in the report of a simulation: figures, tables, plan, checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.outputs import report_words as words
from ketasim.outputs.acute import Acute, AcuteSession
from ketasim.outputs.acute_checks import AcuteCheck, acute_checks
from ketasim.outputs.acute_times import published_times
from ketasim.outputs.figures import COLOURS, Line, Panel, svg
from ketasim.outputs.plan_figure import timeline
from ketasim.outputs.report_page import NOTHING, Drawing, Figure, Legend, number, percent
from ketasim.population import ACUTE_CURVES, AcuteCurve
from ketasim.screening import SessionPlan

if TYPE_CHECKING:
    from ketasim.outputs.simulation import Simulation

Array = NDArray[np.float64]
Look = tuple[str, str, tuple[int, ...]]  # an effect, its colour, its dashes

NOT_IN_EFFECTS: Final = (
    "Other medicines, food, illness and what the room is like are not in these numbers: see the "
    "screen of the course for what is known of them."
)
"""What the effects of a session leave out, said wherever they are shown."""

_LAST_DASH: Final = (5, 3)
_WANING: Final = ("CADSS", "dissociation")  # fainter in a later session
_PANELS: Final[tuple[tuple[str, str, bool, tuple[Look, ...]], ...]] = (
    ("Dissociation", "CADSS, points", False, (("CADSS", COLOURS["block"], ()),)),
    (
        "Who shows what",
        "share of patients",
        True,
        (
            ("dissociation", COLOURS["norketamine"], ()),
            ("sedation", COLOURS["ketamine"], ()),
            ("dizziness", COLOURS["s"], (6, 2)),
            ("nausea", COLOURS["hnk"], (2, 2)),
            ("vomiting", COLOURS["course"], (1, 2)),
        ),
    ),
    (
        "Blood pressure and heart rate",
        "change, mmHg and 1/min",
        False,
        (
            ("SBP", COLOURS["r"], ()),
            ("DBP", COLOURS["expectation"], (6, 2)),
            ("HR", COLOURS["course"], (9, 3)),
        ),
    ),
    (
        "Drug high and relief of experimental pain",
        "points of 10, cm of 10",
        False,
        (("drug_high", COLOURS["s"], ()), ("pain_relief", COLOURS["hnk"], (6, 2))),
    ),
)
_CURVES: Final[Mapping[str, AcuteCurve]] = {curve.name: curve for curve in ACUTE_CURVES}
_BANDS: Final = (5.0, 25.0, 50.0, 75.0, 95.0)
_POINTS: Final = 160  # of a line in a figure


@dataclass(frozen=True)
class EffectRow:
    """One effect in the table of a session, in words."""

    effect: str
    peak: str
    peak_range: str
    peak_at: str
    peak_at_range: str
    back: str
    back_range: str
    level: str
    grade: str
    in_session: str
    in_course: str
    published: str


@dataclass(frozen=True)
class CheckRow:
    """One published number beside the model's, in words."""

    what: str
    given: str
    published: str
    predicted: str
    fitted: bool
    source: str
    facts: str
    note: str


def acute_figures(simulation: Simulation) -> list[Figure]:
    """Draw the first session by the minute; of several, the last as dashed lines where it differs.

    **Arguments:**

    - `simulation`: what `simulate` returned.
    """
    acute = simulation.acute
    if acute is None:
        return []
    first = acute.sessions[0]
    last = acute.sessions[-1] if len(acute.sessions) > 1 else None
    drawings = [
        Drawing(svg(_panel(title, unit, share, looks, first, last), f"{title} by the minute"))
        for title, unit, share, looks in _PANELS
    ]
    legend = [
        Legend("line", _CURVES[name].title, colour, _dashes(dash))
        for _, _, _, looks in _PANELS
        for name, colour, dash in looks
    ]
    if last is not None:
        legend += [
            Legend("line", f"{_CURVES[name].title}, session {last.number}", colour, dashes)
            for _, _, _, looks in _PANELS
            for name, colour, _ in looks
            if name in _WANING and (dashes := _dashes(_LAST_DASH))
        ]
    legend += [
        Legend("band", "half of the patients (25–75 %)", COLOURS["block"], opacity=0.45),
        Legend("band", "nine in ten patients (5–95 %)", COLOURS["block"], opacity=0.18),
        Legend("dose", "dose"),
        Legend(
            "words",
            "Bands: spread between patients in exposure and sensitivity. Not in them: uncertainty "
            "of the parameters and differences between trials.",
        ),
    ]
    caption = "Lines: means over patients, and shares of all patients."
    if last is not None:
        caption += (
            f" Dashed in the first two panels: dissociation in session {last.number}, fainter by "
            "habituation; pressure does not habituate."
        )
    return [
        Figure(
            "",
            "The first session by the minute",
            tuple(drawings),
            tuple(legend),
            caption=caption,
            columns=2,
        )
    ]


def _dashes(dash: tuple[int, ...]) -> str:
    return " ".join(str(n) for n in dash)


def _panel(
    title: str,
    unit: str,
    share: bool,
    looks: tuple[Look, ...],
    first: AcuteSession,
    last: AcuteSession | None,
) -> Panel:
    lines = [
        _line(first, name, colour, dash, band=i == 0)
        for i, (name, colour, dash) in enumerate(looks)
    ]
    if last is not None and looks[0][0] in _WANING:
        lines.append(_line(last, looks[0][0], looks[0][1], _LAST_DASH, band=False))
    end = min(float(first.minutes[-1]), _until(first))
    return Panel(
        title,
        "minutes after the start",
        unit,
        lines=tuple(lines),
        marks=first.doses,
        x_domain=(0.0, end),
        percent=share,
        width=330,
        height=200,
    )


def _until(session: AcuteSession) -> float:
    """Minutes after which nothing happens that a figure needs to show."""
    effect = session.effects["cognition"].mean(axis=1)
    high = np.flatnonzero(effect > 0.05 * effect.max())
    return float(session.minutes[min(int(high[-1]) + 1, len(effect) - 1)]) if high.size else 60.0


def _line(
    session: AcuteSession, name: str, colour: str, dash: tuple[int, ...], *, band: bool
) -> Line:
    table = session.effects[name]
    chosen = np.unique(np.linspace(0, len(session.minutes) - 1, _POINTS).astype(np.int64))
    shares = _CURVES[name].kind == "share"
    spread = band and not shares and table.shape[1] > 1
    found = np.percentile(table[chosen], _BANDS, axis=1)
    return Line(
        f"{_CURVES[name].title}, session {session.number}",
        session.minutes[chosen].tolist(),
        session.means[name][chosen].tolist(),
        outer=(found[0].tolist(), found[4].tolist()) if spread else None,
        inner=(found[1].tolist(), found[3].tolist()) if spread else None,
        colour=colour,
        dash=dash,
    )


def effect_rows(session: AcuteSession) -> list[EffectRow]:
    """The table of a session, in words."""
    return [
        _effect_row(curve, row)
        for curve, row in zip(ACUTE_CURVES, session.table.to_dicts(), strict=True)
    ]


def _effect_row(curve: AcuteCurve, row: dict[str, Any]) -> EffectRow:
    fraction = curve.unit == "fraction"
    write = _share if fraction else number
    unit = "" if fraction else f" {words.unit(curve.unit)}"
    ends = ("peak_p05", "peak_p95") if row["peak_p05"] is not None else ("peak_low", "peak_high")
    exceeds = row["may_exceed"] if row["state"] == "never above" else None
    back = {
        "back": lambda: f"{row['back_at_min']:.0f} min",
        "never above": lambda: "never above",
        "not back": lambda: "not within the time shown",
        "": lambda: NOTHING,
    }[row["state"]]()
    level = NOTHING
    if curve.level:
        level = f"{'below' if curve.kind == 'share' else 'at most'} {write(row['level'])}{unit}"
    return EffectRow(
        effect=curve.title,
        peak=f"{write(row['peak'])}{unit}",
        peak_range=f"{write(row[ends[0]])} – {write(row[ends[1]])}",
        peak_at=f"{row['peak_at_min']:.0f} min",
        peak_at_range=f"{row['peak_at_low']:.0f} – {row['peak_at_high']:.0f}",
        back=back,
        back_range=_back_range(row) if not exceeds else f"above with {_share(exceeds)} of the fits",
        level=level,
        grade=row["level_grade"],
        in_session=NOTHING if row["in_session"] is None else _share(row["in_session"]),
        in_course=NOTHING if row["in_course"] is None else _share(row["in_course"]),
        published=published_times(curve),
    )


def _back_range(row: dict[str, Any]) -> str:
    if row["back_at_low"] is None:
        return ""
    late = "open" if row["back_at_high"] is None else f"{row['back_at_high']:.0f}"
    return f"{row['back_at_low']:.0f} – {late}"


def _share(value: float | None) -> str:
    return percent(value, 2)


def pressure_rows(acute: Acute, session: int = 1) -> list[dict[str, str]]:
    """Statistics of blood pressure of a session, in words."""
    rows = acute.pressure.filter(acute.pressure["session"] == session).to_dicts()
    names = {"SBP": "Systolic", "DBP": "Diastolic"}
    return [
        {
            "name": names[row["quantity"]],
            "cut": f"{row['cut']:g} mmHg",
            **{
                key: number(row[key])
                for key in ("mean_change", "mean_of_maxima", "placebo_mean_of_maxima")
            },
            **{
                key: _share(row[key])
                for key in ("rise_in_session", "rise_in_course", "placebo_rise_in_course")
            },
        }
        for row in rows
    ]


def check_rows(simulation: Simulation) -> list[CheckRow]:
    """What is published on sessions of this drug and route, beside the model's."""
    given = {(dose.drug, dose.route) for dose in simulation.course.regimen.doses}
    return [_check_row(one) for one in acute_checks(given)]


def _check_row(one: AcuteCheck) -> CheckRow:
    def write(value: float) -> str:
        if one.unit == "fraction":
            return _share(value)
        return f"{value:.0f} min" if one.unit == "min" else f"{number(value)} {one.unit}"

    published = write(one.published)
    if one.low is not None and one.high is not None:
        published += f" ({write(one.low)} – {write(one.high)})"
    if one.placebo is not None:
        published += f"; comparator {write(one.placebo)}"
    return CheckRow(
        what=words.capital(one.what),
        given=one.given,
        published=published,
        predicted=write(one.predicted),
        fitted=one.fitted,
        source=one.source,
        facts=", ".join(one.facts),
        note=one.note,
    )


def plan_figures(simulation: Simulation) -> list[Figure]:
    """The timeline of the first session.

    **Arguments:**

    - `simulation`: what `simulate` returned.
    """
    if simulation.acute is None:
        return []
    drawing = Drawing(timeline(simulation.acute.sessions[0], simulation.session_plan()))
    text = (
        "Bars: from the beginning of an effect until it is back, of the mean over patients or "
        "of the share of patients, as in the table above; paler: uncertainty of the parameters. "
        "The spread between patients and differences between trials are not shown. Diamond: the "
        "peak. An effect that never rises above the level at which it counts as back has no bar."
    )
    return [
        Figure("", "Timeline of the first session", (drawing,), (Legend("words", text),), columns=1)
    ]


@dataclass(frozen=True)
class PlanStage:
    """Lines of one stage of a plan.

    **Arguments:**

    - `name`: such as `before`.
    - `own`: what is given, and rules made for this drug and route.
    - `borrowed`: rules made for another drug or use.
    """

    name: str
    own: list[dict[str, Any]]
    borrowed: list[dict[str, Any]]


def plan_stages(plan: SessionPlan) -> list[PlanStage]:
    """Lines of a plan by stage, in words; the effects and how long they last stand elsewhere.

    **Arguments:**

    - `plan`: what `Simulation.session_plan` returned.
    """
    stages: dict[str, PlanStage] = {}
    for entry in plan.entries:
        if entry.kind == "effect":
            continue
        line = {**vars(entry), "minutes": _minutes(entry.at_min_from, entry.at_min_to)}
        stage = stages.setdefault(entry.stage, PlanStage(entry.stage, [], []))
        (stage.borrowed if entry.borrowed else stage.own).append(line)
    return list(stages.values())


def _minutes(start: float | None, end: float | None) -> str:
    if start is None and end is None:
        return NOTHING
    if start is None:
        return f"until {end:.0f}".replace("-", "−")
    if end is None:
        return f"from {start:.0f}".replace("-", "−")
    return f"{start:.0f}" if start == end else f"{start:.0f} to {end:.0f}".replace("-", "−")
