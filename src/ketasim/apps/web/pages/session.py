"""The tab Session: one session by the minute, with its plan."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ketasim._base import InputError
from ketasim.apps.web import courses
from ketasim.apps.web.course_tab import CourseTab
from ketasim.apps.web.courses import simulated
from ketasim.apps.web.state import PageState

if TYPE_CHECKING:
    from ketasim.dosing import Course
    from ketasim.simulation import Simulation

router = APIRouter()

PATH: Final = "/session"
_FIELDS: Final = (
    "regimen",
    "patient.age",
    "patient.weight",
    "patient.vitals.sbp",
    "patient.vitals.dbp",
    "patient.vitals.heart_rate",
    "patient.medicines",
)
_WHICH: Final = ("first", "last")


def _which(state: PageState) -> str:
    which = state.options.get("session", "first")
    if which not in _WHICH:
        raise InputError(
            "session", f"'{which}' is not a session that is shown", "write first or last"
        )
    return str(which)


_TAB: Final = CourseTab(
    PATH, "session", _FIELDS, "view", options=(*courses.OPTIONS, "session"), check=_which
)


@router.get(PATH, include_in_schema=False)
async def session(request: Request) -> Response:
    """The page; where HTMX asks, what changed of it."""

    async def show(state: PageState, read: Course) -> dict[str, Any]:
        simulation = await simulated(request, state, read)
        return await asyncio.to_thread(_shown, simulation, _which(state), state)

    return await _TAB.page(request, show)


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
