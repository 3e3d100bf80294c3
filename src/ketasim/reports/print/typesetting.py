"""How a printed page is set: data and drawings go into a template, one side of A4 comes out."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, cast

from ketasim._base import visible

if TYPE_CHECKING:
    import typst

SUPPORT: Final = "Decision support for professionals; not medical advice."
"""What every page says once."""
_TITLE: Final = 110  # characters of a title
_LONGEST: Final = 640  # characters of one text, so that one alone cannot fill the page
_WORD: Final = re.compile(r"\S{24,}")
_END: Final = re.compile(r"\s+\S{0,40}$")  # a word that may have been cut
_SPACES: Final = re.compile(r"[ \t\r\n]+")  # those that join a number and its unit stay
_PART: Final = 12  # characters of a long word after which a line may end
_BREAK: Final = "\u200b"


def typeset(template: str, data: Mapping[str, Any], drawings: Mapping[str, str]) -> bytes:
    """Set one page.

    **Arguments:**

    - `template`: file of this room. `data`: what it shows; text of any origin, never markup.
    - `drawings`: name to SVG.

    **Returns:** a PDF of one page; the same input gives the same bytes, on every machine.
    """
    import typst

    from ketasim.__about__ import __version__

    shared = {"version": f"ketasim {__version__}", "support": SUPPORT}
    shown = _plain({**shared, **data})
    inputs = {"data": json.dumps(shown, ensure_ascii=False, allow_nan=False), **drawings}
    room = resources.files("ketasim.reports.print")
    with resources.as_file(room) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that no font has: a box stands for them
        return typst.compile(
            str(folder / template),
            root=str(folder),
            font_paths=_fonts(),
            sys_inputs=inputs,
        )


def tile(name: str, value: str, unit: str, *lines: str) -> dict[str, Any]:
    """A number as the templates show it.

    **Arguments:**

    - `name`: what it is. `value`, `unit`: side by side. `lines`: below, such as its range.
    """
    return {"name": name, "value": value, "unit": unit, "lines": list(lines)}


def short(title: str) -> str:
    """A title that does not fill the page."""
    return title if len(title) <= _TITLE else f"{title[: _TITLE - 1].rstrip()}…"


@cache
def _fonts() -> typst.Fonts:
    """Those that typst brings along: the page is the same on every machine."""
    import typst

    return typst.Fonts(include_system_fonts=False)


def _plain(value: Any) -> Any:
    """Data with text that stays on the page: of a bearable length, its long words breakable."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("list[Any]", value)]
    return _fitting(value) if isinstance(value, str) else value


def _fitting(text: str) -> str:
    told = _SPACES.sub(" ", visible(text[: 2 * _LONGEST])).strip()
    if len(told) > _LONGEST:
        told = f"{_END.sub('', told[: _LONGEST - 2])} …"
    return _WORD.sub(lambda hit: _BREAK.join(_parts(hit[0])), told)


def _parts(word: str) -> list[str]:
    return [word[start : start + _PART] for start in range(0, len(word), _PART)]
