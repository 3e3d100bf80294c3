"""Colours of charts by their meaning, and how an element of SVG says its colour."""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import cache
from typing import Final

INK: Final = "#1c2733"
"""Words and marks that matter most."""
SOFT: Final = "#56626e"
"""Other words, guides and whiskers."""
GRID: Final = "#e3e7ea"
"""Lines behind the data."""
AXIS: Final = "#8a959f"
"""Axes and their ticks; numbers that the data did not move."""
PAPER: Final = "#ffffff"
"""What a chart stands on."""
COLOURS: Final[Mapping[str, str]] = {
    "ketamine": "#184769",
    "s": "#1f7567",
    "r": "#91390c",
    "norketamine": "#6d479b",
    "hnk": "#9c6405",
    "block": "#711d3b",
    "expectation": "#c2831b",
    "course": "#7d8792",
    "glutamate": "#1f7567",
    "bdnf": "#6d479b",
    "synapses": "#9c6405",
    "mood": "#184769",
    "antidepressant": "#1f7567",
}
"""Colours by what they show. Those of one chart keep apart for readers who do not see red, green or
blue as well, with the dashes of the lines as a second channel; 3:1 on paper, 4.5:1 but the last two
of the first eight."""
WORDS: Final[Mapping[str, str]] = {"expectation": "#8a5a0c", "course": "#616b75"}
"""Darker shades in which words of a colour are written that is too faint for them."""


@cache
def colour_class(colour: str) -> str:
    """The class by which a style sheet knows a colour: the first meaning it has.

    **Arguments:**

    - `colour`: as `#rrggbb`.

    **Returns:** nothing for a colour that no style sheet changes.
    """
    greys = {INK: "ink", SOFT: "soft", GRID: "grid", AXIS: "axis", PAPER: "paper"}
    return greys.get(colour) or next((k for k, v in COLOURS.items() if v == colour), "")


@cache
def painted(colour: str, kind: str = "", *, words: bool = False) -> str:
    """Attributes of an element that give it a colour, to be used as `currentColor`.

    A style sheet finds the class and sets `color` for a dark page, for paper or for forced colours;
    without one the attribute counts.

    **Arguments:**

    - `colour`: as `#rrggbb`. `kind`: a class beside that of the colour.
    - `words`: for text, which needs more contrast than a line.
    """
    name = colour_class(colour)
    shade = WORDS.get(name, colour) if words else colour
    classes = f"{name} {kind}".strip()
    known = f' class="{classes}"' if classes else ""
    return f'{known} color="{html.escape(shade, quote=True)}"'
