"""The result of `simulate`: what was computed, its tables, where its numbers come from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.__about__ import __version__
from ketasim._base import Headline, InputError, Result
from ketasim._base.result import csv, later, saved
from ketasim.dosing import HEALTHY, Course
from ketasim.evidence import Card, load_sources
from ketasim.models import RECEPTOR, LinearModel
from ketasim.population import Cohort, modification_of, virtual_patients
from ketasim.screening import Screen, SessionPlan, screen
from ketasim.simulation.calendar import Session, sessions_of
from ketasim.simulation.concentrations import Key, input_durations
from ketasim.simulation.curves import Curves
from ketasim.simulation.exposure import (
    ExposureMetric,
    exposure_columns,
    exposure_table,
    metrics_of,
    patient_table,
)
from ketasim.simulation.headline import (
    BLOCK,
    effects_note,
    exposure_rows,
    mood_rows,
    note_of,
    session_rows,
    title_of,
)
from ketasim.simulation.mood.beside import near_table
from ketasim.simulation.mood.course import MADRS, MOOD_UNITS, Mood
from ketasim.simulation.mood.weeks import SCHEMA
from ketasim.simulation.sensitivity import (
    Elasticity,
    elasticities,
    main_quantity,
    parameter_table,
)
from ketasim.simulation.session.curves import SESSION_UNITS, SessionEffects
from ketasim.simulation.tables import (
    INDIVIDUALS,
    checked_individuals,
    dataset,
    individuals_note,
    summary_columns,
    summary_table,
    timecourse_file,
    timecourse_table,
    with_spread,
)

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]

_CONCENTRATION_UNIT = "ng/mL"
_TOP = 12


@dataclass(frozen=True)
class Assumption:
    """Something without a source that acted in a simulation.

    **Arguments:**

    - `what`: `parameter`, `spread` (between patients) or `input` (of the course).
    - `symbol`, `meaning`: which one; for the input the field, and what was assumed in a sentence.
    - `card`: where it is written. `value`, `unit`: as written. `note`: why this value. All are
      empty for the input.
    """

    what: str
    symbol: str
    meaning: str
    card: str
    value: str
    unit: str
    note: str


@dataclass(frozen=True, repr=False, eq=False)
class Simulation(Result):
    """What `simulate` returns.

    **Arguments:**

    - `course`: the input, with the population that was simulated.
    - `model`, `card`: the pharmacokinetic structure and its numbers.
    - `receptor_card`: the numbers of the NMDA block.
    - `times`: h from the first dose, shape (T,).
    - `cohort`: the patients.
    - `values`: (quantity, site) to arrays of shape (T, n), in the units of `units`. Of a large
      population they are computed when they are asked for.
    - `warnings`: what the reader must know, as sentences.
    - `mood`: what the chain to mood says; nothing where it was not computed.
    - `effects`: what the sessions are like; nothing where it was not computed.
    """

    course: Course
    model: LinearModel
    card: Card
    receptor_card: Card
    times: Array
    cohort: Cohort
    values: Curves
    warnings: tuple[str, ...] = ()
    mood: Mood | None = None
    session_effects: SessionEffects | None = None

    def __post_init__(self) -> None:
        """Make the results read-only."""
        self.times.flags.writeable = False

    @property
    def units(self) -> dict[Key, str]:
        """Unit of each quantity and site."""
        known = {BLOCK: "fraction", **MOOD_UNITS, **SESSION_UNITS}
        return {key: known.get(key, _CONCENTRATION_UNIT) for key in self.values}

    @cached_property
    def sessions(self) -> tuple[Session, ...]:
        """The sessions of the course: doses given together."""
        durations = input_durations(self.model, self.cohort)
        return sessions_of(self.course.regimen.doses, self.course.horizon, durations)

    @property
    def main(self) -> Key | None:
        """The quantity and site whose exposure stands for the others."""
        return main_quantity(self.values)

    def headline(self) -> Headline:
        """Exposure, block, peaks of the first session, MADRS and response."""
        typical = self.cohort.typical
        rows = [*exposure_rows(self.exposure(), self.main)] if self.sessions else []
        if self.session_effects is not None:
            rows += session_rows(self.session_effects.sessions[0].table)
        if self.mood is not None:
            rows += mood_rows(self.mood, self.times)
        title = title_of(self.course, self.cohort, self.sessions)
        effects = self.session_effects
        note = note_of(
            typical=typical,
            effects=effects is not None,
            mood=self.mood is not None,
            healthy=self.course.patient.diagnosis == HEALTHY,
        )
        more = "" if effects is None else effects_note(effects.patients, typical)
        return Headline(title, tuple(rows), note, more)

    def summary(self) -> pl.DataFrame:
        """Statistics over patients at every time.

        **Returns:** columns time_h, quantity, site, unit, mean, sd, p05, p25, p50, p75, p95; of the
        typical patient only mean. The spread of the MADRS is of scores as they are rated at one
        visit, within patients too; `values` and `timecourse` are without the noise of ratings.
        """
        return self._summary.clone()

    @cached_property
    def _summary(self) -> pl.DataFrame:
        table = summary_table(self.times, list(self.values), self.units, self._statistics)
        rated = None if self.mood is None else self.mood.rated
        return table if rated is None else with_spread(table, MADRS, rated)

    @cached_property
    def _statistics(self) -> Mapping[str, Array]:
        return summary_columns(self.times, self.values, self.cohort.typical)

    def timecourse(self, individuals: int | None = None) -> pl.DataFrame:
        """Patients at every time.

        **Arguments:**

        - `individuals`: how many, the first of them; all when left out.

        **Returns:** columns id, time_h, quantity, site, value, unit.

        **Raises:** `InputError` when it is less than 0.
        """
        checked_individuals(individuals)
        chosen = slice(0, self.cohort.n if individuals is None else individuals)
        curves = self.values.of(chosen)
        return timecourse_table(self.times, self.cohort.ids, curves, self.units, individuals)

    def patients(self) -> pl.DataFrame:
        """Who the patients are.

        **Returns:** one row a patient: id, age (years), weight (kg) and sex; empty where it is not
        given.
        """
        cohort = self.cohort
        columns = {"age": cohort.age, "weight": cohort.weight, "sex": cohort.sex}
        kinds = {"age": pl.Float64, "weight": pl.Float64, "sex": pl.String}
        return pl.DataFrame(
            {
                "id": cohort.ids,
                **{name: [None] * cohort.n if v is None else v for name, v in columns.items()},
            },
            schema_overrides=kinds,
        )

    def exposure(self) -> pl.DataFrame:
        """Exposure of the first and the last session and of the whole course.

        Metrics: `cmax`; `tmax`, hours after the session's start; `auc`, until the next session (or
        the horizon); `auc24`, over a day; `auc_inf`, of the first session as if no other followed,
        and of the course; `half_life`, between 24 and 48 h after the first session; `F`, absolute
        bioavailability: the area to infinity over that of the same patient given the same mg
        intravenously. Areas are exact.

        **Returns:** columns quantity, site, session, start_h, end_h, interval (in words, such as
        `0-24 h after the first session's dose`), metric, unit, and mean, sd, p05, p25,
        p50, p75, p95 (of the typical patient only mean).
        """
        return exposure_table(self._exposure, self.units, self._exposure_statistics)

    def patient_exposure(self) -> pl.DataFrame:
        """Exposure of each patient: the metrics of `exposure`, one row a patient and metric.

        **Returns:** columns id, quantity, site, session, interval (in words), metric, value, unit.
        """
        return patient_table(self._exposure, self.units, self.cohort)

    def exposed(self, key: Key, session: str, metric: str) -> Array | None:
        """One metric of `exposure` in each patient.

        **Arguments:**

        - `key`: quantity and site. `session`: `first`, `last` or `course`.
        - `metric`: such as `cmax`.

        **Returns:** in its unit, shape (n,); nothing where there is no such metric.
        """
        wanted = (key, session, metric)
        found = (o.values for o in self._exposure if (o.key, o.session, o.metric) == wanted)
        return next(found, None)

    @cached_property
    def _exposure(self) -> list[ExposureMetric]:
        return metrics_of(
            *(self.model, self.cohort, self.sessions, self.times, self.values, self.course.horizon)
        )

    @cached_property
    def _exposure_statistics(self) -> Mapping[str, Array]:
        return exposure_columns(self._exposure, self.cohort)

    def weekly(self) -> pl.DataFrame:
        """Expected scores before and after the sessions of each week.

        **Returns:** columns week (from 1), sessions, trough_h (start of the first session of the
        week), peak_h (24 h after the start of the last one), and at both: MADRS (mean, points),
        response (share with half of the baseline or less) and remission (share with a MADRS of at
        most 10), such as MADRS_trough and response_peak; the typical patient has no shares. A week
        without a session is told from its start to its end. Empty where mood was not computed.
        """
        return pl.DataFrame(schema=SCHEMA) if self.mood is None else self.mood.weekly

    def nearest(self) -> pl.DataFrame:
        """What the nearest published trials reported, beside what the model gives for them.

        **Returns:** a row a published number and a column for each field of `NearValue`, by the
        time of the course, nearest trial first; `differs` says in what a trial differs from the
        course. Empty where mood was not computed.
        """
        return near_table(() if self.mood is None else self.mood.near)

    @cached_property
    def elasticities(self) -> tuple[Elasticity, ...]:
        """How much each number of the cards moves the typical patient's first session."""
        if not self.sessions:
            return ()
        typical = virtual_patients(self.course, self.card, self.model, typical=True)
        return elasticities(
            self.course,
            self.model,
            self.card,
            typical,
            self.sessions[0],
            RECEPTOR,
            self.receptor_card,
        )

    def parameters(self, top: int = _TOP) -> pl.DataFrame:
        """The parameters that mattered most, with where their numbers come from.

        **Arguments:**

        - `top`: how many.

        **Returns:** one row a parameter, largest elasticity first: percent change of the first
        session's Cmax and area to infinity (of the quantity in `of`) and of the peak block, for one
        percent of the parameter; value, unit, grade, source, locator, link, rse and spread.
        """
        return parameter_table(self.elasticities, self.main, top)

    @cached_property
    def assumptions(self) -> tuple[Assumption, ...]:
        """Everything graded `assumed` that acted in this run."""
        found = [
            Assumption("input", field, sentence, "", "", "", "")
            for field, sentence in zip(self.course.assumed, self.course.assumptions, strict=True)
        ]
        for one in self.elasticities:
            entry = one.entry
            if one.acts and entry.grade == "assumed":
                value = f"{entry.value:g}"
                found.append(
                    Assumption(
                        "parameter",
                        entry.symbol,
                        entry.meaning,
                        one.card,
                        value,
                        entry.unit,
                        entry.note,
                    )
                )
            spread = entry.iiv
            drawn = one.acts and entry.symbol in self.cohort.spread
            if drawn and spread is not None and spread.grade == "assumed":
                found.append(
                    Assumption(
                        "spread",
                        entry.symbol,
                        f"between-patient variability of the {entry.meaning}",
                        one.card,
                        f"{spread.printed_value:g}",
                        spread.printed_type,
                        spread.note or spread.locator or entry.note,
                    )
                )
        if self.mood is not None:
            found += [
                Assumption("input", field, sentence, "", "", "", "")
                for field, sentence in self.mood.assumed
            ]
            found += [
                Assumption(
                    "parameter",
                    entry.symbol,
                    entry.meaning,
                    self.mood.card.key,
                    f"{entry.value:g}",
                    entry.unit,
                    entry.note,
                )
                for entry in self.mood.entries
                if entry.grade == "assumed"
            ]
        if self.session_effects is not None:
            found += [
                Assumption(
                    "parameter",
                    entry.symbol,
                    entry.meaning,
                    self.session_effects.card.key,
                    f"{entry.value:g}",
                    entry.unit,
                    entry.note,
                )
                for entry in self.session_effects.card.entries.values()
                if entry.grade == "assumed"
            ]
        return tuple(found)

    def sources(self) -> tuple[str, ...]:
        """Keys of every source that this result used, without repetition."""
        keys = [self.card.source, self.model.source]
        for one in self.elasticities:
            if not one.acts:
                continue
            keys.append(one.entry.source)
            if one.entry.iiv is not None and one.entry.symbol in self.cohort.spread:
                keys.append(one.entry.iiv.source)
        if any(name.startswith("act_") for name in self.cohort.covariates):
            keys += [m.source for m in modification_of(self.course.patient).modifiers]
        if self.mood is not None:
            keys += [self.mood.card.source, *(entry.source for entry in self.mood.entries)]
            keys += self.mood.sources
            keys += [one.source for one in self.mood.near]
        if self.session_effects is not None:
            keys += self.session_effects.card.sources()
        known = load_sources()
        keys += [w for text in self.warnings for w in re.findall(r"\w+", text) if w in known]
        return tuple(dict.fromkeys(key for key in keys if key))

    @cached_property
    def screening(self) -> Screen:
        """What the evidence says of this course: contraindications, interactions, monitoring."""
        return screen(self.course)

    def session_plan(self, session: int = 1) -> SessionPlan:
        """Timeline of a session: doses, measurements, predicted effects, rules with their sources.

        **Arguments:**

        - `session`: its number, from 1; the first and the last can be asked for.

        **Returns:** `SessionPlan`; decision support, not medical advice.

        **Raises:** `InputError` when the effects of that session were not computed.
        """
        from ketasim.simulation.session.times import plan_of

        shown = (
            {}
            if self.session_effects is None
            else {one.number: one for one in self.session_effects.sessions}
        )
        if session not in shown or self.session_effects is None:
            known = ", ".join(str(number) for number in shown) or "none"
            raise InputError(
                "session", f"the effects of session {session} were not computed", f"of: {known}"
            )
        return plan_of(self.course, self.session_effects, shown[session], self.sessions)

    @property
    def metadata(self) -> dict[str, Any]:
        """What reproduces this result: version, cards and their hashes, seed, input."""
        cards = [self.card, *([self.receptor_card] if BLOCK in self.values else [])]
        cards += [] if self.mood is None else [self.mood.card]
        cards += [] if self.session_effects is None else [self.session_effects.card]
        return {
            "ketasim": __version__,
            "model": self.model.name,
            "cards": {card.key: card.hash for card in cards},
            "patients": self.cohort.n,
            "typical": self.cohort.typical,
            "uncertainty": self.cohort.uncertainty,
            "seed": self.cohort.seed,
            "times": len(self.times),
            "input": self.course.to_dict(),
        }

    def main_table(self) -> pl.DataFrame:
        """The time course, as `timecourse` returns it."""
        return self.timecourse()

    def files(
        self,
        *,
        command: str = "",
        costs: bool = False,
        individuals: int | None = INDIVIDUALS,
        printed: bool = False,
    ) -> dict[str, bytes]:
        """What `save` writes: file name to content.

        **Arguments:**

        - `command`: what the report says reproduces it; left out, the report shows the input.
        - `costs`: a table of the course at published prices in the report.
        - `individuals`: of how many patients, the first of them, the time course is written;
          nothing for all.
        - `printed`: print.pdf as well, the course on one side of A4.

        **Raises:** `InputError` when `individuals` is less than 0.
        """
        report = later("ketasim.reports.course:simulation_report")
        tables = later("ketasim.reports.course_tables:course_tables")(self)
        checked_individuals(individuals)
        told = individuals_note(individuals, self.cohort.n)
        found = {
            "summary.csv": csv(self.summary()),
            "timecourse.parquet": timecourse_file(self.timecourse(individuals)),
            **{f"{name}.csv": csv(table) for name, table in tables.items()},
            "report.html": report(self, command=command, costs=costs, timecourse=told).encode(),
        }
        if printed:
            found["print.pdf"] = later("ketasim.reports.print:print_course")(self)
        return found

    def save(
        self,
        folder: str | Path,
        *,
        command: str = "",
        costs: bool = False,
        individuals: int | None = INDIVIDUALS,
        printed: bool = False,
    ) -> list[Path]:
        """Write summary.csv, timecourse.parquet, report.html and its tables: all or none.

        **Main arguments:**

        - `folder`: made if missing.

        **Other arguments:**

        - `command`, `costs`, `individuals`, `printed`: as of `files`.

        **Returns:** the files.

        **Raises:** `InputError` when the folder cannot be written to, or `individuals` is less
        than 0.
        """
        files = self.files(command=command, costs=costs, individuals=individuals, printed=printed)
        return saved(folder, files)

    def to_xarray(self) -> xarray.Dataset:
        """One variable for each quantity and site, over time and patient.

        **Raises:** `KetasimError` when xarray is not installed.
        """
        attributes = {"metadata": json.dumps(self.metadata), "warnings": list(self.warnings)}
        return dataset(self.times, self.cohort.ids, self.values, self.units, attributes)

    def to_json(self) -> str:
        """Everything but the single patients' curves, for machines.

        **Returns:** an object with metadata, warnings, assumptions, and the tables summary,
        exposure, parameters and, where it was computed, mood and weekly as columns; what is no
        finite number is null.
        """
        tables = {
            "summary": self.summary(),
            "exposure": self.exposure(),
            "parameters": self.parameters(),
            **({} if self.mood is None else {"mood": self.mood.table, "weekly": self.weekly()}),
            **({} if self.mood is None else {"nearest": self.nearest()}),
            **({} if self.session_effects is None else {"session": self.session_effects.table}),
            **({} if self.session_effects is None else {"pressure": self.session_effects.pressure}),
        }
        document = {
            "metadata": self.metadata,
            "warnings": list(self.warnings),
            "assumptions": [vars(one) for one in self.assumptions],
            **{name: _columns(table) for name, table in tables.items()},
        }
        return json.dumps(document, allow_nan=False)


def _columns(table: pl.DataFrame) -> dict[str, list[Any]]:
    floats = [name for name, kind in table.schema.items() if kind == pl.Float64]
    finite = table.with_columns(
        pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in floats
    )
    return finite.to_dict(as_series=False)
