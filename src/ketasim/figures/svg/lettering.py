"""How wide words are, without a browser: estimates that keep labels apart and inside."""

from __future__ import annotations

import html
from functools import lru_cache
from typing import Final

FONT: Final = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
SIZE: Final = 11.0
"""Size of the words of a chart, pixels."""
_BOLD: Final = 1.12
"""Width of bold words to that of others, DejaVu Sans 2.37: 1.10 over printable ASCII."""
_OTHER: Final = 838
_ASCENT, _DESCENT = 0.78, 0.22  # of the size, from the line on which words stand

# Advance widths in thousandths of the size, table hmtx of DejaVu Sans 2.37: the widest of the fonts
# that `FONT` leads to, so that words which keep apart in it do so in the others.
_ADVANCES: Final = {
    275: "'",
    278: "ijl",
    295: "IJ",
    318: " ,.·\u00a0\u202f",
    337: "/:;\\|",
    352: "f",
    361: "-",
    390: "()[]",
    401: "!t²³¹⁰⁴⁵⁶⁷⁸⁹",
    411: "r",
    460: '"',
    500: "*_`–°",
    528: "sz⁻?",
    550: "cL",
    579: "Fk",
    603: "vxyPτ",
    615: "TYoaeé",
    636: "EhnuSbdgpq$0123456789{}µ",
    656: "K",
    698: "AVXZBRC",
    752: "UNH",
    787: "DG&OQ",
    838: "#+<=>^~−×≤≥→←±w∞",
    863: "M",
    950: "%",
    974: "m",
    1000: "W@…",
}
_WIDTHS: Final = {letter: width for width, letters in _ADVANCES.items() for letter in letters}


@lru_cache(maxsize=4096)
def width(words: str, size: float = SIZE, *, bold: bool = False) -> float:
    """Estimated width of words, pixels.

    **Arguments:**

    - `words`: on one line. `size`: of the font, pixels. `bold`: of the font.
    """
    units = sum(_WIDTHS.get(letter, _OTHER) for letter in words)
    return units * size * (_BOLD if bold else 1.0) / 1000.0


def box(
    words: str, x: float, y: float, *, size: float = SIZE, anchor: str = "start", bold: bool = False
) -> tuple[float, float, float, float]:
    """The rectangle that words cover: left, top, right, bottom.

    **Arguments:**

    - `words`: on one line. `x`, `y`: where they stand, `y` that of their base line.
    - `size`, `anchor`, `bold`: see `Canvas.text`.
    """
    wide = width(words, size, bold=bold)
    left = x - wide * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
    return left, y - _ASCENT * size, left + wide, y + _DESCENT * size


def wrapped(words: str, room: float, size: float = SIZE, *, bold: bool = False) -> list[str]:
    """Words broken into lines that fit, a word longer than a line cut.

    **Arguments:**

    - `words`: what is written. `room`: width of a line, pixels. `size`, `bold`: of the font.
    """
    lines: list[str] = []
    for word in words.split(" ") if words else ():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width(longer, size, bold=bold) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return [shortened(line, room, size, bold=bold) for line in lines]


def shortened(words: str, room: float, size: float = SIZE, *, bold: bool = False) -> str:
    """Words cut with an ellipsis where they do not fit.

    **Arguments:**

    - `words`: on one line. `room`: pixels. `size`, `bold`: of the font.
    """
    if width(words, size, bold=bold) <= room:
        return words
    kept = words
    while kept and width(f"{kept}…", size, bold=bold) > room:
        kept = kept[:-1].rstrip()
    return f"{kept}…"


def escaped(words: str) -> str:
    """Words as text of SVG; what XML cannot hold becomes a sign that stands for it.

    **Arguments:**

    - `words`: of any origin.
    """
    held = "".join(c if c >= " " and c not in "\ufffe\uffff" else "\ufffd" for c in words)
    held = held.encode("utf-8", "replace").decode("utf-8")  # a lone half of a pair
    return html.escape(held)
