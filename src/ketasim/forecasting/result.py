"""The result of `forecast`: its tables, what was learned, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from ketasim.__about__ import __version__
from ketasim._base import Headline, HeadlineRow, Result
from ketasim._base.headline import plain, share
from ketasim._base.result import csv, later, saved
from ketasim._base.words import counted
from ketasim.dosing import Course
from ketasim.evidence import Card
from ketasim.forecasting.options import Options
from ketasim.forecasting.weighing.ratings import Ratings
from ketasim.forecasting.weighing.scale_error import ScaleError
from ketasim.population import crosswalk
from ketasim.simulation.mood.inputs import MoodInput
from ketasim.vocabulary import scale_words

_DAY: Final = 24.0


@dataclass(frozen=True, repr=False, eq=False)
class Forecast(Result):
    """What `forecast` returns. Decision support for professionals; not medical advice.

    **Arguments:**

    - `course`: the input. `ahead`: what was looked at. `ratings`: the scores.
    - `days`: the table of `summary`. `prior`: the same of the population with that baseline, whose
      scores are not used; without p_well.
    - `contributions`: of the drug and of other causes to the fall of the MADRS since before
      treatment; columns option, day, part, mean, p05, p95 (over patients), share, unit.
    - `lost`: when the response is lost; see `tables.LOST`.
    - `differences`: each option minus the first, at the horizon, on the same virtual patients; see
      `difference.SCHEMA`.
    - `past`: what a rating would have shown until now, given all the scores; columns day, scale,
      mean, sd, p05, p25, p50, p75, p95, unit.
    - `fit`: each score beside what was predicted of it; see `fit.SCHEMA`.
    - `patients`: virtual patients drawn, those of a second look included. `effective`: effective
      sample size. `rounds`: how often more were looked for.
    - `moved`: part of the variance of the last day's rating that the scores took away, under the
      first option. `information`: bits.
    - `tail`: share of virtual patients with scores as far from their mean; nothing without scores
      after that before treatment.
    - `learned`, `unusual`: the same in sentences. `losing`: of each option, a sentence.
    - `cards`: used. `given`: what was read of mood. `errors`: of the scales.
    - `seed`, `level`: as asked for. `warnings`: what the reader must know.
    """

    course: Course
    ahead: Options
    ratings: Ratings
    days: pl.DataFrame
    prior: pl.DataFrame
    contributions: pl.DataFrame
    lost: pl.DataFrame
    differences: pl.DataFrame
    past: pl.DataFrame
    fit: pl.DataFrame
    patients: int
    effective: float
    rounds: int
    moved: float
    information: float
    tail: float | None
    learned: str
    unusual: str
    losing: tuple[str, ...]
    cards: tuple[Card, ...]
    given: MoodInput
    errors: tuple[ScaleError, ...]
    seed: int
    level: float
    warnings: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the options."""
        return tuple(one.name for one in self.ahead.options)

    @property
    def scales(self) -> tuple[str, ...]:
        """The patient's own scales, that of the score before treatment first, and the MADRS."""
        return tuple(self.days["scale"].unique(maintain_order=True))

    def summary(self) -> pl.DataFrame:
        """The rating that is expected, by option, day and scale.

        **Returns:** columns option, day, scale, mean, sd, p05, p25, p50, p75, p95 (of a rating,
        points of the scale), p_response (it is at most half of that before treatment), p_remission
        (at most 10 on the MADRS; as `scale_error` says on others), p_well (the state, without the
        error of ratings, is a response, and at no weekly visit since now was one lost), unit.
        """
        return self.days.clone()

    def main_table(self) -> pl.DataFrame:
        """The table of `summary`."""
        return self.summary()

    def headline(self) -> Headline:
        """Scores and chances at the horizon, under each option."""
        scale, day = self.scales[0], self.ahead.horizon / _DAY
        rows: list[HeadlineRow] = []
        last = self.days.filter(
            (pl.col("scale") == scale) & (pl.col("day") == self.days["day"].max())
        )
        for row in last.to_dicts():
            ends = f"{plain(max(row['p05'], 0.0))}-{plain(row['p95'])}"
            name = f"{row['option']}: {scale_words(scale)} on day {day:.4g}"
            rows.append(HeadlineRow(name, plain(row["mean"]), ends, "points"))
            rows.append(HeadlineRow(f"{row['option']}: still well", share(row["p_well"]), "", "%"))
        count = len(self.ratings.scores) + 1
        title = f"Forecast from {counted(count, 'score')} until day {self.ahead.now / _DAY:.4g}"
        note = (
            f"Mean; 90 % of ratings. {self.learned} Effective sample "
            f"{plain(self.effective, 3)} of {self.patients:,} virtual patients."
        )
        return Headline(title, tuple(rows[:6]), note, self.unusual)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What was assumed, as sentences."""
        found = [*self.course.patient.assumptions, *self.course.regimen.assumptions]
        found += [sentence for _, sentence in self.given.assumed]
        found += self.ahead.assumptions
        for one in self.errors:
            words = [
                f"{name} {value:g} ({grade})"
                for name, value, grade in zip(
                    ("of a rating", "lasting, in one patient"),
                    (one.error, one.offset),
                    one.grades,
                    strict=True,
                )
            ]
            if one.scale != "MADRS":
                found.append(
                    f"{scale_words(one.scale)} against the MADRS, SD in points of the MADRS: "
                    f"{', '.join(words)}; links of scales are of groups."
                )
        return tuple(dict.fromkeys(found))

    def sources(self) -> tuple[str, ...]:
        """Keys of every source that this result used, without repetition."""
        keys = [card.source for card in self.cards]
        keys += [entry.source for entry in self.given.acting(typical=False)]
        keys += self.given.sources
        for one in self.errors:
            keys += [*one.sources, *crosswalk(one.scale).sources]
        return tuple(dict.fromkeys(key for key in keys if key))

    @property
    def metadata(self) -> dict[str, Any]:
        """What reproduces this result: version, cards and their hashes, seed, input."""
        return {
            "ketasim": __version__,
            "cards": {card.key: card.hash for card in self.cards},
            "patients": self.patients,
            "effective": self.effective,
            "rounds": self.rounds,
            "seed": self.seed,
            "level": self.level,
            "input": self.course.to_dict(),
        }

    def files(self, *, command: str = "", printed: bool = False) -> dict[str, bytes]:
        """What `save` writes: file name to content.

        **Arguments:**

        - `command`: what the report says reproduces it; left out, the report shows the input.
        - `printed`: print.pdf as well, the first page on one side of A4.
        """
        report = later("ketasim.reports.forecast.report:forecast_report")
        found = {
            "forecast.csv": csv(self.days),
            "fit.csv": csv(self.fit),
            "report.html": report(self, command=command).encode(),
        }
        if printed:
            found["print.pdf"] = later("ketasim.reports:print_page")(self)
        return found

    def save(self, folder: str | Path, *, command: str = "", printed: bool = False) -> list[Path]:
        """Write forecast.csv, fit.csv and report.html: all or none.

        **Arguments:**

        - `folder`: made if missing. `command`, `printed`: as of `files`.

        **Returns:** the files.

        **Raises:** `InputError` when the folder cannot be written to.
        """
        return saved(folder, self.files(command=command, printed=printed))
