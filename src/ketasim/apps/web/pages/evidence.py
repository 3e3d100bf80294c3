"""The tab Evidence: found by words, each thing on its own page, forest plots, trials replayed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ketasim._base import InputError
from ketasim.apps.web.refusal import refused_page
from ketasim.apps.web.templating import answer
from ketasim.apps.web.trial.design import Design, shipped_design

router = APIRouter()

PATH: Final = "/evidence"
_LONGEST: Final = 200  # letters of a search
_ASKED: Final = ("drug", "route", "metric", "measure", "at", "control", "event", "open")
"""What a forest plot can be asked, as the command has it."""


@router.get(PATH, include_in_schema=False)
async def evidence(request: Request) -> Response:
    """What is found by words; without any, what there is."""
    given = dict(parse_qsl(request.url.query))
    text, kind = given.get("q", "").strip(), given.get("kind")

    def found() -> dict[str, Any]:
        from ketasim.reports.evidence.found import KINDS, everything, find
        from ketasim.reports.evidence.meta import ASKED

        if len(text) > _LONGEST:
            problem = f"a search has {len(text)} letters, at most {_LONGEST} are read"
            raise InputError("q", problem, "use fewer words")
        if kind is not None and kind not in KINDS:
            raise InputError("kind", f"there is no '{kind}'", f"use one of: {', '.join(KINDS)}")
        return {
            "text": text,
            "kind": kind,
            "found": find(text, kind=kind),
            "conditions": everything("conditions") if not text else (),
            "trials": everything("trials") if not text else (),
            "questions": everything("questions") if not text else (),
            "cards": [
                hit for hit in everything("parameters") if hit.path.startswith(f"{PATH}/card/")
            ]
            if not text
            else (),
            "asked": [(title, f"{PATH}/forest?{urlencode(query)}") for title, query in ASKED],
            "more": [(name, f"{PATH}?{urlencode({'q': text, 'kind': name})}") for name in KINDS],
        }

    return await _page(request, "evidence.html", found, status=422)


@router.get(PATH + "/source/{key}", include_in_schema=False)
async def source(request: Request, key: str) -> Response:
    """A source, with everything taken from it."""

    def found() -> dict[str, Any]:
        from ketasim.reports.evidence.sources import source_page

        return {"view": source_page(key)}

    return await _page(request, "evidence_source.html", found)


@router.get(PATH + "/card/{key}", include_in_schema=False)
async def card(request: Request, key: str) -> Response:
    """A card of parameters."""

    def found() -> dict[str, Any]:
        from ketasim.reports.evidence.parameter import card_rows, known_card

        one = known_card(key)
        return {"card": one, "rows": card_rows(one)}

    return await _page(request, "evidence_card.html", found)


@router.get(PATH + "/parameter/{card}/{symbol}", include_in_schema=False)
async def parameter(request: Request, card: str, symbol: str) -> Response:
    """A parameter: value, unit, uncertainty, grade, source, conflict."""

    def found() -> dict[str, Any]:
        from ketasim._base.words import GRADES
        from ketasim.reports.evidence.parameter import parameter_view

        return {"view": parameter_view(card, symbol), "grades": GRADES}

    return await _page(request, "evidence_parameter.html", found)


@router.get(PATH + "/condition/{name}", include_in_schema=False)
async def condition(request: Request, name: str) -> Response:
    """A condition: doses, results, certainty, what is not known."""

    def found() -> dict[str, Any]:
        from ketasim.evidence import condition as look_up
        from ketasim.reports.evidence.conditions import DOSE_HEADS, dose_lines, route_words

        one = look_up(name)
        return {
            "one": one,
            "heads": DOSE_HEADS,
            "doses": [line for doses in one.doses for line in dose_lines(doses)],
            "unstudied": [route_words(route) for route in one.unstudied],
        }

    return await _page(request, "evidence_condition.html", found)


@router.get(PATH + "/question/{name}", include_in_schema=False)
async def question(request: Request, name: str) -> Response:
    """A question on which the evidence disagrees."""

    def found() -> dict[str, Any]:
        from ketasim._base import near
        from ketasim.evidence import conflicts

        known = {one.name: one for one in conflicts()}
        if name not in known:
            raise InputError("question", f"there is no question '{name}'", near(name, known))
        return {"one": known[name]}

    return await _page(request, "evidence_question.html", found)


@router.get(PATH + "/row/{row:path}", include_in_schema=False)
async def row(request: Request, row: str) -> Response:
    """A row of a table, as written."""

    def found() -> dict[str, Any]:
        from ketasim.reports.evidence.sources import row_view

        return {"view": row_view(row)}

    return await _page(request, "evidence_row.html", found)


@router.get(PATH + "/trial/{key}", include_in_schema=False)
async def trial(request: Request, key: str) -> Response:
    """A published trial replayed."""

    def found() -> dict[str, Any]:
        from ketasim.reports.evidence.trials import replay_view

        replay = replay_view(key)
        return {"replay": replay, "run": Design(shipped_design(key)).link}

    return await _page(request, "evidence_trial.html", found)


@router.get(PATH + "/forest", include_in_schema=False)
async def forest(request: Request) -> Response:
    """Comparable outcomes pooled: a forest plot, and all that was left out."""
    pairs = dict(parse_qsl(request.url.query))
    asked = {name: pairs[name].strip() for name in _ASKED if pairs.get(name, "").strip()}

    def choices() -> dict[str, Any]:
        from ketasim.reports.evidence import meta
        from ketasim.synthesis import META_MEASURES

        measures = dict.fromkeys(one for names in META_MEASURES.values() for one in names)
        return {
            "asked": asked,
            "metrics": meta.METRICS,
            "controls": meta.CONTROLS,
            "measures": [(one, one) for one in measures],
            "events": [(one, one) for one in meta.events()],
            "often": [(title, f"{PATH}/forest?{urlencode(q)}") for title, q in meta.ASKED],
        }

    def found() -> dict[str, Any]:
        from ketasim.reports.evidence.meta import meta_view
        from ketasim.synthesis import meta_query, pool_comparable

        options: dict[str, Any] = {**asked, "open": "open" in asked}
        return {"view": meta_view(pool_comparable(meta_query(**options))), "error": None}

    form = await asyncio.to_thread(choices)
    if not asked:
        return answer(request, "evidence_forest.html", view=None, error=None, **form)
    try:
        key = ("forest", tuple(sorted(asked.items())))
        shown = await request.app.state.results.of(request, key, found)
    except InputError as error:
        return answer(
            request, "evidence_forest.html", status=422, view=None, error=_plain(error), **form
        )
    return answer(request, "evidence_forest.html", **shown, **form)


def _plain(error: InputError) -> InputError:
    """An error in the words of the form: a field is no option of the command there."""
    remedy = error.remedy.replace("--", "")
    return InputError(error.field.removeprefix("--"), error.problem.replace("--", ""), remedy)


async def _page(
    request: Request,
    template: str,
    found: Callable[[], dict[str, Any]],
    *,
    status: int = 404,
) -> Response:
    """Answer with a page; with one plain line where there is no such thing."""
    try:
        context = await asyncio.to_thread(found)
    except InputError as error:
        return refused_page(request.scope, status, error.problem, f"{error.remedy}.")
    return answer(request, template, **context)
