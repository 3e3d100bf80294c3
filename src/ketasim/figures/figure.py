"""A numbered figure of a report: its panels, legend and captions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RING: Final = "M0,-1A1,1,0,1,1,0,1A1,1,0,1,1,0,-1ZM0,-0.6A0.6,0.6,0,1,0,0,0.6A0.6,0.6,0,1,0,0,-0.6Z"
"""A ring, as a shape of Vega: a published value in a panel."""

OPEN: Final = (
    "M0,-4.4A4.4,4.4,0,1,1,0,4.4A4.4,4.4,0,1,1,0,-4.4ZM0,-2.6A2.6,2.6,0,1,0,0,2.6"
    "A2.6,2.6,0,1,0,0,-2.6Z"
)
"""The same ring as a path in a legend, in pixels."""


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
