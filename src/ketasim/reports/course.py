"""The report of a simulation: one page that opens offline, and prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from numpy import zeros

from ketasim._base import words
from ketasim._base.numbers import NOTHING, number, percent, span
from ketasim.figures.course import figures
from ketasim.population import Modifier, modification_of
from ketasim.reports.course_mood import part_rows
from ketasim.reports.course_patient import days_words, patient_words
from ketasim.reports.course_screening import cost_lines, screening_view
from ketasim.reports.course_session import (
    NOT_IN_EFFECTS,
    CheckRow,
    PlanStage,
    check_rows,
    effect_rows,
    plan_stages,
    pressure_rows,
    thresholds,
)
from ketasim.reports.first_page import first_page
from ketasim.reports.near import near_groups, own_of_course
from ketasim.reports.page import render
from ketasim.screening import course_costs
from ketasim.simulation.session.curves import OLDER_FROM

if TYPE_CHECKING:
    import polars as pl

    from ketasim.figures.figure import Figure
    from ketasim.simulation.result import Simulation
    from ketasim.simulation.session.curves import SessionProfile

Exposure = Mapping[tuple[str, ...], dict[str, Any]]
"""Rows by quantity, site, session and metric."""

_FIRST = ("cmax", "tmax", "auc24", "auc_inf", "half_life", "F")
_LAST = ("cmax", "tmax", "auc24")
_DRAWN = ("session", "metabolites", "block", "effects", "course", "plasticity", "mood")
_MOST = 6  # parameters in the table
_PARTS = 4  # times at which contributions are told, about
_TOLD = ("50 % of patients", "90 % of patients")  # of all figures at once
_LARGER = "As on the first page, which has its legend."
_CHECKS = 5  # published values of sessions in the table


@dataclass(frozen=True)
class Cell:
    """A number with the range of 90 % of patients below it."""

    value: str
    range: str = ""


def simulation_report(
    simulation: Simulation, *, command: str = "", costs: bool = False, timecourse: str = ""
) -> str:
    """Write the report of a simulation as one page of HTML.

    **Main arguments:**

    - `simulation`: what `simulate` returned.

    **Other arguments:**

    - `command`: what reproduces it; when left out, the page shows the input only.
    - `costs`: a table of the course at published prices as well.
    - `timecourse`: what is said of the file of the time course beside the page.
    """
    exposure = _by_name(simulation.exposure())
    course, effects = simulation.course, simulation.session_effects
    plan = None if effects is None else simulation.session_plan()
    checks = [] if effects is None else check_rows(simulation)
    prices = cost_lines(course_costs(course)) if costs else []
    screening = simulation.screening
    beside = [*screening.sources(), *(check.source for check in checks)]
    beside += [] if plan is None else [key for entry in plan.entries for key in entry.sources]
    beside += [row["source"] for row in prices]
    many = len(simulation.sessions) > 1
    not_iv = any(dose.route != "iv" for dose in course.regimen.doses)
    drawn = figures(simulation, plan, only=_DRAWN)
    cohort = simulation.cohort
    bands = words.bands(cohort.typical, cohort.uncertainty)
    front = first_page(simulation, plan=plan)
    stages = [] if plan is None else plan_stages(plan)
    view = screening_view(screening)
    near = () if simulation.mood is None else simulation.mood.near
    return render(
        "course.html",
        title=course.title or "Simulation",
        sources=simulation.sources(),
        also=beside,
        first=front,
        simulation=simulation,
        typical=simulation.cohort.typical,
        patient=patient_words(simulation),
        horizon=days_words(course.horizon),
        horizon_assumed="horizon" in course.assumed,
        acting=_acting(simulation),
        warnings=front.more_warnings,
        many=many,
        figures=_with_legends_once(drawn, bands),
        bands=bands,
        has_block=("nmda_block", "effect") in simulation.values,
        not_iv=not_iv,
        effects=effects,
        not_in_effects=NOT_IN_EFFECTS,
        older=(course.age or 0.0) >= OLDER_FROM,
        session_tables=[]
        if effects is None
        else [_session_table(one) for one in effects.sessions[:1]],
        thresholds="" if effects is None else thresholds(effects.sessions[0]),
        pressures=[] if effects is None else pressure_rows(effects),
        pressure_lines=[] if plan is None else plan.pressure_lines,
        checks=_first_checks(checks),
        check_count=len(checks),
        plan=plan,
        plan_stages=stages,
        borrowed=_borrowed(stages),
        nothing=NOTHING,
        screening=view,
        costs=prices,
        mood=simulation.mood,
        contributions=[] if simulation.mood is None else part_rows(simulation.mood, _PARTS),
        nearest=[]
        if simulation.mood is None
        else near_groups(near, own_of_course(simulation.mood)),
        near_count=len(near),
        exposure=_exposure_rows(simulation, exposure, "first", _FIRST if not_iv else _FIRST[:-1]),
        last=_exposure_rows(simulation, exposure, "last", _LAST) if many else [],
        unsourced=sum(one.what != "input" for one in simulation.assumptions),
        parameters=[_elasticities(row) for row in simulation.parameters(_MOST).to_dicts()],
        words=words,
        metadata=simulation.metadata,
        input=_text(simulation.metadata.get("input", {})),
        command=command,
        timecourse=timecourse,
    )


def _with_legends_once(
    drawn: Mapping[str, Sequence[Figure]], bands: str
) -> dict[str, list[Figure]]:
    """Figures without what the page says of all of them, and without what its first page has."""

    def brief(figure: Figure) -> Figure:
        kept = tuple(
            one
            for one in figure.legend
            if one.text != bands and one.kind != "dose" and one.text not in _TOLD
        )
        return replace(figure, legend=kept)

    found = {group: [brief(one) for one in members] for group, members in drawn.items()}
    larger = [replace(one, legend=(), caption=_LARGER) for one in found["mood"][:1]]
    return found | {"mood": [*larger, *found["mood"][1:]]}


def _session_table(session: SessionProfile) -> dict[str, Any]:
    """The effects that have a threshold; the others are in the figure and in session.csv."""
    return {"number": session.number, "rows": [r for r in effect_rows(session) if r.grade]}


def _first_checks(checks: Sequence[CheckRow]) -> list[CheckRow]:
    """A few, those that the model was not fitted to first."""
    return sorted(checks, key=lambda one: one.fitted)[:_CHECKS]


def _borrowed(stages: Sequence[PlanStage]) -> str:
    """What the rules for another drug or use are on."""
    named = dict.fromkeys(str(one["what"]) for stage in stages for one in stage.borrowed)
    return ", ".join(named)


def _elasticities(row: dict[str, Any]) -> dict[str, Any]:
    """Elasticities to two decimals: what is smaller than that is nothing."""
    names = ("elasticity_cmax", "elasticity_auc", "elasticity_block")
    return row | {name: round(row[name], 2) for name in names if row[name] is not None}


def _acting(simulation: Simulation) -> list[Modifier]:
    """Medicines, genotypes and impairments whose effect on exposure was computed."""
    modifiers = modification_of(simulation.course.patient).modifiers
    covariates = simulation.cohort.covariates
    if any(name.startswith("act_") for name in covariates):
        return list(modifiers)
    # a published model may know one medicine by its name
    return [one for one in modifiers if covariates.get(one.name.upper(), zeros(1)).any()]


def _by_name(exposure: pl.DataFrame) -> Exposure:
    """Rows of the table of exposure by quantity, site, session and metric."""
    names = ("quantity", "site", "session", "metric")
    # of rows with one name the first counts
    return {tuple(row[name] for name in names): row for row in reversed(exposure.to_dicts())}


def _cell(row: Mapping[str, Any] | None) -> Cell:
    if row is None:
        return Cell(NOTHING)
    write = percent if row["metric"] == "F" or _is_block(row) else number
    if "p50" not in row or row["p50"] is None:
        return Cell(write(row["mean"]))
    middle, ends = write(row["p50"]), span(write(row["p05"]), write(row["p95"]))
    # all patients have the same: no range
    return Cell(middle, "" if ends == middle else ends)


def _is_block(row: Mapping[str, Any]) -> bool:
    return row["quantity"] == "nmda_block" and row["metric"] == "cmax"


def _exposure_rows(
    simulation: Simulation, exposure: Exposure, session: str, metrics: tuple[str, ...]
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for quantity, site in _exposure_keys(simulation):
        cells = [_cell(exposure.get((quantity, site, session, m))) for m in metrics]
        if session == "last":
            cells.append(_cell(exposure.get((quantity, site, "course", "auc_inf"))))
        rows.append(
            {"quantity": words.quantity(quantity), "site": words.site(site), "cells": cells}
        )
    return rows


def _exposure_keys(simulation: Simulation) -> list[tuple[str, str]]:
    """What the tables list: parent at every site, the rest at the main one, the block.

    Enantiomers have rows of their own where both are there; of one alone the sum is the same.
    """
    if simulation.main is None:
        return []
    present = set(simulation.values)
    main = simulation.main[1]
    found: list[tuple[str, str]] = []
    for site in (main,):
        for analyte in ("ketamine", "norketamine", "hnk"):
            single = [(f"{p}_{analyte}", site) for p in ("s", "r")]
            single = [key for key in single if key in present]
            total = [(analyte, site)] if (analyte, site) in present else []
            if len(single) == 1:
                found += single
            elif site == main:
                found += total or single
            else:
                found += total
    return [*found, *(key for key in present if key[0] == "nmda_block")]


def _text(value: object) -> str:
    """The input as YAML."""
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100) if value else ""
