"""The engine that draws figures, and what is there in place of a figure when it cannot run.

It reserves far more address space than it uses, and ends the process where it gets none: a limit,
as clusters set it (`ulimit -v`), is therefore tried before.
"""

from __future__ import annotations

import html
import mmap
import sys
from functools import cache
from typing import Any, Final

RESERVED: Final = 70_000_000_000
"""Address space tried for, bytes: vl-convert 1.9.0 reserves 67.3 GB, measured, and a margin."""


@cache
def drawing_refused() -> str:
    """Why no figure can be drawn in this process, in a clause; empty when it can."""
    limit = _limit()
    if limit is None or _reservable(RESERVED):
        return ""
    return (
        f"the address space is limited to {limit / 1e9:.3g} GB (ulimit -v), and drawing needs "
        f"{RESERVED / 1e9:.3g} GB of it"
    )


def _limit() -> int | None:
    try:
        import resource
    except ImportError:  # not on Windows, which has no such limit
        return None
    found = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if found == resource.RLIM_INFINITY else found


def _reservable(size: int) -> bool:
    try:
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


def drawn_svg(chart: dict[str, Any]) -> str:
    """A chart in Vega-Lite as SVG; where it cannot be drawn, words that say so.

    **Arguments:**

    - `chart`: in Vega-Lite.
    """
    refused = drawing_refused()
    if refused:
        _tell(refused)
        return _words(refused)

    import vl_convert

    return vl_convert.vegalite_to_svg(chart)


@cache
def _tell(refused: str) -> None:
    """Say once on the error stream that figures are left out."""
    print(  # noqa: T201
        f"warning: figures are left out: {refused}; raise the limit to see them", file=sys.stderr
    )


def _words(refused: str) -> str:
    lines = ["This figure is left out:", *refused.split(", and ")]
    texts = "".join(
        f'<text x="10" y="{24 + 18 * number}">{html.escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="480" height="72" viewBox="0 0 480 72" '
        f'font-family="sans-serif" font-size="13" fill="#555">{texts}</svg>'
    )
