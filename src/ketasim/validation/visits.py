"""Ratings of the same patients at several visits: published beside what simulated trials rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Arm, Trial, load_trial
from ketasim.evidence import Card, fact, facts, load_card, number, source_name, studies
from ketasim.population import to_madrs
from ketasim.trials.patients.worlds import worlds
from ketasim.trials.ratings import ArmSimulation

Array = NDArray[np.float64]
Answer = Literal["yes", "no", "cannot tell"]

PATIENTS: Final = 4000
"""Simulated in an arm: a correlation to 0.01, a share to 0.8 percentage points."""

_SEED: Final = 1
_DAY: Final = 24.0
_EARLY: Final = "mood/early_response"
_95: Final = 1.96


@dataclass(frozen=True)
class VisitCheck:
    """A published number on visits of the same patients beside the model's.

    **Arguments:**

    - `what`: the number. `group`: of whom.
    - `published`, `low`, `high`: with its 95 % interval, of sampling or as published; nothing where
      neither is known. `predicted`: by simulated ratings. All in `unit`.
    - `agrees`: whether the prediction is within the interval.
    - `source`: key. `note`: how it was read, and whether the noise was fitted to it.
    """

    what: str
    group: str
    published: float
    low: float | None
    high: float | None
    predicted: float
    unit: str
    source: str
    note: str

    @property
    def agrees(self) -> Answer:
        """Whether the prediction is within the published interval."""
        if self.low is None or self.high is None:
            return "cannot tell"
        return "yes" if self.low <= self.predicted <= self.high else "no"


@cache
def visit_checks(card: Card | None = None) -> tuple[VisitCheck, ...]:
    """Published numbers on ratings at several visits, each beside the same of simulated patients.

    SDs of change and correlations between the visits of a real trial, response on day 28 of early
    responders and others, and how well an early score tells a later response.

    **Arguments:**

    - `card`: instead of the card `mood`.
    """
    used = load_card("mood") if card is None else card
    return (*_real_trial(used), *_transform(used), *_six_infusions(used), *_ninety_days(used))


def visit_table(checks: Sequence[VisitCheck]) -> str:
    """Checks as a table in Markdown."""
    lines = [
        "| what | in | published | 95 % interval | predicted | agrees | source | note |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in checks:
        ends = "" if one.low is None else f"{one.low:.2g} to {one.high:.2g}"
        answer = one.agrees if one.agrees == "yes" else f"**{one.agrees}**"
        cells = (
            one.what,
            one.group,
            f"{one.published:.3g} {one.unit}".strip(),
            ends,
            f"{one.predicted:.3g}",
            answer,
            source_name(one.source),
            one.note,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _rated(trial: Trial, arm: Arm, days: Sequence[float], card: Card) -> tuple[Array, Array]:
    """Ratings of patients who all stay: before treatment (n,) and at the visits (n, T), points."""
    times = np.asarray(days, np.float64) * _DAY
    stay = card.with_entries(
        *(card.entry(name).replace(value=0.0) for name in ("stop_drug", "stop_control"))
    )
    drawn = worlds(trial, stay, _SEED, 1, uncertainty=False, between_trials=False)
    many = replace(arm, n=PATIENTS)
    ratings = ArmSimulation(trial, many, times, _SEED, drawn, patients=True).ratings(0, 1)[1]
    scores = [ratings.score("MADRS", float(time))[0] for time in times]
    return ratings.baseline("MADRS")[0], np.column_stack(scores)


def _study(key: str) -> Trial:
    return load_trial(next(path for path in studies() if path.stem == key))


def _real_trial(card: Card) -> list[VisitCheck]:
    """The trial behind `mood/visit_moments`, as patients of its baseline would be rated."""
    arms: dict[str, dict[tuple[float, float], tuple[float, int]]] = {}
    start: dict[str, tuple[float, float]] = {}
    for row in facts("mood/visit_moments"):
        one, other, n, cov, mean = (
            _value(row.get(name)) for name in ("day_1", "day_2", "n", "covariance", "mean_1")
        )
        arms.setdefault(row.get("group"), {})[one, other] = cov, int(n)
        if one == other == 0.0:
            start[row.get("group")] = mean, float(np.sqrt(cov))
    source = facts("mood/visit_moments")[0].source
    slope = float(to_madrs("HDRS17", 15.5) - to_madrs("HDRS17", 14.5))
    found: list[VisitCheck] = []
    for group, table in arms.items():
        days = sorted({day for pair in table for day in pair})
        mean, sd = start[group]
        content: dict[str, Any] = {
            "trial": "visits",
            "source": source,
            "population": {
                "baseline": {"scale": "HDRS17", "mean": mean, "sd": sd},
                "background": "new" if group == "drug" else "none",
            },
            "arms": [
                {
                    "id": group,
                    "n": PATIENTS,
                    "control": "antidepressant" if group == "drug" else "none",
                }
            ],
            "assess": [{"scale": "MADRS", "at": ["7 d"], "metrics": ["score"]}],
        }
        trial = load_trial(content)
        before, later = _rated(trial, trial.arms[0], days[1:], card)
        rated = np.column_stack([before, later])
        pairs = [*pairwise(days), (days[0], days[-1])]
        for one, other in pairs:
            i, j = days.index(one), days.index(other)
            cov, n = table[one, other]
            # of the patients at both visits, as far as the moments say
            ends = table[one, one][0], table[other, other][0]
            sd_change = slope * float(np.sqrt(ends[0] + ends[1] - 2.0 * cov))
            factor = float(np.exp(_95 / np.sqrt(2.0 * (n - 1.0))))
            span = f"day {one:g} to {other:g}"
            note = "HDRS17 in points of the MADRS. Not independent: the noise was fitted to it."
            who = f"{group} arm of {n}"
            found.append(
                VisitCheck(
                    f"SD of change, {span}",
                    who,
                    sd_change,
                    sd_change / factor,
                    sd_change * factor,
                    float(np.std(rated[:, j] - rated[:, i], ddof=1)),
                    "points",
                    source,
                    note,
                )
            )
            r = cov / float(np.sqrt(ends[0] * ends[1]))
            bend = _95 / np.sqrt(n - 3.0)
            found.append(
                VisitCheck(
                    f"correlation of scores, {span}",
                    who,
                    r,
                    float(np.tanh(np.arctanh(r) - bend)),
                    float(np.tanh(np.arctanh(r) + bend)),
                    float(np.corrcoef(rated[:, i], rated[:, j])[0, 1]),
                    "",
                    source,
                    "Not independent: the noise was fitted to it.",
                )
            )
    return found


def _responded(before: Array, scores: Array) -> NDArray[np.bool_]:
    return scores <= 0.5 * before[:, None] + 1e-9


def _transform(card: Card) -> list[VisitCheck]:
    """Response on day 28 by response on day 2 in TRANSFORM-1 and -2."""
    trial = _study("POOL_TRANSFORM12")
    source = fact(f"{_EARLY}:1").source
    found: list[VisitCheck] = []
    # the day after the first dose, and that of the efficacy visit four weeks after it
    for arm, rows in (("ESK", (2, 1, 5)), ("PBO", (4, 3, None))):
        early, late = _responded(*_rated(trial, trial.arm(arm), (1.0, 28.0), card)).T
        every, without, others = rows
        n = int(_value(fact(f"{_EARLY}:{every}").get("n")))
        name = "esketamine" if arm == "ESK" else "placebo spray"
        among: list[tuple[int | None, str, Any, float]] = [
            (every, "all", np.ones_like(early), 1.0),
            (without, "without response on day 2", ~early, _EARLY_NONE),
            (others, "with response on day 2", early, 1.0 - _EARLY_NONE),
        ]
        for row, who, chosen, part in among:
            if row is None:
                continue
            share = _value(fact(f"{_EARLY}:{row}").get("value"))
            found.append(
                _share(
                    "response on day 28",
                    f"{name}, {who}",
                    share,
                    n * part,
                    100.0 * float(late[chosen].mean()),
                    source,
                    f"{_EARLY}:{row}"
                    + (
                        "; of the placebo arm the same part is taken"
                        if arm == "PBO" and part < 1
                        else ""
                    ),
                )
            )
    return found


_EARLY_NONE: Final = 0.827
"""Part of the patients without a response on day 2 (mood/early_response:5, its note)."""


def _six_infusions(card: Card) -> list[VisitCheck]:
    """Response after the first and after the sixth of six infusions."""
    row = next(r for r in facts(_EARLY) if r.source == "zheng2018" and r.get("metric") == "OR")
    trial = _study("zheng2018")
    first, last = _responded(*_rated(trial, trial.arms[0], (1.0, 12.0), card)).T
    odds = [float(last[group].mean()) for group in (first, ~first)]
    ratio = odds[0] / (1 - odds[0]) / (odds[1] / (1 - odds[1]))
    return [
        VisitCheck(
            "odds of a response after the sixth infusion by response a day after the first",
            "six infusions in twelve days",
            _value(row.get("value")),
            None,
            None,
            ratio,
            "odds ratio",
            row.source,
            f"{row.id}; no interval is published. Not independent: it set how much sessions vary.",
        )
    ]


def _ninety_days(card: Card) -> list[VisitCheck]:
    """How well the score after two administrations tells response at 90 days."""
    row = next(
        r for r in facts(_EARLY) if r.source == "trajfr2023" and r.get("metric") == "accuracy pct"
    )
    trial = _study("REALESK")
    before, scores = _rated(trial, trial.arms[0], (4.0, 90.0), card)
    late = scores[:, 1] <= 0.5 * before + 1e-9
    cuts = [float(((scores[:, 0] <= cut) == late).mean()) for cut in range(61)]
    return [
        _share(
            "accuracy of the MADRS after two administrations for response on day 90",
            "esketamine in clinics",
            _value(row.get("value")),
            _value(row.get("n")),
            100.0 * max(cuts),
            row.source,
            f"{row.id}; predicted with the best cut. The source tells classes of course, not "
            "response, so that the two are not quite the same",
        )
    ]


def _share(
    what: str, group: str, percent: float, n: float, predicted: float, source: str, note: str
) -> VisitCheck:
    share = percent / 100.0
    # Wilson's interval of a share
    middle = (share + _95**2 / (2.0 * n)) / (1.0 + _95**2 / n)
    half = _95 / (1.0 + _95**2 / n) * np.sqrt(share * (1 - share) / n + _95**2 / (4.0 * n**2))
    low, high = 100.0 * (middle - float(half)), 100.0 * (middle + float(half))
    return VisitCheck(what, group, percent, low, high, predicted, "%", source, note)


def _value(text: str) -> float:
    found = number(text)
    assert found is not None, text
    return found
