"""The tab Course: a patient, a regimen, and what follows from them as one types."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ketasim._base import InputError
from ketasim.apps.web import courses, entries, regimen_form
from ketasim.apps.web.courses import Front, front_of, read_course, with_age_kept
from ketasim.apps.web.state import PageState
from ketasim.apps.web.templating import answer, is_partial

if TYPE_CHECKING:
    from ketasim.apps.web.results import Results
    from ketasim.dosing import Course

router = APIRouter()

PATH: Final = "/course"
OPTIONS: Final = (*courses.OPTIONS, *regimen_form.OPTIONS, "add", "to", "remove")
_PATIENCE: Final = 0.4  # s; a page whose result takes longer is shown before it
_FIRST: Final = "six_infusions"  # what is shown where the address has no course


@router.get(PATH, include_in_schema=False)
async def course(request: Request) -> Response:
    """The page; where HTMX asks, what changed of it."""
    query = request.url.query
    if not query:
        return RedirectResponse(_example(_FIRST).link(PATH), 303)
    state = PageState()
    read: Course | None = None
    try:
        state = PageState.read(query, OPTIONS)
        state = regimen_form.applied(state)
        read = await asyncio.to_thread(read_course, state, request.app.state.settings.limits)
        state = with_age_kept(state, read)
        changed = regimen_form.clicked(state, read)
        if changed != state:
            state = changed
            read = await asyncio.to_thread(read_course, state, request.app.state.settings.limits)
        canonical = state.link(PATH)
        partial = is_partial(request)
        if not partial and f"{PATH}?{query}" != canonical:
            return RedirectResponse(canonical, 303)
        context = await _result(request, state, read, partial=partial)
    except InputError as error:
        return _refused(request, state, read, error)
    return answer(
        request,
        "course.html",
        fragment="course_changed.html",
        state=state,
        headers={"hx-replace-url": canonical},
        **_form(request, state, read),
        **context,
    )


@router.get(f"{PATH}/session", include_in_schema=False)
async def session(request: Request) -> Response:
    """What is shown of a course with its first session, which takes longer."""
    try:
        state = regimen_form.applied(PageState.read(request.url.query, OPTIONS))
        read = await asyncio.to_thread(read_course, state, request.app.state.settings.limits)
        state = with_age_kept(state, read)
        front = await front_of(request, state, read)
    except InputError:
        return Response(status_code=204)  # the course itself answers what is wrong
    return answer(
        request, "course_front.html", fragment="course_front.html", state=state, front=front
    )


async def _result(
    request: Request, state: PageState, read: Course, *, partial: bool
) -> dict[str, Any]:
    """What is shown of a course; on a whole page what is computed soon, else a promise of it."""
    results: Results = request.app.state.results
    if not partial and results.first():
        # nothing is loaded yet that computes: the first page does not wait for it
        return _pending(state)
    computing = asyncio.ensure_future(front_of(request, state, read, profiles=not partial))
    if not partial:
        await asyncio.wait({computing}, timeout=_PATIENCE)
        if not computing.done():
            computing.add_done_callback(lambda done: done.cancelled() or done.exception())
            return _pending(state)
    front = await computing
    return await asyncio.to_thread(_shown, state, read, front)


def _pending(state: PageState) -> dict[str, Any]:
    """A page whose result is still computed: it asks for it, without script by loading again."""
    return {"front": None, "pending": state.link(PATH)}


def _shown(state: PageState, read: Course, front: Front) -> dict[str, Any]:
    undo = state.options.get("undo")
    back = ""
    if isinstance(undo, str):
        before = PageState.read(undo).course
        if before.keys() <= {"regimen", "doses"} and before:
            back = regimen_form.with_regimen(state, before).link(PATH)
    picked = state.options.get("move")
    return {
        "pending": "",
        "front": front,
        "weeks": regimen_form.calendar(state, read, PATH),
        "picked": picked,
        "removed": state.link(PATH, move=None, remove=picked) if isinstance(picked, int) else "",
        "undo": back,
    }


def _form(
    request: Request, state: PageState, read: Course | None, error: InputError | None = None
) -> dict[str, Any]:
    """What the form shows."""
    from ketasim.dosing import dose_table, plainest

    table = state.course.get("doses")
    other = ""
    if read is not None:
        changed = plainest(read.regimen) if table else {"doses": dose_table(read.regimen)}
        if "doses" in changed or "regimen" in changed:
            same = changed.keys() == regimen_form.regimen_of(state).keys()
            other = "" if same else regimen_form.with_regimen(state, changed).link(PATH)
    rows = [
        dict(cast("Mapping[str, Any]", one)) if isinstance(one, Mapping) else {"day": one}
        for one in (cast("list[Any]", table) if isinstance(table, list) else [])
    ]
    return {
        "sections": entries.sections(),
        "typed": partial(entries.typed, state),
        "sentence": entries.typed(state, "regimen"),
        "rows": rows,
        "columns": regimen_form.COLUMNS,
        "as_other": other,
        "sliders": regimen_form.sliders(read),
        "before": PageState(regimen_form.regimen_of(state)).query(),
        "carried": _carried(state),
        "examples": _examples(),
        "moved": request.headers.get("hx-trigger-name", ""),
        "error": error,
        "place": "" if error is None else _place(error.field),
    }


def _carried(state: PageState) -> list[tuple[str, str]]:
    """Fields that the address has and the form does not show."""
    shown = entries.known_names() | {"regimen", "doses"}
    query = PageState(
        state.course, {k: v for k, v in state.options.items() if k in (*courses.OPTIONS, "undo")}
    )
    pairs = parse_qsl(query.query(options=True), keep_blank_values=True)
    return [
        (name, value)
        for name, value in pairs
        if not any(name == one or name.startswith(f"{one}.") for one in shown)
    ]


def _place(field: str) -> str:
    """The field of the form that an error is about."""
    name = field.replace("[", ".").replace("]", "")
    if name.startswith("doses"):
        return "doses"
    known = entries.known_names()
    while name and name not in known and name != "regimen":
        inside = [one for one in known if one.startswith(name + ".")]
        if inside:
            return min(inside)
        name = name.rpartition(".")[0]
    return name


def _refused(
    request: Request, state: PageState, read: Course | None, error: InputError
) -> Response:
    return answer(
        request,
        "course.html",
        fragment="course_refused.html",
        state=state,
        status=422,
        headers={"hx-retarget": "#problem", "hx-reswap": "outerHTML"},
        front=None,
        pending="",
        start=_example(_FIRST).link(PATH),
        **_form(request, state, read, error),
    )


def _examples() -> list[tuple[str, str, str]]:
    """Title, regimen and link of what ships."""
    from ketasim.dosing import shipped

    found: list[tuple[str, str, str]] = []
    for name in shipped("course"):
        state = _example(name)
        title = str(state.course.get("title", name))
        found.append((title, str(state.course.get("regimen", "")), state.link(PATH)))
    return found


def _example(name: str) -> PageState:
    if name not in _KEPT:
        from ketasim.dosing.shipped import read_input

        _KEPT[name] = PageState(read_input(name, "course"))
    return _KEPT[name]


_KEPT: Final[dict[str, PageState]] = {}
