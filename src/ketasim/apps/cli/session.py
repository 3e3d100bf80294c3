"""`ketasim session`: one session of a course by the minute, and its plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ketasim.apps.cli.console import (
    AsJson,
    check_file,
    check_folder,
    note,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from ketasim.outputs import AcuteSession, Simulation
    from ketasim.screening import SessionPlan


def session(
    course: Annotated[Path, Parameter(help="Course file (YAML).")],
    /,
    *,
    last: Annotated[bool, Parameter(help="The last session instead of the first.")] = False,
    out: Annotated[
        Path | None, Parameter(help="Folder for effects.csv, minutes.csv and plan.csv.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a session by the minute: effects, when each is back, rules with their sources."""
    check_file(course, "COURSE")
    if out is not None:
        check_folder(out)

    from ketasim._base import InputError, write_whole
    from ketasim.outputs import simulate

    result = simulate(course, mood=False)
    if result.acute is None:
        raise InputError(
            "pk_model",
            f"the model '{result.model.name}' does not lead to the effects of a session",
            "use pk_model: reference, and give at least one dose",
        )
    shown = result.acute.sessions[-1 if last else 0]
    plan = result.session_plan(shown.number)
    paths = [] if out is None else write_whole(out, _files(shown, plan))
    if as_json:
        files = [str(path) for path in paths]
        print_json({**_document(result, shown, plan), "files": files})
        return
    for warning in result.warnings:
        note(f"warning: {warning}")
    _print(result, shown, plan)
    for path in paths:
        print(path)


def _files(shown: AcuteSession, plan: SessionPlan) -> dict[str, bytes]:
    return {
        "effects.csv": shown.table.write_csv().encode(),
        "minutes.csv": shown.by_minute().write_csv().encode(),
        "plan.csv": plan.table().write_csv().encode(),
    }


def _document(result: Simulation, shown: AcuteSession, plan: SessionPlan) -> dict[str, Any]:
    acute = result.acute
    assert acute is not None
    return {
        "metadata": result.metadata,
        "session": shown.number,
        "effects": shown.table.to_dicts(),
        "pressure": shown.pressure.to_dicts(),
        "driving": vars(acute.driving),
        "plan": plan.to_dict(),
        "warnings": list(result.warnings),
    }


def _print(result: Simulation, shown: AcuteSession, plan: SessionPlan) -> None:
    from ketasim.outputs.report_acute import effect_rows, plan_stages

    acute = result.acute
    assert acute is not None
    print(f"{result.course.title or 'Course'}: session {shown.number}, {plan.session}\n")
    rows = [
        [
            row.effect,
            f"{row.peak} ({row.peak_range})",
            row.peak_at,
            row.back,
            f"{row.level}{f' [{row.grade}]' if row.grade else ''}",
            row.in_session,
        ]
        for row in effect_rows(shown)
    ]
    head = ("effect", "peak (range)", "at", "back after", "back means", "in this session")
    print_table(head, rows)
    print("\nRanges: 5-95 % of patients for scores and pressures, of the uncertainty for shares.")
    print(f"{acute.driving.statement}\n")
    for line in plan.longer:
        print(f"Lasts longer than the watch: {line}")
    for stage, entries in plan_stages(plan):
        print(f"\n{stage[0].upper()}{stage[1:]}")
        for entry in entries:
            where = ", ".join(filter(None, (entry["jurisdiction"], entry["date"])))
            told = "" if entry["applies"] == "yes" else f" [{entry['applies']}]"
            cited = f" ({'; '.join(filter(None, (where, ', '.join(entry['sources']))))})"
            print(f"  {entry['minutes']:>12} min  {entry['statement']}{told}{cited}")
    print()
    for line in plan.notes:
        print(line)
