"""Effects of a session beside what was published on them."""

from __future__ import annotations

from collections.abc import Iterator

from ketasim.evidence import load_card
from ketasim.validation.claims.claim import Claim, judged


def sessions() -> Iterator[Claim]:
    """Dissociation, sedation, pressure and what patients report, each beside the model's."""
    from ketasim.calibration.session import compare_session  # slow to load
    from ketasim.calibration.session.tables import (
        effect_words,
        given_words,
        is_inside,
        is_met,
        statistic_words,
    )

    for one in compare_session(load_card("session")).compared:
        row = one.row
        share = row.unit == "fraction"
        scale = 100.0 if share else 1.0
        yield Claim(
            area="sessions",
            what=f"{effect_words(row)}, {statistic_words(row)}",
            where=given_words(row),
            published=scale * row.value,
            predicted=scale * one.predicted,
            unit="%" if share else row.unit,
            criterion="published number inside the 90 % prediction interval of such a study",
            outcome=judged(is_inside(one) or is_met(one)),
            grade="fitted",
            independent=row.use == "check",
            source=row.source,
            place=", ".join(row.facts),
            low=scale * one.low,
            high=scale * one.high,
            error=scale * (one.predicted - row.value),
            measure="difference",
            covered=is_inside(one),
            note=row.note,
        )
