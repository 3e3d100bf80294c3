"""The figure of a forecast: the patient's scores on the curve, and each candidate ahead of it."""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING, Final

import polars as pl

from ketasim._base import InputError, near, words
from ketasim._base.headline import plain
from ketasim.figures.figure import DOTS, OPEN, Drawing, Figure, Legend
from ketasim.figures.panels import COLOURS, INNER, LINE_WIDTH, OUTER, Line, Panel, Points
from ketasim.figures.svg import Axis, Frame, Look, nice
from ketasim.figures.svg.lettering import shortened
from ketasim.figures.svg.palette import INK, SOFT
from ketasim.forecasting.tables import limits_of
from ketasim.population import from_madrs, to_madrs
from ketasim.vocabulary import scale_words

if TYPE_CHECKING:
    import altair

    from ketasim.forecasting import Forecast

LETTERS: Final = ascii_uppercase
"""By which candidates are told apart in the figure and in tables."""

_PAST: Final = COLOURS["course"]
_AHEAD: Final = COLOURS["mood"]
_DAY: Final = 24.0
_MOST: Final = 6  # panels
_NARROW, _HIGH = 222, 190  # px of the plot
_BANDS: Final = ("p05", "p25", "p50", "p75", "p95")
_WIDTHS: Final = {1: 640, 2: 350, 4: 350}  # of a wide page, by number of panels
_ON_PAPER: Final = {1: 560, 2: 330, 3: 200, 4: 130}  # of a row on paper, by number of panels
_LIMITS: Final = ("response", "remission")
_TITLE: Final = 13.0  # px of a title, on one line so that panels stand in one row
_SMALL: Final = 10.5  # px of words in the plot


def plot_forecast(forecast: Forecast, *, option: str = "") -> altair.LayerChart:
    """Draw a patient's scores, the past until now, and one candidate ahead.

    **Main arguments:**

    - `forecast`: what `forecast` returned.

    **Other arguments:**

    - `option`: name of the candidate; the first when left out.

    **Raises:** `InputError` when there is no such candidate.
    """
    from ketasim.figures.vega import draw

    name = option or forecast.names[0]
    if name not in forecast.names:
        problem = f"there is no candidate '{name}'"
        raise InputError("option", problem, near(name, forecast.names))
    scale, now = forecast.scales[0], forecast.ahead.now / _DAY
    lines = [
        Line(
            text,
            one["day"].to_list(),
            one["p50"].to_list(),
            outer=(one["p05"].to_list(), one["p95"].to_list()),
            inner=(one["p25"].to_list(), one["p75"].to_list()),
            colour=colour,
        )
        for text, one, colour in (
            ("until now", _past(forecast), _PAST),
            (f"ahead: {name}", _ahead(forecast, name), _AHEAD),
        )
    ]
    marks = _marks(forecast)
    points = Points(
        "scores",
        [one.day for one in marks],
        [one.score for one in marks],
        labels=[one.name for one in marks],
        colour=INK,
    )
    course = forecast.ahead.options[forecast.names.index(name)].course
    return draw(
        Panel(
            name,
            "days",
            f"{scale_words(scale)}, points",
            lines=tuple(lines),
            points=(points,),
            marks=tuple((at / _DAY, at / _DAY) for at in course.regimen.sessions),
            marked="sessions",
            bands=("90 % of ratings", "50 % of ratings"),
            notes=(f"Now: day {now:.4g}. Median; bands: 50 and 90 % of ratings.",),
            x_domain=(0.0, forecast.ahead.horizon / _DAY),
            y_domain=(0.0, _top(forecast)),
            guides=(((now, now), (0.0, _top(forecast)), (4, 3)),),
            width=520,
            height=260,
        )
    )


def forecast_figure(forecast: Forecast) -> Figure:
    """The scores on the curve until now and each candidate ahead, one panel a candidate."""
    shown = forecast.names[:_MOST]
    single = len(shown) == 1
    drawings: list[Drawing] = []
    for letter, name in zip(LETTERS, shown, strict=False):
        title = name if single else f"{letter}: {name}"
        told = _told(forecast, name)
        small = _panel(forecast, name, title, told, _NARROW)
        if len(shown) in _WIDTHS:
            large = _panel(forecast, name, title, told, _WIDTHS[len(shown)])
            drawings.append(Drawing(large, small))
        else:
            drawings.append(Drawing(small))
    legend = [
        Legend("dot", "scores as given", INK, DOTS["circle"]),
        Legend("line", "expected until now, given all scores", _PAST),
        Legend("line", "expected ahead", _AHEAD),
        Legend("band", "90 % of ratings", _AHEAD, opacity=OUTER),
        Legend("band", "50 %", _AHEAD, opacity=1.0 - (1.0 - OUTER) * (1.0 - INNER)),
        Legend("dose", "sessions"),
    ]
    if any(one.hollow for one in _marks(forecast)):
        scale = forecast.scales[0]
        legend.insert(
            1,
            Legend(
                "dot", f"of another scale, as {scale_words(scale)} by the link of groups", INK, OPEN
            ),
        )
    left = len(forecast.names) - len(shown)
    more = f" {words.counted(left, 'further candidate')} in the tables." if left else ""
    scale = forecast.scales[0]
    return Figure(
        name="ahead",
        title=f"{scale_words(scale)} until now, and what may follow"
        if not single
        else f"{scale_words(scale)} until now and ahead",
        drawings=tuple(drawings),
        legend=tuple(legend),
        caption=(
            "Medians, with 50 and 90 % of what one rating may show: patients and parameters that "
            "the scores allow, fluctuation of state and rating error together. Not included: "
            f"errors of the model itself.{more}"
        ),
        columns={1: 1, 2: 2, 4: 2}.get(len(shown), 3),
    )


def printed_panels(forecast: Forecast, most: int) -> list[str]:
    """The panels as SVG for one row on paper, where words must not become too small.

    **Arguments:**

    - `forecast`: what `forecast` returned. `most`: panels.
    """
    names = forecast.names[:most]
    single = len(names) == 1
    across = _ON_PAPER.get(len(names), min(_ON_PAPER.values()))
    return [
        _panel(
            forecast,
            name,
            name if single else f"{letter}: {name}",
            _told(forecast, name),
            across,
        )
        for letter, name in zip(LETTERS, names, strict=False)
    ]


@dataclass(frozen=True)
class _Mark:
    """A score in the figure; hollow where it is of another scale."""

    day: float
    score: float
    name: str
    hollow: bool = False


def _marks(forecast: Forecast) -> list[_Mark]:
    ratings, scale = forecast.ratings, forecast.scales[0]
    base = ratings.baseline
    found = [_Mark(0.0, base.score, f"before treatment: {scale_words(base.scale)} {base.score:g}")]
    for one in ratings.scores:
        day, name = (
            one.time / _DAY,
            f"day {one.time / _DAY:.4g}: {scale_words(one.scale)} {one.score:g}",
        )
        if one.scale == scale:
            found.append(_Mark(day, one.score, name))
        else:
            score = float(from_madrs(scale, min(float(to_madrs(one.scale, one.score)), 60.0)))
            found.append(
                _Mark(
                    day, score, f"{name}, about {plain(score)} of {scale_words(scale)}", hollow=True
                )
            )
    return found


def _past(forecast: Forecast) -> pl.DataFrame:
    return forecast.past.filter(pl.col("scale") == forecast.scales[0])


def _ahead(forecast: Forecast, name: str) -> pl.DataFrame:
    own = pl.col("scale") == forecast.scales[0]
    return forecast.days.filter(own & (pl.col("option") == name))


def _top(forecast: Forecast) -> float:
    scale = forecast.scales[0]
    days = forecast.days.filter(pl.col("scale") == scale)
    highest = [one.score for one in _marks(forecast)]
    highest += [float(table["p95"].max()) for table in (days, _past(forecast))]  # pyright: ignore[reportArgumentType]
    return nice(0.0, max(highest))[1]


def _panel(forecast: Forecast, name: str, title: str, told: str, across: float) -> str:
    scale, now = forecast.scales[0], forecast.ahead.now / _DAY
    end, top = forecast.ahead.horizon / _DAY, _top(forecast)
    ahead, past = _ahead(forecast, name), _past(forecast)
    last = plain(ahead["p50"][-1])
    frame = Frame(
        Axis(0.0, end, "days", style="days", grid=False),
        Axis(0.0, top, f"{scale_words(scale)}, points"),
        width=across,
        height=_HIGH,
        title=shortened(title, across + 60.0, _TITLE, bold=True),
        labels=[last, *_LIMITS],
    )
    for table, colour in ((past, _PAST), (ahead, _AHEAD)):
        days = table["day"].to_numpy()
        p05, p25, p50, p75, p95 = (table[one].to_numpy() for one in _BANDS)
        frame.band(days, p05, p95, Look(colour, opacity=OUTER))
        frame.band(days, p25, p75, Look(colour, opacity=INNER))
        frame.line(days, p50, Look(colour, LINE_WIDTH))
    levels = _limits(forecast)
    for level, dash in zip(levels.values(), ((5, 3), (2, 3)), strict=True):
        frame.line([0.0, end], [level, level], Look(SOFT, 0.8, dash))
    frame.line([now, now], [0.0, top], Look(INK, 1.0, (4, 3)))
    near_end = now > 0.8 * end
    frame.note(
        now, top, "now", colour=INK, anchor="end" if near_end else "start",
        across=-4.0 if near_end else 4.0, down=7.0, size=_SMALL, halo=True,
    )  # fmt: skip
    for one in _marks(forecast):
        look = Look(INK, 1.5)
        frame.points([one.day], [one.score], look, hollow=one.hollow, names=[one.name], size=3.6)
    option = forecast.ahead.options[forecast.names.index(name)]
    spans = [(at / _DAY, at / _DAY) for at in option.course.regimen.sessions]
    given = len(spans) - option.sessions
    frame.doses(spans[:given], _PAST)
    frame.doses(spans[given:], _AHEAD)
    ends = [(last, _AHEAD, float(ahead["p50"][-1]))]
    frame.end_labels([*ends, *((one, SOFT, level) for one, level in levels.items())])
    return frame.canvas.document(title, told)


def _limits(forecast: Forecast) -> dict[str, float]:
    """Points of the scale at most which a rating is a response, and a remission."""
    scale = forecast.scales[0]
    limits = limits_of(forecast.ratings, scale)
    every = zip(_LIMITS, (limits.response, limits.remission), strict=True)
    return {name: float(from_madrs(scale, points)) for name, points in every}


def _told(forecast: Forecast, name: str) -> str:
    """What a panel shows, for readers who cannot see it."""
    scale = forecast.scales[0]
    marks = _marks(forecast)
    given = "; ".join(one.name for one in marks[:12]) + ("; and more" if len(marks) > 12 else "")
    first, last = (_ahead(forecast, name).row(place, named=True) for place in (0, -1))
    ends = [
        f"on day {row['day']:.4g} {plain(row['p50'])} ({plain(row['p05'])} to {plain(row['p95'])})"
        for row in (first, last)
    ]
    return (
        f"{scale_words(scale)} over days. Scores: {given}. Expected under '{name}', with 90 % of "
        f"ratings: {', '.join(ends)}."
    )
