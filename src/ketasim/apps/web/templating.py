"""The templates of the page: its own, and the components of reports."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import HTMLResponse

from ketasim.apps.web.state import PageState

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup
    from starlette.requests import Request

TABS: Final = (
    ("/course", "Course", True),
    ("/patient", "This patient", True),
    ("/compare", "Compare", True),
    ("/session", "Session", True),
    ("/screening", "Screening", True),
    ("/how", "How it works", True),
    ("/evidence", "Evidence", False),
    ("/trial", "Trial", False),
)
"""Path and name of each tab, and whether it shows the course that the address has."""


def answer(
    request: Request,
    template: str,
    *,
    fragment: str | None = None,
    state: PageState | None = None,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """Answer with a page, or with its changed part where HTMX asks.

    **Main arguments:**

    - `request`: what was asked. `template`: of the whole page.
    - `fragment`: template of the part that changes; nothing where there is none.

    **Other arguments:**

    - `state`: of the page, whose course the other tabs show too.
    - `status`: of HTTP. `headers`: to be sent. `context`: what the templates ask for.
    """
    partial = fragment is not None and is_partial(request)
    name = fragment if partial and fragment else template
    page = rendered(name, path=request.url.path, state=state, **context)
    own = request.url.path in {path for path, _, _ in TABS}
    if partial and own and state is not None and status == 200:
        page += rendered("tabs_changed.html", path=request.url.path, state=state)
    return HTMLResponse(page, status, {"vary": "HX-Request", **(headers or {})})


def is_partial(request: Request) -> bool:
    """Whether HTMX asks for the part of the page that changes.

    A page that HTMX restores from the history is asked for as a whole.
    """
    headers = request.headers
    return "hx-request" in headers and "hx-history-restore-request" not in headers


def rendered(template: str, **context: Any) -> str:
    """Fill a template of the page; `path` and `state` may be left out."""
    from ketasim.__about__ import __version__

    state: PageState = context.pop("state", None) or PageState()
    context.setdefault("path", "")
    query = state.query()
    tabs = [
        (path, name, f"{path}?{query}" if keeps and query else path) for path, name, keeps in TABS
    ]
    return (
        environment()
        .get_template(template)
        .render(version=__version__, tabs=tabs, state=state, asset=asset, **context)
    )


def filled_in(template: str, **context: Any) -> Markup:
    """Fill a template that does not depend on who asks, to be put into another."""
    from markupsafe import Markup

    return Markup(environment().get_template(template).render(**context))


@cache
def environment() -> jinja2.Environment:
    """The templates of the page before those of reports, filled in the same way."""
    import jinja2

    from ketasim.apps.web.entries import field_label
    from ketasim.reports.page import make_environment

    own = jinja2.PackageLoader("ketasim.apps.web", "templates")
    made = make_environment(own, "/evidence/source/")
    made.filters["field_label"] = field_label
    return made


@cache
def asset(name: str) -> str:
    """Address of a static file, which changes when the file does, so that it can be kept."""
    return f"/static/{name}?v={hashlib.sha256(static(name)).hexdigest()[:12]}"


@cache
def static(name: str) -> bytes:
    """Content of a static file; `report.css` is the style sheet of reports.

    **Raises:** `KeyError` for another name.
    """
    if name not in STATIC:
        raise KeyError(name)
    room = "ketasim.reports" if name == "report.css" else "ketasim.apps.web"
    place = ("templates", "style.css") if name == "report.css" else ("static", name)
    return resources.files(room).joinpath(*place).read_bytes()


STATIC: Final = {
    "htmx.min.js": "text/javascript",
    "page.js": "text/javascript",
    "trial.js": "text/javascript",
    "page.css": "text/css",
    "report.css": "text/css",
}
"""Name and type of the static files."""
