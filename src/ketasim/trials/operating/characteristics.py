"""Operating characteristics of a trial: what its analyses find, how often, and how truly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.trials.operating.needed import Needed, needed
from ketasim.trials.operating.outcomes import ANALYSED, Outcome
from ketasim.trials.operating.world import Question, World

Array = NDArray[np.float64]

TARGETS: Final = (0.8, 0.9)
"""Powers for which a size is told."""

TWO_POWERS: Final = (
    "Power is the share of trials that tell the contrast from none where the drug's effect is that "
    "of the card. Assurance is the same share with that effect itself uncertain: every trial has "
    "its own draw of the parameters and its own effects of the trial, so it stays below 100 %, "
    "however many patients there are, and the size for a high one is larger."
)
"""The difference between power and assurance."""

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
)


@dataclass(frozen=True)
class Characteristics:
    """What the analyses of a trial do.

    **Arguments:**

    - `question`: what was asked.
    - `fixed`: replicates at the effect of the card. `uncertain`: with its uncertainty and that
      between trials. `none`: without any difference between the arms.
    """

    question: Question
    fixed: World
    uncertain: World
    none: World

    @cached_property
    def table(self) -> pl.DataFrame:
        """A row an analysis and a size, as `analysis.csv` has them.

        `n_per_arm` is of the first arm of the contrast. `estimate` (mean), `se` (mean of the
        standard errors), `sd` (of the estimates), `power` and `coverage` are at the effect of the
        card, `type1` without any; `mc_se` is the Monte-Carlo error of `estimate`, and each other
        share has its own. `truth` is the difference had nobody left, `bias` the estimate less it.
        `predicted`, `p05` and `p95` are of the estimate of one trial with all uncertainty.
        """
        rows = [
            self._row(name, place)
            for name in self.question.trial.analyses
            for place in range(len(self.question.sizes))
        ]
        schema: dict[str, Any] = {
            name: pl.Float64 if name in (*_FLOATS, "time_h") else None for name in rows[0]
        }
        return pl.DataFrame(rows, schema_overrides={k: v for k, v in schema.items() if v})

    def _row(self, name: str, place: int) -> dict[str, Any]:
        asked = self.question
        primary = asked.trial.primary
        assert primary is not None
        fixed, uncertain, none = (
            one.outcome(name, place) for one in (self.fixed, self.uncertain, self.none)
        )
        there = ~np.isnan(fixed.estimate)
        estimate = fixed.estimate[there]
        # of shares of responders the truth is what the analysis finds in the long run
        own = name != "responder" and len(estimate) > 0
        truth = self.fixed.truth[there] if own else np.full(len(estimate), _mean(estimate))
        middle = _mean(truth)
        inside = (fixed.low[there] <= middle) & (middle <= fixed.high[there])
        sd = _sd(estimate)
        known = uncertain.estimate[~np.isnan(uncertain.estimate)]
        ends = np.quantile(known, [0.05, 0.95]) if len(known) else (np.nan, np.nan)
        row = {
            "analysis": name,
            "estimand": ANALYSED[name][0],
            "contrast": " - ".join(primary.contrast),
            "scale": primary.scale,
            "time_h": primary.at,
            "n_per_arm": asked.sizes[place],
            "replicates": len(fixed.estimate),
            "failed": int((~there).sum()),
            "estimate": _mean(estimate),
            "se": _mean(fixed.se[there]),
            "sd": sd,
            **_share("power", fixed.rejects),
            **_share("type1", none.rejects),
            **_share("coverage", inside.astype(np.float64)),
            "mc_se": sd / np.sqrt(len(estimate)) if len(estimate) else np.nan,
            **_share("assurance", uncertain.rejects),
            "truth": middle if own else np.nan,
            "bias": _mean(estimate - truth) if own else np.nan,
            "bias_mc_se": _sd(estimate - truth) / np.sqrt(len(estimate)) if own else np.nan,
            "predicted": _mean(known),
            "p05": float(ends[0]),
            "p95": float(ends[1]),
            "n_total": sum(asked.patients(arm)[place] for arm in asked.arms),
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

    def needed(self, analysis: str, *, assurance: bool = False) -> tuple[Needed, ...]:
        """Patients in the first arm of the contrast for 80 and 90 %, and for the power wanted.

        **Main arguments:**

        - `analysis`: one of those of the trial.

        **Other arguments:**

        - `assurance`: for the assurance instead of the power.
        """
        part = self.table.filter(pl.col("analysis") == analysis)
        name = "assurance" if assurance else "power"
        asked = self.question.trial.power
        targets = sorted({*TARGETS, *(() if asked is None else (asked.target,))})
        known = part.filter(pl.col(name).is_not_null())
        if len(known) < 2:
            return ()
        columns = (known[one].to_list() for one in ("n_per_arm", name, f"{name}_mc_se"))
        sizes, power, error = columns
        return tuple(needed(sizes, power, error, target) for target in targets)

    def own_row(self) -> dict[str, Any]:
        """The row of the primary analysis at the trial's own size."""
        primary = self.question.trial.primary
        assert primary is not None
        size = self.question.sizes[self.question.own]
        part = self.table.filter(
            (pl.col("analysis") == primary.analysis) & (pl.col("n_per_arm") == size)
        )
        return part.to_dicts()[0]


def _whys(*outcomes: Outcome) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for one in outcomes:
        for why, count in one.failures.items():
            found[why] = found.get(why, 0) + count
    return found


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _sd(values: Array) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _share(name: str, flags: Array) -> dict[str, float]:
    """A share of the replicates that have an estimate, and its Monte-Carlo error."""
    known = flags[~np.isnan(flags)]
    p, count = _mean(known), len(known)
    # none or all of them is no proof that it is never or always: one more of each is counted
    q = (known.sum() + 1.0) / (count + 2.0) if count and p in (0.0, 1.0) else p
    error = float(np.sqrt(q * (1.0 - q) / count)) if count else float("nan")
    return {name: p, f"{name}_mc_se": error}
