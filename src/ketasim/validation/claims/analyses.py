"""Analyses of trials beside the numbers of SAS, of R packages and of published tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ketasim.validation.claims.claim import Claim, judged
from ketasim.validation.statistics.numbers import computed, rows

_DRAWN: Final = ("MI ", "Bayes ")
"""Models by multiple imputation, whose 10,000 draws take minutes; the tests have them."""


def analyses() -> Iterator[Claim]:
    """Mixed models, covariance, shares, imputation by its mean, boundaries."""
    for row in rows():
        if row["model"].startswith(_DRAWN):
            continue
        value = computed(row)
        off = None if value is None else value - row["value"]
        yield Claim(
            area="analyses",
            what=row["quantity"],
            where=row["model"] if not row["dataset"] else f"{row['dataset']}: {row['model']}",
            published=row["value"],
            predicted="nothing" if value is None else value,
            unit="",
            criterion=f"within {row['tolerance']:g}",
            outcome=judged(off is not None and abs(off) <= row["tolerance"] + 1e-9),
            grade="derived",
            independent=True,
            source="",
            place=row["source"],
            error=off,
            measure="difference",
        )
