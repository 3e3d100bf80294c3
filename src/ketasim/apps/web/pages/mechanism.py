"""The tab How it works: from dose to synapse to mood."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ketasim.apps.web.state import PageState
from ketasim.apps.web.templating import answer

router = APIRouter()


@router.get("/how", response_class=HTMLResponse, include_in_schema=False)
async def mechanism(request: Request) -> HTMLResponse:
    """The page."""
    state = PageState.read(request.url.query)
    return answer(request, "mechanism.html", state=state)
