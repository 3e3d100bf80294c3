"""The tab How it works: from dose to synapse to mood, with the numbers of a course."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ketasim.apps.web.course_tab import CourseTab
from ketasim.apps.web.courses import simulated
from ketasim.apps.web.state import PageState

if TYPE_CHECKING:
    from ketasim.dosing import Course
    from ketasim.simulation import Simulation

router = APIRouter()

PATH: Final = "/how"
_FIELDS: Final = ("regimen", "patient.age", "patient.weight", "horizon", "mood.stress")
_TAB: Final = CourseTab(PATH, "mechanism", _FIELDS, "steps")


@router.get(PATH, include_in_schema=False)
async def mechanism(request: Request) -> Response:
    """The page; where HTMX asks, what changed of it."""

    async def show(state: PageState, read: Course) -> dict[str, Any]:
        # the steps are those of the typical patient, whoever else the course asks for
        typical = state.with_options(typical=True, uncertainty=None)
        return await asyncio.to_thread(_shown, await simulated(request, typical, read))

    return await _TAB.page(request, show)


def _shown(simulation: Simulation) -> dict[str, Any]:
    from ketasim._base import words
    from ketasim.reports.mechanism import mechanism_steps

    return {"steps": mechanism_steps(simulation), "words": words, "warnings": simulation.warnings}
