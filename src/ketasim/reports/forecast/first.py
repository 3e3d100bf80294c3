"""The first page of a forecast: where the patient stands, what may follow, what the scores say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ketasim._base import words
from ketasim._base.numbers import NOTHING, number, percent, span
from ketasim.figures.forecast import LETTERS, forecast_figure
from ketasim.forecasting.words import LITTLE, MUCH, NO_FIT, chance
from ketasim.reports.first_page import FirstTile, patient_brief
from ketasim.reports.forecast.beside import Line, lines
from ketasim.vocabulary import scale_words

if TYPE_CHECKING:
    from ketasim.figures.figure import Figure
    from ketasim.forecasting import Forecast

_DAY: Final = 24.0
_WARNINGS: Final = 3
_SCORES: Final = 8  # in the table of what was learned; the last ones


@dataclass(frozen=True)
class Candidate:
    """A candidate as the page names it.

    **Arguments:**

    - `letter`: by which it is told apart. `name`: as given. `what`: its sessions, in words.
    """

    letter: str
    name: str
    what: str


@dataclass(frozen=True)
class Learned:
    """What was learned from one score.

    **Arguments:**

    - `day`, `score`: as given. `before`: what was predicted of it, with the range of 90 % of
      ratings. `inside`: where it was. `after`: of another rating then, from all scores.
    """

    day: str
    score: str
    before: str
    inside: str
    after: str


@dataclass(frozen=True)
class ForecastPage:
    """The first page of a forecast, in words and one drawing.

    **Arguments:**

    - `title`: of the course. `sentence`: what was asked.
    - `tiles`: the numbers. `figure`: the scores on the curve, and each candidate.
    - `candidates`: with their letters. `lines`: side by side. `beside`: what the differences are.
    - `learned`: of each of the last scores; `unlisted`: how many there are besides.
    - `says`, `unusual`: the same in sentences.
    - `warnings`: what the reader must know; `more_warnings`: the others.
    - `rests`: what this rests on and cannot know, three lines.
    """

    title: str
    sentence: str
    tiles: tuple[FirstTile, ...]
    figure: Figure
    candidates: tuple[Candidate, ...]
    lines: tuple[Line, ...]
    beside: str
    learned: tuple[Learned, ...]
    unlisted: int
    says: str
    unusual: str
    warnings: tuple[str, ...]
    more_warnings: tuple[str, ...]
    rests: tuple[str, ...]


def forecast_page(forecast: Forecast) -> ForecastPage:
    """Arrange the first page of a forecast.

    **Arguments:**

    - `forecast`: what `forecast` returned.
    """
    warned, unusual = forecast.warnings, forecast.unusual
    if forecast.tail is not None and forecast.tail < NO_FIT:
        warned, unusual = (unusual, *warned), ""
    return ForecastPage(
        title=forecast.course.title or "Forecast of one patient",
        sentence=_sentence(forecast),
        tiles=tuple(_tiles(forecast)),
        figure=forecast_figure(forecast),
        candidates=tuple(_candidates(forecast)),
        lines=tuple(lines(forecast)),
        beside=_beside(forecast),
        learned=tuple(_learned(forecast))[-_SCORES:],
        unlisted=max(len(forecast.fit) - _SCORES, 0),
        says=forecast.learned,
        unusual=unusual,
        warnings=warned[:_WARNINGS],
        more_warnings=warned[_WARNINGS:],
        rests=tuple(_rests(forecast)),
    )


def on_day(forecast: Forecast, day: float) -> str:
    """A day in words, with its date where the course has a start.

    **Arguments:**

    - `forecast`: of a course. `day`: since its start.
    """
    start = forecast.course.start
    told = f"day {day:.4g}"
    if start is None:
        return told
    date = start.day + timedelta(days=int(day))
    return f"{told} ({date.day} {date:%b %Y})"


def _sentence(forecast: Forecast) -> str:
    course, ahead = forecast.course, forecast.ahead
    count = words.counted(len(course.regimen.sessions), "session")
    given = "; ".join(course.regimen.describe()).rstrip(".").removeprefix(f"{count}: ")
    scores = len(forecast.ratings.scores) + 1
    scales = dict.fromkeys((forecast.ratings.baseline.scale, *forecast.ratings.scales))
    of = " and ".join(map(scale_words, scales)) if len(scales) < 3 else f"{len(scales)} scales"
    who = ", ".join(patient_brief(course.patient))
    names = [f"'{name}'" for name in forecast.names]
    if not course.next:
        asked = "without a further session"
    elif len(names) == 1:
        asked = f"under {names[0]}"
    else:
        asked = f"under {', '.join(names[:-1])} or {names[-1]}"
    return (
        f"A patient ({who}) after {count} ({given}), with {words.counted(scores, 'score')} of {of} "
        f"until {on_day(forecast, ahead.now / _DAY)}: what may follow until "
        f"{on_day(forecast, ahead.horizon / _DAY)} {asked}?"
    )


def _candidates(forecast: Forecast) -> Iterator[Candidate]:
    given = {one.name: one.regimen for one in forecast.course.next}
    for letter, option in zip(LETTERS, forecast.ahead.options, strict=False):
        regimen = given.get(option.name)
        what = "no further session" if regimen is None else "; ".join(regimen.describe())
        yield Candidate(letter, option.name, what)


def _row(forecast: Forecast, option: str, place: int) -> dict[str, Any]:
    own = (pl.col("option") == option) & (pl.col("scale") == forecast.scales[0])
    return forecast.days.filter(own).row(place, named=True)


def _tiles(forecast: Forecast) -> Iterator[FirstTile]:
    scale, names = forecast.scales[0], forecast.names
    now = _row(forecast, names[0], 0)
    yield FirstTile(
        f"{scale_words(scale)} now, {on_day(forecast, forecast.ahead.now / _DAY)}",
        f"{number(now['mean'], 2)} points",
        f"{span(number(now['p05'], 2), number(now['p95'], 2))}, 90 % of ratings",
        (
            f"before treatment {forecast.ratings.baseline.score:g}",
            f"response now {_chance(now['p_response'])}",
            f"remission now {_chance(now['p_remission'])}",
        ),
    )
    several = len(names) > 1
    last = {name: _row(forecast, name, -1) for name in names}
    end = on_day(forecast, forecast.ahead.horizon / _DAY)
    ends = [row["p_response"] for row in last.values()]
    yield FirstTile(
        f"Probability of response, {end}",
        span(_chance(min(ends)), _chance(max(ends))),
        "by candidate" if several else "",
        tuple(
            _lettered(place, several, f"{_chance(row['p_response'])}, remission "
            f"{_chance(row['p_remission'])}")
            for place, row in enumerate(last.values())
        ),
    )  # fmt: skip
    yield _lost_tile(forecast)
    yield _says_tile(forecast)


def _chance(value: float) -> str:
    return f"{chance(value)}\u202f%"


def _lettered(place: int, several: bool, text: str) -> str:
    return f"{LETTERS[place]}: {text}" if several else text


def _lost_tile(forecast: Forecast) -> FirstTile:
    rows = forecast.lost.to_dicts()
    several = len(rows) > 1
    days = [row["day"] for row in rows]
    known = [day for day in days if day is not None]
    horizon = rows[0]["horizon"]
    if not known:
        value = f"after day {horizon:.4g}" if any(row["p_lost"] for row in rows) else NOTHING
    elif len(known) < len(days):
        value = f"day {min(known):.4g} or later"
    else:
        value = f"day {span(f'{min(known):.4g}', f'{max(known):.4g}')}"
    return FirstTile(
        f"First day with more than {percent(forecast.level, 2)} probability of having lost the "
        "response",
        value,
        "only of those who respond now or later",
        tuple(
            _lettered(place, several, lost_range(forecast, row)) for place, row in enumerate(rows)
        ),
    )


def lost_range(forecast: Forecast, row: dict[str, Any]) -> str:
    """The first day on which the response is lost with a probability, and its range.

    **Arguments:**

    - `forecast`: of the patient. `row`: of its table `lost`.
    """
    if row["p_lost"] is None:
        return "hardly any response to lose"
    if row["day"] is None:
        told = f"not until day {row['horizon']:.4g} (highest {_chance(row['p_lost'])})"
    else:
        told = on_day(forecast, row["day"]).replace(" (", ", ").removesuffix(")")
    if row["p05"] is None:
        return told
    late = f"after {row['horizon']:.4g}" if row["p95"] is None else f"{row['p95']:.4g}"
    return f"{told}; 90 % {row['p05']:.4g} to {late}"


def _says_tile(forecast: Forecast) -> FirstTile:
    count = len(forecast.ratings.scores)
    last = _row(forecast, forecast.names[0], -1)
    own = (pl.col("option") == forecast.names[0]) & (pl.col("scale") == forecast.scales[0])
    before = forecast.prior.filter(own).row(-1, named=True)
    told = "nothing yet" if not count else (
        "little" if forecast.moved < LITTLE else "something" if forecast.moved < MUCH else "much"
    )  # fmt: skip
    ranges = [span(number(row["p05"], 2), number(row["p95"], 2)) for row in (last, before)]
    name = "The score says" if count == 1 else "The scores say"
    if not count:
        return FirstTile(name, told, "", ("this is the population with that baseline",))
    notes = [f"without them {ranges[1]}"]
    if forecast.tail is not None:
        notes.append(
            f"{_chance(forecast.tail)} of virtual patients are as far from the mean or farther"
        )
    return FirstTile(
        f"{name}, of {scale_words(forecast.scales[0])} on day {last['day']:.4g}",
        told,
        f"90 % of ratings now {ranges[0]}",
        tuple(notes),
    )


def _beside(forecast: Forecast) -> str:
    if len(forecast.names) < 2:
        return ""
    return (
        "Differences are from A on the same virtual patients, each under both candidates with the "
        "same fluctuations; in brackets 90 % of these patients, so that what is uncertain in both "
        "alike cancels. Errors of the model itself are not in them."
    )


def _learned(forecast: Forecast) -> Iterator[Learned]:
    for row in forecast.fit.to_dicts():
        given = f"{scale_words(row['scale'])} {row['score']:g}"
        day = on_day(forecast, row["day"])[4:]
        if row["before_mean"] is None:
            yield Learned(day, given, NOTHING, "before treatment", NOTHING)
            continue
        inside = (
            "inside 50 %"
            if row["inside_50"]
            else "inside 90 %"
            if row["inside_90"]
            else "outside 90 %"
        )
        yield Learned(day, given, _ranged(row, "before"), inside, _ranged(row, "after"))


def _ranged(row: dict[str, Any], what: str) -> str:
    ends = span(number(row[f"{what}_p05"], 2), number(row[f"{what}_p95"], 2))
    return f"{number(row[f'{what}_mean'], 2)} ({ends})"


def _rests(forecast: Forecast) -> Iterator[str]:
    yield (
        f"Rests on trials of groups: {forecast.patients:,} virtual patients, parameters drawn "
        "within their uncertainty, weighed by how likely each makes the scores (effective sample "
        f"{forecast.effective:,.0f})."
    )
    scale = forecast.scales[0]
    error = next(one for one in forecast.errors if one.scale == scale)
    told = f"error of one rating SD {error.error:.2g} MADRS points ({error.grades[0]})"
    if scale == "MADRS":
        yield f"{words.capital(told)}: a change smaller than that may be chance."
    else:
        lasting = f"{error.offset:.2g} MADRS points ({error.grades[1]})"
        yield (
            f"{scale_words(scale)} is read through a published link of groups to the MADRS: "
            f"{told}, lasting difference in one patient {lasting}."
        )
    yield (
        "Cannot know what changes after now (other medicines, events, missed sessions, adverse "
        "effects), nor what would have come without treatment. Nothing is ranked or advised."
    )
