"""The result of `run_trial`: its tables, what was assumed, where its numbers come from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.__about__ import __version__
from ketasim._base import Headline, Result
from ketasim._base.result import csv, later, parquet, saved
from ketasim.dosing import Trial
from ketasim.evidence import Card, Entry, load_sources
from ketasim.population import crosswalk, situation_of
from ketasim.simulation.mood.beside import NearValue, near_table
from ketasim.trials.assess import Cell, Values
from ketasim.trials.beside import near_trials
from ketasim.trials.blinding import blinding_table
from ketasim.trials.contrasts import Estimate
from ketasim.trials.dose_response import trend_table
from ketasim.trials.headline import trial_headline
from ketasim.trials.operating.characteristics import Characteristics
from ketasim.trials.patients.adverse import session_table
from ketasim.trials.published import PublishedValue, published_table, published_values
from ketasim.trials.scenario import leaves_as_card

Array = NDArray[np.float64]

_EXPECTATION: Final = re.compile(r"[pu]_\w+")
_NOT_IN_CHAIN: Final = ("tau_open", "tau_series")


@dataclass(frozen=True)
class TrialAssumption:
    """Something without a source that acted in a trial.

    **Arguments:**

    - `what`: `parameter` or `input` (of the trial).
    - `symbol`, `meaning`: which one; for the input the field, and what was assumed in a sentence.
    - `card`: where it is written. `value`, `unit`: as written. `note`: why this value. All are
      empty for the input.
    """

    what: str
    symbol: str
    meaning: str
    card: str = ""
    value: str = ""
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, repr=False)
class TrialResult(Result):
    """What `run_trial` returns.

    **Arguments:**

    - `trial`: the input, with the replicates and the seed that were simulated.
    - `cards`: numbers of the mood chain, of the pharmacokinetics and of the NMDA block.
    - `estimates`: arms and what is compared, metric by metric.
    - `table`: patients of the first replicates.
    - `patients_differ`: false when every replicate holds the same patients.
    - `uncertainty`: whether replicates differ in the numbers of the card `mood`.
    - `between_trials`: whether replicates differ by trial effects.
    - `notes`: what limits what the numbers mean, as sentences.
    - `taken`: how the input was taken and what was computed of it, as sentences.
    - `entered`: id of an arm of a randomised withdrawal to the patients randomised into it in every
      replicate, shape (R,).
    - `flow_table`: as `flow` returns it.
    - `characteristics`: power, type-I error, bias and coverage of its analyses, where it has a
      primary contrast.
    """

    trial: Trial
    cards: tuple[Card, ...]
    estimates: tuple[Estimate, ...]
    table: pl.DataFrame
    patients_differ: bool = True
    uncertainty: bool = True
    between_trials: bool = True
    notes: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    entered: Mapping[str, Array] = field(default_factory=dict[str, Array])
    characteristics: Characteristics | None = None
    flow_table: pl.DataFrame = field(default_factory=pl.DataFrame)

    def headline(self) -> Headline:
        """The primary contrast, then the arms: last visit of the scale named first."""
        return trial_headline(self.trial, self.summary(), self.characteristics)

    def summary(self) -> pl.DataFrame:
        """Expected values and prediction intervals.

        **Returns:** one row an arm (or one arm minus another), scale, time and metric. `mean` is
        the expected value, `sd` the between-patient SD (of two arms, pooled), `p05` to `p95`
        the 90 % prediction interval of the value in a trial of this size. `n` is enrolled,
        `n_assessed` the mean number assessed; `n` of an arm of a randomised withdrawal is the mean
        number randomised. A `hazard_ratio` is of the first arm over the second, its mean the
        geometric one, its standard deviations those of its logarithm. `sd_patients_sampling`,
        `sd_parameters` and `sd_trials` are standard deviations of the value by the choice of
        patients, by the parameter uncertainty and between trials. `belief`, `guess_drug` and
        `guess_right` are those of `blinding`, the same in all rows of an arm.
        """
        return self._summary

    @cached_property
    def _summary(self) -> pl.DataFrame:
        text, floats = {"arm", "scale", "metric", "definition"}, pl.Float64
        rows = [estimate.row() for estimate in self.estimates]
        schema = {
            name: pl.String if name in text else pl.Int64 if name == "n" else floats
            for name in rows[0]
        }
        told = self.blinding().select("arm", "belief", "guess_drug", "guess_right")
        return pl.DataFrame(rows, schema=schema).join(
            told, on="arm", how="left", maintain_order="left"
        )

    def analysis(self) -> pl.DataFrame:
        """What the analyses of the replicates found, as `Characteristics.table` has it.

        **Returns:** empty where the trial has no primary contrast.
        """
        return pl.DataFrame() if self.characteristics is None else self.characteristics.table

    def flow(self) -> pl.DataFrame:
        """Who begins, leaves by which cause and completes, and the sessions that patients had.

        **Returns:** a row an arm and the columns of `ketasim.trials.patients.flow.COLUMNS`: numbers
        of patients are means over the replicates, parts are fractions.
        """
        return self.flow_table

    def sessions(self) -> pl.DataFrame:
        """Effects of the sessions of every arm by the session model: scores, pressure, events.

        **Returns:** as `ketasim.trials.patients.adverse.session_table`; a control's are not
        assessed.
        """
        return self._sessions

    @cached_property
    def _sessions(self) -> pl.DataFrame:
        flow = self.flow()
        attended = {} if flow.is_empty() else dict(flow.select("arm", "sessions").iter_rows())
        return session_table(self.trial, attended)

    def looks(self) -> pl.DataFrame:
        """How often the primary analysis ends the trial at each look.

        **Returns:** a row a size and a look, as `looks.csv` has them; empty where the trial has no
        looks.
        """
        found = None if self.characteristics is None else self.characteristics.looks
        return pl.DataFrame() if found is None else found.table

    def blinding(self) -> pl.DataFrame:
        """What patients can tell of their treatment, by the card's own numbers.

        **Returns:** a row an arm: `arm`; `told`, open, blinded or masked, or none without
        sessions; `felt`, SDs of what people report without the drug; `belief`, the mean belief to
        get the drug; `guess_drug` and `guess_right`, chances that a patient guesses the drug, and
        guesses right. All but `told` are null without sessions.
        """
        return self._blinding

    @cached_property
    def _blinding(self) -> pl.DataFrame:
        return blinding_table(self.trial, self.cards[0].values())

    def patients(self) -> pl.DataFrame:
        """Patients of the first replicates at every visit.

        **Returns:** columns replicate, arm, id, time_h, scale, score, change, response, remission,
        dropped; `left`, why, at visits after leaving; `sessions` attended and `missed` by the
        patient; `rescued`, whether rescue has begun. The visit at 0 h is the baseline, and what
        was not rated is null.
        """
        return self.table

    def replicates(self) -> pl.DataFrame:
        """Every metric in every replicate: what the prediction intervals are made of.

        **Returns:** columns replicate, arm, scale, time_h, metric, definition, n_assessed, value.
        """
        return pl.concat(
            [
                pl.DataFrame(
                    {
                        "replicate": np.arange(len(one.values.value)),
                        "arm": one.arm,
                        "scale": one.cell.scale,
                        "time_h": one.cell.time,
                        "metric": one.cell.metric,
                        "definition": one.cell.definition,
                        "n_assessed": one.values.count,
                        "value": one.shown,
                    }
                )
                for one in self.estimates
            ]
        ).with_columns(pl.col("value").fill_nan(None))

    def published(self) -> pl.DataFrame:
        """What the trial published beside what is predicted for it; empty where none is known.

        A trial that ships has published values, as long as its design is not changed.

        **Returns:** a row a value and a column for each field of `PublishedValue`: `published` with
        its 95 % interval, `predicted` with `p05` and `p95` of a trial of this size, `inside`, and
        `used`: whether the model was fitted to it.
        """
        return published_table(self.reported)

    @cached_property
    def reported(self) -> tuple[PublishedValue, ...]:
        """The rows of `published`."""
        return published_values(self.trial, self._found)

    def dose_response(self) -> pl.DataFrame:
        """The trend over arms that give one drug in several doses, the control among them.

        **Returns:** as `ketasim.trials.dose_response.trend_table`; empty where no drug has three
        levels.
        """
        return trend_table(self.trial, self._found)

    @cached_property
    def _found(self) -> dict[tuple[str, Cell], Values]:
        return {(one.arm, one.cell): one.values for one in self.estimates}

    def nearest(self) -> pl.DataFrame:
        """What the nearest published trials reported, beside what the model gives for them.

        **Returns:** a row a published number and a column for each field of `NearValue`, by arm
        (`own`) and visit, nearest trial first.
        """
        return near_table(self.near)

    @cached_property
    def near(self) -> tuple[NearValue, ...]:
        """The rows of `nearest`."""
        return near_trials(self.trial)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the reader must know, as sentences."""
        return tuple(dict.fromkeys((*self.trial.warnings, *self.notes)))

    @cached_property
    def acting(self) -> tuple[tuple[str, Entry], ...]:
        """Card and entry of every parameter used."""
        found: list[tuple[str, Entry]] = []
        for card in self.cards:
            found += [
                (card.key, entry)
                for entry in map(card.entry, card.values())
                if card.key != "mood" or self._acts(entry.symbol)
            ]
        return tuple(found)

    def _acts(self, symbol: str) -> bool:
        arms = self.trial.arms
        situations = [situation_of(self.trial, arm) for arm in arms]
        if _EXPECTATION.fullmatch(symbol):
            return any(symbol in one.symbols for one in situations)
        if symbol in ("e_O", "omega_O", "kO"):
            return any(one.new_antidepressant for one in situations)
        if symbol in ("stop_drug", "stop_control"):
            arms = tuple(arm for arm in arms if leaves_as_card(self.trial, arm))
            return any((arm.control is None) == (symbol == "stop_drug") for arm in arms)
        if symbol.startswith("tau_"):
            known = all(arm.open for arm in arms)
            return self.between_trials and (known or symbol not in _NOT_IN_CHAIN)
        return True

    @cached_property
    def assumptions(self) -> tuple[TrialAssumption, ...]:
        """Everything graded `assumed` that acted."""
        trial = self.trial
        found = [
            TrialAssumption("input", field, sentence)
            for field, sentence in zip(trial.assumed, trial.assumptions, strict=True)
        ]
        return (
            *found,
            *(
                TrialAssumption(
                    "parameter",
                    entry.symbol,
                    entry.meaning,
                    key,
                    f"{entry.value:g}",
                    entry.unit,
                    entry.note,
                )
                for key, entry in self.acting
                if entry.grade == "assumed"
            ),
        )

    def sources(self) -> tuple[str, ...]:
        """Keys of every source that this result used, without repetition."""
        keys = [self.trial.source or "", *(card.source for card in self.cards)]
        scales = {one.scale for one in self.trial.assessments} | {self.trial.scale}
        keys += [source for scale in sorted(scales) for source in crosswalk(scale).sources]
        for _, entry in self.acting:
            keys.append(entry.source)
            if entry.iiv is not None:
                keys.append(entry.iiv.source)
        keys += [one.source for one in (*self.reported, *self.near)]
        known = load_sources()
        told = (*self.warnings, *self.taken)
        keys += [w for text in told for w in re.findall(r"\w+", text) if w in known]
        return tuple(dict.fromkeys(key for key in keys if key))

    @property
    def metadata(self) -> dict[str, Any]:
        """What reproduces this result: version, cards and their hashes, seed, input."""
        return {
            "ketasim": __version__,
            "model": "mood",
            "cards": {card.key: card.hash for card in self.cards},
            "replicates": self.trial.replicates,
            "seed": self.trial.seed,
            "spreads": {
                "patients": self.patients_differ,
                "parameters": self.uncertainty,
                "trials": self.between_trials,
            },
            "input": self.trial.to_dict(),
        }

    def main_table(self) -> pl.DataFrame:
        """The patients, as `patients` returns them."""
        return self.patients()

    def files(self, *, command: str = "") -> dict[str, bytes]:
        """What `save` writes: file name to content.

        **Arguments:**

        - `command`: what the report says reproduces it; left out, the report shows the input.
        """
        report = later("ketasim.reports:trial_report")
        analysis = {} if self.characteristics is None else {"analysis.csv": csv(self.analysis())}
        if len(self.looks()):
            analysis["looks.csv"] = csv(self.looks())
        return {
            "summary.csv": csv(self.summary()),
            **analysis,
            "flow.csv": csv(self.flow()),
            "sessions.csv": csv(self.sessions()),
            "patients.parquet": parquet(self.patients()),
            "report.html": report(self, command=command).encode(),
        }

    def save(self, folder: str | Path, *, command: str = "") -> list[Path]:
        """Write the tables as CSV and Parquet, and report.html: all of them or none.

        **Arguments:**

        - `folder`: made if missing.
        - `command`: as of `files`.

        **Returns:** the files.

        **Raises:** `InputError` when the folder cannot be written to.
        """
        return saved(folder, self.files(command=command))

    def to_json(self) -> str:
        """Everything but the single patients, for machines.

        **Returns:** an object with metadata, warnings, taken, assumptions, and the tables
        summary, analysis, looks, blinding, flow, sessions, dose_response, published and nearest
        as columns.
        """
        document = {
            "metadata": self.metadata,
            "warnings": list(self.warnings),
            "taken": list(self.taken),
            "assumptions": [vars(one) for one in self.assumptions],
            "summary": self.summary().to_dict(as_series=False),
            "analysis": self.analysis().to_dict(as_series=False),
            "looks": self.looks().to_dict(as_series=False),
            "blinding": self.blinding().to_dict(as_series=False),
            "flow": self.flow().to_dict(as_series=False),
            "sessions": self.sessions().to_dict(as_series=False),
            "dose_response": self.dose_response().to_dict(as_series=False),
            "published": self.published().to_dict(as_series=False),
            "nearest": self.nearest().to_dict(as_series=False),
        }
        return json.dumps(document, allow_nan=False)
