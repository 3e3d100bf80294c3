"""The report of a comparison: regimens side by side on one page that opens offline, and prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ketasim._base import words
from ketasim._base.numbers import NOTHING, number, span
from ketasim.figures.comparison import LETTERS, comparison_figures
from ketasim.planning.burden import monitoring
from ketasim.planning.certainty import overall
from ketasim.planning.criteria import COMPARED, CRITERIA
from ketasim.planning.shown import GROUPS, Line, lines, ranked_words, unassessed, weeks, written
from ketasim.reports.page import render
from ketasim.simulation.mood.drawn import DRAWS

if TYPE_CHECKING:
    from ketasim.planning import Certainty, Comparison, Option

_DAY: Final = 24.0
_WEEKLY: Final = (("MADRS", "MADRS, points"), ("response", "Response"))
_FIRST: Final = (
    *("MADRS_end", "response_end", "days_well", "CADSS_peak", "CADSS_resolved", "SBP_peak"),
    *("sessions", "hours", "dose"),
)
_WHEN: Final = {"last": "after the last session", "end": "at the end"}
_CERTAIN: Final = {
    "studied": "This regimen was studied in a trial.",
    "near": "Near what was studied in trials.",
    "far": "Far from what was studied in trials.",
}


def comparison_report(comparison: Comparison, *, command: str = "") -> str:
    """Write the report of a comparison as one page of HTML.

    **Arguments:**

    - `comparison`: what `compare` returned.
    - `command`: what reproduces it; when left out, the page shows the inputs only.
    """
    return render(
        "compare.html",
        title=f"{len(comparison.options)} regimens compared",
        sources=comparison.sources(),
        result=comparison,
        view=comparison_view(comparison),
        words=words,
        metadata=comparison.metadata,
        inputs=[_text(one) for one in comparison.metadata["input"]],
        command=command,
    )


def comparison_view(comparison: Comparison) -> dict[str, Any]:
    """What report and page show of a comparison, in words.

    **Arguments:**

    - `comparison`: what `compare` returned.
    """
    return {
        "who": _who(comparison),
        "letters": LETTERS[: len(comparison.options)],
        "options": [
            _option(letter, one) for letter, one in zip(LETTERS, comparison.options, strict=False)
        ],
        "first": [{"title": "", "lines": _first(comparison)}],
        "groups": [
            {"key": key, "title": title, "lines": found}
            for key, title in GROUPS.items()
            if (found := lines(comparison, key))
        ],
        "unassessed": unassessed(comparison),
        "weekly": [
            {"title": title, "rows": found}
            for key, title in _WEEKLY
            if (found := weeks(comparison, start=key))
        ],
        "ranking": _ranking(comparison),
        "criteria": [CRITERIA[key] for key in COMPARED],
        "rank_by": comparison.rank_by,
        "figures": comparison_figures(comparison),
        "costs": _costs(comparison),
        "draws": DRAWS,
        "typical": comparison.typical,
        "monitoring": monitoring(),
        "warnings": comparison.warnings,
    }


def _who(comparison: Comparison) -> str:
    simulation = comparison.options[0].simulation
    days = f"{simulation.course.horizon / _DAY:.3g} days"
    if comparison.typical:
        return f"The same typical patient, followed for {days}"
    cohort = simulation.cohort
    return f"The same {cohort.n:,} virtual patients, seed {cohort.seed}, followed for {days}"


def _first(comparison: Comparison) -> list[Line]:
    """The criteria that the page opens with."""
    every = {line.key: line for group in GROUPS for line in lines(comparison, group)}
    chosen = dict.fromkeys((comparison.rank_by, *_FIRST))
    return [every[key] for key in chosen if key in every]


def _option(letter: str, one: Option) -> dict[str, Any]:
    return {
        "letter": letter,
        "name": one.name,
        "what": "" if one.what == one.name else one.what,
        "certain": _CERTAIN.get(overall(one.certainty), "Beside what was studied: not assessed."),
        "certainty": [_certain(found) for found in one.certainty],
        "beyond": next((found.beyond for found in one.certainty if found.beyond), ""),
    }


def _certain(one: Certainty) -> dict[str, Any]:
    return {
        "when": f"{_WHEN[one.when]}, day {one.at_h / _DAY:.3g}",
        "word": one.word,
        "meaning": one.meaning,
        "given": one.given,
        "title": one.title,
        "distance": number(one.distance, 2),
        "differs": one.differs,
        "source": one.source,
    }


def _ranking(comparison: Comparison) -> dict[str, Any] | None:
    if not comparison.rank_by:
        return None
    chosen = CRITERIA[comparison.rank_by]
    letters = dict(zip(comparison.names, LETTERS, strict=False))
    return {
        "words": chosen.words,
        "better": chosen.better,
        "rows": [
            {
                "place": one.place,
                "letter": letters[one.option],
                "option": one.option,
                "value": written(chosen, one.value),
                "told": told,
            }
            for one, told in ranked_words(comparison, letters)
        ],
    }


def _costs(comparison: Comparison) -> list[dict[str, Any]]:
    letters = dict(zip(comparison.names, LETTERS, strict=False))
    rows: list[dict[str, Any]] = []
    for row in comparison.costs().to_dicts():
        if row["fact"] and row["count"] is None:
            continue  # what cannot be multiplied says nothing of the options
        price, total = (
            _money(row["currency"], row[low], row[high])
            for low, high in (("low", "high"), ("total_low", "total_high"))
        )
        rows.append(
            {
                "letter": letters[row["option"]],
                "item": row["item"],
                "where": ", ".join(
                    str(one) for one in (row["country"], row["year"]) if one is not None
                ),
                "price": price,
                "per": row["per"] or "",
                "count": NOTHING if row["count"] is None else str(row["count"]),
                "total": total,
                "note": row["note"] or "",
                "source": row["source"] or "",
            }
        )
    return rows


def _money(currency: str | None, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return NOTHING
    ends = number(low, 4) if low == high else span(number(low, 4), number(high, 4))
    return f"{currency} {ends}"


def _text(value: object) -> str:
    """The input as YAML."""
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
