"""The forecast beside a long random walk through the same law."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl

from forecast_fits import kept_lines, path_of
from ketasim.forecasting.forecast import SURVIVORS, weighed
from ketasim.forecasting.simulated import Simulated, predicted
from ketasim.validation.forecast.fits import drawn_for, simulated
from ketasim.validation.forecast.settings import SETTINGS, Setting
from ketasim.validation.forecast.walk import Walk
from results import keep, kept, read, tell
from table import table

RESULT = "forecast-walk"
WHO = ((0, 3), (2, 2), (5, 4), (7, 6))
"""Positions of settings, and how many scores are known in each."""
PATIENTS = 5
WALKERS, BURN, STEPS = 96, 100, 320
LATER = 28.0
SEEDS = 8
"""Forecasts of each patient, each with virtual patients of its own."""


def compute() -> None:
    """Walk and forecast twenty patients; half an hour, taken up where it was left."""
    path = path_of(RESULT)
    done = {row["setting"] for row in kept_lines(path)}
    for place, count in WHO:
        setting = SETTINGS[place]
        if setting.name in done:
            continue
        tell(f"{setting.name}: {PATIENTS} patients")
        rows = _rows(setting, count)
        with path.open("a", encoding="utf-8") as out:
            out.write("\n" + "".join(json.dumps(row) + "\n" for row in rows))
    keep(RESULT, pl.DataFrame(kept_lines(path)))


def _rows(setting: Setting, count: int) -> list[dict[str, Any]]:
    patients = simulated(setting, PATIENTS)
    known = [patients.known(p, count).scores for p in range(PATIENTS)]
    walk = Walk(setting, known, LATER * 24.0, walkers=WALKERS, seed=setting.place + 1)
    walked = walk.run(BURN, STEPS)
    found = _forecasts(setting, patients, count)
    return [
        {
            "setting": setting.name,
            "patient": patient,
            "scores": count,
            "walk_mean": one.mean,
            "walk_mean_error": one.mean_error,
            "walk_sd": one.sd,
            "walk_sd_error": one.sd_error,
            "drift": one.drift,
            "mean": float(found[patient, :, 0].mean()),
            "mean_error": float(found[patient, :, 0].std(ddof=1)),
            "sd": float(found[patient, :, 1].mean()),
            "sd_error": float(found[patient, :, 1].std(ddof=1)),
        }
        for patient, one in enumerate(walked)
    ]


def _forecasts(setting: Setting, patients: Simulated, count: int) -> np.ndarray[Any, Any]:
    """Mean and SD of the later score, shape (patients, seeds, 2)."""
    found = np.empty((PATIENTS, SEEDS, 2))
    for seed in range(SEEDS):
        drawn = drawn_for(setting, seed=100 * (seed + 1))
        for patient in range(PATIENTS):
            one = weighed(
                setting.course,
                patients.known(patient, count),
                seed=seed,
                plan=setting.plan,
                drawn=drawn,
            )
            later = predicted(one, [LATER * 24.0], setting.baseline[0], count=SURVIVORS, seed=seed)
            spread = later.spread(setting.baseline[0])
            found[patient, seed] = spread["mean"][0], spread["sd"][0]
    return found


def _gaps(rows: list[dict[str, Any]], name: str) -> list[float]:
    """Differences over their Monte Carlo error."""
    return [
        (row[name] - row[f"walk_{name}"])
        / float(np.hypot(row[f"{name}_error"] / np.sqrt(SEEDS), row[f"walk_{name}_error"]))
        for row in rows
    ]


def walk() -> str:
    """Return the table of what was kept."""
    if not kept(RESULT):
        return "Not computed yet: `make forecast-checks`."
    rows = read(RESULT).to_dicts()
    gaps = {name: _gaps(rows, name) for name in ("mean", "sd")}
    parts = [
        f"{what}: {sum(abs(g) <= 2 for g in gaps[name])} of {len(rows)} differ by at most two "
        f"Monte Carlo errors of the difference, the largest by {max(map(abs, gaps[name])):.1f}, "
        f"and {np.mean([abs(r[name] - r['walk_' + name]) for r in rows]):.2f} points on average"
        for name, what in (("mean", "Means"), ("sd", "SDs"))
    ]
    drift = max(abs(row["drift"]) for row in rows)
    head = (
        f"{'. '.join(parts)}. {WALKERS} walkers of each patient, {STEPS} steps kept after {BURN}; "
        f"the second half of the walk differs from the first by at most {drift:.1f} errors. One "
        "forecast with another seed moves by the SD in brackets."
    )
    columns = ["patients", "scores", "mean, walk", "forecast", "off by, errors"]
    columns += ["SD, walk", "forecast", "off by, errors"]
    lines = [
        [
            f"{row['setting']}, {row['patient'] + 1}",
            str(row["scores"]),
            *_cells(row, "mean", gaps["mean"][place]),
            *_cells(row, "sd", gaps["sd"][place]),
        ]
        for place, row in enumerate(rows)
    ]
    return f"{head}\n\n{table(columns, lines)}\n"


def _cells(row: dict[str, Any], name: str, gap: float) -> list[str]:
    return [
        f"{row[f'walk_{name}']:.2f} ± {row[f'walk_{name}_error']:.2f}",
        f"{row[name]:.2f} (± {row[f'{name}_error']:.2f})",
        f"{gap:+.1f}",
    ]
