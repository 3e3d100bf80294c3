"""Drawings: a result goes in, a chart comes out."""

from ketasim.figures.forest import (
    forest_plot,
    forest_png,
    forest_svg,
)
from ketasim.figures.plot import plot

__all__ = [
    "forest_plot",
    "forest_png",
    "forest_svg",
    "plot",
]
