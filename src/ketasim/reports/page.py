"""What every report shares: its page, how numbers are written, its references."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ketasim._base import InputError
from ketasim._base.numbers import number, percent

if TYPE_CHECKING:
    import jinja2
_SOURCES = "ketasim:sources"


@dataclass(frozen=True)
class Reference:
    """A source as a report lists it.

    **Arguments:**

    - `key`: of the source. `text`: who, what, where.
    - `label`: what is written for its address, such as the DOI. `link`: the address.
    """

    key: str
    text: str
    label: str
    link: str


def render(
    template: str, *, sources: Iterable[str], also: Iterable[str] = (), **context: Any
) -> str:
    """Fill a template of this room.

    **Arguments:**

    - `template`: file name.
    - `sources`: keys of everything the result used; the page carries and lists them.
    - `also`: keys of what the page says beside the result; those not among `sources` are listed.
    - `context`: what the template asks for.

    **Returns:** HTML that needs nothing from outside; every value is escaped.
    """
    from ketasim.__about__ import __version__

    keys = list(dict.fromkeys(sources))
    return (
        _environment()
        .get_template(template)
        .render(
            version=__version__,
            source_keys=keys,
            sources_name=_SOURCES,
            references=references(keys),
            also=references([key for key in dict.fromkeys(also) if key and key not in keys]),
            **context,
        )
    )


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ketasim.reports", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.filters["percent"] = percent
    environment.filters["link"] = source_link
    return environment


def source_link(key: str) -> str:
    """Address of a source, empty when none is known."""
    from ketasim.evidence import load_sources

    known = load_sources()
    return known[key].link() if key in known else ""


def references(keys: Iterable[str]) -> list[Reference]:
    """List sources in the order given; a key the bibliography lacks is left out."""
    from ketasim.evidence import cite, load_sources

    known = load_sources()
    found: list[Reference] = []
    for key in keys:
        if key in known:
            link = source_link(key)
            text = cite([key]).removeprefix(f"[{key}] ")
            # the last part of a reference is its address, when it has one
            before, _, last = text.rpartition(". ")
            ends = last.startswith(("doi:", "PMC", "PMID", "http"))
            text, label = (f"{before}." if before else "", last) if link and ends else (text, link)
            found.append(Reference(key, text, label, link))
    return found


def read_sources_used(folder: Path) -> list[str]:
    """Keys of the sources that a result in a folder used, as its report lists them.

    **Arguments:**

    - `folder`: what a command wrote into with `--out`.

    **Raises:** `InputError` when the folder holds no report.
    """
    path = Path(folder) / "report.html"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    hit = re.search(rf'<meta name="{_SOURCES}" content="([^"]*)"', text)
    if hit is None:
        raise InputError(
            "--result", f"'{folder}' holds no report", "name the folder that a command wrote into"
        )
    return unescape(hit[1]).split()
