"""What every report shares: its page, how numbers are written, its references."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ketasim._base import InputError, visible
from ketasim._base.numbers import number, percent
from ketasim.figures.svg.palette import painted

if TYPE_CHECKING:
    import jinja2
_SOURCES = "ketasim:sources"
_NUMBERED = '<sup class="mark">'
_CITED = re.compile(r'href="#ref-([\w-]+)"')


@dataclass(frozen=True)
class Reference:
    """A source as a report lists it.

    **Arguments:**

    - `key`: of the document, for links to it. `name`: as tables have it.
    - `text`: authors, year, title and journal of a paper.
    - `label`: what is written for its address, such as the DOI. `link`: the address.
    - `note`: what could not be confirmed, and what it was read on.
    """

    key: str
    name: str
    text: str
    label: str
    link: str
    note: str


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
    listed = references(keys)
    documents = {one.key for one in listed}
    beside = [one for one in references(also) if one.key not in documents]

    def filled(beside: Sequence[Reference], marked: Sequence[Reference] = ()) -> str:
        numbers = {one.key: str(place) for place, one in enumerate(marked, 1)}
        page = _environment().get_template(template)
        return page.render(
            version=__version__,
            source_keys=keys,
            sources_name=_SOURCES,
            references=listed,
            also=beside,
            marked=marked,
            places=defaultdict(str, numbers),  # numbers are known once it is seen what is cited
            **context,
        )

    page = filled(beside)
    used = list(dict.fromkeys(_CITED.findall(page)))
    # what the page cites beside these is listed as well: each link leads to an entry
    documents |= {one.key for one in beside}
    missing = [key for key in used if key not in documents]
    numbered = references(used) if _NUMBERED in page else []
    if not missing and not numbered:
        return page
    return filled([*beside, *references(missing)], numbered)


@cache
def _environment() -> jinja2.Environment:
    return make_environment()


def make_environment(
    first: jinja2.BaseLoader | None = None, cited_at: str = "#ref-"
) -> jinja2.Environment:
    """Make what fills the templates of this room.

    **Arguments:**

    - `first`: where else templates are, looked up before those of this room.
    - `cited_at`: what the address of a source begins with; its key follows.
    """
    import jinja2

    from ketasim.evidence import source_name, with_source_names
    from ketasim.reports.kept_templates import KeptTemplates

    own = jinja2.PackageLoader("ketasim.reports", "templates")
    environment = jinja2.Environment(
        bytecode_cache=KeptTemplates("escaped, trimmed, stripped, strict, shown"),
        loader=own if first is None else jinja2.ChoiceLoader([first, own]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["number"] = number
    environment.filters["percent"] = percent
    environment.filters["source"] = source_name
    environment.filters["document"] = _document
    environment.filters["cited"] = cited_at.__add__
    environment.filters["painted"] = _painted
    environment.filters["names"] = with_source_names
    return environment


def _shown(value: object) -> object:
    """Text of any origin without what acts on a terminal; markup is that of this package."""
    return visible(value) if type(value) is str else value


def _painted(colour: str) -> str:
    """Attributes of an element of SVG in one of the colours of figures; nothing without one."""
    return painted(colour) if colour else ""


def _document(key: str) -> str:
    """Key of the document that a source is, empty for a key the bibliography lacks."""
    from ketasim.evidence import load_sources

    known = load_sources()
    return known[key].document if key in known else ""


def references(keys: Iterable[str]) -> list[Reference]:
    """List documents in the order given; a key the bibliography lacks is left out."""
    from ketasim.evidence import load_sources

    known = load_sources()
    found: dict[str, Reference] = {}
    for key in keys:
        if key in known and known[key].document not in found:
            entry = known[key]
            one = entry.reference()
            label = one.identifier or one.link
            found[entry.document] = Reference(
                entry.document, one.name, one.details, label, one.link, one.note
            )
    return list(found.values())


def read_sources_used(folder: Path) -> list[str]:
    """Keys of the sources that a result in a folder used, as its report lists them.

    **Arguments:**

    - `folder`: what a command wrote into with `--out`.

    **Raises:** `InputError` when the folder contains no report.
    """
    path = Path(folder) / "report.html"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    hit = re.search(rf'<meta name="{_SOURCES}" content="([^"]*)"', text)
    if hit is None:
        raise InputError(
            "--result", f"'{folder}' contains no report", "name the output folder of a command"
        )
    return unescape(hit[1]).split()
