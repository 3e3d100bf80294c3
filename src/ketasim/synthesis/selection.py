"""What is asked of a meta-analysis, and what it finds: studies, what was left out, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from ketasim.__about__ import __version__
from ketasim._base import Headline, HeadlineRow, InputError, Result, near
from ketasim._base.result import csv, later
from ketasim.evidence import facts
from ketasim.synthesis.pooling import INTERVALS, PooledEffect

if TYPE_CHECKING:
    import polars

META_METRICS: Final = ("difference", "smd", "response", "remission", "event")
"""What can be pooled: points on a scale, the same over its standard deviation, or shares of people
who respond, remit or have an event."""

META_MEASURES: Final = {
    "difference": ("mean difference",),
    "smd": ("standardised mean difference",),
    "response": ("odds ratio", "risk ratio", "risk difference"),
    "remission": ("odds ratio", "risk ratio", "risk difference"),
    "event": ("risk ratio", "odds ratio", "risk difference"),
}
"""Measures of each metric; the first is taken when none is asked for."""

SHORT: Final = {"or": "odds ratio", "rr": "risk ratio", "rd": "risk difference"}
"""Short words for the measures of shares."""

RATIOS: Final = ("odds ratio", "risk ratio")
"""Measures that are pooled as logarithms."""

META_CONTROLS: Final = (
    "saline",
    "midazolam",
    "placebo_spray",
    "placebo_oral",
    "masked",
    "quetiapine",
)
"""Comparators that can be asked for; `masked` is saline under anaesthesia."""

VALUES: Final = ("printed", "arms")
"""Which form of a difference comes first: the trial's own contrast, or that of its arms."""

DRUGS: Final = ("ketamine", "esketamine", "arketamine")
ROUTES: Final = ("iv", "im", "sc", "intranasal", "oral", "oral_er", "sublingual")

_TABLES: Final = "ketasim.synthesis.tables"  # which read this result
_NEAREST_SHARE = 0.25  # of the time asked for: a visit so far away still counts as that time


@dataclass(frozen=True)
class MetaQuery:
    """What is to be pooled.

    **Arguments:**

    - `metric`: one of `META_METRICS`.
    - `drug`: such as `ketamine` (racemic) or `esketamine`; all when left out.
    - `route`: such as `iv`; all when left out.
    - `scale`: of the outcome, such as `MADRS`; `any` is for shares and `smd` only.
    - `at`: time after the first dose, h. `within`: how far from it a visit may be, h; a quarter of
      `at` when left out.
    - `control`: one of `META_CONTROLS`, or `any`.
    - `measure`: one of `META_MEASURES` of the metric, also as `or`, `rr`, `rd`.
    - `event`: the adverse event, with the metric `event`.
    - `exclude`: keys of trials. `open`: also those whose people know, or may know, what they get.
    - `values`: one of `VALUES`. `interval`: one of `INTERVALS`.

    **Raises:** `InputError` when a word is unknown or does not go with the others.
    """

    metric: str = "difference"
    drug: str | None = None
    route: str | None = None
    scale: str = "MADRS"
    at: float = 24.0
    within: float | None = None
    control: str = "any"
    measure: str | None = None
    event: str | None = None
    exclude: tuple[str, ...] = ()
    open: bool = False
    values: str = "printed"
    interval: str = "modified"

    def __post_init__(self) -> None:
        _known("--metric", self.metric, META_METRICS)
        _known("--control", self.control, (*META_CONTROLS, "any"))
        _known("--values", self.values, VALUES)
        _known("--interval", self.interval, INTERVALS)
        if self.drug is not None:
            _known("--drug", self.drug, DRUGS)
        if self.route is not None:
            _known("--route", self.route, ROUTES)
        if (self.metric == "event") != (self.event is not None):
            raise InputError(
                "--event",
                "the metric 'event' and an event go together",
                "give --event with its name and leave --metric out",
            )
        allowed = META_MEASURES[self.metric]
        if self.measure is not None:
            word = SHORT.get(self.measure, self.measure)
            if word not in allowed:
                raise InputError(
                    "--measure",
                    f"'{word}' is no measure of '{self.metric}'",
                    near(word, allowed),
                )
            object.__setattr__(self, "measure", word)
        else:
            object.__setattr__(self, "measure", allowed[0])
        if self.scale == "any" and self.metric == "difference":
            raise InputError(
                "--scale", "points of several scales cannot be added", "use --metric smd"
            )
        if self.at <= 0 or (self.within is not None and self.within <= 0):
            raise InputError("--at", "a time is not above 0", "give a time such as '24 h'")

    @property
    def effect(self) -> str:
        """The measure in words."""
        return self.measure or META_MEASURES[self.metric][0]

    @property
    def is_ratio(self) -> bool:
        """Whether effects are logarithms of ratios."""
        return self.measure in RATIOS

    @property
    def window(self) -> tuple[float, float]:
        """First and last time that counts, h."""
        reach = _NEAREST_SHARE * self.at if self.within is None else self.within
        return max(0.0, self.at - reach), self.at + reach

    @property
    def title(self) -> str:
        """What is pooled, in one line."""
        # only esketamine has tables of events with a comparator
        drug = self.drug or ("esketamine" if self.event else "ketamine or esketamine")
        by = f" {self.route}" if self.route else ""
        control = "any control" if self.control == "any" else control_words(self.control)
        head = f"{drug}{by} against {control}"
        if self.metric == "event":
            return f"{self.effect} of {self.event}: {head}, first weeks"
        scale = "any scale" if self.scale == "any" else self.scale
        what = self.metric if self.metric in ("response", "remission") else "change"
        what = f"{what} on {scale}" if self.scale == "any" else f"{scale} {what}"
        return f"{self.effect} of {what} at {time_words(self.at)}: {head}"


@dataclass(frozen=True)
class StudyEffect:
    """The result of one trial, as it enters.

    **Arguments:**

    - `label`: key of the trial. `population`: who, from the tables.
    - `drug`, `route`, `dose`, `control`: what was compared. `time`: h; nothing for events over a
      phase.
    - `scale`, `basis`: of the outcome, and which printed numbers the effect is made of.
    - `n`, `n_control`: people. `events`, `events_control`: those with the outcome, of shares only.
    - `effect`, `se`: drug less control; logarithms for ratios.
    - `flags`: what a reader must know of it. `grade`: of the effect.
    - `facts`, `sources`: rows and keys behind it.
    """

    label: str
    population: str
    drug: str
    route: str
    dose: str
    control: str
    time: float | None
    scale: str
    basis: str
    n: int | None
    n_control: int | None
    events: int | None
    events_control: int | None
    effect: float
    se: float
    flags: tuple[str, ...]
    grade: str
    facts: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    """Something of the tables that does not enter, with the reason.

    **Arguments:**

    - `label`: key of the trial, or name of the study. `reason`: why, in words.
    - `facts`: rows concerned; empty when the tables hold none.
    """

    label: str
    reason: str
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublishedPool:
    """A pooled figure that somebody else published on the same question.

    **Arguments:**

    - `facts`: rows it stands in. `source`: its key. `measure`, `scale`: of it.
    - `time`: h; nothing when it has no one time. `text`: the figure as printed.
    - `members`: keys of the pooled trials; empty when the tables do not name them.
    - `comparable`: whether it pools what is pooled here. `why`: what keeps them apart.
    """

    facts: tuple[str, ...]
    source: str
    measure: str
    scale: str
    time: float | None
    text: str
    members: tuple[str, ...]
    comparable: bool
    why: str


@dataclass(frozen=True)
class MetaSelection:
    """The studies that answer a question, and everything that does not enter.

    **Arguments:**

    - `query`: the question. `studies`: in the order of the tables, one effect a trial.
    - `left_out`: what does not enter. `notes`: what a reader must know, as sentences.
    """

    query: MetaQuery
    studies: tuple[StudyEffect, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class MetaResult(Result):
    """A meta-analysis of published outcomes.

    **Arguments:**

    - `selection`: what entered and what did not.
    - `pooled`: the result; nothing when no study entered.
    - `published`: figures that others published on the same question.
    """

    selection: MetaSelection
    pooled: PooledEffect | None
    published: tuple[PublishedPool, ...]

    def headline(self) -> Headline:
        """The pooled effect with its intervals, and how much the studies differ."""
        write, shown = (later(f"{_TABLES}:{name}") for name in ("plain_number", "shown"))
        query, pooled = self.selection.query, self.pooled
        rows: list[HeadlineRow] = []
        if pooled is not None:

            def ends(low: float, high: float) -> str:
                return f"{write(shown(self, low))} to {write(shown(self, high))}"

            effect = write(shown(self, pooled.estimate))
            rows.append(HeadlineRow("pooled effect", effect, ends(pooled.low, pooled.high)))
            if pooled.prediction is not None:
                interval = ends(*pooled.prediction)
                rows.append(HeadlineRow("prediction for a further study", effect, interval))
            if pooled.tau2 is not None:
                rows.append(HeadlineRow("variance between studies, tau²", write(pooled.tau2)))
            if pooled.i2 is not None:
                rows.append(HeadlineRow("I²", f"{100 * pooled.i2:.0f}", unit="%"))
        rows.append(HeadlineRow("studies", str(len(self.selection.studies))))
        rows.append(HeadlineRow("left out", str(len(self.selection.left_out))))
        rows.append(HeadlineRow("published pooled figures", str(len(self.published))))
        return Headline(f"Meta-analysis: {query.title}", tuple(rows), "Ranges: 95 % intervals.")

    @property
    def metadata(self) -> dict[str, Any]:
        """Version and question."""
        return {"ketasim": __version__, "query": asdict(self.selection.query)}

    def sources(self) -> tuple[str, ...]:
        """Keys of the studies' sources, of the published figures and of the methods."""
        keys = [key for study in self.selection.studies for key in study.sources]
        keys += [one.source for one in self.published]
        keys += [row.source for row in facts("pooling_methods")]
        return tuple(dict.fromkeys(key for key in keys if key))

    def main_table(self) -> polars.DataFrame:
        """The studies and the results below them, as `meta_table` returns them."""
        return later(f"{_TABLES}:meta_table")(self)

    def files(self) -> dict[str, bytes]:
        """What `save` writes: meta.csv, left_out.csv, forest.svg and forest.png.

        **Raises:** `InputError` when no study answers the question.
        """
        if self.pooled is None:
            raise InputError(
                "query", "no study of the tables answers it", "ask for another time or control"
            )
        return {
            "meta.csv": csv(self.main_table()),
            "left_out.csv": csv(later(f"{_TABLES}:left_out_table")(self)),
            "forest.svg": later("ketasim.figures:forest_svg")(self).encode(),
            "forest.png": later("ketasim.figures:forest_png")(self),
        }


def time_words(hours: float) -> str:
    """A time as people say it: hours up to two days, then days."""
    if hours <= 48.0:
        return f"{hours:.3g} h"
    return f"day {hours / 24.0:.3g}"


def control_words(control: str) -> str:
    """A kind of control in words.

    **Arguments:**

    - `control`: such as `masked`.
    """
    return "saline under anaesthesia" if control == "masked" else control.replace("_", " ")


def _known(field: str, word: str, known: Sequence[str]) -> None:
    if word not in known:
        raise InputError(field, f"unknown word '{word}'", near(word, known))
