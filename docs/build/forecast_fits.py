"""Fits of simulated patients, kept line by line: what calibration and skill are counted from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from ketasim.validation.forecast.fits import drawn_for, fit_rows, simulated
from ketasim.validation.forecast.settings import COUNTS, SETTINGS
from results import OUT, digest_of, tell

PATIENTS = 125
"""Of each setting."""

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
    """Return all fits; computes those that are not there yet, in a quarter of an hour."""
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
    for setting in SETTINGS:
        which = _left(setting.name, done)
        if not which:
            continue
        tell(f"{setting.name}: {len(which)} fits")
        patients, drawn = simulated(setting, PATIENTS), drawn_for(setting)
        yield from fit_rows(setting, patients, drawn, which=which)


def _left(name: str, done: set[tuple[str, int, int]]) -> Sequence[tuple[int, int]]:
    every = [(patient, count) for patient in range(PATIENTS) for count in COUNTS]
    return [(p, count) for p, count in every if (name, p, count) not in done]
