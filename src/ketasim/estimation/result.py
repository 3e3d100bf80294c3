"""The result of `fit`: estimates, subjects, residuals, and what they look like beside the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.__about__ import __version__
from ketasim._base import Headline, HeadlineRow, Result
from ketasim._base.headline import plain
from ketasim._base.result import csv, later
from ketasim._base.words import counted
from ketasim.estimation.diagnostics import Residuals, Rows
from ketasim.estimation.estimates import NORMAL, Estimate, Uncertain
from ketasim.estimation.problem.problem import Problem

Array = NDArray[np.float64]

METHODS = {
    "focei": "first-order conditional estimation with interaction (FOCEI)",
    "laplace": "Laplace approximation",
    "map": "maximum a posteriori",
}
"""How a fit is made, by its name."""


@dataclass(frozen=True)
class Objective:
    """What a population fit came to.

    **Arguments:**

    - `value`: minus twice the log likelihood without N log 2π, as NONMEM reports it.
    - `constant`: N log 2π, of the N values above the limit. `parameters`: estimated numbers.
    - `iterations`, `evaluations`: of the search. `converged`: whether it ended at a maximum.
    - `gain`: what one more Newton step would take from it. `start`: where it began.
    """

    value: float
    constant: float
    parameters: int
    iterations: int
    evaluations: int
    converged: bool
    gain: float
    start: float

    @property
    def full(self) -> float:
        """Minus twice the log likelihood."""
        return self.value + self.constant

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return self.full + 2.0 * self.parameters


@dataclass(frozen=True, repr=False, eq=False)
class ModelFit(Result):
    """What `fit` returns.

    **Arguments:**

    - `problem`: what was fitted. `method`: `focei`, `laplace` or `map`.
    - `estimates`: of the population; of a posteriori fits those that were given.
    - `effects`: of every subject, shape (S, q). `posterior`: their covariance, shape (S, q, q).
    - `covariance`: of the effects in the population, shape (q, q). `middle`: typical numbers, (P,).
    - `residuals`: of every observation. `rows`: predictions of every row.
    - `errors`: NPDE of every observation, shape (N,); nothing of a posteriori fits.
    - `check`: table of the visual predictive check; nothing of a posteriori fits.
    - `shrinkage`: of the effects, shape (q,). `epsilon`: of the residuals.
    - `objective`, `uncertain`: of a population. `source`: of the standard errors.
    - `simulated`, `seed`: data sets behind `errors` and `check`. `corrected`, `strata`: of the
      check; the stratum of each observation.
    - `text`: the fitted model as TOML, empty where there is none.
    - `notes`: what the reader must know, as sentences.
    """

    problem: Problem
    method: str
    estimates: tuple[Estimate, ...]
    effects: Array
    posterior: Array
    covariance: Array
    middle: Array
    residuals: Residuals
    rows: Rows
    shrinkage: Array
    epsilon: float
    objective: Objective | None = None
    uncertain: Uncertain | None = None
    source: str = "observed"
    errors: Array | None = None
    check: pl.DataFrame | None = None
    simulated: int = 0
    seed: int | None = None
    corrected: bool = False
    strata: tuple[str, ...] = ()
    text: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def warnings(self) -> tuple[str, ...]:
        """Notes on the fit itself, beside those on the table."""
        return self.notes[len(self.problem.notes) :]

    @property
    def population(self) -> bool:
        """Whether typical values were estimated."""
        return self.objective is not None

    def parameters(self) -> pl.DataFrame:
        """One row an estimate of the population.

        **Returns:** `parameter`, `kind` (`typical`, `variability`: SD of the logarithm,
        `correlation`, `additive`, `proportional`, `log`), `estimate`, `unit`, `se`, `rse_percent`,
        `low95`, `high95`, `fixed`, `start`, `shrinkage_percent`.
        """
        shrunk = dict(zip(self.problem.names, self.shrinkage, strict=True))
        return pl.DataFrame(
            [
                {
                    "parameter": one.name,
                    "kind": one.kind,
                    "estimate": one.value,
                    "unit": one.unit,
                    "se": one.se,
                    "rse_percent": one.rse,
                    "low95": one.low,
                    "high95": one.high,
                    "fixed": one.fixed,
                    "start": one.start,
                    "shrinkage_percent": 100.0 * _known(shrunk[one.name])
                    if one.kind == "variability" and self.population
                    else None,
                }
                for one in self.estimates
            ],
            infer_schema_length=None,
            schema_overrides=dict.fromkeys(
                ("se", "rse_percent", "low95", "high95", "shrinkage_percent"), pl.Float64
            ),
        )

    def individuals(self) -> pl.DataFrame:
        """One row a subject and parameter with a spread.

        **Returns:** `ID`, `parameter`, `value`, `unit`, `low95`, `high95`, `population` (of the
        typical subject with its covariates), `effect`, `se_effect`, `sd_population` (both on the
        scale of the effect), `from_data_percent`: by how much its variance is less than the
        population's, 0 where it is not.
        """
        rows: list[dict[str, Any]] = []
        problem = self.problem
        first = np.searchsorted(problem.subject, np.arange(len(problem.ids)))
        chosen = [one for one in problem.directions if one.spread]
        prior = np.sqrt(np.diag(self.covariance))
        for s, identity in enumerate(problem.ids):
            row = slice(int(first[s]), int(first[s]) + 1)
            for q, one in enumerate(chosen):
                effect, middle = self.effects[s, q], self.middle[problem.effects[q]]
                se = float(np.sqrt(max(self.posterior[s, q, q], 0.0)))
                ends = (0.0, -NORMAL * se, NORMAL * se)
                value, low, high = (
                    float(np.ravel(one.values(np.array([middle + effect + by]), row))[0])
                    for by in ends
                )
                typical = float(np.ravel(one.values(np.array([middle]), row))[0])
                rows.append(
                    {
                        "ID": identity,
                        "parameter": one.name,
                        "value": value,
                        "unit": one.unit,
                        "low95": min(low, high),
                        "high95": max(low, high),
                        "population": typical,
                        "effect": float(effect),
                        "se_effect": se,
                        "sd_population": float(prior[q]),
                        "from_data_percent": 100.0 * max(1.0 - (se / prior[q]) ** 2, 0.0),
                    }
                )
        return pl.DataFrame(rows, infer_schema_length=None)

    def predictions(self) -> pl.DataFrame:
        """One row a record and output, in the order of the table, with or without a value.

        **Returns:** `ROW` (1 is the first below the header), `ID`, `time_h`, `output`, `unit`,
        `DV`, `below_limit` (then DV is the limit), `PRED`, `IPRED`, of a posteriori fits its
        `low95` and `high95`, and where there is a value `IRES`, `IWRES`, `CWRES` and of a
        population `NPDE`.
        """
        problem, observed, own, rows = (
            self.problem,
            self.problem.observed,
            self.residuals,
            self.rows,
        )
        count, several = len(problem.subject), len(problem.outputs)
        at = observed.row * several + observed.output

        def spread(values: Array) -> Array:
            found = np.full(count * several, np.nan)
            found[at] = values
            return found

        below = np.zeros(count * several, bool)
        below[at] = observed.below
        found: dict[str, Any] = {
            "ROW": np.repeat(problem.numbers, several),
            "ID": [problem.ids[s] for s in np.repeat(problem.subject, several)],
            "time_h": np.repeat(problem.time, several),
            "output": [name for name, _ in problem.outputs] * count,
            "unit": [unit for _, unit in problem.outputs] * count,
            "DV": spread(observed.value),
            "below_limit": below,
            "PRED": rows.typical.T.reshape(-1),
            "IPRED": rows.individual.T.reshape(-1),
        }
        if rows.low is not None and rows.high is not None:
            found |= {"low95": rows.low.T.reshape(-1), "high95": rows.high.T.reshape(-1)}
        left = np.where(observed.below, np.nan, observed.value - own.individual)
        found |= {"IRES": spread(left), "IWRES": spread(own.weighted)}
        found["CWRES"] = spread(own.conditional)
        if self.errors is not None:
            found["NPDE"] = spread(self.errors)
        return pl.DataFrame(found).with_columns(pl.col(pl.Float64).fill_nan(None))

    def vpc(self) -> pl.DataFrame:
        """The visual predictive check, see `predictive_check`; empty of a posteriori fits."""
        return pl.DataFrame() if self.check is None else self.check

    def covariances(self) -> pl.DataFrame:
        """Covariance of the estimates: `parameter`, then a column for each."""
        if self.uncertain is None:
            return pl.DataFrame()
        names = self.uncertain.names
        columns = {n: self.uncertain.covariance[:, i] for i, n in enumerate(names)}
        return pl.DataFrame({"parameter": list(names), **columns})

    def summary(self) -> pl.DataFrame:
        """Numbers of the fit as a whole: `quantity`, `value`, `meaning`."""
        return pl.DataFrame(
            [{"quantity": n, "value": float(v), "meaning": m} for n, v, m in self._summary()]
        )

    def _summary(self) -> list[tuple[str, float, str]]:
        observed = self.problem.observed
        rows: list[tuple[str, float, str]] = [
            ("subjects", len(np.unique(self.problem.subjects)), "subjects with observations"),
            ("observations", len(observed.row), "values used"),
            ("below_limit", int(observed.below.sum()), "of them below the limit"),
        ]
        if self.objective is not None:
            one = self.objective
            bic = one.full + one.parameters * float(np.log(len(observed.row)))
            rows += [
                ("objective", one.value, "-2 log likelihood without N log(2 pi), as NONMEM has it"),
                ("constant", one.constant, "N log(2 pi)"),
                ("minus_two_log_likelihood", one.full, "objective with the constant"),
                ("aic", one.aic, "Akaike's information criterion"),
                ("bic", bic, "Bayesian information criterion, by observations"),
                ("estimated", one.parameters, "numbers estimated"),
                ("iterations", one.iterations, "steps of the search"),
                ("evaluations", one.evaluations, "evaluations of objective and gradient"),
                ("converged", float(one.converged), "1: at a maximum"),
                ("gain_left", one.gain, "what one more Newton step would take from the objective"),
            ]
            condition = float("nan") if self.uncertain is None else self.uncertain.condition
            rows.append(("condition_number", condition, "of the correlation of the estimates"))
        rows.append(("epsilon_shrinkage_percent", 100.0 * self.epsilon, "1 - SD(IWRES)"))
        return rows

    def headline(self) -> Headline:
        """What was fitted, and the estimates."""
        subjects = counted(len(np.unique(self.problem.subjects)), "subject")
        many = counted(len(self.problem.observed.row), "value")
        title = f"{self.problem.model}: {METHODS[self.method]}, {subjects}, {many}"
        if not self.population:
            rows = tuple(self._posterior_rows())
            return Headline(title, rows, "95 % intervals, of the posterior")
        assert self.objective is not None
        rows = [HeadlineRow("objective function value", f"{self.objective.value:.3f}")]
        rows += [
            HeadlineRow(
                _named(one),
                plain(one.value, 3),
                one.interval(lambda end: plain(end, 3)),
                one.unit,
            )
            for one in self.estimates
            if not one.fixed
        ]
        note = "95 % intervals" if self.uncertain is not None else self.notes[0]
        return Headline(title, tuple(rows), note)

    def _posterior_rows(self) -> list[HeadlineRow]:
        several = len(self.problem.ids) > 1
        return [
            HeadlineRow(
                f"{row['ID']}: {row['parameter']}" if several else row["parameter"],
                plain(row["value"], 3),
                f"{plain(row['low95'], 3)} to {plain(row['high95'], 3)}",
                row["unit"],
            )
            for row in self.individuals().to_dicts()
        ]

    @property
    def metadata(self) -> dict[str, Any]:
        """Version, model, method, counts, seed and notes."""
        return {
            "ketasim": __version__,
            "model": self.problem.model,
            "method": self.method,
            "standard_errors": self.source if self.population else "posterior",
            "summary": {name: value for name, value, _ in self._summary()},
            "simulated": self.simulated,
            "seed": self.seed,
            "prediction_corrected": self.corrected,
            "notes": list(self.notes),
        }

    def sources(self) -> tuple[str, ...]:
        """Keys of the sources of a model of the package; none of a model of one's own."""
        return self.problem.keys

    def main_table(self) -> pl.DataFrame:
        """The table that `to_parquet` writes."""
        return self.predictions()

    def files(self, *, command: str = "") -> Mapping[str, bytes]:
        """What `save` writes.

        **Arguments:**

        - `command`: what the report says reproduces it.
        """
        found = {"individuals.csv": csv(self.individuals())} if len(self.problem.names) else {}
        found |= {"predictions.csv": csv(self.predictions()), "summary.csv": csv(self.summary())}
        if self.population:
            found["parameters.csv"] = csv(self.parameters())
            if self.uncertain is not None:
                found["covariance.csv"] = csv(self.covariances())
            if self.check is not None:
                found["vpc.csv"] = csv(self.check)
        if self.text:
            found["model.toml"] = self.text.encode()
        page = later("ketasim.reports:report")(self, command=command)
        return found | {"report.html": page.encode()}


def _named(one: Estimate) -> str:
    words = {"variability": "SD of log", "correlation": "correlation of"}
    if one.kind == "typical":
        return one.name
    return f"{words.get(one.kind, f'{one.kind} error of')} {one.name}"


def _known(value: float) -> float:
    return float(value)
