"""The marks in a page between which something is generated."""

from __future__ import annotations

import re
from collections.abc import Callable

Make = Callable[[str], str]

REGION = re.compile(r"^<!-- generated: ([\w-]+) -->\n(.*?)^<!-- end: \1 -->$", re.M | re.S)
VALUE = re.compile(r"<!--v:([\w.-]+)-->([^\n]*?)<!--/v-->")
_ANY = re.compile(r"<!--\s*(?:generated:|end:|v:|/v)[^\n]*?-->")
# a comment that begins a line, or an item, turns all of the line into HTML
_FIRST = re.compile(r"^[ \t]*(?:[-*+>]|\d+[.)])?[ \t]*<!--v:", re.M)


class MarkError(ValueError):
    """A page with marks that cannot be filled; says the line."""


def filled(text: str, region: Make, value: Make) -> str:
    """Return a page with everything between its marks made anew.

    **Arguments:**

    - `text`: the page. A region stands between `<!-- generated: NAME -->` and `<!-- end: NAME -->`,
      each on a line of its own; a value between `<!--v:NAME-->` and `<!--/v-->`, within a line.
    - `region`, `value`: return what belongs between marks of a name; a `KeyError` names one that
      they do not know.

    **Raises:** `MarkError` where a mark has no partner or no maker, or a value begins a line.
    """
    _check(text)

    def with_region(hit: re.Match[str]) -> str:
        made = _made(text, hit, region).strip()
        return f"<!-- generated: {hit[1]} -->\n{made}\n<!-- end: {hit[1]} -->"

    def with_value(hit: re.Match[str]) -> str:
        return f"<!--v:{hit[1]}-->{_made(text, hit, value)}<!--/v-->"

    text = REGION.sub(with_region, text)
    return VALUE.sub(with_value, text)


def names(text: str) -> tuple[list[str], list[str]]:
    """Return the names of the regions and of the values of a page."""
    return [hit[1] for hit in REGION.finditer(text)], [hit[1] for hit in VALUE.finditer(text)]


def _check(text: str) -> None:
    if hit := _FIRST.search(text):
        raise MarkError(f"line {_line(text, hit.end())}: a value must not begin a line or an item")
    inside = re.sub(REGION, lambda hit: " " * len(hit[0]), text)
    inside = re.sub(VALUE, lambda hit: " " * len(hit[0]), inside)
    # lines are counted in the page itself: spaces took the place of as many characters
    if hit := _ANY.search(inside):
        raise MarkError(f"line {_line(text, hit.start())}: {hit[0]} has no partner")


def _made(text: str, hit: re.Match[str], make: Make) -> str:
    try:
        return make(hit[1])
    except KeyError as error:
        line = _line(text, hit.start())
        raise MarkError(f"line {line}: nothing makes {error.args[0]!r}") from None


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
