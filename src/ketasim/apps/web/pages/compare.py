"""The tab Compare: up to four regimens side by side, for the patient of the course."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ketasim._base import InputError
from ketasim.apps.web import courses
from ketasim.apps.web.course_fields import (
    CourseForm,
    Field,
    course_form,
    example_state,
    has_course,
)
from ketasim.apps.web.courses import is_on, read_course, simulated, with_age_kept
from ketasim.apps.web.entries import Entry
from ketasim.apps.web.state import PageState
from ketasim.apps.web.templating import answer, is_partial

if TYPE_CHECKING:
    from ketasim.apps.web.results import Results
    from ketasim.dosing import Course
    from ketasim.planning import Comparison

router = APIRouter()

PATH: Final = "/compare"
FIELDS: Final = (
    *("patient.age", "patient.weight", "patient.diagnosis"),
    *("patient.baseline.scale", "patient.baseline.score", "population.n", "horizon"),
)
"""Fields of the form beside the regimens; the rest of the course travels along."""

OTHERS: Final = ("b", "c", "d")
"""Options beside that of the course, whose regimens are `option.b` and so on."""

_OPTIONS: Final = (*courses.OPTIONS, "option", "rank_by")
_BESIDE: Final = "twice_weekly"  # what the example is set against


@router.get(PATH, include_in_schema=False)
async def compare(request: Request) -> Response:
    """The page; where HTMX asks, what changed of it."""
    state = PageState()
    limits = request.app.state.settings.limits
    try:
        state = PageState.read(request.url.query, _OPTIONS)
        if not has_course(state) and not state.course and not state.options:
            return RedirectResponse(_first().link(PATH), 303)
        kept = with_age_kept(state, await asyncio.to_thread(read_course, state, limits))
        if kept != state:
            return RedirectResponse(kept.link(PATH), 303)
        comparison = await _compared(request, state)
        view = None
        if comparison is not None:
            from ketasim.reports.compare import comparison_view

            view = await asyncio.to_thread(comparison_view, comparison)
    except InputError as error:
        return _answer(request, state, None, error)
    return _answer(request, state, view)


@router.get(f"{PATH}/comparison.csv", include_in_schema=False)
async def table(request: Request) -> Response:
    """The numbers side by side, as `ketasim compare` writes them."""
    from ketasim._base.result import csv

    comparison = await _compared(request, PageState.read(request.url.query, _OPTIONS))
    if comparison is None:
        raise InputError("option.b", "there is nothing to compare with", "give a second regimen")
    content = await asyncio.to_thread(lambda: csv(comparison.summary()))
    headers = {"content-disposition": 'attachment; filename="comparison.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


async def _compared(request: Request, state: PageState) -> Comparison | None:
    """Compare what a state has; nothing where it has one regimen."""
    from ketasim.planning import compare as run
    from ketasim.planning.alike import same_horizon
    from ketasim.planning.criteria import criterion

    limits = request.app.state.settings.limits
    typical = is_on(state, "typical")
    if is_on(state, "uncertainty"):
        problem = "differences are taken under each draw of the parameters as it is"
        raise InputError("uncertainty", problem, "leave it out of a comparison")
    rank_by = str(state.options.get("rank_by", ""))
    if rank_by:
        criterion(rank_by)
    read: dict[str, Course] = {"a": await asyncio.to_thread(read_course, state, limits)}
    for letter, sentence in _regimens(state).items():
        other = _with_regimen(state, sentence)
        try:
            read[letter] = await asyncio.to_thread(read_course, other, limits)
        except InputError as error:
            if error.field != "regimen":
                raise
            raise InputError(f"option.{letter}", error.problem, error.remedy) from None
    if len(read) == 1:
        return None
    alike, notes = same_horizon(read)
    found = await asyncio.gather(*(simulated(request, state, one) for one in alike.values()))
    results: Results = request.app.state.results
    queries = (PageState(one.to_dict()).query() for one in alike.values())
    key = ("compare", *queries, typical, *notes)

    def together() -> Comparison:
        made = run(found)
        made.summary()  # what every view of it needs
        return replace(made, notes=(*notes, *made.notes))

    comparison = await results.of(request, key, together)
    return comparison.ranked_by(rank_by) if rank_by else comparison


def _regimens(state: PageState) -> dict[str, str]:
    """Letter to sentence of the options beside the course's own."""
    given = state.options.get("option", {})
    if not isinstance(given, Mapping):
        raise InputError("option", f"'{given}' is no option", "write option.b, option.c, option.d")
    named = _typed(state)
    for letter in named:
        if letter not in OTHERS:
            problem = f"there is no option '{letter}'"
            raise InputError(f"option.{letter}", problem, f"use one of: {', '.join(OTHERS)}")
    return {letter: named[letter] for letter in OTHERS if letter in named}


def _with_regimen(state: PageState, sentence: str) -> PageState:
    left = ("title", "regimen", "doses")
    course = {key: one for key, one in state.course.items() if key not in left}
    return state.with_course({**course, "regimen": sentence})


def _first() -> PageState:
    """What is shown where the address has nothing."""
    from ketasim.dosing.shipped import read_input

    beside = str(read_input(_BESIDE, "course")["regimen"])
    state = example_state()
    course = {**state.course, "population": {"n": 100, "seed": 1}}
    return state.with_course(course).with_options(option={"b": beside})


def _answer(
    request: Request,
    state: PageState,
    view: Mapping[str, Any] | None,
    error: InputError | None = None,
) -> Response:
    return answer(
        request,
        "compare.html",
        fragment="compare_result.html",
        state=state,
        status=200 if error is None else 422,
        partial=is_partial(request),
        form=_form(state, error),
        view=view,
        others=[] if view is not None or error is not None else _beside(state),
        table=state.link(f"{PATH}/comparison.csv"),
        command=_command(state),
        python=_python(state),
    )


def _form(state: PageState, error: InputError | None) -> CourseForm:
    """The form: regimens first, then what is the same of all."""
    names = ("regimen", *FIELDS)
    form = course_form(replace(state, options={}), names, error)
    typed = _typed(state)
    told = "" if error is None else f"{error.problem}; {error.remedy}"
    mine: list[Field] = []
    for one in form.fields:
        if one.entry.name == "regimen":
            mine.append(replace(one, entry=replace(one.entry, words="Regimen A", kind="lines")))
    for letter in OTHERS:
        name = f"option.{letter}"
        entry = Entry(name, f"Regimen {letter.upper()}", "empty: none", "lines", wide=True)
        wrong = error is not None and error.field == name
        mine.append(Field(entry, typed.get(letter, ""), told if wrong else ""))
    rank = Entry("rank_by", "Rank by", kind="choice", choices=_criteria(), wide=True)
    wrong = error is not None and error.field == "rank_by"
    mine.append(Field(rank, str(state.options.get("rank_by", "")), told if wrong else ""))
    mine += [one for one in form.fields if one.entry.name != "regimen"]
    shown = any(one.error for one in mine)
    carried = [*form.carried]
    if state.options.get("typical") is True:
        carried.append(("typical", "true"))
    return CourseForm(tuple(mine), tuple(carried), "" if shown else form.problem)


def _criteria() -> tuple[tuple[str, str], ...]:
    from ketasim.planning.criteria import COMPARED, CRITERIA

    ranks = ((key, f"{CRITERIA[key].words}, {CRITERIA[key].better} first") for key in COMPARED)
    return (("", "nothing: not ranked"), *ranks)


def _beside(state: PageState) -> list[tuple[str, str, str]]:
    """Title, regimen and link of what ships, to be set beside the course."""
    from ketasim.dosing import shipped
    from ketasim.dosing.shipped import read_input

    found: list[tuple[str, str, str]] = []
    for name in shipped("course"):
        content = read_input(name, "course")
        sentence = str(content.get("regimen", ""))
        if sentence and sentence != state.course.get("regimen"):
            link = state.with_options(option={"b": sentence}).link(PATH)
            found.append((str(content.get("title", name)), sentence, link))
    return found


def _command(state: PageState) -> str:
    """The command that computes the same from the YAML of the course."""
    words = ["ketasim", "compare", "course.yaml"]
    for sentence in _typed(state).values():
        words += ["--regimen", sentence]
    words += ["--out", "out/compared"]
    if state.options.get("rank_by"):
        words += ["--rank-by", str(state.options["rank_by"])]
    words += ["--typical"] if state.options.get("typical") is True else []
    return shlex.join(words)


def _python(state: PageState) -> str:
    """The same in Python."""
    rank = f", rank_by={state.options['rank_by']!r}" if state.options.get("rank_by") else ""
    typical = ", typical=True" if state.options.get("typical") is True else ""
    lines = PageState(state.course).python("compare").splitlines()[:-1]
    lines.append(f"regimens = {list(_typed(state).values())!r}")
    lines.append(f"result = compare(course, regimens{rank}{typical})")
    return "\n".join(lines)


def _typed(state: PageState) -> dict[str, str]:
    """What stands in the fields of the options, whatever it is."""
    given = state.options.get("option", {})
    if not isinstance(given, Mapping):
        return {}
    named = cast("Mapping[str, Any]", given)
    return {letter: str(one) for letter, one in named.items()}
