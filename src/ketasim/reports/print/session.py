"""The plan of a session on one side of A4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ketasim.evidence import source_names
from ketasim.figures.session_plan import plan_figure
from ketasim.reports.course_session import effect_lines, plan_stages
from ketasim.reports.print.typesetting import short, tile, typeset

if TYPE_CHECKING:
    from ketasim.screening import PlanEntry, SessionPlan

_TIMED: Final = ("back", "not back")  # states of effects that pass their threshold
_RANGES: Final = (
    "Peak: highest mean, or highest percentage of patients affected at one time. Ranges of peaks: "
    "90 % of patients for scores and pressures, 90 % uncertainty interval for percentages; of "
    "times: 90 % uncertainty interval."
)


def print_session(plan: SessionPlan, *, title: str = "") -> bytes:
    """Set the plan of a session as one side of A4.

    **Arguments:**

    - `plan`: what `Simulation.session_plan` or `ketasim.screening.session_plan` returned; only the
      first has effects, and with them a timeline.
    - `title`: of the course; what is given when left out.

    **Returns:** a PDF of one page. What has no room is counted: it is in the report of the plan.
    """
    # where no effect passes its threshold there is nothing to draw but the doses
    drawn = plan.effects is not None and plan.effects["state"].is_in(_TIMED).any()
    number = plan.effects["session"][0] if plan.effects is not None else None
    which = "Session" if number is None else f"Session {number}"
    given = [one for one in plan.entries if one.kind == "dose"]
    figure = plan_figure(plan) if drawn else None
    data = {
        "kind": "Session plan",
        "title": short(title or f"{which}: {plan.session}"),
        "sentence": " ".join((f"{which}, {plan.session}.", *dict.fromkeys(map(_dose, given)))),
        "tiles": _tiles(plan),
        "drawn": drawn,
        "alt": "Timeline of the session: effects, doses and monitoring period by the minute",
        "legend": "" if figure is None else " ".join(mark.text for mark in figure.legend),
        **_effects(plan),
        "ranges": _RANGES,
        "monitoring": plan.monitoring,
        "stages": _stages(plan),
        "pressure": plan.pressure_lines,
        "notes": (*plan.notes, *(f"Assumed: {one}" for one in plan.assumptions)),
        "made": "All rules with their sources: report and plan.csv.",
    }
    drawings = {} if figure is None else {"timeline": figure.drawings[0].svg}
    return typeset("session.typ", data, drawings)


def _dose(one: PlanEntry) -> str:
    return one.statement if one.statement.endswith(".") else f"{one.statement}."


def _tiles(plan: SessionPlan) -> list[dict[str, Any]]:
    tiles = [tile("End of dosing", f"{plan.end_min:.0f}", "min after the start")]
    if plan.watch_end_min is None:
        tiles.append(tile("Monitoring period", "none", "", "in the sources for this form"))
    else:
        watch = f"{plan.watch_end_min:.0f}"
        tiles.append(tile("Monitoring ends no earlier than", watch, "min", "at least 2 h"))
    if plan.effects is None:
        return tiles
    rows = {one["effect"]: one for one in plan.effects.to_dicts()}
    lines = dict(zip(rows, effect_lines(plan.effects), strict=True))
    for effect, name in (("CADSS", "Peak dissociation, CADSS"), ("SBP", "Peak rise, systolic")):
        line = lines[effect]
        back = f"resolved by {line.back}" if rows[effect]["state"] == "back" else line.back
        told = [f"{line.peak_range}, 90 % of patients"] if line.peak_range else []
        value, _, unit = line.peak.partition(" ")
        tiles.append(tile(name, value, unit, *told, back))
    return tiles


def _effects(plan: SessionPlan) -> dict[str, list[Any]]:
    """Effects with a time to resolve as a table, the others in a line."""
    if plan.effects is None:
        return {"effects": [], "beside": []}
    states = plan.effects["state"].to_list()
    shown: list[list[str]] = []
    low: list[str] = []
    untimed: list[str] = []
    for state, line in zip(states, effect_lines(plan.effects), strict=True):
        peak = _with(line.peak, line.peak_range)
        if state in _TIMED:
            until = _with(line.back.removesuffix(" min"), line.back_range)
            level = f"{line.level}{f', {line.grade}' if line.grade else ''}"
            shown.append([line.effect, peak, line.peak_at.removesuffix(" min"), until, level])
        else:
            (low if state == "never above" else untimed).append(f"{line.effect}: {peak}")
    beside = [("Below threshold throughout", low), ("No published threshold", untimed)]
    told = [f"{name}. {'; '.join(members)}." for name, members in beside if members]
    return {"effects": shown, "beside": told}


def _with(value: str, told: str) -> str:
    return f"{value} ({told})" if told else value


def _stages(plan: SessionPlan) -> list[dict[str, Any]]:
    """Rules for this drug and route, by stage; those of other drugs are only counted."""
    found: list[dict[str, Any]] = []
    for stage in plan_stages(plan):
        own = [entry for entry in stage.own if _shown(entry, plan)]
        ranks = _ranks(own)
        rules = [{**_rule(entry), "rank": ranks[i]} for i, entry in enumerate(own)]
        name = f"{stage.name[0].upper()}{stage.name[1:]}"
        found.append({"name": name, "rules": rules, "more": len(stage.borrowed)})
    return found


def _shown(entry: dict[str, Any], plan: SessionPlan) -> bool:
    """Doses are in the sentence at the top, the monitoring period is above the rules."""
    return entry["kind"] != "dose" and entry["statement"] != plan.monitoring


def _ranks(entries: list[dict[str, Any]]) -> dict[int, int]:
    """Which lines stay where room is short: of each topic the first, what is measured before."""
    topics: set[str] = set()
    keys: list[tuple[bool, bool, int]] = []
    for i, entry in enumerate(entries):
        keys.append((entry["what"] in topics, entry["kind"] == "rule", i))
        topics.add(entry["what"])
    return {key[-1]: rank for rank, key in enumerate(sorted(keys))}


def _rule(entry: dict[str, Any]) -> dict[str, str]:
    date = entry["date"] if entry["date"] != "not shown" else ""
    return {
        "minutes": entry["minutes"],
        "statement": entry["statement"],
        "told": "" if entry["applies"] == "yes" else entry["applies"],
        "place": " ".join(filter(None, (entry["jurisdiction"], date))),
        "cited": source_names(entry["sources"]),
    }
