"""Drawings: a result goes in, a chart comes out."""

from typing import TYPE_CHECKING

from ketasim._base.rooms import opened
from ketasim.figures.plot import plot

if TYPE_CHECKING:
    from ketasim.figures.forest.chart import forest_plot
    from ketasim.figures.forest.drawing import forest_png, forest_svg

__all__ = [
    "forest_plot",
    "forest_png",
    "forest_svg",
    "plot",
]

__getattr__ = opened(
    __name__,
    {
        "forest_plot": "forest.chart",
        "forest_png": "forest.drawing",
        "forest_svg": "forest.drawing",
    },
)
