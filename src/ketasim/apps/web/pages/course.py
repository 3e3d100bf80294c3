"""The tab Course: a course of treatment."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ketasim.apps.web.state import PageState
from ketasim.apps.web.templating import answer

router = APIRouter()


@router.get("/course", response_class=HTMLResponse, include_in_schema=False)
async def course(request: Request) -> HTMLResponse:
    """The page."""
    state = PageState.read(request.url.query)
    return answer(request, "course.html", state=state)
