"""Candidates of a forecast side by side, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ketasim._base.numbers import NOTHING, number, percent, span
from ketasim.forecasting.words import chance
from ketasim.population import from_madrs, to_madrs
from ketasim.vocabulary import scale_words

if TYPE_CHECKING:
    from ketasim.forecasting import Forecast

_SAME: Final = "not distinguishable"
_HIGHEST: Final = 60.0  # of the MADRS


@dataclass(frozen=True)
class Cell:
    """One candidate's number.

    **Arguments:**

    - `value`, `range`: with unit. `gap`: its difference from the first, with its range.
    - `verdict`: what is to be said of that difference.
    """

    value: str
    range: str = ""
    gap: str = ""
    verdict: str = ""


@dataclass(frozen=True)
class Line:
    """One number of all candidates.

    **Arguments:**

    - `words`: what it is. `note`: what its range is. `cells`: of each candidate.
    """

    words: str
    note: str
    cells: tuple[Cell, ...]


def lines(forecast: Forecast) -> Iterator[Line]:
    """What the page sets side by side at the horizon.

    **Arguments:**

    - `forecast`: what `forecast` returned.
    """
    scale, names = forecast.scales[0], forecast.names
    last = forecast.days.filter(
        (pl.col("scale") == scale) & (pl.col("day") == forecast.days["day"].max())
    )
    own = {row["option"]: row for row in last.to_dicts()}
    gaps = {(row["option"], row["quantity"]): row for row in forecast.differences.to_dicts()}
    end = f"day {own[names[0]]['day']:.4g}"
    error = _rating_error(forecast, own[names[0]]["mean"])
    yield Line(
        f"{scale_words(scale)} on {end}, points",
        "90 % of ratings",
        tuple(
            Cell(
                number(own[name]["mean"], 2),
                span(number(own[name]["p05"], 2), number(own[name]["p95"], 2)),
                *_points(gaps.get((name, scale)), error),
            )
            for name in names
        ),
    )
    half = "at most half of the score before treatment"
    limit = next(one.remission for one in forecast.errors if one.scale == scale)
    for key, title, note in (
        ("p_response", f"Response on {end}", half),
        ("p_remission", f"Remission on {end}", f"{scale_words(scale)} of at most {limit:g}"),
    ):
        yield Line(
            title,
            note,
            tuple(
                Cell(f"{chance(own[name][key])}\u202f%", "", *_chance(gaps.get((name, key))))
                for name in names
            ),
        )
    yield Line(
        f"Still well on {end}",
        "a response now or later, and at no weekly visit since then without it",
        tuple(
            Cell(f"{chance(own[name]['p_well'])}\u202f%", "", *_well(gaps.get((name, "p_well"))))
            for name in names
        ),
    )
    yield Line(
        f"Probability of having lost the response passes {percent(forecast.level, 2)}",
        "only of those who respond now or later; 90 % over patients and parameters that the scores "
        "allow",
        tuple(_lost(row) for row in forecast.lost.to_dicts()),
    )
    yield Line(
        f"Part of the drug in the fall of the score, {end}",
        "the rest: expectation, other treatment, natural course",
        tuple(Cell(_drug(forecast, name)) for name in names),
    )
    yield Line(
        "Sessions that follow",
        "",
        tuple(Cell(str(one.sessions)) for one in forecast.ahead.options),
    )


def _rating_error(forecast: Forecast, score: float) -> float:
    """SD of the error of one rating, points of the scale, about a score."""
    scale = forecast.scales[0]
    error = next(one.error for one in forecast.errors if one.scale == scale)
    middle = float(to_madrs(scale, score))
    ends = [min(max(middle + side * error, 0.0), _HIGHEST) for side in (-1.0, 1.0)]
    low, high = (float(from_madrs(scale, one)) for one in ends)
    return (high - low) / 2.0


def _points(row: dict[str, Any] | None, error: float) -> tuple[str, str]:
    if row is None:
        return "", ""
    if abs(row["mean"]) < 1e-6:
        return "0", _SAME
    middle, low, high = (_signed(round(row[one], 1)) for one in ("mean", "p05", "p95"))
    gap = f"{middle} ({low} to {high})"
    if not row["told_apart"]:
        return gap, _SAME
    if abs(row["mean"]) < error:
        return gap, f"less than the error of one rating, {number(error, 2)}"
    return gap, ""


def _chance(row: dict[str, Any] | None) -> tuple[str, str]:
    if row is None:
        return "", ""
    if abs(row["mean"]) < 1e-6:
        return "0", _SAME
    middle, low, high = (_signed(round(100 * row[one], 1)) for one in ("mean", "p05", "p95"))
    verdict = "" if row["told_apart"] else _SAME
    return f"{middle} ({low} to {high}) percentage points", verdict


def _well(row: dict[str, Any] | None) -> tuple[str, str]:
    if row is None:
        return "", ""
    if row["only"] + row["only_against"] == 0.0:
        return "0", _SAME
    own, first = (_of_hundred(row[one]) for one in ("only", "only_against"))
    told = f"of 100 such patients {own} well only under this, {first} only under A"
    return told, "" if row["told_apart"] else _SAME


def _lost(row: dict[str, Any]) -> Cell:
    if row["p_lost"] is None:
        return Cell(NOTHING, f"hardly any response to lose: {chance(row['p_responded'])}\u202f%")
    late = f"after day {row['horizon']:.4g}"
    value = late if row["day"] is None else f"day {row['day']:.4g}"
    who = f"{chance(row['p_responded'])}\u202f% respond now or later"
    if row["p05"] is None:
        return Cell(value, "", who)
    last = late if row["p95"] is None else f"{row['p95']:.4g}"
    return Cell(value, f"day {row['p05']:.4g} to {last}", who)


def _drug(forecast: Forecast, name: str) -> str:
    table = forecast.contributions
    day = table["day"].max()
    own = table.filter(
        (pl.col("option") == name) & (pl.col("day") == day) & (pl.col("part") == "drug")
    )
    share = own["share"][0]
    # of a score that did not fall there is no part
    return NOTHING if share is None or share < 0.0 or share > 1.0 else f"{chance(share)}\u202f%"


def _of_hundred(share: float) -> str:
    """A share as patients of 100."""
    count = round(100 * share)
    return "none" if share == 0.0 else "fewer than 1" if count == 0 else f"{count}"


def _signed(value: float) -> str:
    text = number(value, 2)
    return text if value < 0 or text == "0" else f"+{text}"
