"""Writes how far the effects of a session depend on single studies and on what was assumed.

`python docs/session_leave_out.py` fits the model some fifteen times, minutes, and writes the table of
the page that explains it. It is run after the card `session` has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ketasim.calibration.session import (
    SessionFit,
    SessionRow,
    calibrate_session,
    load_session_training,
)

TOLD = Path(__file__).parent / "explain" / "session.md"
BEGIN, END = "<!-- session leave-out: begin -->", "<!-- session leave-out: end -->"
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


def fits() -> Iterator[tuple[str, SessionFit]]:
    """Fit everything, and without or with another part of it."""
    rows = [row for row in load_session_training() if row.use == "fit"]
    yield "all", calibrate_session(rows=rows)
    for few in (0.05, 0.2):
        yield f"gone below {100 * few:g} %", calibrate_session(rows=[_gone(r, few) for r in rows])
    for study in sorted({row.study for row in rows}):
        name = "the times" if study == TIMING else study
        yield f"without {name}", calibrate_session(rows=[r for r in rows if r.study != study])


def _gone(row: SessionRow, few: float) -> SessionRow:
    timed = row.study == TIMING and row.unit == "fraction"
    return replace(row, value=few) if timed else row


def shares(fit: SessionFit) -> list[float]:
    """Return the label's numbers as the fit predicts them, in percent or mmHg."""
    found: list[float] = []
    for what, statistic, _ in SHOWN:
        one = next(
            c
            for c in fit.compared
            if (c.row.what, c.row.statistic, c.row.study) == (what, statistic, "transform")
            and c.row.use == "fit"
            and c.row.drug != "none"
        )
        found.append(one.predicted * (100.0 if one.row.unit == "fraction" else 1.0))
    return found


def section() -> str:
    """Return the table as Markdown."""
    named = list(fits())
    shown = {name: shares(fit) for name, fit in named}
    numbers = {name: [fit.card.values()[s] for s in NUMBERS] for name, fit in named}
    kinds = [name for name in shown if name.startswith("gone")]
    left_out = [name for name in shown if name.startswith("without") and "times" not in name]
    head = ["", "all", *kinds, "without the times", "each study left out"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    labels = [title for _, _, title in SHOWN]
    for table, names in ((shown, labels), (numbers, [f"`{s}`" for s in NUMBERS])):
        for i, title in enumerate(names):
            unit = " %" if table is shown and "maxima" not in title else ""
            cells = [f"{table[n][i]:.3g}{unit}" for n in ("all", *kinds, "without the times")]
            some = [table[n][i] for n in left_out]
            lines.append(
                "| "
                + " | ".join([title, *cells, f"{min(some):.3g} to {max(some):.3g}{unit}"])
                + " |"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    found = section()
    text = TOLD.read_text(encoding="utf-8")
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    TOLD.write_text(f"{text[:start]}\n{found}{text[end:]}", encoding="utf-8")
