"""What is answered instead of a page: one plain line, and a way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import HTMLResponse, JSONResponse, Response

if TYPE_CHECKING:
    from starlette.types import Scope

_SAID: Final = {
    400: ("This address cannot be read", "Open the page again and start from there."),
    401: (
        "This page needs its token",
        "Open the address that `ketasim serve` printed, with its token; once is enough.",
    ),
    403: ("Another site asked for this", "Open the page itself, in a tab of its own."),
    404: ("There is no such page", "The address may be incomplete."),
    405: ("This is not how the page is asked", "Open it as a link."),
    409: ("This is not ready", "Ask again when it is."),
    413: ("That is too much at once", "Send less."),
    414: ("This address is too long", "Use fewer doses, or `ketasim simulate` with a file."),
    421: (
        "This name does not belong to the page",
        "Open the address that `ketasim serve` printed.",
    ),
    422: ("This cannot be used as it stands", "Correct it and try again."),
    429: ("Too much is being computed for you", "Wait for a result, then ask again."),
    500: ("This failed, and the fault is ours", "Nothing was stored. Go back and try again."),
    503: ("The page is busy or closing", "Try again in a moment."),
}


def refused_page(scope: Scope, status: int, problem: str = "", remedy: str = "") -> Response:
    """Answer what is wrong in plain words, as JSON where the API is asked.

    **Arguments:**

    - `scope`: of the request. `status`: of HTTP.
    - `problem`, `remedy`: more precise than what is said of the status in general.
    """
    title, way = _SAID.get(status, _SAID[400 if status < 500 else 500])
    remedy = remedy or way
    headers = {"retry-after": "2"} if status in (429, 503) else {}
    if scope["path"].startswith("/api/"):
        content = {"status": status, "problem": problem or title, "remedy": remedy}
        return JSONResponse(content, status, headers)

    from ketasim.apps.web.templating import rendered

    page = rendered("refused.html", title=title, problem=problem, remedy=remedy, status=status)
    return HTMLResponse(page, status, headers)
