"""Analyses of trials beside the numbers of SAS, of R packages and of published tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ketasim.validation.claims.claim import Claim, judged
from ketasim.validation.statistics.numbers import computed, rows

_DRAWN: Final = ("MI ", "Bayes ")
"""Models by multiple imputation, whose 10,000 draws take minutes; the tests have them."""

_WHY: Final = {
    ("se ARMCDTRT:AVISITVIS4 (asymptotic)", 1.85085): (
        "The package stops at a relative reduction of 1e-8, a little before the optimum, where the "
        "standard error is 1.85096."
    ),
    ("Pocock k=15 b=.1 max n %", 130.5): (
        "Of 12 million simulated trials of 130.37 % of the size, 90.02 % (SE 0.01) are "
        "significant, of 130.5 % 90.05 %."
    ),
}
"""Reference numbers, by quantity and value, that an exact optimum or integral does not meet."""


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
            note=_WHY.get((row["quantity"], row["value"]), ""),
        )
