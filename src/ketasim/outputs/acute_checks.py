"""Published effects of sessions beside what the model says of the same sessions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from ketasim.evidence import Card, load_card
from ketasim.inference import AcuteProblem, AcuteRow, load_acute_training
from ketasim.models import ACUTE

_STATISTICS: Final = {
    "ever": "in at least one of {} sessions",
    "sessions": "of sessions, {} a patient",
    "mean_peak": "mean at the peak, session {}",
    "mean_change": "largest mean rise",
    "mean_at": "mean rise at {} min",
    "mean_at_most": "mean at {} min, at most",
    "mean_max": "mean of each patient's largest rise",
    "rise_ever": "rise of {} mmHg or more in one of {} sessions",
    "share_at": "share at {} min",
    "share_at_most": "share at {} min, at most",
    "peak_time": "time of the peak",
    "onset_time": "beginning",
    "back_time": "gone",
    "back_by_time": "gone by",
}
_SCORES: Final = {
    "cadss": "CADSS",
    "SBP": "systolic pressure",
    "DBP": "diastolic pressure",
    "HR": "heart rate",
    "cognition": "cognition",
}
_DRUGS: Final = {"none": "placebo spray", "ketamine": "ketamine", "esketamine": "esketamine"}
_ROUTES: Final = {"intranasal": "nasal", "iv": "IV", "sc": "SC", "": ""}


@dataclass(frozen=True)
class AcuteCheck:
    """A published number of sessions beside the model's.

    **Arguments:**

    - `what`: effect and statistic, in words. `given`: drug, route and dose, in words.
    - `published`, `low`, `high`, `predicted`: in `unit`.
    - `placebo`: the same without the drug, of a share.
    - `fitted`: whether the model was fitted to it; otherwise it is only compared.
    - `source`, `facts`: where it stands. `note`: how it was read.
    """

    what: str
    given: str
    published: float
    low: float | None
    high: float | None
    predicted: float
    placebo: float | None
    unit: str
    fitted: bool
    source: str
    facts: tuple[str, ...]
    note: str


def acute_checks(given: Iterable[tuple[str, str]]) -> tuple[AcuteCheck, ...]:
    """Published effects of sessions of some drugs and routes, each beside the model's.

    **Arguments:**

    - `given`: pairs of drug and route, such as `("esketamine", "intranasal")`; the placebo of a
      route stands beside it.

    **Returns:** in the order of the table; none where nothing is published for them.
    """
    wanted = set(given)
    routes = {route for _, route in wanted}
    rows = tuple(
        row
        for row in load_acute_training()
        if (row.drug, row.route) in wanted or (row.drug == "none" and row.route in routes)
    )
    return _compared(rows)


@cache
def _compared(rows: tuple[AcuteRow, ...]) -> tuple[AcuteCheck, ...]:
    if not rows:
        return ()
    card: Card = load_card("acute")
    predicted, _ = AcuteProblem(rows, load_card("acute_prior")).predict(card.values())
    return tuple(
        AcuteCheck(
            what=f"{_effect(row)}, {_statistic(row)}",
            given=_given(row),
            published=row.value,
            low=row.low,
            high=row.high,
            predicted=float(value),
            placebo=row.comparator,
            unit=row.unit,
            fitted=row.use == "fit",
            source=row.source,
            facts=row.facts,
            note=row.note,
        )
        for row, value in zip(rows, predicted, strict=True)
    )


def _effect(row: AcuteRow) -> str:
    return _SCORES[row.what] if row.what in _SCORES else ACUTE.event(row.what).title


def _statistic(row: AcuteRow) -> str:
    words = _STATISTICS[row.statistic]
    if row.statistic == "rise_ever":
        return words.format(f"{row.cut:g}", row.sessions)
    return words.format(f"{row.minute:g}" if row.minute is not None else row.sessions)


def _given(row: AcuteRow) -> str:
    if row.drug == "none":
        return _DRUGS["none"]
    doses = "/".join(row.doses)
    over = f" over {row.over} min" if row.over else ""
    older = ", from 65 years" if row.older else ""
    people = ", Japan" if row.ancestry == "japanese" else ""
    return f"{_ROUTES[row.route]} {row.drug} {doses} {row.unit_of_dose}{over}{older}{people}"
