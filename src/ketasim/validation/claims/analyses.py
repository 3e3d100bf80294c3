"""Analyses of trials beside the numbers of SAS, of R packages and of published tables."""

from __future__ import annotations

from collections.abc import Iterator

from ketasim.validation.claims.claim import Claim, judged
from ketasim.validation.statistics.numbers import computed, rows


def analyses() -> Iterator[Claim]:
    """Mixed models, covariance, shares, imputation, boundaries: each reference number."""
    for row in rows():
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
