"""The tab Screening: what the evidence says of a course before it is given."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ketasim._base import InputError
from ketasim.apps.web import courses
from ketasim.apps.web.course_fields import course_form, example_state, has_course
from ketasim.apps.web.courses import read_course, with_age_kept
from ketasim.apps.web.state import PageState
from ketasim.apps.web.templating import answer, is_partial

if TYPE_CHECKING:
    from ketasim.dosing import Course
    from ketasim.screening import Screen

router = APIRouter()

PATH: Final = "/screening"
FIELDS: Final = (
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


@router.get(PATH, include_in_schema=False)
async def screening(request: Request) -> Response:
    """The page; where HTMX asks, what changed of it."""
    state = PageState()
    try:
        state = PageState.read(request.url.query, courses.OPTIONS)
        if not has_course(state) and not state.course:
            return RedirectResponse(example_state().link(PATH), 303)
        read = await asyncio.to_thread(read_course, state, request.app.state.settings.limits)
        kept = with_age_kept(state, read)
        if kept != state:
            return RedirectResponse(kept.link(PATH), 303)
        key = ("screen", PageState(read.to_dict()).query())
        found = await request.app.state.results.of(request, key, lambda: _screen(read))
        shown = await asyncio.to_thread(_shown, found)
    except InputError as error:
        return answer(
            request,
            "screening.html",
            fragment="screening_result.html",
            state=state,
            status=422,
            partial=is_partial(request),
            form=course_form(state, FIELDS, error),
            screening=None,
        )
    return answer(
        request,
        "screening.html",
        fragment="screening_result.html",
        state=state,
        partial=is_partial(request),
        form=course_form(state, FIELDS),
        **shown,
    )


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
