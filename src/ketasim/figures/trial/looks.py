"""How the arms of a trial look in its figures: colour, dashes and shape by their place."""

from __future__ import annotations

from typing import Final

from ketasim.dosing import Trial
from ketasim.figures.panels import COLOURS

LOOKS: Final = (
    (COLOURS["ketamine"], ()),
    (COLOURS["r"], (6, 3)),
    (COLOURS["s"], (2, 3)),
    (COLOURS["norketamine"], (8, 3, 2, 3)),
    (COLOURS["block"], (4, 2)),
    (COLOURS["hnk"], (10, 4)),
)
"""Colour and dashes of each arm, in the order of the trial."""

SHAPES: Final = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
"""Shapes of points, as of `LOOKS`."""


def look_of(trial: Trial, arm: str) -> tuple[str, tuple[int, ...], str]:
    """Colour, dashes and shape of an arm.

    **Arguments:**

    - `trial`: with its arms. `arm`: id of one.
    """
    place = [one.id for one in trial.arms].index(arm)
    colour, dash = LOOKS[place % len(LOOKS)]
    return colour, dash, SHAPES[place % len(SHAPES)]
