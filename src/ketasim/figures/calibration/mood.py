"""Figures of the calibration of the chain to mood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ketasim.figures.calibration.intervals import (
    PREDICTED,
    PRIOR,
    UNMOVED,
    correlation_drawing,
    interval_drawing,
)
from ketasim.figures.figure import Drawing, Figure, Legend

if TYPE_CHECKING:
    from ketasim.calibration.mood import (
        MoodFit,
        Number,
    )


def interval_figure(numbers: Sequence[Number], moved_by: str, between: str) -> Figure:
    """The free numbers of a fit, prior against posterior.

    **Arguments:**

    - `numbers`: of the fit. `moved_by`: what did not move some of them, such as `the data`.
    - `between`: what else differs, such as `trials`.
    """
    return Figure(
        "figure-numbers",
        "Figure 2. Free parameters after the fit",
        (Drawing(interval_drawing(numbers)),),
        (
            Legend("line", "95 % interval after the fit", PREDICTED),
            Legend("line", f"the same, not informed by {moved_by}", UNMOVED),
            Legend("band", "95 % prior interval", UNMOVED, opacity=PRIOR),
            Legend(
                "words",
                "Parameter uncertainty only, on the scale of the estimation; neither "
                f"between-patient variability nor variability between {between}.",
            ),
        ),
        columns=1,
    )


def correlation_figure(fit: MoodFit) -> Figure:
    """Correlation of the free numbers after the fit."""
    symbols = [one.symbol for one in fit.numbers]
    return Figure(
        "figure-correlation",
        "Figure 3. Correlation of the free parameters after the fit",
        (Drawing(correlation_drawing(symbols, fit.correlation)),),
        (
            Legend(
                "words",
                "Of parameter uncertainty, on the scales on which the parameters were estimated. A "
                "name stands at the end of its row, which is the head of its column.",
            ),
        ),
        columns=1,
    )
