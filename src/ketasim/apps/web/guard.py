"""What every request passes: who asks, how much, and what the answer may do."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response

from ketasim.apps.web.refusal import refused_page

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ketasim.apps.web.settings import Settings

COOKIE: Final = "ketasim"
LOG: Final = logging.getLogger("ketasim.page")

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # without it a form posts from nowhere
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_CONTROLS: Final = re.compile(rb"%(?:0[0-8bcef]|1[0-9a-f]|7f)|[\x00-\x1f\x7f]", re.IGNORECASE)
_LINES: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # no path has them
_METHODS: Final = ("GET", "HEAD", "POST")
_OPEN: Final = ("/static/", "/health")  # shown without a token: they say nothing of anybody


class Guard:
    """The outermost layer of the page.

    **Arguments:**

    - `app`: what answers. `settings`: of the page.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it; nothing of it but its path reaches the log."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        started = time.perf_counter()
        status = 0
        head = scope["method"] == "HEAD"

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                taken = 1000 * (time.perf_counter() - started)
                timing = (b"server-timing", f"total;dur={taken:.1f}".encode())
                message["headers"] = _with_headers(message.get("headers", []), timing)
            elif head:
                message = {**message, "body": b""}
            await send(message)

        try:
            response = self._refusal(scope)
            if response is None:
                asked = {**scope, "method": "GET"} if head else scope
                await self._app(asked, self._bounded(receive), answer)
            else:
                await response(scope, receive, answer)
        except ClientDisconnect:
            return  # nobody is left to answer, and nothing is wrong here
        except asyncio.CancelledError:  # the server ends before the answer is ready
            if status:
                raise
            await refused_page(scope, 503, "The page is closing.")(scope, receive, answer)
        except Exception as error:
            # where it happened, never what was typed
            frames = traceback.extract_tb(error.__traceback__)[-3:]
            place = " < ".join(f"{one.filename}:{one.lineno}" for one in reversed(frames))
            LOG.error("%s at %s", type(error).__name__, place)
            if status:
                raise
            await refused_page(scope, 500)(scope, receive, answer)
        path = quote(scope["path"])  # a line stays one line
        LOG.info("%s %s %d %.0f ms", scope["method"], path, status, 1000 * _since(started))

    def _refusal(self, scope: Scope) -> Response | None:
        """Why a request is not answered; nothing where it is."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        limits = self._settings.limits
        host = headers.get(b"host", "")
        if not self._settings.answers_to(host):
            return refused_page(scope, 421)
        if not _own_origin(headers, host, scope["method"]):
            return refused_page(scope, 403)
        if scope["method"] not in _METHODS:
            return refused_page(scope, 405)
        query = scope["query_string"]
        if len(scope.get("raw_path", b"")) + len(query) > limits.url:
            return refused_page(scope, 414, f"The address has more than {limits.url} characters.")
        if _CONTROLS.search(query) or _LINES.search(scope["path"]):
            return refused_page(scope, 400, "The address contains control characters.")
        try:
            unquote_to_bytes(query).decode()
        except UnicodeDecodeError:
            problem = "address: it is not text in UTF-8"
            return refused_page(scope, 422, problem, "Open the page again.")
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or int(length) > limits.body:
            return refused_page(scope, 413, f"A request may have {limits.body} bytes.")
        if not self._settings.token or scope["path"].startswith(_OPEN):
            return None
        return self._shown(scope, headers)

    def _shown(self, scope: Scope, headers: dict[bytes, str]) -> Response | None:
        """Nothing for who has the token; a browser that has it in the address keeps a cookie."""
        kept = _cookie(headers.get(b"cookie", ""))
        scheme, _, bearer = headers.get(b"authorization", "").partition(" ")
        if self._settings.knows_cookie(kept) or (
            scheme.lower() == "bearer" and self._settings.knows(bearer.strip())
        ):
            return None
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in pairs if name == "token"]
        if len(given) != 1 or not self._settings.knows(given[0]):
            return refused_page(scope, 401)
        rest = urlencode([pair for pair in pairs if pair[0] != "token"])
        path = "/" + scope["path"].lstrip("/\\")  # never another machine's
        response = RedirectResponse(path + (f"?{rest}" if rest else ""), status_code=303)
        response.set_cookie(COOKIE, self._settings.cookie, httponly=True, samesite="strict")
        return response

    def _bounded(self, receive: Receive) -> Receive:
        """The body of a request, refused when it grows beyond its limit."""
        limit, taken = self._settings.limits.body, 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise HTTPException(413, f"A request may have {limit} bytes.")
            return message

        return bounded


def _with_headers(given: Any, timing: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    headers = [(name.lower(), value) for name, value in given]
    names = {name for name, _ in headers}
    added = [*_HEADERS, timing]
    if b"cache-control" not in names:
        added.append((b"cache-control", b"no-store"))
    return [*headers, *(one for one in added if one[0] not in names)]


def _own_origin(headers: dict[bytes, str], host: str, method: str) -> bool:
    """Whether the page itself asks, or somebody who follows a link to it."""
    origin = headers.get(b"origin")
    if origin is not None and _site(origin) != host.strip().lower():
        return False
    if headers.get(b"sec-fetch-site", "") in ("cross-site", "same-site"):
        return method == "GET" and headers.get(b"sec-fetch-mode") == "navigate"
    return True


def _site(origin: str) -> str | None:
    """The host and port of an `Origin`; nothing where it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _cookie(text: str) -> str:
    try:
        found = SimpleCookie(text).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _since(started: float) -> float:
    return time.perf_counter() - started
