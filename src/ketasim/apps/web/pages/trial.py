"""The tab Trial: a design, a run of it with its progress, and what it shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from ketasim._base import InputError
from ketasim.apps.web.templating import answer, is_partial
from ketasim.apps.web.trial import form
from ketasim.apps.web.trial.design import FIRST, TABLES, Design, shipped_design
from ketasim.apps.web.trial.work import WARM, WORK

if TYPE_CHECKING:
    from ketasim.apps.web.jobs import Job, Jobs
    from ketasim.dosing import Trial

router = APIRouter()

PATH: Final = "/trial"
FILES: Final = {
    "summary.csv": "text/csv",
    "flow.csv": "text/csv",
    "sessions.csv": "text/csv",
    "patients.parquet": "application/vnd.apache.parquet",
    "report.html": "text/html",
    "trial.yaml": "application/yaml",
    "result.json": "application/json",
}
"""What a run can be taken along as, and its type."""

_REPORT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
_EVERY: Final = 0.25  # s, between looks at a run that is followed
_LONGEST: Final = 60.0  # s that one request follows it; a browser then asks again


@router.get(PATH, include_in_schema=False)
async def trial(request: Request) -> Response:
    """The page; where HTMX asks, the design as it is read."""
    query = request.url.query
    jobs_of(request).warm(WARM)
    if not query:
        return RedirectResponse(Design(shipped_design(FIRST)).link, 303)
    design = Design()
    try:
        design = Design.read(query)
        partial = is_partial(request)
        if not partial and f"{PATH}?{query}" != design.link:
            return RedirectResponse(design.link, 303)
        read = await asyncio.to_thread(design.load, request.app.state.settings.limits)
    except InputError as error:
        return _page(request, design, error=error)
    return _page(request, design, read)


@router.post(f"{PATH}/run", include_in_schema=False)
async def run(request: Request) -> Response:
    """Run a design, which comes as the form sends it."""
    design = Design()
    try:
        design = Design.read(_body(await request.body())).with_run("")
        await asyncio.to_thread(design.load, request.app.state.settings.limits)
    except InputError as error:
        return _page(request, design, error=error)
    job = submitted(request, design)
    return RedirectResponse(f"{design.with_run(job.id).link}#run", 303)


@router.post(f"{PATH}/yaml", include_in_schema=False)
async def pasted(request: Request) -> Response:
    """Take over a design that was pasted as YAML."""
    text = parse_qs(_body(await request.body())).get("yaml", [""])[0]
    try:
        design = Design.of_yaml(text)
        await asyncio.to_thread(design.load, request.app.state.settings.limits)
    except InputError as error:
        return _page(request, Design(shipped_design(FIRST)), error=error, text=text)
    return RedirectResponse(design.link, 303)


@router.post(PATH + "/runs/{key}/cancel", include_in_schema=False)
async def cancel(request: Request, key: str) -> Response:
    """End a run, and go back to its design."""
    job = await asyncio.to_thread(jobs_of(request).cancel, key)
    if job is None:
        raise HTTPException(404)
    return RedirectResponse(f"{design_of(job).with_run(key).link}#run", 303)


@router.get(PATH + "/runs/{key}/events", include_in_schema=False)
async def events(request: Request, key: str) -> Response:
    """How far a run is, as events that the server sends."""
    jobs = jobs_of(request)
    if jobs.find(key) is None:
        raise HTTPException(404)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(
        _followed(request, jobs, key), media_type="text/event-stream", headers=headers
    )


async def _followed(request: Request, jobs: Jobs, key: str) -> AsyncIterator[str]:
    last: dict[str, Any] = {}
    yield "retry: 1000\n\n"
    for _ in range(int(_LONGEST / _EVERY)):
        job = jobs.find(key)
        said = {"state": "gone"} if job is None else status_of(job, jobs)
        if said != last:
            yield f"data: {json.dumps(said)}\n\n"
            last = said
        stopping = getattr(request.app.state, "stopping", False)
        if job is None or job.over or jobs.closed or stopping or await request.is_disconnected():
            return
        await asyncio.sleep(_EVERY)


@router.get(PATH + "/runs/{key}/{name}", include_in_schema=False)
async def file(request: Request, key: str, name: str) -> Response:
    """A file of a run, from memory."""
    return file_of(jobs_of(request).find(key), name)


def file_of(job: Job | None, name: str) -> Response:
    """A file of a run.

    **Arguments:**

    - `job`: the run, nothing where it is not kept. `name`: one of `FILES`.

    **Raises:** `HTTPException` with status 404 where there is none.
    """
    if job is None or name not in job.files or name not in FILES:
        raise HTTPException(404)
    shown = name == "report.html"
    disposition = "inline" if shown else "attachment"
    headers = {"content-disposition": f'{disposition}; filename="{name}"'}
    if shown:  # a file of its own, with its style inside
        headers["content-security-policy"] = _REPORT_POLICY
    return Response(job.files[name], 200, headers, media_type=FILES[name])


def submitted(request: Request, design: Design) -> Job:
    """Put a design that was read into the queue.

    **Arguments:**

    - `request`: who asks. `design`: to run.

    **Raises:** `HTTPException` with status 429 or 503 when there is no room.
    """
    client = "" if request.client is None else request.client.host
    arguments = {"content": dict(design.content), "yaml": design.yaml()}
    return jobs_of(request).submit(client, WORK, arguments)


def jobs_of(request: Request) -> Jobs:
    """The long work of the page."""
    return request.app.state.jobs


def design_of(job: Job) -> Design:
    """The design that a run is of."""
    return Design(job.arguments["content"])


def status_of(job: Job, jobs: Jobs) -> dict[str, Any]:
    """How far a run is, for machines: `state`, `part`, `what`, `ahead`, `problem`, `remedy`."""
    return {
        "state": job.state,
        "part": round(job.part, 3),
        "what": job.what,
        "ahead": jobs.ahead(job.id) if job.state == "waiting" else 0,
        "field": job.place,
        "problem": job.problem,
        "remedy": job.remedy,
    }


def _body(body: bytes) -> str:
    try:
        return body.decode("ascii")
    except UnicodeDecodeError:
        raise HTTPException(422, "The form is not as a browser sends it.") from None


def _page(
    request: Request,
    design: Design,
    read: Trial | None = None,
    *,
    error: InputError | None = None,
    text: str = "",
) -> Response:
    from ketasim.reports.trial import assessed_rows, design_rows, planned_rows, scheme_drawing

    job = jobs_of(request).find(design.run) if design.run else None
    gone = bool(design.run) and job is None
    other = ""
    if job is not None and dict(design_of(job).content) != dict(design.content):
        other = design_of(job).with_run(job.id).link
        job = None
    rows = {table: len(design.rows(table)) for table in TABLES}
    tables = {table: form.entries_of(table, count) for table, count in rows.items()}
    names = [one.name for section in form.sections() for one in section.entries]
    names += [one.name for table in tables.values() for row in table for one in row]
    partial = is_partial(request)

    def typed(name: str) -> str:
        return form.typed(design, name)

    headers = {} if error is not None else {"hx-replace-url": design.link}
    return answer(
        request,
        "trial.html",
        fragment="trial_checked.html",
        status=200 if error is None else 422,
        headers=headers if partial else {},
        design=design,
        read=read,
        arms=[] if read is None else design_rows(read),
        assessed=[] if read is None else assessed_rows(read),
        planned=[] if read is None else planned_rows(read),
        scheme=None if read is None else scheme_drawing(read),
        job=job,
        ahead=0 if job is None else jobs_of(request).ahead(job.id),
        gone=gone,
        other=other,
        sections=form.sections(),
        tables=tables,
        names=names,
        typed=typed,
        starts=_starts(),
        error=error,
        place="" if error is None else form.place_of(error.field, names),
        text=text,
        partial=partial,
    )


def _starts() -> Mapping[str, str]:
    """Name of what ships, to its title."""
    if not _STARTS:
        from ketasim.dosing import shipped

        for name in shipped("trial"):
            _STARTS[name] = str(shipped_design(name).get("title") or name)
    return _STARTS


_STARTS: Final[dict[str, str]] = {}
