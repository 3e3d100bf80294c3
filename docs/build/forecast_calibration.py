"""Whether forecasts of simulated patients are calibrated: ranks of the truth, and bands."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import forecast_fits
from ketasim.figures.panels import COLOURS
from ketasim.figures.svg import Axis, Canvas, Frame, Look
from ketasim.validation.forecast.fits import RANKED
from ketasim.validation.forecast.settings import COUNTS, LATER
from ketasim.validation.forecast.uniform import BINS, bin_band, uniformity
from results import keep, kept, read
from table import table

RESULT, COVERAGE = "forecast-calibration", "forecast-coverage"
IMAGE = Path(__file__).parents[1] / "images" / "forecast-ranks.svg"
TARGETS = ((0.5, 0.03), (0.9, 0.02))
"""Bands, and by how much the share inside may differ."""

NAMES = {
    "sensitivity": "sensitivity to the drug",
    "expected_28": "expected score, day 28",
    "expected_56": "expected score, day 56",
    "rated_28": "rated score, day 28",
    "rated_56": "rated score, day 56",
}
_SHOWN = (1, 3, 6)  # numbers of scores in the figure


def compute() -> None:
    """Forecast a thousand simulated patients from one to six scores; taken up where it was left."""
    fits = forecast_fits.fits()
    ranks: list[dict[str, Any]] = []
    shares: list[dict[str, Any]] = []
    for count in COUNTS:
        part = fits.filter(pl.col("scores") == count)
        for quantity in RANKED:
            found = uniformity(part[f"u_{quantity}"].to_numpy())
            ranks.append(
                {
                    "quantity": quantity,
                    "scores": count,
                    "n": len(part),
                    "chi_square": found.chi_square,
                    "p_value": found.p_value,
                    "away": found.away,
                    "band": found.band,
                    "mean": found.mean,
                    "sd": found.sd,
                    **{f"bin_{place}": int(n) for place, n in enumerate(found.counts)},
                }
            )
        for day in LATER:
            shares += [_share(part, count, day, level) for level, _ in TARGETS]
    keep(RESULT, pl.DataFrame(ranks))
    keep(COVERAGE, pl.DataFrame(shares))
    IMAGE.write_text(_drawn() + "\n", encoding="utf-8")


def _share(part: pl.DataFrame, count: int, day: float, level: float) -> dict[str, Any]:
    ranks = part[f"u_rated_{day:g}"].to_numpy()
    return {
        "scores": count,
        "day": day,
        "level": level,
        "n": len(part),
        "inside": float(np.mean(np.abs(ranks - 0.5) <= level / 2.0)),
        "printed": float(part[f"in_{100 * level:.0f}_{day:g}"].cast(pl.Float64).mean()),  # type: ignore[arg-type]
        "effective": float(part["effective"].median()),  # type: ignore[arg-type]
        "looks": int((part["looks"] > 0).sum()),
    }


def ranks() -> str:
    """Return how uniform the ranks are."""
    if not kept(RESULT):
        return "Not computed yet: `make forecast-checks`."
    rows = read(RESULT).to_dicts()
    off = [row for row in rows if row["away"] > row["band"]]
    unlikely = [row for row in rows if row["p_value"] < 0.05]
    least = min(row["p_value"] for row in rows)
    n = rows[0]["n"]
    head = (
        f"{len(rows)} sets of {n} ranks: {len(unlikely)} have a chi-square with p < 0.05, where "
        f"chance alone gives {0.05 * len(rows):.1f} (least p {least:.3f}), and {len(off)} leave "
        "the 95 % band of their distribution function."
    )
    columns = ["quantity", *(f"{_scores(count)}: p" for count in COUNTS)]
    columns += ["largest difference", "95 % band", "mean", "SD"]
    lines: list[list[str]] = []
    for quantity in RANKED:
        own = [row for row in rows if row["quantity"] == quantity]
        worst = max(own, key=lambda row: row["away"])
        far = f"{worst['away']:.3f}"
        lines.append(
            [
                NAMES[quantity],
                *(f"{row['p_value']:.2f}" for row in own),
                far if worst["away"] <= worst["band"] else f"**{far}**",
                f"{worst['band']:.3f}",
                _span([row["mean"] for row in own]),
                _span([row["sd"] for row in own]),
            ]
        )
    foot = (
        "Uniform numbers have a mean of 0.500 and an SD of 0.289; ranges are over the numbers of "
        "scores."
    )
    figure = f"![Histograms of the ranks of the truth](images/{IMAGE.name})"
    return f"{figure}\n\n{head}\n\n{table(columns, lines)}\n\n{foot}\n"


def coverage() -> str:
    """Return how often later scores lie in the bands."""
    if not kept(COVERAGE):
        return "Not computed yet: `make forecast-checks`."
    rows = read(COVERAGE).to_dicts()
    widths = dict(TARGETS)
    met = [abs(row["inside"] - row["level"]) <= widths[row["level"]] for row in rows]
    n = rows[0]["n"]
    goals = " and ".join(f"{100 * level:.0f} ± {100 * wide:.0f} %" for level, wide in TARGETS)
    head = (
        f"{n} patients for each number of scores. Target {goals}: met in {sum(met)} of {len(met)} "
        "cells. Monte Carlo errors are "
        + " and ".join(
            f"{100 * sqrt(level * (1 - level) / n):.1f} % for the band of {100 * level:.0f} %"
            for level, _ in TARGETS
        )
        + ", so that a calibrated forecast misses the target by chance in "
        + " and ".join(f"{_by_chance(level, wide, n)}" for level, wide in TARGETS)
        + " of cells."
    )
    columns = ["scores"]
    columns += [
        f"day {day:g}: band of {100 * level:.0f} %" for day in LATER for level, _ in TARGETS
    ]
    columns += ["of whole points, as printed", "effective sample, median", "with further looks"]
    lines: list[list[str]] = []
    for count in COUNTS:
        own = [row for row in rows if row["scores"] == count]
        cells = [
            share if abs(row["inside"] - row["level"]) <= widths[row["level"]] else f"**{share}**"
            for row in own
            for share in [f"{100 * row['inside']:.1f} %"]
        ]
        printed = ", ".join(f"{100 * row['printed']:.0f}" for row in own)
        lines.append(
            [str(count), *cells, f"{printed} %", f"{own[0]['effective']:.0f}", str(own[0]["looks"])]
        )
    return f"{head}\n\n{table(columns, lines)}\n"


def _by_chance(level: float, wide: float, n: int) -> str:
    from scipy.stats import binom

    low, high = np.ceil((level - wide) * n - 1e-9), np.floor((level + wide) * n + 1e-9)
    inside = float(binom.cdf(high, n, level) - binom.cdf(low - 1, n, level))
    return f"{100 * (1.0 - inside):.0f} %"


def _scores(count: int) -> str:
    return f"{count} score" + ("s" if count > 1 else "")


def _span(values: list[float]) -> str:
    low, high = (f"{end:.3f}" for end in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _drawn() -> str:
    """Histograms of ranks, a row a quantity and a column a number of scores."""
    rows = {(row["quantity"], row["scores"]): row for row in read(RESULT).to_dicts()}
    n = next(iter(rows.values()))["n"]
    low, high = bin_band(n)
    top = 1.25 * max(high, *(row[f"bin_{b}"] for row in rows.values() for b in range(BINS)))
    wide, tall, left, above = 190, 64, 34, 46
    canvas = Canvas(left + len(_SHOWN) * (wide + 36), 34 + len(RANKED) * (tall + above) + 40)
    canvas.text(4, 16, f"Ranks of the truth, {n} patients; band: 99 % of uniform ranks", size=12)
    edges = np.linspace(0.0, 1.0, BINS + 1)
    for line, quantity in enumerate(RANKED):
        for column, count in enumerate(_SHOWN):
            row = rows[quantity, count]
            last = line == len(RANKED) - 1
            frame = Frame(
                Axis(0.0, 1.0, "rank in the forecast" if last else "", grid=False),
                Axis(0.0, top, "", grid=False),
                width=wide,
                height=tall,
                canvas=canvas,
                left=left + column * (wide + 36),
                top=34 + line * (tall + above) + 30,
            )
            x, y = frame.box[0], frame.box[1]
            canvas.text(x, y - 6, f"{NAMES[quantity]}; {_scores(count)}")
            y_high, y_low = frame.y.of(float(high)), frame.y.of(float(low))
            canvas.rect(x, y_high, wide, y_low - y_high, Look(COLOURS["course"], opacity=0.25))
            for place in range(BINS):
                found = float(row[f"bin_{place}"])
                a, b = frame.x.of(edges[place]), frame.x.of(edges[place + 1])
                at = frame.y.of(found)
                look = Look(COLOURS["mood"], opacity=0.75)
                canvas.rect(a + 0.5, at, b - a - 1.0, frame.box[3] - at, look)
    told = "Histograms of ranks of the truth within forecasts of simulated patients, nearly flat"
    return canvas.document("Ranks of the truth in forecasts", told, paper=True)
