"""Ten trials left out by full refits, beside the linear step that leaves all of them out."""

from __future__ import annotations

from ketasim.calibration.mood import (
    Refitted,
    calibrate_mood,
    refit_summary,
    refit_table,
)
from results import OUT, keep, kept, read, tell
from table import table

RESULT = "mood-refit"


def compute() -> None:
    """Fit everything, then ten times without a trial; ten minutes, taken up where it was left."""
    fit = calibrate_mood(refit=True, kept=OUT / f"{RESULT}.jsonl", progress=tell)
    keep(RESULT, refit_table(fit))


def refits() -> str:
    """Return the section of what was kept."""
    if not kept(RESULT):
        return "Not computed yet: `make judge`."
    rows = read(RESULT).rename({"time_h": "time", "from_h": "start"}).drop("inside")
    values = [Refitted(**row) for row in rows.to_dicts()]
    head = ["", "n", "difference, mean", "largest", "in SDs", "error, linear", "error, full"]
    head += ["inside 90 %, linear", "inside 90 %, full", "width, linear", "width, full"]
    summary = [
        [
            one.name,
            str(one.n),
            f"{one.differ:.2f}",
            f"{one.most:.2f}",
            f"{one.in_sds:.2f}",
            f"{one.linear:.2f}",
            f"{one.full:.2f}",
            f"{100 * one.linear_inside:.0f} %",
            f"{100 * one.full_inside:.0f} %",
            f"{one.linear_width:.1f}",
            f"{one.full_width:.1f}",
        ]
        for one in refit_summary(values)
    ]
    by_trial: list[list[str]] = []
    for trial in dict.fromkeys(one.trial for one in values):
        own = [one for one in values if one.trial == trial and one.control is None]
        gaps = [abs(one.linear - one.full) for one in own]
        last = max(one.time for one in own) / 24.0
        errors = [
            sum(abs(getattr(one, name) - one.published) for one in own) / len(own)
            for name in ("linear", "full")
        ]
        cells = [trial, own[0].chosen, str(len(own)), f"{last:.3g} d"]
        by_trial.append([*cells, *(f"{x:.2f}" for x in (*errors, sum(gaps) / len(gaps)))])
    columns = ["trial", "chosen", "changes", "last", "error, linear", "error, full", "difference"]
    return f"{table(head, summary)}\n\n{table(columns, by_trial)}\n"
