"""The report of a trial: one page that opens offline, and prints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ketasim._base import words
from ketasim._base.numbers import NOTHING, number, percent, span
from ketasim.dosing import arm_details
from ketasim.figures.figure import Drawing, Figure
from ketasim.figures.trial.courses import power_figure, trial_figures
from ketasim.figures.trial.patients import bars_figure, relapse_figure, waterfall_figure
from ketasim.figures.trial.scheme import scheme_figure
from ketasim.population import EXPECTATION_WORDS, situation_of
from ketasim.reports.course_screening import brief
from ketasim.reports.near import near_groups, own_of_trial
from ketasim.reports.page import render
from ketasim.reports.trial.looks import looks_of, shared
from ketasim.reports.trial.patients import days_of, flow_of, sessions_of
from ketasim.trials import (
    DERIVED,
    PublishedValue,
    TrialResult,
    is_share,
    observed,
    value_in_words,
)
from ketasim.trials.headline import (
    ANALYSES_IN_WORDS,
    counted_arm,
    estimand_words,
    metric_of,
)
from ketasim.trials.metrics import METRICS, RATES, RATIO, unit_of
from ketasim.trials.operating import TWO_POWERS
from ketasim.trials.patients.allocation import allocation_words
from ketasim.trials.scenario import patient_notes, rule_words, scenario_notes

if TYPE_CHECKING:
    from ketasim.dosing import Arm, Trial
_SPREADS: Final = ("sd_patients_sampling", "sd_parameters", "sd_trials")
_DAY: Final = 24.0
_SHARES: Final = ("power", "assurance", "type1", "coverage")
_TILES: Final = 4
_LINE: Final = 120  # characters of a caveat before the contents


@dataclass(frozen=True)
class _Tile:
    """One of the few numbers at the top: what it is, its expected value and its interval."""

    name: str
    value: str
    unit: str
    range: str


def trial_report(result: TrialResult, *, command: str = "") -> str:
    """Write the report of a trial as one page of HTML.

    **Arguments:**

    - `result`: what `run_trial` returned.
    - `command`: what reproduces it; when left out, the page shows the input only.
    """
    return render(
        "trial.html",
        sources=result.sources(),
        metadata=result.metadata,
        input=_text(result.metadata["input"]),
        command=command,
        **_context(result),
    )


def trial_answer(result: TrialResult) -> str:
    """Write what a trial shows as a part of a page, without head and style.

    The comparison of the arms comes first, then what each arm shows.

    **Arguments:**

    - `result`: what `run_trial` returned.
    """
    return render("trial_answer.html", sources=result.sources(), **_context(result))


def design_rows(trial: Trial) -> list[dict[str, Any]]:
    """Arms of a trial in words, before it is simulated.

    **Returns:** of each arm `label`, `id`, `n`, `what` it gets, `days` of its sessions, `told`.
    """
    return [
        {
            "label": trial.labels[arm.id],
            "id": arm.id,
            "n": "" if arm.branch is not None else f"{arm.n:,}",
            "what": arm_details(arm),
            "days": _sessiondays_of(arm, trial),
            "told": _told(arm),
        }
        for arm in trial.arms
    ]


def planned_rows(trial: Trial) -> list[tuple[str, list[str]]]:
    """How a trial is analysed, and what its patients may do otherwise, in words."""
    rows: list[tuple[str, list[str]]] = []
    primary = trial.primary
    if primary is not None:
        what = f"{trial.label(' - '.join(primary.contrast))}, {primary.scale}, {_time(primary.at)}"
        rows.append(("Primary contrast", [what]))
        rows.append(("Analyses", [", ".join(ANALYSES_IN_WORDS[one] for one in trial.analyses)]))
        if trial.power is not None:
            sizes = ", ".join(f"{n:,}" for n in trial.power.n)
            first = trial.labels[primary.contrast[0]]
            told = f"with {sizes} in {first}; wanted {percent(trial.power.target, 2)}"
            rows.append(("Power", [told]))
    allocated = allocation_words(trial)
    if allocated:
        rows.append(("Randomisation", [allocated]))
    notes = [*patient_notes(trial), *scenario_notes(trial)]
    return [*rows, ("Patients", notes)] if notes else rows


def scheme_drawing(trial: Trial) -> Drawing:
    """The design as a scheme, wide and narrow."""
    return scheme_figure(trial).drawings[0]


def assessed_rows(trial: Trial) -> list[dict[str, str]]:
    """What a trial assesses, in words: `scale`, `metrics` and `times`."""
    return [
        {
            "scale": one.scale,
            "metrics": ", ".join(METRICS[name] for name in one.metrics),
            "times": ", ".join(map(_time, one.times)),
        }
        for one in trial.assessments
    ]


def _context(result: TrialResult) -> dict[str, Any]:
    """What the templates of a trial ask for."""
    trial = result.trial
    summary = result.summary()
    pairs = {one.arm for one in result.estimates} - {arm.id for arm in trial.arms}
    return {
        "title": trial.title or f"Trial {trial.key}",
        "result": result,
        "trial": trial,
        "enrolled": trial.enrolled if trial.design == "parallel" else None,
        "horizon": days_of(trial.horizon),
        "tiles": _primary_tiles(result) or _tiles(summary, trial, pairs),
        "power": _power(result),
        "arms": [_arm(arm, result) for arm in trial.arms],
        "again": any(arm.branch is not None for arm in trial.arms),
        "blinding": _blinding(result),
        "warnings": tuple(_in_a_line(text, trial.labels) for text in result.warnings),
        "population": _population(result),
        "scheme": scheme_figure(trial),
        "flow": flow_of(result),
        "sessions": sessions_of(result),
        "trend": _trend(result),
        "figures": _figures(result),
        "groups": _groups(summary.filter(~pl.col("arm").is_in(sorted(pairs))), trial),
        "contrasts": _groups(summary.filter(pl.col("arm").is_in(sorted(pairs))), trial),
        "published": [_beside(one, trial) for one in result.reported if one.predicted is not None],
        "unpredicted": [_beside(one, trial) for one in result.reported if one.predicted is None],
        "agreement": _agreement(result.reported),
        "nearest": near_groups(result.near, own_of_trial(summary), trial.labels),
        "observed": observed(trial),
        "by_score": any(one.pattern == "lack_of_effect" for one in trial.dropout),
        "words": words,
    }


def _in_a_line(text: str, labels: Mapping[str, str]) -> str:
    """A caveat as far as it says the matter; its numbers are in the whole of it."""
    hit = re.match(r"Arm (.*?\)): (?=[A-Z])", text)
    names = [] if hit is None else re.findall(r"(?:^|, )(\S+) \(", hit[1])
    arms = "; ".join(labels[name] for name in names if name in labels)
    if not arms:
        return brief(text)
    told = brief(text if hit is None else text[hit.end() :])
    end = re.search(r"[:;] ", told)
    if len(arms) + len(told) > _LINE and end is not None:
        told = f"{told[: end.start()]}."
    return f"{words.capital(arms)}: {told}"


def _figures(result: TrialResult) -> list[Figure]:
    """Courses, responders, relapse and single patients, numbered in this order."""
    others = (bars_figure(result), relapse_figure(result), waterfall_figure(result))
    made = [*trial_figures(result), *(one for one in others if one is not None)]
    return [
        replace(one, title=f"Figure {place}. {one.title.partition('. ')[2] or one.title}")
        for place, one in enumerate(made, 1)
    ]


def _trend(result: TrialResult) -> list[dict[str, Any]]:
    """The trend over doses at each visit, by the arms that it is over."""
    table, trial = result.dose_response(), result.trial
    groups: list[dict[str, Any]] = []
    for part in table.partition_by("arms", maintain_order=True):
        levels = part["arms"][0].split(" - ")
        groups.append(
            {
                "arms": ", ".join(trial.labels[one] for one in levels),
                "rows": [
                    {
                        "what": f"{row['scale']}, {METRICS[row['metric']]}",
                        "time": _time(row["time_h"]),
                        "mean": _write(row["metric"], row["mean"]),
                        "range": _range(row),
                        "detected": shared({**row, "detected_mc_se": row["mc_se"]}, "detected"),
                    }
                    for row in part.to_dicts()
                ],
            }
        )
    return groups


def _time(hours: float) -> str:
    return f"{hours:g}\u00a0h" if hours < 2 * _DAY else days_of(hours)


def _write(metric: str, value: float | None) -> str:
    """Write a number to a tenth; shares as percent, times in days."""
    if value is None:
        return NOTHING
    if metric == RATIO:
        return f"{value:.2f}"
    share = metric in RATES
    if share and abs(value) < 0.001:
        return percent(value)
    scaled = 100.0 * value if share else value / _DAY if metric == "time_to_relapse" else value
    text = f"{round(scaled, 1) + 0.0:.1f}".replace("-", "−")
    return f"{text}\u202f%" if share else text


def _range(row: dict[str, Any]) -> str:
    if row["p05"] is None:
        return ""
    return span(_write(row["metric"], row["p05"]), _write(row["metric"], row["p95"]))


def _tiles(summary: pl.DataFrame, trial: Trial, pairs: set[str]) -> list[_Tile]:
    """Last visit of the scale named first: what the arms show, and how far they are apart."""
    scale = summary["scale"][0]
    found = summary.filter(pl.col("scale") == scale, pl.col("mean").is_not_null())
    metric = next((m for m in ("change", *METRICS) if m in set(found["metric"])), None)
    if metric is None:
        return []
    chosen = found.filter(pl.col("metric") == metric)
    rows = chosen.filter(pl.col("time_h") == chosen["time_h"].max()).to_dicts()
    order = [*sorted(pairs), *(arm.id for arm in trial.arms)]
    rows.sort(key=lambda row: order.index(row["arm"]))
    return [
        _Tile(
            f"{trial.label(row['arm'])}: {scale}, {METRICS[metric]}, {_time(row['time_h'])}",
            _write(metric, row["mean"]),
            unit_of(metric),
            f"{_range(row)}, 90 % of trials",
        )
        for row in rows[:_TILES]
    ]


def _primary_tiles(result: TrialResult) -> list[_Tile]:
    """The primary contrast, its power and assurance at this size, the size for the power wanted."""
    if result.characteristics is None:
        return []
    rows = [row for row in result.headline().rows if row.brief]
    first = rows[0]
    found = (
        next((row for row in rows[1:] if told in row.name), None)
        for told in ("Power", "Assurance", " % power")
    )
    return [
        _Tile(
            first.name, _minus(first.value), first.unit, f"{_minus(first.range)}, 90 % of trials"
        ),
        *(
            _Tile(row.name, row.value, row.unit, f"{row.range}, Monte Carlo" if row.range else "")
            for row in found
            if row is not None
        ),
    ]


def _minus(text: str) -> str:
    """With the sign of a minus, where a hyphen stands for it."""
    return re.sub(r"(?<!\d)-(?=\d)", "−", text)


def _power(result: TrialResult) -> dict[str, Any] | None:
    """What the analyses of the replicates found, in words; nothing without a primary contrast."""
    found, primary = result.characteristics, result.trial.primary
    if found is None or primary is None:
        return None
    groups: list[dict[str, Any]] = []
    for way in found.question.ways:
        part = found.of(way).to_dicts()
        metric = "log_ratio" if way.analysis == "survival" else metric_of(way.analysis)
        groups.append(
            {
                "name": words.capital(ANALYSES_IN_WORDS[way.analysis]),
                "estimand": estimand_words(result.trial, way.estimand),
                "rows": [
                    {
                        "n": f"{row['n_per_arm']:,}",
                        "total": f"{row['n_total']:,}",
                        **{key: shared(row, key) for key in _SHARES},
                        "estimate": _with(metric, row["estimate"], row["mc_se"]),
                        "bias": _with(metric, row["bias"], row["bias_mc_se"]),
                        "failed": f"{row['failed']:,}",
                    }
                    for row in part
                ],
            }
        )
    return {
        "contrast": result.trial.label(" - ".join(primary.contrast)),
        "what": f"{primary.scale}, {_time(primary.at)}",
        "first": result.trial.label(counted_arm(result.trial)),
        "figure": power_figure(result),
        "groups": groups,
        "sentences": TWO_POWERS,
        "failures": [
            text for text in found.table["failed_why"].unique(maintain_order=True) if text
        ],
        "replicates": f"{result.trial.replicates:,}",
        "delta": f"{found.question.delta:g}" if "delta" in result.trial.estimands else "",
        "ratio": "survival" in result.trial.analyses,
        "conditional": found.conditional,
        "looks": looks_of(found),
    }


def _with(metric: str, value: float | None, error: float | None) -> tuple[str, str]:
    if value is None or error is None:
        return (NOTHING, "")
    if metric == "log_ratio":
        return _minus(f"{value:.2f}"), f"± {error:.3f}"
    scale = 100.0 if metric in RATES else 1.0
    return _write(metric, value), f"± {scale * error:.2f}"


def _arm(arm: Arm, result: TrialResult) -> dict[str, Any]:
    trial = result.trial
    symbols = situation_of(trial, arm).symbols if arm.sessions else ()
    return {
        "id": arm.id,
        "label": trial.labels[arm.id],
        "n": number(float(result.entered[arm.id].mean()), 3) if arm.id in result.entered else arm.n,
        "what": arm_details(arm),
        "computed": " ".join(arm.regimen.notes) if arm.regimen is not None else "",
        "days": _sessiondays_of(arm, trial),
        "told": _told(arm),
        "of": "" if arm.branch is None else trial.labels[arm.branch.of],
        "baseline": f"{arm.baseline.scale} {arm.baseline.mean:g} (SD {arm.baseline.sd:g})",
        "background": arm.background,
        "expectation": "; ".join(map(EXPECTATION_WORDS.__getitem__, symbols)) or "none",
        "symbols": ", ".join(symbols),
    }


def _sessiondays_of(arm: Arm, trial: Trial) -> str:
    first, last = trial.phase(arm)
    # a session at the time of a withdrawal is the first of those who are randomised again
    own = [t for t in arm.sessions if t >= first and (arm.withdrawal is None or t < last)]
    days = ", ".join(f"{time / _DAY:g}" for time in own)
    ruled = [time for time in arm.rule_times if first <= time < last]
    if not ruled:
        return days or "none"
    return "; ".join(filter(None, (days, rule_words(arm))))


def _told(arm: Arm) -> str:
    return "known" if arm.open else "masked under anaesthesia" if arm.masked else "blinded"


def _blinding(result: TrialResult) -> list[dict[str, str]]:
    """What patients can tell, of arms with sessions; nothing where everybody knows."""
    rows = [row for row in result.blinding().to_dicts() if row["told"] != "none"]
    if all(row["told"] == "open" for row in rows):
        return []
    told = {"open": "known", "masked": "masked under anaesthesia", "blinded": "blinded"}
    shares = ("belief", "guess_drug", "guess_right")
    return [
        {
            "arm": result.trial.labels[row["arm"]],
            "told": told[row["told"]],
            "felt": number(row["felt"], 2),
            **{name: percent(row[name], 2) for name in shares},
        }
        for row in rows
    ]


def _population(result: TrialResult) -> list[tuple[str, str, bool]]:
    """Who is in the trial, in words, and whether it was assumed."""
    trial = result.trial
    arm, form = trial.arms[0], trial.population
    rows = [("setting", arm.setting, "population.setting" in trial.assumed)]
    for name in ("diagnosis", "ancestry", "country"):
        value = getattr(form, name)
        if value:
            text = str(value).replace("_", " ")
            short = name == "diagnosis" and len(text) <= 4
            rows.append((name, text.upper() if short else text, False))
    for name, unit in (("age", "years"), ("weight", "kg")):
        spread = getattr(form, name)
        if spread is not None:
            sd = f" (SD {spread.sd:g})" if spread.sd is not None else ""
            rows.append((name, f"{spread.mean:g} {unit}{sd}", False))
    if form.female is not None:
        rows.append(("women", percent(form.female, 2), False))
    if form.medicines:
        rows.append(("medicines", ", ".join(map(str, form.medicines)), False))
    return rows


def _groups(summary: pl.DataFrame, trial: Trial) -> list[dict[str, Any]]:
    """Rows of the arms, by scale and metric."""
    found: list[dict[str, Any]] = []
    for part in summary.partition_by("scale", "metric", "definition", maintain_order=True):
        first = part.row(0, named=True)
        unit = unit_of(first["metric"])
        name = f"{first['scale']}, {METRICS[first['metric']]}"
        found.append(
            {
                "name": f"{name}, {unit}" if unit and unit not in name else name,
                "definition": first["definition"],
                "rows": _rows(part.sort("time_h", maintain_order=True), trial),
            }
        )
    return found


def _rows(table: pl.DataFrame, trial: Trial) -> list[dict[str, Any]]:
    return [
        {
            "arm": trial.label(row["arm"]),
            "time": _time(row["time_h"]),
            "assessed": number(row["n_assessed"], 3),
            "mean": _write(row["metric"], row["mean"]),
            "range": _range(row),
            "sd": _write(row["metric"], row["sd"]),
            "spreads": [_write(row["metric"], row[name]) for name in _SPREADS],
        }
        for row in table.to_dicts()
    ]


def _beside(one: PublishedValue, trial: Trial) -> dict[str, Any]:
    """A published value in words."""
    when = "" if one.time_h is None else f", {_time(one.time_h)}"
    ends = (one.published_low, one.published_high)
    # what compares two arms by its name does not say so twice
    gap = "difference in " if one.grade == DERIVED and is_share(one.metric) else ""
    return {
        "arm": trial.label(one.arm),
        "what": f"{one.scale}, {gap}{value_in_words(one.metric)}{when}",
        "definition": one.definition,
        "statistic": one.statistic,
        "n": NOTHING if one.n is None else f"{one.n:g}",
        "value": _reported(one.metric, one.published),
        "range": _ends(one.metric, *ends),
        "predicted": _reported(one.metric, one.predicted),
        "interval": _ends(one.metric, one.p05, one.p95),
        "inside": {True: "inside", False: "outside", None: NOTHING}[one.inside],
        "used": one.used,
        "why": "; ".join(filter(None, (one.why, "second-hand" if one.second_hand else ""))),
        "source": one.source,
        "locator": one.locator,
    }


def _reported(metric: str, value: float | None) -> str:
    """Write a published number to a tenth, shares as percent."""
    if value is None:
        return NOTHING
    share = is_share(metric)
    digits = 2 if metric == "cohen_d" else 1
    text = f"{round(100.0 * value if share else value, digits) + 0.0:.{digits}f}"
    return text.replace("-", "−") + ("\u202f%" if share else "")


def _ends(metric: str, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    return f"{_reported(metric, low)} to {_reported(metric, high)}"


def _agreement(values: Sequence[PublishedValue]) -> str:
    """How many published values are in their interval, those of the fit apart."""
    told: list[str] = []
    # a derived value says again what its arms say
    for use in dict.fromkeys(one.used for one in values if one.grade != DERIVED):
        own = [one for one in values if one.used == use and one.inside is not None]
        if own:
            inside = sum(bool(one.inside) for one in own)
            told.append(f"{inside} of {len(own)} values {use}")
    return "; ".join(told)


def _text(value: object) -> str:
    """The input as YAML."""
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
