"""The tab Evidence: sources, parameters, trials."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ketasim.apps.web.state import PageState
from ketasim.apps.web.templating import answer

router = APIRouter()


@router.get("/evidence", response_class=HTMLResponse, include_in_schema=False)
async def evidence(request: Request) -> HTMLResponse:
    """The page."""
    state = PageState.read(request.url.query)
    return answer(request, "evidence.html", state=state)
