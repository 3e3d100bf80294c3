"""A numbered figure of a report: its panels, legend and captions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

RING: Final = "M0,-1A1,1,0,1,1,0,1A1,1,0,1,1,0,-1ZM0,-0.6A0.6,0.6,0,1,0,0,0.6A0.6,0.6,0,1,0,0,-0.6Z"
"""A ring, as a shape of Vega: a published value in a panel."""

OPEN: Final = (
    "M0,-4.4A4.4,4.4,0,1,1,0,4.4A4.4,4.4,0,1,1,0,-4.4ZM0,-2.6A2.6,2.6,0,1,0,0,2.6"
    "A2.6,2.6,0,1,0,0,-2.6Z"
)
"""The same ring as a path in a legend, in pixels."""

DOTS: Final[Mapping[str, str]] = {
    "circle": "M4,0A4,4,0,1,1,-4,0A4,4,0,1,1,4,0Z",
    "square": "M-3.5,-3.5h7v7h-7Z",
    "diamond": "M0,-5L4,0L0,5L-4,0Z",
    "triangle-up": "M0,-4.5L4.5,3.5L-4.5,3.5Z",
    "triangle-down": "M0,4.5L4.5,-3.5L-4.5,-3.5Z",
    "triangle-left": "M-4.5,0L3.5,4.5L3.5,-4.5Z",
    "triangle-right": "M4.5,0L-3.5,4.5L-3.5,-4.5Z",
    "cross": "M-4.2,-1.6h2.6v-2.6h3.2v2.6h2.6v3.2h-2.6v2.6h-3.2v-2.6h-2.6Z",
}
"""Points of a figure as paths in its legend, in pixels."""


@dataclass(frozen=True)
class Legend:
    """One entry of a figure's legend.

    **Arguments:**

    - `kind`: `line`, `band`, `dot`, `dose` or `words`.
    - `text`: what it stands for.
    - `colour`, `dash`, `opacity`: how it looks.
    """

    kind: str
    text: str
    colour: str = ""
    dash: str = ""
    opacity: float = 1.0


@dataclass(frozen=True)
class Drawing:
    """A panel as SVG, a second one for narrow screens where the first is wide, words below."""

    svg: str
    narrow: str = ""
    caption: str = ""


@dataclass(frozen=True)
class Figure:
    """A numbered figure.

    **Arguments:**

    - `name`: for links. `title`, `caption`: words above and below.
    - `drawings`: its panels. `columns`: how many stand side by side on a wide page.
    - `legend`: what lines and bands mean; shared by all panels.
    """

    name: str
    title: str
    drawings: tuple[Drawing, ...]
    legend: tuple[Legend, ...]
    caption: str = ""
    columns: int = 2
