"""Labels that keep apart: where words stand that belong to places too close to each other."""

from __future__ import annotations

from collections.abc import Sequence


def apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places that keep a distance, each as near as it can to where it belongs.

    The sum of squared shifts is smallest: places that touch form a block which stands at the mean
    of where its members belong (isotonic regression by pooling neighbours).

    **Arguments:**

    - `places`: where they belong, pixels; any order. `gap`: smallest distance.
    - `low`, `high`: ends of the stretch they lie on; where it is too short, the gap is smaller.

    **Returns:** the places in the order given.
    """
    if not places:
        return []
    count = len(places)
    if count > 1:
        gap = min(gap, (high - low) / (count - 1))
    order = sorted(range(count), key=lambda i: places[i])
    blocks: list[tuple[float, int]] = []  # mean, members
    for rank, i in enumerate(order):
        mean, members = places[i] - rank * gap, 1
        while blocks and blocks[-1][0] >= mean:
            before, many = blocks.pop()
            mean = (before * many + mean * members) / (many + members)
            members += many
        blocks.append((mean, members))
    level = [mean for mean, members in blocks for _ in range(members)]
    found = [0.0] * count
    for rank, i in enumerate(order):
        found[i] = min(max(level[rank], low), max(high - (count - 1) * gap, low)) + rank * gap
    return found
