"""The tab Screening: what the evidence says before it is given."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ketasim.apps.web.state import PageState
from ketasim.apps.web.templating import answer

router = APIRouter()


@router.get("/screening", response_class=HTMLResponse, include_in_schema=False)
async def screening(request: Request) -> HTMLResponse:
    """The page."""
    state = PageState.read(request.url.query)
    return answer(request, "screening.html", state=state)
