"""The tab How it works: from dose to synapse to mood, with the numbers of a course."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ketasim._base import InputError
from ketasim.apps.web import courses
from ketasim.apps.web.course_fields import course_form, example_state, has_course
from ketasim.apps.web.courses import read_course, simulated, with_age_kept
from ketasim.apps.web.state import PageState
from ketasim.apps.web.templating import answer, is_partial

if TYPE_CHECKING:
    from ketasim.simulation import Simulation

router = APIRouter()

PATH: Final = "/how"
FIELDS: Final = ("regimen", "patient.age", "patient.weight", "horizon", "mood.stress")
"""Fields of the form; the rest of the course travels along."""


@router.get(PATH, include_in_schema=False)
async def mechanism(request: Request) -> Response:
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
        # the steps are those of the typical patient, whoever else the course asks for
        typical = state.with_options(typical=True, uncertainty=None)
        simulation = await simulated(request, typical, read)
        shown = await asyncio.to_thread(_shown, simulation)
    except InputError as error:
        return answer(
            request,
            "mechanism.html",
            fragment="mechanism_result.html",
            state=state,
            status=422,
            partial=is_partial(request),
            form=course_form(state, FIELDS, error),
            steps=None,
        )
    return answer(
        request,
        "mechanism.html",
        fragment="mechanism_result.html",
        state=state,
        partial=is_partial(request),
        form=course_form(state, FIELDS),
        **shown,
    )


def _shown(simulation: Simulation) -> dict[str, Any]:
    from ketasim._base import words
    from ketasim.reports.mechanism import mechanism_steps

    return {"steps": mechanism_steps(simulation), "words": words, "warnings": simulation.warnings}
