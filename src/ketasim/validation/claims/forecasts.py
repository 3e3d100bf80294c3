"""Forecasts of simulated patients: later scores in the bands, the truth among the ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import polars as pl

from ketasim.validation.claims.claim import Claim, judged
from ketasim.validation.forecast.settings import LATER, SETTINGS

PATIENTS: Final = 96
"""Simulated patients forecast, over four settings; a band of 90 % is then known to 6 points."""
_SCORES: Final = 3
_PLACES: Final = (0, 2, 4, 6)
_SURE: Final = 0.99
_BANDS: Final = (0.5, 0.9)


def forecasts(progress: Callable[[str], None] | None = None) -> Iterator[Claim]:
    """Coverage of the bands on new simulated patients; `make forecast-checks` has a thousand.

    **Arguments:**

    - `progress`: told which setting is simulated.
    """
    from scipy.stats import binomtest  # slow to load

    from ketasim.validation.forecast.fits import drawn_for, fit_rows, simulated

    found: list[dict[str, object]] = []
    each = PATIENTS // len(_PLACES)
    for place in _PLACES:
        setting = SETTINGS[place]
        if progress is not None:
            progress(f"forecasts, {setting.name}")
        drawn = drawn_for(setting)
        asked = [(patient, _SCORES) for patient in range(each)]
        found += fit_rows(setting, simulated(setting, each), drawn, which=asked)
    table = pl.DataFrame(found)
    for day in LATER:
        for level in _BANDS:
            # of the rank of a score before rounding: a printed band of whole points holds more
            rank = table[f"u_rated_{day:g}"]
            inside = int(((rank - 0.5).abs() <= level / 2.0).sum())
            ends = binomtest(inside, len(table)).proportion_ci(_SURE, method="wilson")
            low, high = 100.0 * float(ends.low), 100.0 * float(ends.high)
            yield Claim(
                area="forecasts",
                what=f"scores of day {day:g} in the band of {100 * level:.0f} %",
                where=f"{len(table)} simulated patients with {_SCORES} scores",
                published=100.0 * level,
                predicted=100.0 * inside / len(table),
                unit="%",
                criterion=f"nominal share inside the {100 * _SURE:.0f} % interval of the found one",
                outcome=judged(low <= 100.0 * level <= high),
                grade="derived",
                independent=True,
                source="",
                place="",
                low=low,
                high=high,
                error=100.0 * (inside / len(table) - level),
                measure="difference",
                covered=low <= 100.0 * level <= high,
                note="The patients come from the model: this tests the forecast, not the model.",
            )


def early(progress: Callable[[str], None] | None = None) -> Iterator[Claim]:
    """What the forecast makes of an early score, beside published tables; a minute.

    **Arguments:**

    - `progress`: told which case is forecast.
    """
    from ketasim.validation.forecast.early_numbers import early_numbers

    for row in early_numbers(progress):
        met = None
        if row["low"] is not None:
            met = row["low"] <= row["forecast"] <= row["high"]
        published = row["published"]
        yield Claim(
            area="early",
            what=row["what"],
            where=row["group"],
            published=published,
            predicted=row["forecast"],
            unit=row["unit"],
            criterion="forecast inside the published 95 % interval",
            outcome=judged(met),
            grade="fitted",
            independent=True,
            source=row["source"],
            place=row["place"],
            low=row["low"],
            high=row["high"],
            error=None if published is None else row["forecast"] - published,
            measure="" if published is None else "difference",
            covered=met,
            note=row["note"],
        )
