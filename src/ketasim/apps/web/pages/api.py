"""The same for machines: JSON in, JSON out, described by OpenAPI."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

from fastapi import APIRouter, Query, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from ketasim._base import InputError
from ketasim.apps.web.courses import read_course, simulated
from ketasim.apps.web.pages.trial import FILES, file_of, jobs_of, status_of, submitted
from ketasim.apps.web.state import PageState
from ketasim.apps.web.trial.design import Design

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ketasim.apps.web.jobs import Job

router = APIRouter(prefix="/api")

_MOST_FACTS: Final = 100
_LONGEST: Final = 200  # characters of a search


class Refused(BaseModel):
    """What is answered instead of a result: what is wrong, and what to do."""

    status: int
    problem: str
    remedy: str


class RunStatus(BaseModel):
    """How far a run of a trial is: `part` of 1, and of what; `ahead` of it others wait."""

    id: str
    state: str
    part: float
    what: str
    ahead: int
    field: str
    problem: str
    remedy: str
    files: list[str]


def _refusals(*codes: int) -> dict[int | str, dict[str, Any]]:
    said = {
        400: "The address cannot be read",
        404: "There is no such thing, or no more",
        409: "The run is not done",
        413: "The body is too large",
        422: "It cannot be used: the problem names the field",
        429: "Too much of yours is being computed",
        503: "The queue is full",
    }
    return {code: {"model": Refused, "description": said[code]} for code in (400, *codes)}


def _takes(model: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@router.post(
    "/simulate", responses=_refusals(404, 413, 422, 429), openapi_extra=_takes("CourseFile")
)
async def simulate(
    request: Request,
    typical: Annotated[
        bool, Query(description="The typical patient, even where a population is given.")
    ] = False,
) -> JSONResponse:
    """Simulate a course: exposure, sessions and scores by week, and what the evidence has near it.

    The body is what a course file has, as JSON.
    """
    state = PageState(await _given(request), {"typical": True} if typical else {})
    limits = request.app.state.settings.limits
    course = await asyncio.to_thread(read_course, state, limits, typed=False)
    result = await simulated(request, state, course)

    def told() -> dict[str, Any]:
        return {
            "metadata": result.metadata,
            "headline": [
                {"name": row.name, "value": row.value, "range": row.range, "unit": row.unit}
                for row in result.headline().rows
            ],
            "exposure": result.exposure().to_dicts(),
            "weekly": result.weekly().to_dicts(),
            "nearest": result.nearest().to_dicts(),
            "warnings": list(result.warnings),
        }

    return _json(await asyncio.to_thread(told))


@router.post("/screen", responses=_refusals(404, 413, 422, 429), openapi_extra=_takes("CourseFile"))
async def screen(request: Request) -> JSONResponse:
    """Screen a course: what the evidence says of it before it is given.

    The body is what a course file has, as JSON. No verdict; what is not listed is not thereby safe.
    """
    state = PageState(await _given(request))
    limits = request.app.state.settings.limits
    course = await asyncio.to_thread(read_course, state, limits, typed=False)

    def screened() -> dict[str, Any]:
        from ketasim.screening import screen as found

        return found(course).to_dict()

    key = ("api-screen", PageState(course.to_dict()).query())
    return _json(await request.app.state.results.of(request, key, screened))


@router.post(
    "/trials",
    status_code=202,
    response_model=RunStatus,
    responses=_refusals(404, 413, 422, 429, 503),
    openapi_extra=_takes("TrialFile"),
)
async def submit(request: Request) -> JSONResponse:
    """Run a trial: put it into the queue, and say where to ask for it.

    The body is what a trial file has, as JSON.
    """
    design = Design(await _given(request))
    await asyncio.to_thread(design.load, request.app.state.settings.limits)
    job = submitted(request, design)
    where = {"location": f"/api/trials/{job.id}"}
    return JSONResponse(_status(request, job), 202, where)


@router.get("/trials/{key}", response_model=RunStatus, responses=_refusals(404, 422))
async def status(request: Request, key: str) -> JSONResponse:
    """How far a run is, and which files there are."""
    return JSONResponse(_status(request, _found(request, key)))


@router.post("/trials/{key}/cancel", response_model=RunStatus, responses=_refusals(404, 422))
async def cancel(request: Request, key: str) -> JSONResponse:
    """End a run, or take it out of the queue; one that has ended stays as it is."""
    job = await asyncio.to_thread(jobs_of(request).cancel, key)
    if job is None:
        raise HTTPException(404)
    return JSONResponse(_status(request, job))


@router.get("/trials/{key}/result", responses=_refusals(404, 409, 422))
async def result(request: Request, key: str) -> Response:
    """What a run shows: summary, blinding, published values; what it rests on, and the input."""
    job = _found(request, key)
    if job.state != "done":
        raise HTTPException(409, f"The run is {job.state}.")
    return Response(job.files["result.json"], media_type="application/json")


@router.get(
    "/trials/{key}/files/{name}",
    responses=_refusals(404, 422)
    | {200: {"content": {kind: {} for kind in dict.fromkeys(FILES.values())}}},
)
async def file(request: Request, key: str, name: str) -> Response:
    """A file of a run."""
    return file_of(jobs_of(request).find(key), name)


@router.get("/evidence", responses=_refusals(404, 422))
async def facts(
    q: Annotated[str, Query(description="Words that must all stand in a row.")] = "",
    table: Annotated[str, Query(description="A table such as pk/observed, or a folder.")] = "",
    source: Annotated[str, Query(description="Key of a source.")] = "",
    limit: Annotated[int, Query(ge=1, le=_MOST_FACTS, description="Rows at most.")] = 20,
) -> JSONResponse:
    """Search the published numbers, each with its source and grade."""
    if len(q) > _LONGEST:
        raise InputError("q", f"it has {len(q)} characters", f"give at most {_LONGEST}")

    def found() -> list[dict[str, Any]]:
        from ketasim.evidence import list_facts

        views = list_facts(q or None, table=table or None, source=source or None, limit=limit)
        return [view.to_dict() for view in views]

    return _json(await asyncio.to_thread(found))


@router.get("/evidence/{key}", responses=_refusals(404, 422))
async def entry(key: str) -> JSONResponse:
    """Everything known of a key: of a source, a parameter card, a published trial or a fact."""

    def found() -> list[dict[str, Any]]:
        from ketasim.evidence import show

        return [view.to_dict() for view in show(key)]

    return _json(await asyncio.to_thread(found))


def describe(app: FastAPI) -> None:
    """Let the description contain the schemas of the files, which are slow to make, when asked."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            from ketasim.dosing.course import CourseFile
            from ketasim.dosing.trial.file import TrialFile

            made = get_openapi(title=app.title, version=app.version, routes=app.routes)
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            for model in (CourseFile, TrialFile):
                schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas |= schema.pop("$defs", {})
                schemas[model.__name__] = schema
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = described


def _found(request: Request, key: str) -> Job:
    job = jobs_of(request).find(key)
    if job is None:
        raise HTTPException(404)
    return job


def _status(request: Request, job: Job) -> dict[str, Any]:
    return {"id": job.id, **status_of(job, jobs_of(request)), "files": sorted(job.files)}


async def _given(request: Request) -> dict[str, Any]:
    """The body of a request: an object of JSON.

    **Raises:** `InputError` when it is none.
    """
    body = await request.body()
    try:
        content = json.loads(body, parse_constant=_no_number)
        json.dumps(content, ensure_ascii=False).encode()  # half a character cannot be answered
    except (ValueError, RecursionError):
        raise InputError("body", "it is not JSON", "send an object, as a file has it") from None
    if not isinstance(content, dict):
        raise InputError("body", "it is not an object", "send an object, as a file has it")
    return cast("dict[str, Any]", content)


def _no_number(word: str) -> float:
    raise ValueError(word)


def _json(value: object) -> JSONResponse:
    return JSONResponse(_finite(value))


def _finite(value: object) -> Any:
    """What JSON can have: nothing in place of what is not a number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        table = cast("Mapping[Any, Any]", value)
        return {str(key): _finite(one) for key, one in table.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in cast("list[Any]", value)]
    return value
