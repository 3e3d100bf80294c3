"""Writes the section on unseen trials of the validation page from a calibration's tables.

`python docs/judgement_section.py out/calibrate-mood` is run after `ketasim calibrate mood`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

DOCS = Path(__file__).parent
BEGIN, END = "<!-- judgement: begin -->", "<!-- judgement: end -->"
_NOISE = 0.7978845608028654  # mean absolute value of a standard normal number

REASONS = {
    "TRANSFORM3": "People of 65 and more; no other trial tells what age does.",
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


def section(folder: Path) -> str:
    """Return what stands between the marks of the validation page."""
    unseen = pl.read_csv(folder / "unseen.csv", infer_schema_length=None)
    rows = pl.read_csv(folder / "fit.csv", infer_schema_length=None)
    arms = unseen.filter(pl.col("control").is_null())
    contrasts = unseen.filter(pl.col("control").is_not_null())
    parts = [_targets(arms, contrasts), _groups("Changes of arms", arms)]
    parts += [_groups("Contrasts, drug minus control", contrasts), _worst(arms)]
    parts += [_published(rows)]
    return f"{BEGIN}\n" + "\n".join(parts) + END


def _error(table: pl.DataFrame, column: str) -> float:
    return float((table[column] - table["published"]).abs().mean())  # type: ignore[arg-type]


def _once(table: pl.DataFrame, column: str) -> float:
    gaps = table.with_columns((pl.col(column) - pl.col("published")).abs().alias("gap"))
    return float(gaps.group_by("trial").agg(pl.col("gap").mean())["gap"].mean())  # type: ignore[arg-type]


def _targets(arms: pl.DataFrame, contrasts: pl.DataFrame) -> str:
    lines = [
        "| | changes of arms | target | contrasts | target |",
        "|---|---|---|---|---|",
    ]
    cells: list[list[str]] = [[] for _ in range(7)]
    for table, most in ((arms, 3.0), (contrasts, 2.0)):
        error = _error(table, "predicted")
        rival = min(_error(table, "similar"), _error(table, "exponential"))
        gain = 1 - error / rival
        inside = float(table["inside"].mean())  # type: ignore[arg-type]
        width = float((table["high"] - table["low"]).mean())  # type: ignore[arg-type]
        bias = float((table["predicted"] - table["published"]).mean())  # type: ignore[arg-type]
        noise = _NOISE * float(table["se"].mean())  # type: ignore[arg-type]
        for place, (value, target) in enumerate(
            [
                (f"{error:.2f} points", f"{most:.1f}: {_met(error <= most)}"),
                (f"{noise:.2f} points", ""),
                (f"{bias:+.2f} points", ""),
                (
                    f"{_error(table, 'similar'):.2f} and {_error(table, 'exponential'):.2f}",
                    "",
                ),
                (f"{100 * gain:.0f} %", f"15 %: {_met(gain >= 0.15)}"),
                (f"{100 * inside:.0f} %", f"85-95 %: {_met(0.85 <= inside <= 0.95)}"),
                (f"{width:.1f} points", ""),
            ]
        ):
            cells[place] += [value, target]
    names = [
        "mean absolute error",
        "of a perfect prediction, by the published SEs",
        "bias, predicted less published",
        "rivals: mean of similar arms, one exponential",
        "better than the better rival by",
        "published inside the 90 % interval",
        "mean width of the interval",
    ]
    lines += [
        f"| {name} | " + " | ".join(row) + " |" for name, row in zip(names, cells, strict=True)
    ]
    trials = arms["trial"].n_unique()
    head = f"{len(arms)} changes of arms from {trials} trials, {len(contrasts)} contrasts."
    known = arms.filter(~pl.col("kind").str.contains("open"))
    foot = (
        f"Without open series, which have no control: {len(known)} changes of arms, error "
        f"{_error(known, 'predicted'):.2f} points, rivals {_error(known, 'similar'):.2f} and "
        f"{_error(known, 'exponential'):.2f}."
    )
    once = [
        f"{name} {_once(table, 'predicted'):.2f} points, rivals {_once(table, 'similar'):.2f} and "
        f"{_once(table, 'exponential'):.2f}"
        for name, table in (("arms", arms), ("contrasts", contrasts))
    ]
    foot += f" With every trial counted once: {'; '.join(once)}."
    return f"{head}\n\n" + "\n".join(lines) + f"\n\n{foot}\n"


def _met(yes: bool) -> str:
    return "met" if yes else "**missed**"


def _groups(title: str, table: pl.DataFrame) -> str:
    lines = [
        f"{title}, by group:\n",
        "| by | group | n | error | bias | inside 90 % | width | similar arms | exponential |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for by in ("side", "kind", "drug", "window"):
        for (group,), part in table.group_by([by], maintain_order=True):
            if by == "side" and table[by].n_unique() == 1:
                continue
            bias = float((part["predicted"] - part["published"]).mean())  # type: ignore[arg-type]
            width = float((part["high"] - part["low"]).mean())  # type: ignore[arg-type]
            lines.append(
                f"| {by} | {group} | {len(part)} | {_error(part, 'predicted'):.2f} | {bias:+.2f} | "
                f"{100 * float(part['inside'].mean()):.0f} % | {width:.1f} | "  # type: ignore[arg-type]
                f"{_error(part, 'similar'):.2f} | {_error(part, 'exponential'):.2f} |"
            )
    return "\n".join(lines) + "\n"


def _worst(arms: pl.DataFrame) -> str:
    gaps = (
        arms.with_columns((pl.col("predicted") - pl.col("published")).abs().alias("gap"))
        .group_by("trial")
        .agg(pl.col("gap").mean(), pl.len().alias("n"))
        .filter(pl.col("gap") > 3.0)
        .sort("gap", descending=True)
    )
    lines = [
        "Trials whose arms miss by more than three points on average:\n",
        "| trial | values | mean absolute error | why, as far as the tables tell |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {r['trial']} | {r['n']} | {r['gap']:.1f} | {REASONS.get(r['trial'], 'Not known.')} |"
        for r in gaps.rows(named=True)
    ]
    return "\n".join(lines) + "\n"


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
"""Rows that the issue of mood is judged by besides, and what they are."""


def _published(rows: pl.DataFrame) -> str:
    lines = [
        "Other published results beside the fitted model, and the SD of a trial of that size:\n",
        "| result | trial | published | predicted | SD | off by, SDs |",
        "|---|---|---|---|---|---|",
    ]
    by_key = {r["key"]: r for r in rows.rows(named=True)}
    for key, what in SHOWN:
        r = by_key.get(key)
        if r is None or r["predicted"] is None:
            continue
        share = r["unit"] == "fraction" or float(r["published"]) <= 1.0
        published, expected, sd = (float(r[c]) for c in ("published", "predicted", "sd"))
        show = (lambda x: f"{100 * x:.0f} %") if share else (lambda x: f"{x:.1f}")
        lines.append(
            f"| {what} | {r['trial']} | {show(published)} | {show(expected)} | {show(sd)} | "
            f"{(published - expected) / sd:+.1f} |"
        )
    return "\n".join(lines) + "\n"


def main(folder: str) -> None:
    """Write the section."""
    path = DOCS / "validation.md"
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    path.write_text(before + section(Path(folder)) + after, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
