"""Columns of predictions beside those of the table that was brought."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from ketasim._base import InputError

NOT_USED: Final = "not used by the model: "
"""Before the columns that are brought along."""

FROM_TABLE: Final = "is taken from the table"
"""After a parameter that a column gives."""

GIVEN: Final = "given, and not drawn"
"""After parameters that the call or a column gives, where others are drawn."""

STATISTICS: Final = ("mean", "sd", "p05", "p25", "p50", "p75", "p95")
"""Of the draws of an output."""


def check_columns(
    brought: Collection[str], outputs: Sequence[str], *, drawn: bool, residual: bool
) -> None:
    """Refuse a table that already has a column that is to be written.

    **Arguments:**

    - `brought`: its columns. `outputs`: those of the model.
    - `drawn`, `residual`: what else is written of each.
    """
    written = ["ROW", *outputs]
    if drawn:
        written += [f"{name}_{one}" for name in outputs for one in STATISTICS]
    elif residual:
        written += [f"{name}_observed" for name in outputs]
    for name in written:
        if name in brought:
            raise InputError(
                name,
                "is a column of the table, and of the predictions",
                "rename the column of the table",
            )
