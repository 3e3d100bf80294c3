"""How far the effects of a session depend on single studies and on what was assumed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from ketasim.calibration.session import (
    SessionFit,
    SessionRow,
    calibrate_session,
    load_session_training,
)
from results import keep, read
from table import table

RESULT = "session-firmness"
ALL, UNTIMED = "all", "without the times"
LEAST, MOST = "least, each study left out", "most, each study left out"
TIMING = "label_timing"
SHOWN = (
    ("cadss_above_4", "ever", "CADSS above 4, at least once"),
    ("sedation_moaas", "ever", "MOAA/S of 4 or less, at least once"),
    ("dissociation_report", "ever", "dissociation reported"),
    ("sedation_report", "ever", "sedation reported"),
    ("dizziness", "ever", "dizziness"),
    ("nausea", "ever", "nausea"),
    ("vomiting", "ever", "vomiting"),
    ("SBP", "mean_max", "systolic mean of maxima"),
    ("SBP", "rise_ever", "systolic rise of 40 mmHg"),
    ("DBP", "rise_ever", "diastolic rise of 25 mmHg"),
)
NUMBERS = ("hill", "C100", "CADSS_full", "omega", "between")


def compute() -> None:
    """Fit the model some fifteen times and keep what comes out; minutes."""
    fits = {
        name: _shares(fit) | {s: fit.card.values()[s] for s in NUMBERS} for name, fit in _fits()
    }
    without = [name for name in fits if name.startswith("without") and name != UNTIMED]
    rows = {name: numbers for name, numbers in fits.items() if name not in without}
    for name, choose in (LEAST, min), (MOST, max):
        rows[name] = {title: choose(fits[one][title] for one in without) for title in fits[ALL]}
    # three digits: another machine gives the same
    kept = [{"fit": name, **_rounded(numbers)} for name, numbers in rows.items()]
    keep(RESULT, pl.DataFrame(kept))


def _rounded(numbers: dict[str, float]) -> dict[str, float]:
    return {title: float(f"{value:.3g}") for title, value in numbers.items()}


def _fits() -> Iterator[tuple[str, SessionFit]]:
    """Fit everything, and without or with another part of it."""
    rows = [row for row in load_session_training() if row.use == "fit"]
    yield ALL, calibrate_session(rows=rows)
    for few in (0.05, 0.2):
        yield f"gone below {100 * few:g} %", calibrate_session(rows=[_gone(r, few) for r in rows])
    for study in sorted({row.study for row in rows}):
        name = "the times" if study == TIMING else study
        yield f"without {name}", calibrate_session(rows=[r for r in rows if r.study != study])


def _gone(row: SessionRow, few: float) -> SessionRow:
    timed = row.study == TIMING and row.unit == "fraction"
    return replace(row, value=few) if timed else row


def _shares(fit: SessionFit) -> dict[str, float]:
    """The label's numbers as the fit predicts them, in percent or mmHg."""
    found: dict[str, float] = {}
    for what, statistic, title in SHOWN:
        one = next(
            c
            for c in fit.compared
            if (c.row.what, c.row.statistic, c.row.study) == (what, statistic, "transform")
            and c.row.use == "fit"
            and c.row.drug != "none"
        )
        found[title] = one.predicted * (100.0 if one.row.unit == "fraction" else 1.0)
    return found


def firmness() -> str:
    """Return the table of what was kept."""
    kept = {str(row["fit"]): row for row in read(RESULT).to_dicts()}
    alone = [name for name in kept if name not in (LEAST, MOST)]
    rows: list[list[str]] = []
    for title in [*(title for _, _, title in SHOWN), *NUMBERS]:
        unit = "" if title in NUMBERS or "maxima" in title else " %"
        shown = f"`{title}`" if title in NUMBERS else title
        ends = f"{kept[LEAST][title]:.3g} to {kept[MOST][title]:.3g}{unit}"
        rows.append([shown, *(f"{kept[name][title]:.3g}{unit}" for name in alone), ends])
    return table(["", *alone, "each study left out"], rows)
