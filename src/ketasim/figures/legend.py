"""The legend of a chart that stands alone, as Vega-Lite has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

LINE: Final = "M-1.5,0H1.5"
"""Shape of a line in a legend; like all here an SVG path about the middle, 1 is half a symbol."""
BAND: Final = "M-1.5,-0.65H1.5V0.65H-1.5Z"
"""Shape of a band."""
BAR: Final = "M-1.5,0.1H1.5V0.7H-1.5Z"
"""Shape of a dose that takes time."""
TRIANGLE: Final = "M-0.75,0.7L0,-0.7L0.75,0.7Z"
"""Shape of a dose at once."""
BAR_AND_TRIANGLE: Final = "M-1.5,0.7L-0.75,-0.7L0,0.7ZM0.4,0.1H1.5V0.7H0.4Z"
"""Shape of doses of both kinds."""
MARKERS: Final = {
    "circle": "M0.7,0A0.7,0.7,0,1,1,-0.7,0A0.7,0.7,0,1,1,0.7,0Z",
    "square": "M-0.6,-0.6H0.6V0.6H-0.6Z",
    "triangle-up": "M-0.75,0.6L0,-0.7L0.75,0.6Z",
    "triangle-down": "M-0.75,-0.6L0,0.7L0.75,-0.6Z",
    "diamond": "M0,-0.85L0.7,0L0,0.85L-0.7,0Z",
    "cross": "M-0.75,-0.25H-0.25V-0.75H0.25V-0.25H0.75V0.25H0.25V0.75H-0.25V0.25H-0.75Z",
}
"""Shape of a point by its name in Vega."""
_SIZE: Final = 110  # of a symbol, square pixels


@dataclass(frozen=True)
class Entry:
    """One line of a legend.

    **Arguments:**

    - `text`: what is meant; no two entries of a legend share it.
    - `shape`: an SVG path of this module, or several one after the other.
    - `colour`, `opacity`, `dash`: as it is drawn. `stroke`: width of the outline, pixels.
    """

    text: str
    shape: str
    colour: str
    opacity: float = 1.0
    dash: tuple[int, ...] = ()
    stroke: float = 0.0


def legend_layer(
    entries: Sequence[Entry], *, columns: int = 2, width: int | None = None, below: float = 12
) -> dict[str, Any]:
    """A layer that draws nothing and brings the legend.

    Lines, bands and doses differ in more than one channel. Scales with one domain are merged by
    Vega-Lite into one legend; spread over the layers that draw, they would become three, and the
    inner band, which lies upon the outer one, would be denser than its symbol.

    **Arguments:**

    - `entries`: in their order. `columns`: how many stand side by side.
    - `width`: of the longest text, pixels; longer ones are cut. `below`: room between the chart and
      the legend, pixels.
    """
    names = [entry.text for entry in entries]
    legend = {
        "title": None,
        "orient": "bottom",
        "direction": "horizontal",
        "columns": columns,
        "symbolSize": _SIZE,
        "symbolOffset": 4,
        "labelOffset": 10,
        "labelLimit": width or 0,
        "rowPadding": 4,
        "columnPadding": 22,
        "offset": below,
    }
    looks: dict[str, list[Any]] = {
        "shape": [entry.shape for entry in entries],
        "fill": [entry.colour for entry in entries],
        "stroke": [entry.colour for entry in entries],
        "strokeWidth": [entry.stroke for entry in entries],
        "strokeDash": [list(entry.dash) or [1, 0] for entry in entries],
        "opacity": [entry.opacity for entry in entries],
    }
    return {
        "data": {"values": []},
        "mark": {"type": "point", "opacity": 1},  # else symbols are fainter than their opacity
        "encoding": {
            channel: {
                "field": "name",
                "type": "nominal",
                # as ordinal: numbers of a range would else be its two ends
                "scale": {"type": "ordinal", "domain": names, "range": values},
                "legend": legend,
            }
            for channel, values in looks.items()
        },
    }
