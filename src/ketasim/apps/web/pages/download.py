"""What a course can be taken along as: its tables, its report, its file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from ketasim.apps.web import courses
from ketasim.apps.web.state import PageState

if TYPE_CHECKING:
    from ketasim.simulation import Simulation

router = APIRouter()

_TABLES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "summary": lambda result: result.summary(),
    "weekly": lambda result: result.weekly(),
    "exposure": lambda result: result.exposure(),
    "parameters": lambda result: result.parameters(),
    "nearest": lambda result: result.nearest(),
}
_PAGES: Final = ("report.html", "page.pdf")
_NAME: Final = re.compile(r"[a-z_]+\.(?:csv|html|pdf|yaml)")


@router.get("/download/course/{name}", include_in_schema=False)
async def download(request: Request, name: str) -> Response:
    """A file of a course; the address has the course as the page has it."""
    if not _NAME.fullmatch(name):
        raise HTTPException(404)
    state = PageState.read(request.url.query, courses.OPTIONS)
    course = await asyncio.to_thread(courses.read_course, state, request.app.state.settings.limits)
    state = courses.with_age_kept(state, course)
    if name == "course.yaml":
        return _file(state.yaml(), name, "application/yaml")
    stem, _, ending = name.partition(".")
    if name not in _PAGES and (ending != "csv" or stem not in (*_TABLES, "session")):
        raise HTTPException(404)
    result = await courses.simulated(request, state, course)
    if name == "page.pdf":
        return _file(await asyncio.to_thread(_printed, result), name, "application/pdf")
    if name == "report.html":
        text = await asyncio.to_thread(_report, result, state)
        return _file(text, name, "text/html")
    text = await asyncio.to_thread(_table, result, stem)
    return _file(text, name, "text/csv")


def _printed(result: Simulation) -> bytes:
    from ketasim.reports import print_page

    return print_page(result)


def _report(result: Simulation, state: PageState) -> str:
    from ketasim.reports import simulation_report

    return simulation_report(result, command=state.command())


def _table(result: Simulation, stem: str) -> str:
    if stem == "session":
        effects = result.session_effects
        if effects is None or not effects.sessions:
            raise HTTPException(404)
        import polars as pl

        return pl.concat([one.table for one in effects.sessions]).write_csv()
    return _TABLES[stem](result).write_csv()


def _file(content: str | bytes, name: str, kind: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    media = f"{kind}; charset=utf-8" if isinstance(content, str) else kind
    return Response(content, 200, headers, media_type=media)
