"""The tab Session: one session by the minute."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ketasim.apps.web.state import PageState
from ketasim.apps.web.templating import answer

router = APIRouter()


@router.get("/session", response_class=HTMLResponse, include_in_schema=False)
async def session(request: Request) -> HTMLResponse:
    """The page."""
    state = PageState.read(request.url.query)
    return answer(request, "session.html", state=state)
