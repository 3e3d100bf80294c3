"""A numbered figure of a report: its panels, legend and captions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


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
