"""What is told of the mood of patients together: means, and the spread of their ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.simulation.mood.rated import pooled_spread
from ketasim.simulation.statistics import weighted

Array = NDArray[np.float64]

ASKED: Final = "asked"
"""Means at the times of the table, as `mean_scores` returns them."""

WEEKLY: Final = "weekly"
"""Means before and after the sessions of each week, as `mean_weeks` returns them."""

RATED: Final = "rated"
"""Spread of the ratings at the times of the curves, as `rated_spread` returns it; nothing of the
typical patient."""

DAYS: Final = "days"
"""`well`: mean days on which a rating shows half of the baseline or less, shape (1,); nothing where
no draws of the card are centred by it."""


@dataclass(frozen=True, eq=False)
class MoodMeans:
    """What is told of some patients together.

    **Arguments:**

    - `count`: how many. `tables`: `ASKED`, `WEEKLY`, `RATED` and `DAYS` to their columns.
    """

    count: int
    tables: Mapping[str, Mapping[str, Array]]


def pooled_means(parts: Sequence[MoodMeans]) -> MoodMeans:
    """Those of several groups of patients together.

    **Arguments:**

    - `parts`: of each group, one at least.
    """
    count = [part.count for part in parts]
    tables: dict[str, Mapping[str, Array]] = {}
    for table, columns in parts[0].tables.items():
        own = [part.tables[table] for part in parts]
        if table == RATED and columns:
            tables[table] = pooled_spread(own, count)
        else:
            tables[table] = {name: weighted([one[name] for one in own], count) for name in columns}
    return MoodMeans(sum(count), tables)
