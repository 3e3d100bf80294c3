"""The tab Session: one session by the minute, with its plan."""

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

PATH: Final = "/session"
FIELDS: Final = (
    "regimen",
    "patient.age",
    "patient.weight",
    "patient.vitals.sbp",
    "patient.vitals.dbp",
    "patient.vitals.heart_rate",
    "patient.medicines",
)
"""Fields of the form; the rest of the course travels along."""

_OPTIONS: Final = (*courses.OPTIONS, "session")
_WHICH: Final = ("first", "last")


@router.get(PATH, include_in_schema=False)
async def session(request: Request) -> Response:
    """The page; where HTMX asks, what changed of it."""
    state = PageState()
    try:
        state = PageState.read(request.url.query, _OPTIONS)
        if not has_course(state) and not state.course:
            return RedirectResponse(example_state().link(PATH), 303)
        which = _which(state)
        read = await asyncio.to_thread(read_course, state, request.app.state.settings.limits)
        kept = with_age_kept(state, read)
        if kept != state:
            return RedirectResponse(kept.link(PATH), 303)
        simulation = await simulated(request, state, read)
        shown = await asyncio.to_thread(_shown, simulation, which, state)
    except InputError as error:
        return answer(
            request,
            "session.html",
            fragment="session_result.html",
            state=state,
            status=422,
            partial=is_partial(request),
            form=course_form(state, FIELDS, error),
            view=None,
        )
    return answer(
        request,
        "session.html",
        fragment="session_result.html",
        state=state,
        partial=is_partial(request),
        form=course_form(state, FIELDS),
        **shown,
    )


def _which(state: PageState) -> str:
    which = state.options.get("session", "first")
    if which not in _WHICH:
        raise InputError(
            "session", f"'{which}' is not a session that is shown", "write first or last"
        )
    return str(which)


def _shown(simulation: Simulation, which: str, state: PageState) -> dict[str, Any]:
    from ketasim._base import words
    from ketasim.reports.session.view import session_view

    view = session_view(simulation, last=which == "last")
    return {
        "view": view,
        "words": words,
        "plan": view.plan,
        "plan_stages": view.stages,
        "choices": [
            (name, title, state.link(PATH, session=None if name == "first" else name))
            for name, title in view.choices
        ],
        "which": which,
    }
