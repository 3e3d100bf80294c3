"""A meta-analysis for a page: the forest plot, its table, what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ketasim._base.numbers import number
from ketasim.evidence import facts, list_facts
from ketasim.figures.figure import Drawing, Figure, Legend
from ketasim.figures.forest.drawing import forest_drawing
from ketasim.figures.forest.narrow import forest_narrow
from ketasim.figures.forest.rows import forest_of
from ketasim.synthesis import (
    META_CONTROLS,
    MetaResult,
    PublishedPool,
    control_words,
    left_out_by_reason,
    plain_number,
    shown,
    time_words,
)

METRICS: Final = {
    "difference": "difference in points",
    "smd": "standardised difference",
    "response": "response",
    "remission": "remission",
}
"""What can be asked of an outcome, in words."""

CONTROLS: Final = {"any": "any", **{name: control_words(name) for name in META_CONTROLS}}
"""Comparators, in words."""

ASKED: Final = (
    ("Racemic ketamine, MADRS, day 1", {"drug": "ketamine", "at": "24 h"}),
    (
        "Racemic ketamine against midazolam, MADRS, day 1",
        {"drug": "ketamine", "at": "24 h", "control": "midazolam"},
    ),
    ("Nasal esketamine, MADRS, day 28", {"drug": "esketamine", "at": "28 d"}),
    (
        "Nasal esketamine, response, day 28",
        {"drug": "esketamine", "metric": "response", "at": "28 d"},
    ),
    ("Racemic ketamine, response, day 1", {"drug": "ketamine", "metric": "response", "at": "24 h"}),
    ("Nasal esketamine, dissociation", {"event": "dissociation"}),
)
"""Questions that are often asked: their words, and what they ask."""


@dataclass(frozen=True)
class MetaStudy:
    """A study in the table of a forest plot, in words; `weight` is a share in percent."""

    label: str
    given: str
    people: str
    effect: str
    weight: str
    grade: str
    basis: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class MetaView:
    """A meta-analysis in words.

    **Arguments:**

    - `title`: the question. `answer`: the pooled effect in a sentence.
    - `figure`: nothing where no study answers the question.
    - `studies`: rows of the table; `pooled`: further lines on what was pooled.
    - `notes`: of the selection. `left_out`: reason and names. `published`: pooled figures of
      others: words, what keeps them apart, source.
    - `methods`: keys of sources of the methods.
    """

    title: str
    answer: str
    figure: Figure | None
    studies: tuple[MetaStudy, ...]
    pooled: tuple[str, ...]
    notes: tuple[str, ...]
    left_out: tuple[tuple[str, tuple[str, ...]], ...]
    published: tuple[tuple[str, str, str], ...]
    methods: tuple[str, ...]


def meta_view(result: MetaResult) -> MetaView:
    """Arrange a meta-analysis.

    **Arguments:**

    - `result`: of `pool_comparable`.
    """
    selection, pooled = result.selection, result.pooled
    title = selection.query.title
    return MetaView(
        title=title[:1].upper() + title[1:],
        answer=_answer(result),
        figure=None if pooled is None else _figure(result),
        studies=_studies(result),
        pooled=_lines(result),
        notes=selection.notes,
        left_out=tuple(left_out_by_reason(result)),
        published=tuple(map(_pool, result.published)),
        methods=tuple(dict.fromkeys(row.source for row in facts("pooling_methods"))),
    )


def _pool(one: PublishedPool) -> tuple[str, str, str]:
    """A pooled figure of others, what keeps it apart, and its source."""
    when = "" if one.time is None else f" at {time_words(one.time)}"
    scale = f", {one.scale}" if one.scale else ""
    same = "pools the same trials" if one.comparable else "not the same trials"
    return f"{one.measure}{when}{scale}: {one.text}", f"{same}: {one.why}", one.source


def events() -> tuple[str, ...]:
    """Names of adverse events that can be asked for, in the order of the tables."""
    rows = list_facts(table="acute/label_adverse_events")
    names = (view.fact.get("event") for view in rows if view.fact.get("comparator_percent"))
    return tuple(dict.fromkeys(name for name in names if name))


def _figure(result: MetaResult) -> Figure:
    forest = forest_of(result)
    drawing = Drawing(forest_drawing(forest, paper=False), forest_narrow(forest))
    legend = tuple(Legend("words", text) for text in (", ".join(forest.entries),))
    return Figure("forest", "Forest plot", (drawing,), legend, columns=1)


def _answer(result: MetaResult) -> str:
    pooled = result.pooled
    if pooled is None:
        return "No study of the tables answers this question; that is no evidence of no effect."
    sides = "drug over control" if result.selection.query.is_ratio else "drug minus control"
    low, high = (plain_number(shown(result, one)) for one in (pooled.low, pooled.high))
    value = plain_number(shown(result, pooled.estimate))
    many = "one study" if pooled.k == 1 else f"{pooled.k} studies, pooled"
    return f"{many}: {value} (95 % interval {low} to {high}), {sides}.".replace(
        "-", "−"
    ).capitalize()


def _studies(result: MetaResult) -> tuple[MetaStudy, ...]:
    pooled = result.pooled
    if pooled is None:
        return ()
    rows = forest_of(result).studies
    return tuple(
        MetaStudy(
            label=study.label,
            given=row.detail,
            people=row.people,
            effect=row.effect,
            weight=f"{100.0 * weight:.0f} %",
            grade=study.grade,
            basis="; ".join((study.population, study.basis, *study.flags)),
            sources=study.sources,
        )
        for study, row, weight in zip(result.selection.studies, rows, pooled.weights, strict=True)
    )


def _lines(result: MetaResult) -> tuple[str, ...]:
    pooled = result.pooled
    if pooled is None or pooled.k == 1:
        return () if pooled is None else pooled.notes
    lines = [pooled.method]
    if pooled.tau2 is not None:
        text = f"tau² {plain_number(pooled.tau2)} ({plain_number(pooled.tau2_low)} to "
        text += f"{plain_number(pooled.tau2_high)})"
        lines.append(text if pooled.i2 is None else f"{text}, I² {number(100 * pooled.i2, 2)} %")
    if pooled.prediction is not None:
        low, high = (plain_number(shown(result, one)) for one in pooled.prediction)
        lines.append(f"95 % prediction interval of a further study: {low} to {high}")
    return (*lines, *pooled.notes)
