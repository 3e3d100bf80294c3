"""The report of a plan: the front as figure and table, on one page that opens offline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ketasim._base import words
from ketasim._base.numbers import NOTHING, number
from ketasim._base.words import counted
from ketasim.figures.plan import plan_figures
from ketasim.planning.burden import monitoring
from ketasim.planning.candidates.grid import MOST, left_out_words
from ketasim.planning.candidates.shown import (
    SAID,
    STANDS,
    alike,
    default_words,
    heading,
    rows,
)
from ketasim.planning.certainty import Certainty
from ketasim.planning.criteria import CRITERIA, PLANNED
from ketasim.planning.planned import numbered
from ketasim.planning.shown import ranked_words, unit_words, written
from ketasim.reports.page import render
from ketasim.simulation.mood.drawn import DRAWS

if TYPE_CHECKING:
    from ketasim.planning import Plan

_DAY: Final = 24.0
_WHEN: Final = {"last": "after the last session", "end": "at the horizon"}
_SENTENCES: Final = 40  # of one reason for leaving out


def plan_report(plan: Plan, *, command: str = "") -> str:
    """Write the report of a plan as one page of HTML.

    **Arguments:**

    - `plan`: what `plan` returned.
    - `command`: what reproduces it; when left out, the page shows the input only.
    """
    front = len(plan.front)
    return render(
        "candidates.html",
        title=f"{counted(len(plan.candidates), 'candidate')}, {front} on the front",
        sources=plan.sources(),
        result=plan,
        view=plan_view(plan),
        words=words,
        metadata=plan.metadata,
        input=_text(plan.metadata["input"]),
        command=command,
    )


def plan_view(plan: Plan) -> dict[str, Any]:
    """What report and page show of a plan, in words.

    **Arguments:**

    - `plan`: what `plan` returned.
    """
    assessed = [
        key for key in PLANNED if any(o[key].value is not None for o in plan.measures.values())
    ]
    first = [key for key in assessed if key != "certainty"]
    unplaced = [n for n, one in plan.placed.items() if one.missing]
    return {
        "who": _who(plan),
        "asked": _asked(plan),
        "criteria": default_words(plan),
        "front": rows(plan, _shown(plan), only_front=True),
        "front_heads": [heading(plan, key) for key in _shown(plan)],
        "all": rows(plan, first),
        "all_heads": [heading(plan, key) for key in first],
        "alike": [(one, numbered(others)) for one, others in alike(plan)],
        "unassessed": [
            (words.capital(SAID[key]), plan.measures[1][key].note)
            for key in PLANNED
            if key not in assessed
        ],
        "unplaced": numbered(unplaced),
        "notes": _notes(plan, first),
        "stands": STANDS,
        "figures": plan_figures(plan),
        "left_out": [
            (words.capital(why), many, names[:_SENTENCES])
            for why, many, names in left_out_words(plan.grid.left_out)
        ],
        "left_out_many": len(plan.grid.left_out),
        "certainty": _certainty(plan),
        "ranking": _ranking(plan),
        "ranks": [SAID[key] for key in PLANNED],
        "draws": DRAWS,
        "scored": plan.scores is not None,
        "most": MOST,
        "monitoring": monitoring(),
        "warnings": plan.warnings,
    }


def _shown(plan: Plan) -> list[str]:
    """Criteria of the table of the front: its own, and what is always asked next."""
    return list(dict.fromkeys((*plan.criteria, "days_well", "hours")))


def _who(plan: Plan) -> str:
    days = f"{plan.course.horizon / _DAY:.3g} days"
    if plan.scores is not None:
        return (
            f"One patient, MADRS {plan.baseline:.3g} before treatment and "
            f"{counted(plan.scores, 'score')} since, until day {plan.course.horizon / _DAY:.4g}: "
            "the same virtual patients under every candidate, drawn by these scores; only what "
            "follows differs."
        )
    return (
        f"The same {plan.patients:,} virtual patients, seed {plan.seed}, MADRS {plan.baseline:.3g} "
        f"before treatment, followed for {days}: only what is given differs."
    )


def _asked(plan: Plan) -> str:
    """What was asked, in a sentence."""
    grid = plan.grid
    origins = [one.origin for one in plan.candidates]
    parts = ["the course's own regimen (1)" if plan.scores is None else "no further session (1)"]
    named, combined = origins.count("named"), origins.count("grid")
    parts += (
        [f"{counted(named, 'regimen')} that {'was' if named == 1 else 'were'} named"]
        if named
        else []
    )
    if combined:
        usual = ", taken from what was studied for the condition because none was given"
        parts.append(f"{counted(combined, 'combination')} of a grid{usual if grid.usual else ''}")
    text = f"Candidates: {'; '.join(parts)}."
    if grid.options is not None:
        known = grid.options.to_dict()
        told = [
            f"{key} {', '.join(map(str, known[key]))}"
            for key in ("drug", "route", "dose", "interval", "number")
            if key in known
        ]
        tapered = {True: "with and without longer intervals after", False: ""}
        taper = known.get("taper", False)
        more = tapered[taper] if isinstance(taper, bool) else f"then {' or '.join(taper)}"
        told += [more] if more else []
        text += f" Grid: {'; '.join(told)}."
    return text


def _notes(plan: Plan, keys: list[str]) -> list[str]:
    """What is said of a criterion of all candidates alike."""
    found: list[str] = []
    for key in keys:
        notes = {own[key].note for own in plan.measures.values()}
        if len(notes) == 1 and (note := notes.pop()) and not note.startswith("session"):
            found.append(f"{words.capital(SAID[key])}: {note}.")
    return found


def _certainty(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "number": one.number,
            "name": one.name,
            "word": plan.word(one.number),
            "beyond": one.beyond,
            "found": [_certain(found) for found in plan.certainty[one.number]],
        }
        for one in plan.candidates
    ]


def _certain(one: Certainty) -> dict[str, Any]:
    return {
        "when": f"{_WHEN[one.when]}, day {one.at_h / _DAY:.3g}",
        "word": one.word,
        "given": one.given,
        "title": one.title,
        "distance": number(one.distance, 2),
        "differs": one.differs or NOTHING,
        "source": one.source,
    }


def _ranking(plan: Plan) -> dict[str, Any] | None:
    if not plan.rank_by:
        return None
    chosen = CRITERIA[plan.rank_by]
    called = {str(one.number): str(one.number) for one in plan.candidates}
    names = {str(one.number): one.name for one in plan.candidates}
    return {
        "words": SAID[plan.rank_by],
        "better": chosen.better,
        "rows": [
            {
                "place": one.place,
                "letter": one.option,
                "option": names[one.option],
                "value": f"{written(chosen, one.value)} {unit_words(chosen.unit)}".rstrip(),
                "told": told,
            }
            for one, told in ranked_words(plan, called)
        ],
    }


def _text(value: object) -> str:
    """The input as YAML."""
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
