"""Published effects of sessions beside what the model says of the same sessions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ketasim.calibration.session.tables import (
    effect_words,
    given_words,
    statistic_words,
)
from ketasim.evidence import Card, load_card

if TYPE_CHECKING:
    from ketasim.calibration.session import SessionRow


@dataclass(frozen=True)
class SessionCheck:
    """A published number of sessions beside the model's.

    **Arguments:**

    - `what`: effect and statistic, in words. `given`: drug, route and dose, in words.
    - `published`, `low`, `high`, `predicted`: in `unit`.
    - `placebo`: the same without the drug, of a share.
    - `fitted`: whether the model was fitted to it, in this or another form; otherwise it is only
      compared.
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


def session_checks(given: Iterable[tuple[str, str]]) -> tuple[SessionCheck, ...]:
    """Published effects of sessions of some drugs and routes, each beside the model's.

    **Arguments:**

    - `given`: pairs of drug and route, such as `("esketamine", "intranasal")`; the placebo of a
      route stands beside it.

    **Returns:** in the order of the table; none where nothing is published for them.
    """
    from ketasim.calibration.session import (
        load_session_training,  # only here: the room is slow to load
    )

    wanted = set(given)
    routes = {route for _, route in wanted}
    rows = tuple(
        row
        for row in load_session_training()
        if (row.drug, row.route) in wanted or (row.drug == "none" and row.route in routes)
    )
    return _compared(rows)


@cache
def _compared(rows: tuple[SessionRow, ...]) -> tuple[SessionCheck, ...]:
    from ketasim.calibration.session import SessionProblem

    if not rows:
        return ()
    card: Card = load_card("session")
    predicted, _ = SessionProblem(rows, load_card("session_prior")).predict(card.values())
    return tuple(
        SessionCheck(
            what=f"{effect_words(row)}, {statistic_words(row)}",
            given=given_words(row),
            published=row.value,
            low=row.low,
            high=row.high,
            predicted=float(value),
            placebo=row.comparator,
            unit=row.unit,
            fitted=row.use != "check",
            source=row.source,
            facts=row.facts,
            note=row.note,
        )
        for row, value in zip(rows, predicted, strict=True)
    )
