"""The tab This patient: scores so far go in, where the patient stands and what may follow comes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from ketasim._base import InputError
from ketasim.apps.web import courses
from ketasim.apps.web.course_fields import CourseForm, Field, course_form
from ketasim.apps.web.course_tab import CourseTab
from ketasim.apps.web.courses import read_course, with_age_kept
from ketasim.apps.web.entries import Entry, typed
from ketasim.apps.web.state import PageState

if TYPE_CHECKING:
    from ketasim.apps.web.results import Results
    from ketasim.dosing import Course
    from ketasim.forecasting import Forecast

router = APIRouter()

PATH: Final = "/patient"
EXAMPLE: Final = "four_infusions_scored"
"""What is shown where the address has no course."""

CANDIDATES: Final = 4
"""Most candidates of the page; the command takes more."""

_OPTIONS: Final = (*courses.OPTIONS, "level", "left_out")
_SCORE_OF: Final = re.compile(r"scores\[(\d+)\]")
_NEXT_OF: Final = re.compile(r"next\[([0-3])\]")
_LEVELS: Final = (("", "50 %"), ("0.25", "25 %"), ("0.75", "75 %"))
_PATIENT: Final = (
    *("patient.age", "patient.weight", "patient.diagnosis", "patient.setting"),
    *("mood.background", "patient.medicines"),
)
_BASELINE: Final = ("patient.baseline.scale", "patient.baseline.score")
_SCORES: Final = Entry(
    "scores",
    "Scores so far",
    "One a line: day (0: first session) or date, scale, points, such as 0 PHQ-9 21. On a session's "
    "day it is before the session, unless after 4 h stands behind it. Or paste a table with "
    "headings.",
    "lines",
    wide=True,
)
_GIVEN: Final = Entry(
    "regimen",
    "Given so far",
    "such as ketamine 0.5 mg/kg iv over 40 min on days 0 3 7 10",
    "lines",
    wide=True,
)
_NOW: Final = Entry("now", "Now", "such as 14; empty: the last score or session", unit="d")
_START: Final = Entry("start", "Date of day 0", "only where scores have dates")
_HORIZON: Final = Entry("horizon", "Looked at until day", "empty: 8 weeks after now", unit="d")
_LEVEL: Final = Entry(
    "level", "Day told when the response is lost with", kind="choice", choices=_LEVELS
)


_NO_SESSION: Final = (
    "no session is given, and a forecast follows at least one; before the first, the page Compare "
    "shows what may follow in the population"
)


def _candidate(place: int) -> tuple[Entry, Entry]:
    """Fields of a candidate: its name and its regimen."""
    letter = "ABCD"[place]
    hint = "such as ketamine 0.5 mg/kg iv over 40 min weekly x 4; empty: none"
    return (
        Entry(f"next.{place}.name", f"Candidate {letter}: name", wide=True),
        Entry(f"next.{place}.regimen", f"Candidate {letter}: sessions", hint, "lines", wide=True),
    )


@router.get(PATH, include_in_schema=False)
async def patient(request: Request) -> Response:
    """The page; where HTMX asks, what changed of it."""

    async def show(state: PageState, read: Course) -> dict[str, Any]:
        if not read.scores and read.patient.baseline is None:
            return {"view": None, "asks": True, "local": _is_local(request), "left_out": ""}
        found = await _forecast(request, state, read)
        shown = await asyncio.to_thread(_shown, found)
        return {
            **shown,
            "asks": False,
            "local": _is_local(request),
            "left_out": str(state.options.get("left_out", "")),
            "command": _command(state),
            "python": _python(state),
        }

    return await _TAB.page(request, show)


@router.get(f"{PATH}/{{name}}", include_in_schema=False)
async def download(request: Request, name: str) -> Response:
    """A file of the forecast; the address has the course as the page has it."""
    if name not in _FILES and name != "course.yaml":
        raise HTTPException(404)
    state = _meant(PageState.read(request.url.query, _OPTIONS))
    read = await asyncio.to_thread(read_course, state, request.app.state.settings.limits)
    state = with_age_kept(state, read)
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    if name == "course.yaml":
        return Response(state.yaml(), 200, headers, "application/yaml; charset=utf-8")
    made, kind = _FILES[name]
    found = await _forecast(request, state, read)
    content = await asyncio.to_thread(made, found, state)
    return Response(content, 200, headers, kind)


async def _forecast(request: Request, state: PageState, read: Course) -> Forecast:
    """Forecast a course, or return what is kept of it."""
    if len(read.next) > CANDIDATES:
        problem = f"{len(read.next)} candidates are more than the page takes, {CANDIDATES}"
        raise InputError("next", problem, "the command takes more: ketasim forecast course.yaml")
    level = _level(state)
    results: Results = request.app.state.results
    key = ("forecast", PageState(read.to_dict()).query(), level)

    def compute() -> Forecast:
        from ketasim.forecasting import forecast

        return forecast(read, level=level)

    return await results.of(request, key, compute)


def _shown(found: Forecast) -> dict[str, Any]:
    from ketasim._base import words
    from ketasim.reports.forecast.report import forecast_view

    return {"view": forecast_view(found), "words": words}


def _is_local(request: Request) -> bool:
    return bool(request.app.state.settings.local)


def _level(state: PageState) -> float:
    value = state.options.get("level", 0.5)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0.0 < value < 1.0:
        return float(value)
    raise InputError("level", f"'{value}' is no probability", "give one between 0 and 1")


def _meant(state: PageState) -> PageState:
    """The state with scores as a course has them, units of days, and candidates with names."""
    course = dict(state.course)
    options: dict[str, Any] = {}
    given = course.get("scores")
    if given is not None and not isinstance(given, list | Mapping):
        from ketasim.interop import read_pasted

        found = read_pasted(str(given))
        course["scores"] = [dict(one) for one in found.entries]
        options["left_out"] = "; ".join(found.left_out) or None
    start = course.get("start")
    if isinstance(start, str):
        from ketasim.interop.pasted import day_first

        course["start"] = day_first(start)
    now = course.get("now")
    if isinstance(now, int | float) and not isinstance(now, bool):
        if now < 0.0:
            problem = f"day {now:g} is before the first session, day 0"
            raise InputError("now", problem, "give a later day, or leave it out")
        course["now"] = f"{now} d"
    follow = course.get("next")
    if isinstance(follow, list):
        course["next"] = [_named(one) for one in cast("list[Any]", follow)]
    return state.with_course(course).with_options(**options)


def _named(candidate: Any) -> Any:
    """A candidate without a name has that of its sessions."""
    if not isinstance(candidate, Mapping):
        return candidate
    entry = dict(cast("Mapping[str, Any]", candidate))
    if "name" not in entry and "regimen" in entry:
        return {"name": str(entry["regimen"]), **entry}
    return entry


def _form(state: PageState, error: InputError | None) -> CourseForm:
    """The form: scores and sessions first, then candidates, then who the patient is."""
    follow = state.course.get("next")
    patient = state.course.get("patient")
    base = _BASELINE if isinstance(patient, Mapping) and "baseline" in patient else ()
    names = (*_PATIENT, *base, "start")
    form = course_form(_without(state, ("scores", "now", "next")), names, error)
    own = [_SCORES, _GIVEN, _NOW, _START, _HORIZON, _LEVEL]
    if "doses" in state.course:
        own.remove(_GIVEN)
    own += [one for place in range(CANDIDATES) for one in _candidate(place)]
    field, told = _wrong(error, {one.name for one in own})
    fields = [Field(one, _value(state, one.name), told if one.name == field else "") for one in own]
    start = next(one for one in form.fields if one.entry.name == "start")
    if start.error:
        fields[own.index(_START)] = replace(fields[own.index(_START)], error=start.error)
    fields += [one for one in form.fields if one.entry.name != "start"]
    known = {one.entry.name for one in fields}
    pairs = parse_qsl(_without(state, ()).query(options=True), keep_blank_values=True)
    carried = tuple(
        (name, value)
        for name, value in pairs
        if name not in known
        and not name.startswith("scores")
        and name != "left_out"
        and not any(name.startswith(f"{one}.") for one in known)
    )
    shown = any(one.error for one in fields)
    problem = "" if shown or error is None else f"{error.field}: {error.problem}; {error.remedy}"
    if isinstance(follow, list) and len(cast("list[Any]", follow)) > CANDIDATES:
        carried = tuple(pair for pair in carried if not pair[0].startswith("next."))
    return CourseForm(tuple(fields), carried, problem)


def _without(state: PageState, names: tuple[str, ...]) -> PageState:
    return state.with_course({k: v for k, v in state.course.items() if k not in names})


def _value(state: PageState, name: str) -> str:
    """What stands in a field."""
    if name == "scores":
        given = state.course.get("scores", "")
        if isinstance(given, list):
            from ketasim.interop.pasted import written

            return written(cast("list[Any]", given))
        return "\n".join(str(given).splitlines())  # a form sends CR LF
    if name == "level":
        return str(state.options.get("level", ""))
    if name.startswith("next."):
        _, place, key = name.split(".")
        follow = state.course.get("next")
        every = cast("list[Any]", follow) if isinstance(follow, list) else []
        one = every[int(place)] if int(place) < len(every) else None
        return str(cast("Mapping[str, Any]", one).get(key, "")) if isinstance(one, Mapping) else ""
    return typed(state, name)


def _wrong(error: InputError | None, names: set[str]) -> tuple[str, str]:
    """The field of the form that an error is about, and what is said there."""
    if error is None:
        return "", ""
    name = error.field.replace("[", ".").replace("]", "")
    told = _SCORE_OF.sub(lambda hit: f"score {int(hit[1]) + 1}", f"{error.problem}; {error.remedy}")
    told = _NEXT_OF.sub(lambda hit: f"candidate {'ABCD'[int(hit[1])]}", told)
    parts = name.split(".")
    if name == "regimen" and error.problem.startswith("neither is given"):
        return name, _NO_SESSION
    if parts[0] == "scores":
        if "the course has no start" in error.problem:
            return "start", f"{error.problem}; give the date of day 0 here"
        which = f"score {int(parts[1]) + 1}: " if len(parts) > 1 and parts[1].isdecimal() else ""
        return "scores", f"{which}{told}"
    if parts[0] == "next" and name not in names:
        place = parts[1] if len(parts) > 1 and parts[1].isdecimal() else "0"
        return f"next.{place}.regimen" if len(parts) > 1 else "next.0.name", told
    return (name, told) if name in names else ("", "")


def _command(state: PageState) -> str:
    level = _level(state)
    words = "ketasim forecast course.yaml --out out/patient --print"
    return words if level == 0.5 else f"{words} --level {level:g}"


def _python(state: PageState) -> str:
    level = _level(state)
    chosen = "" if level == 0.5 else f", level={level:g}"
    lines = PageState(state.course).python("forecast").splitlines()[:-1]
    return "\n".join([*lines, f"result = forecast(course{chosen})"])


def _table(name: str) -> Callable[[Forecast, PageState], bytes]:
    def made(found: Forecast, _: PageState) -> bytes:
        from ketasim._base.result import csv

        return csv(found.days if name == "forecast" else found.fit)

    return made


def _report(found: Forecast, state: PageState) -> bytes:
    from ketasim.reports import report

    return report(found, command=_command(state)).encode()


def _printed(found: Forecast, _: PageState) -> bytes:
    from ketasim.reports import print_page

    return print_page(found)


_FILES: Final[Mapping[str, tuple[Callable[[Forecast, PageState], bytes], str]]] = {
    "forecast.csv": (_table("forecast"), "text/csv; charset=utf-8"),
    "fit.csv": (_table("fit"), "text/csv; charset=utf-8"),
    "report.html": (_report, "text/html; charset=utf-8"),
    "page.pdf": (_printed, "application/pdf"),
}

_TAB: Final = CourseTab(
    PATH,
    "patient",
    (),
    "view",
    options=_OPTIONS,
    check=_level,
    meant=_meant,
    form=_form,
    example=EXAMPLE,
)
