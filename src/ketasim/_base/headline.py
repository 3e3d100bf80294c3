"""The few numbers a result opens with, for a screen, a notebook and the command line."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from html import escape

from ketasim._base.numbers import number

WIDTH = 100
"""Characters of a line at most."""

LINES = 10
"""Lines of a `repr` at most."""

_SMALLEST = 0.001  # fraction below which a percentage is not told apart from others
_NEARLY_ALL = 0.99
_NARROWEST = 20  # characters of a name at least
# inherits the page's colours, so that it reads on light and on dark
_TABLE = "border-collapse:collapse;margin:0 0 .5em;font-variant-numeric:tabular-nums"
_CELL = "padding:.15em .9em .15em 0;border-top:1px solid rgba(128,128,128,.35);vertical-align:top"


@dataclass(frozen=True)
class HeadlineRow:
    """One of the numbers at the top of a result, ready to be read.

    **Arguments:**

    - `name`: what it is, in words. `value`: two significant digits.
    - `range`: such as `120-260`, of what the headline's note says; empty where there is none.
    - `unit`: of value and range; empty where there is none.
    - `brief`: whether it belongs to the few lines of a `repr`.
    """

    name: str
    value: str
    range: str = ""
    unit: str = ""
    brief: bool = True


@dataclass(frozen=True)
class Headline:
    """What a result is, and its main numbers.

    **Arguments:**

    - `title`: what was computed, in a sentence without its full stop.
    - `rows`: its main numbers, the most important first.
    - `note`: what the ranges are of, in a sentence; empty where there is none.
    - `more`: a further sentence, which a `repr` has only where it has room.
    """

    title: str
    rows: tuple[HeadlineRow, ...] = ()
    note: str = ""
    more: str = ""

    def text(self) -> str:
        """Write it in at most ten lines of at most a hundred characters."""
        room = LINES - 1 - bool(self.note)
        brief = [row for row in self.rows if row.brief]
        if len(brief) > room:
            rows = [*_columns(brief[: room - 1]), f"  and {len(brief) - room + 1:,} more"]
        else:
            rows = _columns(brief)
        left = LINES - 1 - len(rows)
        note = textwrap.wrap(_flat(self.note), WIDTH)
        if len(note) > left:
            note = [*note[: left - 1], _cut(" ".join(note[left - 1 :]))]
        more = textwrap.wrap(_flat(self.more), WIDTH)
        if len(note) + len(more) <= left:
            note += more
        return "\n".join([_cut(_flat(self.title)), *rows, *note])

    def html(self) -> str:
        """Write it as a table for a notebook; every value is escaped."""
        rows = "".join(
            f'<tr><td style="{_CELL};text-align:left">{escape(row.name)}</td>'
            f'<td style="{_CELL};text-align:right;font-weight:600">{escape(row.value)}</td>'
            f'<td style="{_CELL};text-align:left;white-space:nowrap">{escape(row.range)}</td>'
            f'<td style="{_CELL};text-align:left">{escape(row.unit)}</td></tr>'
            for row in self.rows
        )
        table = f'<table style="{_TABLE}"><tbody>{rows}</tbody></table>' if rows else ""
        note = "".join(
            f'<div style="font-size:.9em">{escape(text)}</div>'
            for text in (self.note, self.more)
            if text
        )
        title = f'<div style="font-weight:600;margin-bottom:.3em">{escape(self.title)}</div>'
        return f'<div style="max-width:60em;overflow-x:auto">{title}{table}{note}</div>'


def _columns(rows: list[HeadlineRow]) -> list[str]:
    """Rows as lines of text, their parts below each other."""
    cells = [[_flat(text) for text in (r.name, r.value, r.range, r.unit)] for r in rows]
    if not cells:
        return []
    names, values, ranges, units = (max(map(len, column)) for column in zip(*cells, strict=True))
    names = min(names, max(WIDTH - 8 - values - ranges - units, _NARROWEST))
    lines = (
        f"  {_cut(name, names):<{names}}  {value:>{values}}  {between:<{ranges}}  {unit}"
        for name, value, between, unit in cells
    )
    return [_cut(line.rstrip()) for line in lines]


def plain(value: float | None, digits: int = 2) -> str:
    """A number in two significant digits, in characters that every terminal has; `-` for none."""
    if value is None or math.isnan(value):
        return "-"
    return number(value, digits).replace("\u202f", ",").replace("−", "-")


def share(value: float | None) -> str:
    """A fraction in percent, without the sign."""
    if value is None or math.isnan(value):
        return "-"
    if 0.0 < value < _SMALLEST:
        return "< 0.1"
    return plain(100.0 * value, 3 if _NEARLY_ALL < value < 1.0 else 2)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _cut(text: str, width: int = WIDTH) -> str:
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"
