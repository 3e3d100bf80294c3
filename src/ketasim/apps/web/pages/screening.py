"""The tab Screening: what the evidence says of a course before it is given."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ketasim.apps.web.course_tab import CourseTab
from ketasim.apps.web.state import PageState

if TYPE_CHECKING:
    from ketasim.dosing import Course
    from ketasim.screening import Screen

router = APIRouter()

PATH: Final = "/screening"
_FIELDS: Final = (
    "regimen",
    "patient.medicines",
    "patient.history",
    "patient.age",
    "patient.weight",
    "patient.diagnosis",
    "patient.place",
    "patient.vitals.sbp",
    "patient.vitals.dbp",
    "patient.vitals.heart_rate",
    "patient.vitals.spo2",
    "patient.kidney",
    "patient.liver",
    "patient.ancestry",
    "patient.cyp2b6",
)
"""Fields of the form: all that a screen looks at."""
_TAB: Final = CourseTab(PATH, "screening", _FIELDS, "screening")


@router.get(PATH, include_in_schema=False)
async def screening(request: Request) -> Response:
    """The page; where HTMX asks, what changed of it."""

    async def show(_: PageState, read: Course) -> dict[str, Any]:
        key = ("screen", PageState(read.to_dict()).query())
        found = await request.app.state.results.of(request, key, lambda: _screen(read))
        return await asyncio.to_thread(_shown, found)

    return await _TAB.page(request, show)


def _screen(course: Course) -> Screen:
    from ketasim.screening import screen

    return screen(course)


def _shown(found: Screen) -> dict[str, Any]:
    from ketasim._base import words
    from ketasim.reports.course_screening import screening_view

    return {
        "screening": screening_view(found),
        "given": found.given,
        "costs": [],
        "words": words,
    }
