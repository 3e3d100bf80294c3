"""`ketasim session`: one session of a course over time, and its plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ketasim.apps.cli.console import (
    PRINT,
    AsJson,
    Printed,
    check_folder,
    check_input,
    listen,
    path_given,
    print_json,
    print_table,
    warn,
)
from ketasim.apps.cli.console import save as save_result

if TYPE_CHECKING:
    from ketasim.reports.course_session import EffectRow
    from ketasim.screening import SessionPlan
    from ketasim.simulation import SessionProfile, Simulation

_FILES = ("effects.csv", "minutes.csv", "plan.csv")


def session(
    course: Annotated[Path, Parameter(help="Course file (YAML), or name of an example.")],
    /,
    *,
    last: Annotated[bool, Parameter(help="The last session instead of the first.")] = False,
    every: Annotated[
        bool, Parameter(name="--all", help="Also show rules for another drug or route.")
    ] = False,
    out: Annotated[
        Path | None,
        Parameter(help="Folder for effects.csv, minutes.csv and plan.csv.", converter=path_given),
    ] = None,
    printed: Printed = False,
    as_json: AsJson = False,
) -> None:
    """Show one session: effects over time, time to return to baseline, rules and their sources."""
    file = check_input(course, "COURSE")
    if out is not None:
        check_folder(out, (*_FILES, PRINT) if printed else _FILES, inputs=(file,))

    from ketasim._base import InputError

    if printed and out is None:
        problem = "there is no folder for the page"
        raise InputError("--print", problem, "name one, such as --out out/mine")
    from ketasim.simulation import simulate

    listen()
    result = simulate(course, mood=False)
    if result.session_effects is None:
        raise InputError(
            "pk_model",
            f"the model '{result.model.name}' does not compute session effects",
            "use pk_model: reference, and give at least one dose",
        )
    shown = result.session_effects.sessions[-1 if last else 0]
    plan = result.session_plan(shown.number)
    paths = [] if out is None else _saved(result, plan, out, file, printed)
    if as_json:
        print_json({**_document(result, shown, plan), "files": [str(path) for path in paths]})
        return
    warn(result.warnings)
    _print(result, shown, plan, every)
    for path in paths:
        print(path)


def _saved(
    result: Simulation, plan: SessionPlan, out: Path, file: Path, printed: bool
) -> list[Path]:
    title = result.course.title or ""
    return save_result(plan, out, inputs=(file,), printed=printed, title=title)


def _document(result: Simulation, shown: SessionProfile, plan: SessionPlan) -> dict[str, Any]:
    effects = result.session_effects
    assert effects is not None
    return {
        "metadata": result.metadata,
        "session": shown.number,
        "effects": shown.table.to_dicts(),
        "pressure": shown.pressure.to_dicts(),
        "driving": vars(effects.driving),
        "plan": plan.to_dict(),
        "warnings": list(result.warnings),
    }


def _print(result: Simulation, shown: SessionProfile, plan: SessionPlan, every: bool) -> None:
    from ketasim.reports.course_session import NOT_IN_EFFECTS, effect_rows, pressure_rows

    effects = result.session_effects
    assert effects is not None
    print(f"{result.course.title or 'Course'}: session {shown.number}, {plan.session}\n")
    shown_effects = effect_rows(shown)
    rows = [
        [
            row.effect,
            f"{row.peak} ({row.peak_range})",
            row.peak_at,
            row.back,
            f"{row.level}{f' [{row.grade}]' if row.grade else ''}",
            row.in_session,
        ]
        for row in shown_effects
    ]
    head = (
        "effect",
        "peak: mean, or % of patients (range)",
        "at",
        "resolved by, min",
        "threshold",
        "affected",
    )
    print_table(head, rows)
    print(
        "\nPeak: highest mean, or highest percentage of patients affected at one time. "
        "Affected: patients with the effect at any time of the session.\n"
        "Ranges: 90 % of patients for scores and pressures, 90 % uncertainty interval for "
        "percentages."
    )
    _published(shown_effects)
    print("\nThe pressures above are the mean drug effect; trials report a mean of maxima:\n")
    head = (
        "pressure",
        "mean increase, drug effect only, mmHg",
        "mean of maxima, mmHg",
        "mean of maxima after placebo, mmHg",
        "increase of at least",
        "patients with it",
    )
    names = ("name", "mean_change", "mean_of_maxima", "placebo_mean_of_maxima", "cut")
    print_table(
        head,
        [
            [row[k] for k in (*names, "rise_in_session")]
            for row in pressure_rows(effects, shown.number)
        ],
    )
    print(f"\n{NOT_IN_EFFECTS}")
    print(effects.driving.statement)
    print(f"\n{plan.monitoring}\n")
    for line in plan.pressure_lines:
        print(line)
    if plan.longer:
        print(
            "\nPredicted not to have resolved (point estimate or upper end of the range) when a "
            f"monitoring period of 2 h ends at {plan.watch_end_min:.0f} min; not an instruction:"
        )
    for line in plan.longer:
        print(f"  {line}")
    _print_plan(plan, every)


def _published(effects: Sequence[EffectRow]) -> None:
    """Published times of the effects, effects with the same statement together."""
    said: dict[str, list[str]] = {}
    for row in effects:
        if row.published:
            said.setdefault(row.published, []).append(row.effect)
    if said:
        print("\nPublished times:")
    for words, names in said.items():
        print(f"  {'; '.join(names)}: {words}")


def _print_plan(plan: SessionPlan, every: bool) -> None:
    """Rules made for this drug and route; the others folded to a line a stage, or all of them."""
    from ketasim._base.words import counted
    from ketasim.reports.course_session import plan_stages

    for stage in plan_stages(plan):
        print(f"\n{stage.name[0].upper()}{stage.name[1:]}")
        for entry in stage.own:
            print(_rule(entry, plan.session))
        if not stage.borrowed:
            continue
        count = len(stage.borrowed)
        makers = "; ".join(dict.fromkeys(entry["established_for"] for entry in stage.borrowed))
        whence = f"{counted(count, 'rule')} from {makers}"
        if not every:
            print(f"  {whence}, not established here: --all shows {'them' if count > 1 else 'it'}")
            continue
        print(f"  {whence}, not established for {plan.session}:")
        for entry in stage.borrowed:
            print(_rule(entry, plan.session))
    print()
    for line in plan.notes:
        print(line)
    for line in plan.assumptions:
        print(f"Assumed: {line}")


def _rule(entry: dict[str, Any], session: str) -> str:
    """One line of a plan: when, what, from where."""
    from ketasim.evidence import source_names

    minutes = "" if entry["minutes"] == "–" else f"{entry['minutes']} min"
    # that a rule is not established here is said once, above it
    told = entry["applies"].replace(f"; not established for {session}", "")
    told = "" if told == "yes" else f" [{told}]"
    date = entry["date"] if entry["date"] != "not shown" else "date not shown"
    where = ", ".join(filter(None, (entry["jurisdiction"], date)))
    cited = "; ".join(filter(None, (where, source_names(entry["sources"]))))
    return f"  {minutes:>16}  {entry['statement']}{told}{f' ({cited})' if cited else ''}"
