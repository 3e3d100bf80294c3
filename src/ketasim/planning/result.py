"""The result of `compare`: its tables, differences, and the ranking that was asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import polars as pl

from ketasim.__about__ import __version__
from ketasim._base import Headline, Result
from ketasim._base.result import csv, later, saved
from ketasim.planning.burden import costs, monitoring, shared_costs
from ketasim.planning.criteria import CRITERIA, criterion
from ketasim.planning.difference import Difference, difference
from ketasim.planning.headline import comparison_headline
from ketasim.planning.measure import Measure
from ketasim.planning.option import Option
from ketasim.planning.ranking import Ranked, ranked
from ketasim.population import VisitNoise, remission_chance, response_chance
from ketasim.simulation import MADRS, Assumption
from ketasim.simulation.mood.drawn import DRAWS
from ketasim.simulation.mood.inputs import mood_input
from ketasim.simulation.mood.weeks import REMISSION

_DAY: Final = 24.0
_Place = tuple[str, int | None]


@dataclass(frozen=True, repr=False, eq=False)
class Comparison(Result):
    """What `compare` returns.

    **Arguments:**

    - `options`: two to four; differences are to the first.
    - `rank_by`: of `CRITERIA`; empty where nothing is ranked.
    - `notes`: what was assumed so that the options can be compared, as sentences.
    """

    options: tuple[Option, ...]
    rank_by: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a criterion by which nothing can be ranked."""
        if self.rank_by:
            criterion(self.rank_by)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the options."""
        return tuple(one.name for one in self.options)

    @property
    def typical(self) -> bool:
        """Whether the options are of the typical patient."""
        return self.options[0].simulation.cohort.typical

    def ranked_by(self, name: str) -> Comparison:
        """The same options by another criterion, nothing computed again.

        **Raises:** `InputError` when options cannot be ranked by it.
        """
        return replace(self, rank_by=criterion(name).key)

    @cached_property
    def measures(self) -> Mapping[str, Mapping[_Place, Measure]]:
        """Name of an option to criterion and week to its measure."""
        prices = shared_costs(self.costs(), self.names)
        found: dict[str, dict[_Place, Measure]] = {}
        for option, price in zip(self.options, prices, strict=True):
            every = (*option.measures, price)
            found[option.name] = {(one.key, one.week): one for one in every}
        return found

    def measure(self, option: str, key: str, week: int | None = None) -> Measure | None:
        """A number of an option; nothing where it has none.

        **Arguments:**

        - `option`: its name. `key`: of `CRITERIA`. `week`: of a weekly one, from 1.
        """
        return self.measures[option].get((key, week))

    def difference(
        self, option: str, key: str, week: int | None = None, *, other: str | None = None
    ) -> Difference:
        """An option minus another.

        **Main arguments:** as of `measure`.

        **Other arguments:**

        - `other`: name of it; the first option when left out.
        """
        mine = self.measure(option, key, week)
        theirs = self.measure(other or self.names[0], key, week)
        return Difference(None) if mine is None or theirs is None else difference(mine, theirs)

    def headline(self) -> Headline:
        """Scores, responders and hours of each option, and how far they are from the first."""
        return comparison_headline(self)

    def summary(self) -> pl.DataFrame:
        """Every number of every option, and its difference to the first one.

        **Returns:** columns option, metric (of `CRITERIA`, and `certainty`), unit, mean, p05, p50,
        p95, difference_to_first, p_better (share of the parameter draws in which it is better than
        the first option, ties by half), difference_p05, difference_p95, difference_clear (whether
        that range is on one side of 0), range (what p05 to p95 and those of the difference are of:
        `parameter uncertainty` or `between patients`; empty of what follows from the regimen),
        week, day, and note. Shares are fractions; the `mean` of certainty is the distance of the
        nearest trial arm by the rule `mood/nearness`, and its note begins with `studied`, `near` or
        `far`.
        """
        return self._summary.clone()

    @cached_property
    def _summary(self) -> pl.DataFrame:
        rows: list[dict[str, Any]] = []
        order = {key: place for place, key in enumerate(CRITERIA)}
        for option in self.options:
            own = self.measures[option.name]
            for key, week in sorted(own, key=lambda one: (order[one[0]], one[1] or 0)):
                gap = Difference(None)
                if option is not self.options[0]:
                    gap = self.difference(option.name, key, week)
                rows.append(_row(option.name, own[key, week], gap))
            rows += [_certain(option.name, one) for one in option.certainty]
        text = ("option", "metric", "unit", "range", "note")
        types = {"week": pl.Int64, "difference_clear": pl.Boolean}
        schema = {name: pl.String if name in text else types.get(name, pl.Float64) for name in _ROW}
        return pl.DataFrame(rows, schema=schema)

    def over_time(self) -> pl.DataFrame:
        """Expected scores and shares of each option by time.

        **Returns:** columns option, time_h, day, MADRS (mean, points), and of a population response
        and remission (a MADRS of at most 10), fractions. Empty where mood was not computed.
        """
        return self._over_time.clone()

    @cached_property
    def _over_time(self) -> pl.DataFrame:
        kinds = dict.fromkeys(("time_h", "day", "MADRS", "response", "remission"), pl.Float64)
        parts = [pl.DataFrame(schema={"option": pl.String, **kinds})]
        parts += [
            pl.DataFrame(columns, schema={"option": pl.String, **kinds})
            for columns in map(_curve, self.options)
            if columns is not None
        ]
        return pl.concat(parts)

    def costs(self) -> pl.DataFrame:
        """Published prices of each option; rows are alternatives, never to be added up.

        **Returns:** the columns of `ketasim.screening.course_costs` after `option`.
        """
        return self._costs.clone()

    @cached_property
    def _costs(self) -> pl.DataFrame:
        return costs({one.name: one.given for one in self.options})

    def certainty(self) -> pl.DataFrame:
        """How near each option is to what was studied.

        **Returns:** a row an option and time: option, and a column for each field of `Certainty`.
        """
        rows = [
            {"option": option.name, **vars(one)}
            for option in self.options
            for one in option.certainty
        ]
        floats = ("at_h", "distance")
        names = ("option", "at_h", "when", "word", "meaning", "trial", "arm", "title", "given")
        names += ("distance", "differs", "source", "beyond")
        return pl.DataFrame(
            rows, schema={name: pl.Float64 if name in floats else pl.String for name in names}
        )

    def ranking(self) -> tuple[Ranked, ...]:
        """Options by the criterion that was asked for, the better first.

        Two that follow each other share a place where their difference is smaller than its
        uncertainty. What is not assessed comes last.

        **Returns:** nothing where no criterion was asked for.
        """
        if not self.rank_by:
            return ()
        key = self.rank_by
        return ranked({name: own[key, None] for name, own in self.measures.items()}, key)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the reader must know, as sentences; of which option, where it is not of all."""
        said: dict[str, list[str]] = {}
        for option in self.options:
            for text in option.simulation.warnings:
                said.setdefault(text, []).append(option.name)
        every = len(self.options)
        shared = [text for text, names in said.items() if len(names) == every]
        own = [f"{'; '.join(n)}: {text}" for text, n in said.items() if len(n) < every]
        return tuple(dict.fromkeys((*self.notes, *shared, *own)))

    @cached_property
    def assumptions(self) -> tuple[Assumption, ...]:
        """Everything graded `assumed` that acted in any option."""
        return tuple(
            dict.fromkeys(one for option in self.options for one in option.simulation.assumptions)
        )

    def sources(self) -> tuple[str, ...]:
        """Keys of every source that this result used, without repetition."""
        keys = [key for option in self.options for key in option.simulation.sources()]
        keys.append(monitoring().source)
        keys += [one.source for option in self.options for one in option.certainty]
        keys += [key for key in self._costs["source"].to_list() if key]
        return tuple(dict.fromkeys(keys))

    @property
    def metadata(self) -> dict[str, Any]:
        """What reproduces this result: version, cards and their hashes, seed, inputs."""
        first = self.options[0].simulation.metadata
        cards: dict[str, str] = {}
        for option in self.options:
            cards |= option.simulation.metadata["cards"]
        return {
            "ketasim": __version__,
            "model": first["model"],
            "cards": cards,
            "patients": first["patients"],
            "typical": first["typical"],
            "seed": first["seed"],
            "draws": DRAWS,
            "rank_by": self.rank_by,
            "input": [
                {"option": one.name, **one.simulation.metadata["input"]} for one in self.options
            ],
        }

    def main_table(self) -> pl.DataFrame:
        """The table of `summary`."""
        return self.summary()

    def files(self, *, command: str = "") -> dict[str, bytes]:
        """What `save` writes: file name to content.

        **Arguments:**

        - `command`: what the report says reproduces it; left out, the report shows the inputs.
        """
        report = later("ketasim.reports.compare:comparison_report")
        return {
            "comparison.csv": csv(self.summary()),
            "report.html": report(self, command=command).encode(),
        }

    def save(self, folder: str | Path, *, command: str = "") -> list[Path]:
        """Write comparison.csv and report.html: both or none.

        **Arguments:**

        - `folder`: made if missing. `command`: as of `files`.

        **Returns:** the files.

        **Raises:** `InputError` when the folder cannot be written to.
        """
        return saved(folder, self.files(command=command))

    def to_json(self) -> str:
        """Everything but the single patients, for machines.

        **Returns:** an object with metadata, warnings, assumptions, ranking, and the tables
        summary, over_time, certainty and costs as columns.
        """
        document = {
            "metadata": self.metadata,
            "warnings": list(self.warnings),
            "assumptions": [vars(one) for one in self.assumptions],
            "ranking": self.ranking_rows(),
            "summary": self._summary.to_dict(as_series=False),
            "over_time": self._over_time.to_dict(as_series=False),
            "certainty": self.certainty().to_dict(as_series=False),
            "costs": self._costs.to_dict(as_series=False),
        }
        return json.dumps(document, allow_nan=False)

    def ranking_rows(self) -> list[dict[str, Any]]:
        """The ranking as mappings: place, option, value, unit, and the gap to the one before."""
        return [one.to_row() for one in self.ranking()]


_ROW: Final = (
    *("option", "metric", "unit", "mean", "p05", "p50", "p95", "difference_to_first", "p_better"),
    *("difference_p05", "difference_p95", "difference_clear", "range", "week", "day", "note"),
)


def _row(option: str, own: Measure, gap: Difference) -> dict[str, Any]:
    low, middle, high = own.quantiles
    return {
        "option": option,
        "metric": own.key,
        "unit": own.unit,
        "mean": own.value,
        "p05": low,
        "p50": middle,
        "p95": high,
        "difference_to_first": gap.value,
        "p_better": gap.p_better,
        "difference_p05": gap.p05,
        "difference_p95": gap.p95,
        "difference_clear": None if gap.p05 is None else gap.clear,
        "range": own.spread if low is not None else "",
        "week": own.week,
        "day": None if own.at_h is None else own.at_h / _DAY,
        "note": own.note,
    }


def _certain(option: str, one: Any) -> dict[str, Any]:
    row = dict.fromkeys(_ROW)
    note = f"{one.word}: {one.title}, {one.given}"
    found = {"option": option, "metric": "certainty", "unit": "distance", "mean": one.distance}
    return {**row, **found, "range": "", "day": one.at_h / _DAY, "note": note}


def _curve(option: Option) -> dict[str, Any] | None:
    simulation = option.simulation
    mood = simulation.mood
    if mood is None:
        return None
    times, scores = simulation.times, simulation.values[MADRS]
    shares: dict[str, Any] = {"response": None, "remission": None}
    if not simulation.cohort.typical:
        sd = VisitNoise.of(mood_input(option.course).numbers()).sd(times)[:, None]
        shares = {
            "response": response_chance(scores, mood.baseline, sd).mean(axis=1),
            "remission": remission_chance(scores, REMISSION, sd).mean(axis=1),
        }
    columns = {"time_h": times, "day": times / _DAY, "MADRS": scores.mean(axis=1), **shares}
    return {
        "option": [option.name] * len(times),
        **{k: [None] * len(times) if v is None else v for k, v in columns.items()},
    }
