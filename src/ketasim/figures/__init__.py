"""Drawings: a result goes in, a chart comes out."""

from ketasim.figures.course import plot
from ketasim.figures.forest import (
    forest_plot,
    forest_png,
    forest_svg,
)
from ketasim.figures.trial import plot_trial

__all__ = [
    "forest_plot",
    "forest_png",
    "forest_svg",
    "plot",
    "plot_trial",
]
