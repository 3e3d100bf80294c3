"""Fits of simulated patients, kept line by line: what calibration and skill are counted from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from ketasim.forecasting.simulated import Simulated
from ketasim.forecasting.weighing.ensemble import Ensemble
from ketasim.validation.forecast.fits import drawn_for, fit_rows, simulated
from ketasim.validation.forecast.settings import COUNTS, SETTINGS, Setting
from results import OUT, digest_of, tell

PATIENTS = 125
"""Of each setting."""

TOGETHER = 25
"""Patients of a setting before those of the next."""

_CARDS = ("mood", "receptor", "reference")


def kept_lines(path: Path) -> list[dict[str, Any]]:
    """Whole lines of a file of results; the last may be cut."""
    if not path.is_file():
        return []
    found: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def path_of(name: str) -> Path:
    """Where lines of long work stand, by the cards that they follow."""
    OUT.mkdir(exist_ok=True)
    return OUT / f"{name}-{digest_of(_CARDS)}.jsonl"


@cache
def fits() -> pl.DataFrame:
    """Return all fits; computes those that are not there yet, ten minutes of a core."""
    path = path_of("forecast-fits")
    done = {(row["setting"], row["patient"], row["scores"]) for row in kept_lines(path)}
    with path.open("a", encoding="utf-8") as out:
        out.write("\n" if done else "")
        for row in _missing(done):
            out.write(json.dumps(row) + "\n")
            out.flush()
    rows = [
        row for row in kept_lines(path) if row["patient"] < PATIENTS and row["scores"] in COUNTS
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _missing(done: set[tuple[str, int, int]]) -> Iterator[dict[str, Any]]:
    """Some patients of every setting after the other: what is there at any time is of all."""
    for start in range(0, PATIENTS, TOGETHER):
        for setting in SETTINGS:
            some = range(start, min(start + TOGETHER, PATIENTS))
            every = [(patient, count) for patient in some for count in COUNTS]
            which = [(p, count) for p, count in every if (setting.name, p, count) not in done]
            if which:
                tell(f"{setting.name}: patients {start + 1} to {some[-1] + 1}")
                yield from fit_rows(setting, *_of(setting), which=which)


@cache
def _of(setting: Setting) -> tuple[Simulated, Ensemble]:
    return simulated(setting, PATIENTS), drawn_for(setting)
