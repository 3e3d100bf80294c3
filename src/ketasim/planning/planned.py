"""The result of `plan`: every candidate with its criteria, and the front."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import polars as pl

from ketasim.__about__ import __version__
from ketasim._base import Headline, HeadlineRow, Result
from ketasim._base.headline import plain, share
from ketasim._base.result import csv, later, saved
from ketasim._base.words import counted
from ketasim.dosing import Course
from ketasim.evidence import load_card
from ketasim.planning.burden import monitoring
from ketasim.planning.candidates.candidate import Candidate
from ketasim.planning.candidates.front import Placed, apart, placed
from ketasim.planning.candidates.grid import Grid
from ketasim.planning.certainty import WORDS, Certainty
from ketasim.planning.criteria import CRITERIA, PLANNED, criterion
from ketasim.planning.measure import Measure
from ketasim.planning.ranking import Ranked, ranked
from ketasim.simulation.mood.drawn import DRAWS

_DAY: Final = 24.0
_CARDS: Final = ("reference", "receptor", "mood", "session")
_UNITS: Final = {"fraction": "%", "point": "points", "d": "days", "count": "", "rank": ""}


@dataclass(frozen=True, repr=False, eq=False)
class Plan(Result):
    """What `plan` returns.

    **Arguments:**

    - `course`: the patient, with the population and the horizon of all candidates.
    - `grid`: the candidates, and what was left out.
    - `courses`: number of a candidate to its course.
    - `measures`: number of a candidate to criterion to measure, each of `PLANNED`.
    - `certainty`: number to what was studied that is nearest to it.
    - `disagrees`: number to where trials disagree with the model for it, in a sentence, or empty.
    - `prices`: published prices of each, as of `course_costs` after `option`.
    - `criteria`: keys of those of the front. `criteria_named`: whether the reader named them.
    - `placed`: number to its place on the front or behind it.
    - `rank_by`: of `PLANNED`; empty where nothing is ranked.
    - `patients`, `seed`: of the virtual patients. `baseline`: MADRS before treatment, points.
    - `assumed`: what was assumed of the patient. `notes`: what the reader must know, as sentences.
    - `mood_sources`: keys of sources of the patient's situation.
    - `scores`: of the patient, after that before treatment, by which the virtual patients were
      weighed; nothing where none were given.
    """

    course: Course
    grid: Grid
    courses: Mapping[int, Course]
    measures: Mapping[int, Mapping[str, Measure]]
    certainty: Mapping[int, tuple[Certainty, ...]]
    disagrees: Mapping[int, str]
    prices: pl.DataFrame
    criteria: tuple[str, ...]
    criteria_named: bool
    placed: Mapping[int, Placed]
    rank_by: str
    patients: int
    seed: int
    baseline: float
    assumed: tuple[str, ...]
    notes: tuple[str, ...]
    mood_sources: tuple[str, ...]
    scores: int | None = None

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """In the order of their numbers."""
        return self.grid.candidates

    @property
    def front(self) -> tuple[Candidate, ...]:
        """Candidates on the front."""
        return tuple(one for one in self.candidates if self.placed[one.number].on_front)

    def measure(self, option: str | int, key: str, week: int | None = None) -> Measure | None:
        """A number of a candidate.

        **Arguments:**

        - `option`: its number. `key`: of `PLANNED`. `week`: a plan has no weekly numbers.
        """
        return None if week is not None else self.measures[int(option)].get(key)

    def over(self, *names: str) -> Plan:
        """The same candidates with the front over other criteria, nothing computed again.

        **Arguments:**

        - `names`: two or more.

        **Raises:** `InputError` when one is not known.
        """
        keys = tuple(
            dict.fromkeys(criterion(n, field="criteria", among=PLANNED).key for n in names)
        )
        found = placed(self.measures, [CRITERIA[key] for key in keys])
        return replace(self, criteria=keys, criteria_named=True, placed=found)

    def ranked_by(self, name: str) -> Plan:
        """The same candidates ranked by a criterion, nothing computed again.

        **Raises:** `InputError` when it is not known.
        """
        return replace(self, rank_by=criterion(name, among=PLANNED).key)

    def ranking(self) -> tuple[Ranked, ...]:
        """Candidates by the criterion that was asked for, the better first; see `ranked`.

        **Returns:** `Ranked` with the number as `option`; nothing where no criterion was asked for.
        """
        if not self.rank_by:
            return ()
        own = {str(number): found[self.rank_by] for number, found in self.measures.items()}
        return ranked(own, self.rank_by, apart=apart, to_first=True)

    def headline(self) -> Headline:
        """How many candidates, and the criteria of those on the front."""
        front = self.front
        names = ", ".join(CRITERIA[key].words for key in self.criteria)
        title = (
            f"Plan: {counted(len(self.candidates), 'candidate')}, {len(front)} on the front over "
            f"{names}; {self.patients:,} virtual patients, seed {self.seed}, "
            f"{self.course.horizon / _DAY:.3g} days"
        )
        rows: list[HeadlineRow] = []
        for one in front:
            for key in self.criteria[:2]:
                own, chosen = self.measures[one.number][key], CRITERIA[key]
                write = share if chosen.unit == "fraction" else plain
                low, _, high = own.quantiles
                told = "" if low is None or high is None else f"({write(low)}-{write(high)})"
                unit = _UNITS.get(own.unit, own.unit)
                name = f"{one.number} {chosen.words}"
                rows.append(HeadlineRow(name, write(own.value), told, unit))
        return Headline(title, tuple(rows), "In brackets: 90 % uncertainty interval.")

    def summary(self) -> pl.DataFrame:
        """Every candidate with every criterion.

        **Returns:** columns candidate, regimen, origin (`own`, `grid`, `named`), drug, route, dose,
        interval, number, taper (of the grid), on_front (nothing where a criterion of the front is
        not assessed), front (`front`, `front, unclear`, `dominated`, `dominated, unclear`, `not
        placed`), against (the number of the candidate that this is said of), certainty, metric,
        of_front (whether the front is over it), unit, mean, p05, p50, p95, range (what p05 to p95
        are of), note. Shares are fractions; certainty is 0 studied, 1 near, 2 far.
        """
        return self._summary.clone()

    @cached_property
    def _summary(self) -> pl.DataFrame:
        rows: list[dict[str, Any]] = []
        for one in self.candidates:
            place = self.placed[one.number]
            own = self.measures[one.number]
            for key in PLANNED:
                low, middle, high = own[key].quantiles
                rows.append(
                    {
                        "candidate": one.number,
                        "regimen": one.name,
                        "origin": one.origin,
                        "drug": one.drug,
                        "route": one.route,
                        "dose": one.dose,
                        "interval": one.interval,
                        "number": one.sessions,
                        "taper": one.taper,
                        "on_front": place.on_front,
                        "front": place.word,
                        "against": place.against or None,
                        "certainty": self.word(one.number),
                        "metric": key,
                        "of_front": key in self.criteria,
                        "unit": own[key].unit,
                        "mean": own[key].value,
                        "p05": low,
                        "p50": middle,
                        "p95": high,
                        "range": own[key].spread if low is not None else "",
                        "note": own[key].note,
                    }
                )
        return pl.DataFrame(rows, schema=_SCHEMA)

    def word(self, number: int) -> str:
        """How near a candidate is to what was studied: a word, or `not assessed`."""
        value = self.measures[number]["certainty"].value
        return "not assessed" if value is None else WORDS[int(value)]

    def left_out(self) -> pl.DataFrame:
        """Combinations of the grid that are no candidates.

        **Returns:** columns regimen and why.
        """
        rows = [{"regimen": one.name, "why": one.why} for one in self.grid.left_out]
        return pl.DataFrame(rows, schema={"regimen": pl.String, "why": pl.String})

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What the reader must know, as sentences; of which candidates, where not of all."""
        said: dict[str, list[int]] = {}
        for number, course in self.courses.items():
            beyond = (found.beyond for found in self.certainty[number])
            for text in (*course.warnings, self.disagrees[number], *beyond):
                if text and number not in said.setdefault(text, []):
                    said[text].append(number)
        every = len(self.candidates)
        told = [
            text if len(numbers) == every else f"Candidates {numbered(numbers)}: {text}"
            for text, numbers in said.items()
        ]
        return tuple(dict.fromkeys((*self.notes, *told)))

    def sources(self) -> tuple[str, ...]:
        """Keys of every source that this result used, without repetition."""
        keys = [key for name in _CARDS for key in load_card(name).sources()]
        keys += [*self.mood_sources, monitoring().source]
        keys += [one.source for found in self.certainty.values() for one in found]
        keys += [key for key in self.prices["source"].to_list() if key]
        return tuple(dict.fromkeys(key for key in keys if key))

    @property
    def metadata(self) -> dict[str, Any]:
        """What reproduces this result: version, cards and their hashes, seed, input."""
        return {
            "ketasim": __version__,
            "model": self.course.pk_model,
            "cards": {name: load_card(name).hash for name in _CARDS},
            "patients": self.patients,
            "seed": self.seed,
            "draws": DRAWS,
            "criteria": list(self.criteria),
            "rank_by": self.rank_by,
            "grid": None if self.grid.options is None else self.grid.options.to_dict(),
            "input": self.course.to_dict(),
        }

    def main_table(self) -> pl.DataFrame:
        """The table of `summary`."""
        return self.summary()

    def files(self, *, command: str = "") -> dict[str, bytes]:
        """What `save` writes: file name to content.

        **Arguments:**

        - `command`: what the report says reproduces it; left out, the report shows the input.
        """
        report = later("ketasim.reports.planning.plan:plan_report")
        return {
            "plan.csv": csv(self.summary()),
            "report.html": report(self, command=command).encode(),
        }

    def save(self, folder: str | Path, *, command: str = "") -> list[Path]:
        """Write plan.csv and report.html: both or none.

        **Arguments:**

        - `folder`: made if missing. `command`: as of `files`.

        **Returns:** the files.

        **Raises:** `InputError` when the folder cannot be written to.
        """
        return saved(folder, self.files(command=command))

    def to_json(self) -> str:
        """Everything but the single patients, for machines.

        **Returns:** an object with metadata, warnings, ranking, left_out and the table summary, as
        columns.
        """
        document = {
            "metadata": self.metadata,
            "warnings": list(self.warnings),
            "ranking": [one.to_row() for one in self.ranking()],
            "left_out": self.left_out().to_dict(as_series=False),
            "summary": self._summary.to_dict(as_series=False),
        }
        return json.dumps(document, allow_nan=False)


def numbered(numbers: list[int]) -> str:
    """Numbers in words, neighbours as a range, such as `1-3, 7`.

    **Arguments:**

    - `numbers`: ascending.
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(
        f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs
    )


_INTEGERS: Final = ("candidate", "against")
_NUMBERS: Final = ("mean", "p05", "p50", "p95")
_TRUTHS: Final = ("on_front", "of_front")
_SCHEMA: Final = {
    name: pl.Int64
    if name in _INTEGERS
    else pl.Float64
    if name in _NUMBERS
    else pl.Boolean
    if name in _TRUTHS
    else pl.String
    for name in (
        *("candidate", "regimen", "origin", "drug", "route", "dose", "interval", "number"),
        *("taper", "on_front", "front", "against", "certainty", "metric", "of_front", "unit"),
        *("mean", "p05", "p50", "p95", "range", "note"),
    )
}
