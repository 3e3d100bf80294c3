"""Operating characteristics of a trial: what its analyses find, how often, and how truly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.trials.operating.looks import Looked, looked
from ketasim.trials.operating.needed import Needed, needed
from ketasim.trials.operating.outcomes import Outcome
from ketasim.trials.operating.question import Question, Way
from ketasim.trials.operating.shares import mean_of, sd_of, share_of
from ketasim.trials.operating.world import World

Array = NDArray[np.float64]

TARGETS: Final = (0.8, 0.9)
"""Powers for which a size is told."""

TWO_POWERS: Final = (
    "Power is the share of trials that find the contrast significant where the drug's effect is "
    "that of the card. Assurance is the same share with that effect itself uncertain: every trial "
    "has its own draw of the parameters and its own effects of the trial, so that it stays "
    "below 100 %, however many patients there are, while it may be above a low power, as effects "
    "larger than that of the card count too."
)
"""The difference between power and assurance."""

_CONDITIONAL: Final = (
    "Without a relapse in one of the arms the hazard ratio has no end: its estimate and coverage "
    "are of the other trials, power and type-I error of all."
)

_FLOATS: Final = (
    "estimate",
    "se",
    "sd",
    "power",
    "type1",
    "coverage",
    "mc_se",
    "power_mc_se",
    "type1_mc_se",
    "coverage_mc_se",
    "assurance",
    "assurance_mc_se",
    "truth",
    "bias",
    "bias_mc_se",
    "predicted",
    "p05",
    "p95",
    "pool_se",
)


class Drawn(NamedTuple):
    """Of replicates that were drawn from a pool.

    **Arguments:**

    - `draws`: of the numbers of the card, which replicates have by turns.
    - `error`: standard error of a difference of changes by the choice of the pool, points.
    """

    draws: int
    error: float


@dataclass(frozen=True)
class Characteristics:
    """What the analyses of a trial do.

    **Arguments:**

    - `question`: what was asked.
    - `fixed`: replicates at the effect of the card. `uncertain`: with its uncertainty and that
      between trials. `none`: without any difference between the arms.
    - `drawn`: nothing where every patient of every replicate was solved.
    """

    question: Question
    fixed: World
    uncertain: World
    none: World
    drawn: Drawn | None = None

    @cached_property
    def table(self) -> pl.DataFrame:
        """A row an analysis and a size, as `analysis.csv` has them.

        `n_per_arm` is of the first arm of the contrast. `estimate` (mean), `se` (mean of the
        standard errors), `sd` (of the estimates), `power` and `coverage` are at the effect of the
        card, `type1` without any; `mc_se` is the Monte-Carlo error of `estimate`, and each other
        share has its own. `truth` is the difference had nobody left, `bias` the estimate less it.
        `predicted`, `p05` and `p95` are of the estimate of one trial with all uncertainty.
        `pool_se` is the error of `estimate` by the choice of the pool, beside `mc_se`.
        """
        rows = [self._row(way, size) for way in self.question.ways for size in self.question.sizes]
        schema: dict[str, Any] = {
            name: pl.Float64 if name in (*_FLOATS, "time_h") else None for name in rows[0]
        }
        return pl.DataFrame(rows, schema_overrides={k: v for k, v in schema.items() if v})

    def _row(self, way: Way, size: int) -> dict[str, Any]:
        asked = self.question
        primary = asked.trial.primary
        assert primary is not None
        fixed, uncertain, none = (
            one.outcome(way, size) for one in (self.fixed, self.uncertain, self.none)
        )
        there = ~np.isnan(fixed.estimate)
        estimate = fixed.estimate[there]
        # of shares, hazards and imputed outcomes the truth is what is found in the long run
        known = self._truth(way)
        own = known is not None and len(estimate) > 0
        truth = np.full(len(estimate), mean_of(estimate)) if known is None else known[there]
        middle = mean_of(truth)
        inside = (fixed.low[there] <= middle) & (middle <= fixed.high[there])
        sd = sd_of(estimate)
        single = uncertain.estimate[~np.isnan(uncertain.estimate)]
        ends = np.quantile(single, [0.05, 0.95]) if len(single) else (np.nan, np.nan)
        relapse = asked.relapse if way.analysis == "survival" else None
        row = {
            "analysis": way.analysis,
            "estimand": way.estimand,
            "contrast": " - ".join(primary.contrast),
            "scale": primary.scale if relapse is None else relapse.scale,
            "time_h": primary.at if relapse is None else relapse.times[-1],
            "n_per_arm": size,
            "replicates": len(fixed.estimate),
            "failed": int((~there).sum()),
            "estimate": mean_of(estimate),
            "se": mean_of(fixed.se[there]),
            "sd": sd,
            **share_of("power", fixed.rejects),
            **share_of("type1", none.rejects),
            **share_of("coverage", inside.astype(np.float64)),
            "mc_se": sd / np.sqrt(len(estimate)) if len(estimate) else np.nan,
            **share_of("assurance", uncertain.rejects, self._draws),
            "truth": middle if own else np.nan,
            "bias": mean_of(estimate - truth) if own else np.nan,
            "bias_mc_se": sd_of(estimate - truth) / np.sqrt(len(estimate)) if own else np.nan,
            "predicted": mean_of(single),
            "p05": float(ends[0]),
            "p95": float(ends[1]),
            "pool_se": self.drawn.error
            if self.drawn is not None and way.analysis in ("mmrm", "ancova")
            else np.nan,
            "n_total": asked.trial.enrolled_at(size),
            "failed_uncertain": int(np.isnan(uncertain.estimate).sum()),
            "failed_none": int(np.isnan(none.estimate).sum()),
            "failed_why": "; ".join(
                f"{why}: {count}" for why, count in sorted(_whys(fixed, uncertain, none).items())
            ),
        }
        first = [key for key in row if not key.endswith("_mc_se")]
        order = [*first[: first.index("mc_se") + 1]]
        order += [key for key in row if key not in order]
        return {
            key: None if isinstance(row[key], float) and np.isnan(row[key]) else row[key]
            for key in order
        }

    @property
    def _draws(self) -> int | None:
        return None if self.drawn is None else self.drawn.draws

    def _truth(self, way: Way) -> Array | None:
        """Difference of the means of all patients in each replicate, where one is estimated."""
        if way.analysis not in ("mmrm", "ancova"):
            return None
        kind = "hypothetical" if way.estimand == "observed_cases" else way.estimand
        return self.fixed.truth(kind)

    @cached_property
    def looks(self) -> Looked | None:
        """What looks at the running trial do to the primary analysis; nothing without any."""
        asked = self.question
        worlds = {"power": self.fixed, "type1": self.none, "assurance": self.uncertain}
        if asked.trial.looks is None:
            return None
        return looked(asked, worlds, asked.trial.enrolled_at, self._draws)

    def curve(self, way: Way) -> pl.DataFrame:
        """Power, assurance and type-I error by size: a row a size.

        Those of the primary analysis are over all looks, where there are any.
        """
        looks = self.looks
        return looks.whole if looks is not None and way == self.question.ways[0] else self.of(way)

    def needed(
        self, analysis: str, *, estimand: str | None = None, assurance: bool = False
    ) -> tuple[Needed, ...]:
        """Patients in the first arm of the contrast for the power wanted, and for 80 and 90 %.

        Those of the primary analysis are over all looks, where there are any.

        **Main arguments:**

        - `analysis`: one of those of the trial.

        **Other arguments:**

        - `estimand`: one of those of the analysis; the first when left out.
        - `assurance`: for the assurance instead of the power.
        """
        chosen = next(
            way
            for way in self.question.ways
            if way.analysis == analysis and estimand in (None, way.estimand)
        )
        part = self.curve(chosen)
        name = "assurance" if assurance else "power"
        asked = self.question.trial.power
        wanted = TARGETS[:1] if asked is None else (asked.target,)
        targets = dict.fromkeys((*wanted, *TARGETS))
        known = part.filter(pl.col(name).is_not_null())
        if len(known) < 2:
            return ()
        columns = (known[one].to_list() for one in ("n_per_arm", name, f"{name}_mc_se"))
        sizes, power, error = columns
        return tuple(needed(sizes, power, error, target) for target in targets)

    @property
    def conditional(self) -> str:
        """What estimates leave out, in a sentence; empty where they leave out nothing."""
        lost = self.table.filter(pl.col("failed") > 0, analysis="survival")
        return _CONDITIONAL if len(lost) else ""

    def own_row(self) -> dict[str, Any]:
        """The row of the primary analysis at the trial's own size."""
        size = self.question.sizes[self.question.own]
        part = self.of(self.question.ways[0])
        return part.filter(pl.col("n_per_arm") == size).to_dicts()[0]

    def of(self, way: Way) -> pl.DataFrame:
        """The rows of `table` of one analysis and estimand."""
        return self.table.filter(
            (pl.col("analysis") == way.analysis) & (pl.col("estimand") == way.estimand)
        )


def _whys(*outcomes: Outcome) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for one in outcomes:
        for why, count in one.failures.items():
            found[why] = found.get(why, 0) + count
    return found


def check_fits(found: Characteristics) -> None:
    """Refuse a design whose primary analysis has too few patients in every replicate.

    **Raises:** `InputError`, with the number of patients and what would do.
    """
    asked = found.question
    rows = found.of(asked.ways[0]).to_dicts()
    few = all("too few patients" in row["failed_why"] for row in rows)
    if not few or any(row["failed"] < row["replicates"] for row in rows):
        return
    arm = asked.arms[asked.pair[0]]
    place = [one.id for one in asked.trial.arms].index(arm.id)
    raise InputError(
        f"arms[{place}].n",
        f"with at most {rows[-1]['n_per_arm']} patients in '{arm.id}' the analysis "
        f"'{asked.ways[0].analysis}' fits none of {rows[-1]['replicates']} simulated trials: too "
        "few are left at the visit",
        "enrol more patients, or ask for the arms alone, without 'primary'",
    )
