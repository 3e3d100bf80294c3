"""A canvas in pixels: elements are put on it in order, and it becomes one `<svg>`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.figures.svg.lettering import FONT, SIZE, escaped
from ketasim.figures.svg.palette import INK, PAPER, SOFT, painted
from ketasim.figures.svg.paths import hundredths as h
from ketasim.figures.svg.paths import path, segments

Array = NDArray[np.float64]

SHAPES: Final = {
    "circle": "M1.13,0A1.13,1.13,0,1,1,-1.13,0A1.13,1.13,0,1,1,1.13,0Z",
    "square": "M-1,-1H1V1H-1Z",
    "triangle-up": "M-1.25,0.95L0,-1.2L1.25,0.95Z",
    "triangle-down": "M-1.25,-0.95L0,1.2L1.25,-0.95Z",
    "triangle-left": "M0.95,-1.25L-1.2,0L0.95,1.25Z",
    "triangle-right": "M-0.95,-1.25L1.2,0L-0.95,1.25Z",
    "diamond": "M0,-1.45L1.2,0L0,1.45L-1.2,0Z",
    "cross": "M-1.2,-0.45H-0.45V-1.2H0.45V-0.45H1.2V0.45H0.45V1.2H-0.45V0.45H-1.2Z",
}
"""Points of about one area, by name; one unit is half the side of the square."""
_HALO: Final = 0.6  # px of paper around a point, which parts it from what it lies on


@dataclass(frozen=True)
class Look:
    """How a mark looks.

    **Arguments:**

    - `colour`: as `#rrggbb`; those of `palette` are recoloured by style sheets.
    - `width`: of a line, pixels. `dash`: lengths of its strokes and gaps.
    - `opacity`: 0 to 1.
    """

    colour: str = INK
    width: float = 1.0
    dash: tuple[float, ...] = ()
    opacity: float = 1.0


class Canvas:
    """Elements of a chart in pixels, from the upper left corner, those put later above.

    **Arguments:**

    - `width`, `height`: of the canvas.
    """

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []

    def stroke(self, parts: Sequence[Array], look: Look, *, name: str = "") -> None:
        """Draw a line, in parts where it is interrupted.

        **Arguments:**

        - `parts`: each of shape (n, 2). `look`: of the line. `name`: shown under the pointer.
        """
        self._stroke("".join(path(part) for part in parts), look, name)

    def segments(self, ends: Sequence[tuple[float, float, float, float]], look: Look) -> None:
        """Draw straight lines.

        **Arguments:**

        - `ends`: of each x and y of the one end and of the other. `look`: of all.
        """
        self._stroke(segments(ends), look, "")

    def _stroke(self, d: str, look: Look, name: str) -> None:
        if not d:
            return
        dash = f' stroke-dasharray="{" ".join(map(h, look.dash))}"' if look.dash else ""
        self._put(
            f'path d="{d}" fill="none" stroke="currentColor" stroke-width="{look.width:g}"'
            f' stroke-linejoin="round"{dash}',
            look,
            name,
        )

    def fill(self, points: Array, look: Look, *, name: str = "") -> None:
        """Fill a polygon.

        **Arguments:**

        - `points`: its corners, shape (n, 2). `look`: its colour and opacity.
        - `name`: shown under the pointer.
        """
        if len(points) > 2:
            self._put(f'path d="{path(points, closed=True)}" fill="currentColor"', look, name)

    def rect(
        self, x: float, y: float, width: float, height: float, look: Look, *, name: str = ""
    ) -> None:
        """Fill a rectangle.

        **Arguments:**

        - `x`, `y`: its upper left corner. `width`, `height`: its sides.
        - `look`: its colour and opacity. `name`: shown under the pointer.
        """
        place = f'x="{h(x)}" y="{h(y)}" width="{h(width)}" height="{h(height)}"'
        self._put(f'rect {place} fill="currentColor"', look, name)

    def point(
        self,
        x: float,
        y: float,
        look: Look,
        *,
        shape: str = "circle",
        size: float = 3.4,
        hollow: bool = False,
        name: str = "",
    ) -> None:
        """Put a point.

        **Arguments:**

        - `x`, `y`: its middle. `look`: its colour and opacity; its width where it is hollow.
        - `shape`: one of `SHAPES`, or a path about the middle. `size`: half a side, pixels.
        - `hollow`: an outline with paper inside. `name`: shown under the pointer.
        """
        outline = (look.width if hollow else _HALO) / size
        inside, around = (PAPER, "currentColor") if hollow else ("currentColor", PAPER)
        self._put(
            f'path d="{SHAPES.get(shape, shape)}"'
            f' transform="translate({h(x)} {h(y)}) scale({size:g})"'
            f' fill="{inside}" stroke="{around}" stroke-width="{outline:.3g}"',
            look,
            name,
            "hollow" if hollow else "full",
        )

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        colour: str = SOFT,
        size: float = SIZE,
        anchor: str = "start",
        bold: bool = False,
        halo: bool = False,
    ) -> None:
        """Write words.

        **Arguments:**

        - `x`, `y`: where they stand, `y` that of their base line; `words`: on one line.
        - `colour`, `size`, `bold`: of the font. `anchor`: `start`, `middle` or `end` stands at `x`.
        - `halo`: a rim of paper, for words upon lines.
        """
        if not words:
            return
        more = f' font-size="{size:g}"' if size != SIZE else ""
        more += f' text-anchor="{anchor}"' if anchor != "start" else ""
        more += ' font-weight="600"' if bold else ""
        more += f' stroke="{PAPER}" stroke-width="3" paint-order="stroke"' if halo else ""
        look = painted(colour, "full" if halo else "", words=True)
        self._parts.append(
            f'<text x="{h(x)}" y="{h(y)}" fill="currentColor"{more}{look}>{escaped(words)}</text>'
        )

    def _put(self, element: str, look: Look, name: str, kind: str = "") -> None:
        faint = f' opacity="{look.opacity:g}"' if look.opacity < 1.0 else ""
        tag = element.partition(" ")[0]
        inner = f"><title>{escaped(name)}</title></{tag}>" if name else "/>"
        self._parts.append(f"<{element}{painted(look.colour, kind)}{faint}{inner}")

    def document(self, title: str, description: str = "", *, paper: bool = False) -> str:
        """The chart as an `<svg>` that stands in a page, or alone in a file.

        **Arguments:**

        - `title`: what it is. `description`: what it shows, for readers who cannot see it.
        - `paper`: a white ground, for a file.

        **Returns:** the same text for the same chart; its ids are made of what it shows.
        """
        body = "".join(self._parts)
        wide, high = f"{self.width:.0f}", f"{self.height:.0f}"
        place = f'width="{wide}"'  # no style: pages with a strict policy take none
        if paper:
            place = f'width="{wide}" height="{high}"'
            body = f'<rect width="100%" height="100%" fill="{PAPER}"/>{body}'
        told = escaped(title), escaped(description)
        size = f"{wide} {high}"
        own = hashlib.sha256("\n".join((size, *told, body)).encode()).hexdigest()[:12]
        font = FONT.replace("'", "&#39;")
        named = f'id="t{own}">{told[0]}'
        label, desc = f"t{own}", ""
        if description:
            label, desc = f"{label} d{own}", f'<desc id="d{own}">{told[1]}</desc>'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {size}" role="img"'
            f' aria-labelledby="{label}" font-family="{font}" font-size="{SIZE:g}"'
            f" {place}>"
            f"<title {named}</title>{desc}{body}</svg>"
        )
