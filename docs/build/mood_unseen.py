"""The mood of trials that the model has not seen, each predicted from the others."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from ketasim.calibration.mood import calibrate_mood, mood_fit_table, unseen_table
from ketasim.calibration.mood.judgement import GROUPS, RIVALS
from ketasim.calibration.mood.tables import ARM_ERROR, CONTRAST_ERROR, COVERAGE, GAIN, WIDTH
from ketasim.calibration.mood.values import WINDOW_NAMES
from results import keep, read
from table import table

UNSEEN, PUBLISHED = "mood-unseen", "mood-published"
_NOISE = 0.7978845608028654  # mean absolute value of a standard normal number
_NAMES = {
    "side": "side",
    "window": "time",
    "route": "route",
    "against": "control",
    "openness": "patients",
    "drug": "drug",
}
"""Groups as the tables call them."""

_KEPT = ("key", "trial", "unit", "published", "predicted", "sd")

REASONS = {
    "TRANSFORM3": "People of 65 and more; the only other number on them, open, says the opposite.",
    "SUSTAIN2_AGE": "Open; those from 65 lost as much as the younger, against TRANSFORM3.",
    "RW_NASAL2026": "A clinic where people lost half of what they lose in trials.",
    "RW_QOL18": "18 people in a clinic, slower at first and lower in the end.",
    "TRAL": "Usual care brought more than in the other cohorts.",
    "JAPAN_P2B": "Placebo fell by 15 points beside a continued drug; esketamine added nothing.",
    "SYNAPSE_A": "The only scores at two hours; arms of eleven.",
    "pmc9656070": "One open series of 16 suicidal inpatients, who stay well for months.",
    "leal2021": "Seven people, open, R-ketamine alone.",
    "zheng2019": "Open inpatients who fell by 7 points in four hours; the other series fell by 20.",
    "TRANSFORM1": "A new antidepressant brought less here than in the other trials.",
    "SYNAPSE_B": "Arms of ten in Japan; placebo fell by less than beside other antidepressants.",
    "ZHOU2024_IV": "Adolescents on a ward; the model's people are adults.",
    "ASPIRE1": "A drug effect of half the usual beside intense care.",
    "ASPIRE2": "A drug effect of half the usual beside intense care.",
    "glue2024": "Extended-release tablets on five days; nothing else like it.",
}
"""Why a trial is predicted badly, as far as the tables tell."""


def compute() -> None:
    """Fit the model again, predict every trial from the others, and keep what comes out."""
    fit = calibrate_mood()
    rows = mood_fit_table(fit)
    keep(UNSEEN, unseen_table(fit))
    keep(PUBLISHED, rows.filter(pl.col("key").is_in([key for key, _ in SHOWN])).select(_KEPT))


def unseen() -> str:
    """Return the section of what was kept."""
    values, rows = read(UNSEEN), read(PUBLISHED)
    arms = values.filter(pl.col("control").is_null())
    contrasts = values.filter(pl.col("control").is_not_null())
    parts = [_targets(arms, contrasts), _groups("Changes of arms", arms)]
    parts += [_groups("Contrasts, drug minus control", contrasts), _worst(arms)]
    return "\n".join([*parts, _published(rows)])


def _error(values: pl.DataFrame, column: str) -> float:
    return float((values[column] - values["published"]).abs().mean())  # type: ignore[arg-type]


def _once(values: pl.DataFrame, column: str) -> float:
    gaps = values.with_columns((pl.col(column) - pl.col("published")).abs().alias("gap"))
    return float(gaps.group_by("trial").agg(pl.col("gap").mean())["gap"].mean())  # type: ignore[arg-type]


def _targets(arms: pl.DataFrame, contrasts: pl.DataFrame) -> str:
    cells: list[list[str]] = [[] for _ in range(7)]
    low, high = COVERAGE
    inside_goal = f"{100 * low:.0f}-{100 * high:.0f} %"
    for values, most in ((arms, ARM_ERROR), (contrasts, CONTRAST_ERROR)):
        error = _error(values, "predicted")
        gain = _gain(values)
        inside = float(values["inside"].mean())  # type: ignore[arg-type]
        width = float((values["high"] - values["low"]).mean())  # type: ignore[arg-type]
        bias = float((values["predicted"] - values["published"]).mean())  # type: ignore[arg-type]
        noise = _NOISE * float(values["se"].mean())  # type: ignore[arg-type]
        for place, (value, target) in enumerate(
            [
                (f"{error:.2f} points", f"{most:.1f}: {_met(error <= most)}"),
                (f"{noise:.2f} points", ""),
                (f"{bias:+.2f} points", ""),
                (", ".join(f"{_error(values, rival):.2f}" for rival in RIVALS), ""),
                (f"{100 * gain:.0f} %", f"{100 * GAIN:.0f} %: {_met(gain >= GAIN)}"),
                (f"{100 * inside:.0f} %", f"{inside_goal}: {_met(low <= inside <= high)}"),
                (f"{width:.1f} points", f"{WIDTH:.0f}: {_met(width <= WIDTH)}"),
            ]
        ):
            cells[place] += [value, target]
    names = [
        "mean absolute error",
        "of a perfect prediction, by the published SEs",
        "bias, predicted less published",
        "rivals: mean of similar arms, one exponential, empirical",
        "better than the best rival by",
        "published inside the 90 % interval",
        "mean width of the interval",
    ]
    rows = [[name, *row] for name, row in zip(names, cells, strict=True)]
    columns = ["", "changes of arms", "target", "contrasts", "target"]
    trials = arms["trial"].n_unique()
    head = f"{len(arms)} changes of arms from {trials} trials, {len(contrasts)} contrasts."
    known = arms.filter(pl.col("openness") != "open")
    foot = (
        f"Without open series, which have no control: {len(known)} changes of arms, error "
        f"{_error(known, 'predicted'):.2f} points, rivals {_all_rivals(known, _error)}."
    )
    once = [
        f"{name} {_once(values, 'predicted'):.2f} points, rivals {_all_rivals(values, _once)}"
        for name, values in (("arms", arms), ("contrasts", contrasts))
    ]
    foot += f" With every trial counted once: {'; '.join(once)}."
    return f"{head}\n\n" + table(columns, rows) + f"\n\n{foot}\n"


def _all_rivals(values: pl.DataFrame, error: Callable[[pl.DataFrame, str], float]) -> str:
    shown = [f"{error(values, rival):.2f}" for rival in RIVALS]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _gain(values: pl.DataFrame) -> float:
    """Part by which the error is smaller than that of the best rival."""
    return 1.0 - _error(values, "predicted") / min(_error(values, rival) for rival in RIVALS)


def _met(yes: bool) -> str:
    return "met" if yes else "**missed**"


def _groups(title: str, values: pl.DataFrame) -> str:
    head = ["by", "group", "n", "trials", "error", "bias", "inside 90 %", "width"]
    head += ["similar arms", "exponential", "empirical", "gain"]
    rows: list[list[str]] = []
    for by in GROUPS:
        if values[by].n_unique() == 1:
            continue
        parts = {str(group): part for (group,), part in values.group_by([by], maintain_order=True)}
        order = [name for name in WINDOW_NAMES if name in parts] if by == "window" else list(parts)
        for group in order:
            part = parts[group]
            bias = float((part["predicted"] - part["published"]).mean())  # type: ignore[arg-type]
            width = float((part["high"] - part["low"]).mean())  # type: ignore[arg-type]
            inside = float(part["inside"].mean())  # type: ignore[arg-type]
            cells = [f"{_error(part, 'predicted'):.2f}", f"{bias:+.2f}", f"{100 * inside:.0f} %"]
            cells += [f"{width:.1f}", *(f"{_error(part, rival):.2f}" for rival in RIVALS)]
            cells.append(f"{100 * _gain(part):.0f} %")
            trials = str(part["trial"].n_unique())
            name = group.replace("_", " ")
            rows.append([_NAMES[by], name, str(len(part)), trials, *cells])
    return f"{title}, by group:\n\n{table(head, rows)}\n"


def _worst(arms: pl.DataFrame) -> str:
    gaps = (
        arms.with_columns((pl.col("predicted") - pl.col("published")).abs().alias("gap"))
        .group_by("trial")
        .agg(pl.col("gap").mean(), pl.len().alias("n"))
        .filter(pl.col("gap") > 3.0)
        .sort("gap", descending=True)
    )
    head = ["trial", "values", "mean absolute error", "why, as far as the tables tell"]
    rows = [
        [r["trial"], str(r["n"]), f"{r['gap']:.1f}", REASONS.get(r["trial"], "Not known.")]
        for r in gaps.rows(named=True)
    ]
    return f"Trials whose arms miss by more than three points on average:\n\n{table(head, rows)}\n"


SHOWN = (
    ("wilkinson2019:saline:mixed:24h:response", "response a day after saline"),
    ("wilkinson2019:midazolam:mixed:24h:response", "response a day after midazolam"),
    ("lii2023:lii_pbo:MADRS:24h:response", "response a day after a masked placebo"),
    ("wilkinson2019:ket_midazolam_ctrl:mixed:24h:response", "response a day after ketamine"),
    ("ibrahim2012:k_all:MADRS::days_to_relapse_mean", "days to relapse after one infusion, mean"),
    ("ibrahim2012:k_all:MADRS:672h:no_relapse", "without relapse after 28 days"),
    ("aanhetrot2010:k6:MADRS::days_to_relapse_mean", "days to relapse after six, mean"),
    ("shiroma2014:k6:unnamed::days_to_relapse_mean", "days to relapse after six, mean"),
    ("zheng2019:k6:MADRS:24h:response", "response after the first of six"),
    ("zheng2019:k6:MADRS:288h:response", "response after the sixth"),
    ("shiroma2014:k6:unnamed:24h:response", "response after the first of six"),
    ("shiroma2014:k6:unnamed:288h:response", "response after the sixth"),
)
"""Other published results that are shown, and what they are."""


def _published(rows: pl.DataFrame) -> str:
    head = ["result", "trial", "published", "predicted", "SD", "off by, SDs"]
    lines: list[list[str]] = []
    by_key = {r["key"]: r for r in rows.rows(named=True)}
    for key, what in SHOWN:
        r = by_key.get(key)
        if r is None or r["predicted"] is None:
            continue
        share = r["unit"] == "fraction" or float(r["published"]) <= 1.0
        published, expected, sd = (float(r[c]) for c in ("published", "predicted", "sd"))
        show = (lambda x: f"{100 * x:.0f} %") if share else (lambda x: f"{x:.1f}")
        off = f"{(published - expected) / sd:+.1f}"
        lines.append([what, r["trial"], show(published), show(expected), show(sd), off])
    title = "Other published results beside the fitted model, and the SD of a trial of that size:"
    return f"{title}\n\n{table(head, lines)}\n"
