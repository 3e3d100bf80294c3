"""The application that serves the page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from ketasim.__about__ import __version__
from ketasim._base import InputError
from ketasim.apps.web.answers import Answers
from ketasim.apps.web.guard import Guard
from ketasim.apps.web.jobs import JobLimits, Jobs
from ketasim.apps.web.pages import (
    api,
    compare,
    course,
    download,
    evidence,
    mechanism,
    patient,
    screening,
    session,
    trial,
)
from ketasim.apps.web.refusal import refused_page
from ketasim.apps.web.results import Results
from ketasim.apps.web.settings import Settings
from ketasim.apps.web.templating import STATIC, static

_QUIET: Final = 2.0  # s; the first page comes before what later ones need is loaded
_YEAR: Final = 365 * 24 * 3600
_PAGES: Final = (
    course,
    patient,
    compare,
    session,
    screening,
    mechanism,
    evidence,
    trial,
    download,
    api,
)


def create_app(settings: Settings | None = None, *, beside: bool = False) -> FastAPI:
    """Make the application.

    **Arguments:**

    - `settings`: where it is served and to whom; on loopback when left out.
    - `beside`: whether pages that compute are answered in processes beside this one.
    """
    settings = settings or Settings()
    answers: list[Answers] = []

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncGenerator[None]:
        app.state.results = Results(settings.limits)
        app.state.fragments = Results(settings.limits)
        app.state.jobs = Jobs(JobLimits(own=settings.limits.jobs))
        loading = asyncio.get_running_loop().call_later(
            _QUIET, lambda: [one.load() for one in answers]
        )
        try:
            yield
        finally:
            loading.cancel()
            for one in answers:
                await one.close()
            app.state.results.close()
            app.state.fragments.close()
            await asyncio.to_thread(app.state.jobs.close)

    app = FastAPI(
        title="ketasim",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=running,
    )
    app.state.settings = settings
    app.state.stopping = False
    if beside:

        def layer(inner: ASGIApp) -> Answers:
            answers.append(Answers(inner, settings))
            return answers[-1]

        app.add_middleware(layer)
    app.add_middleware(Guard, settings=settings)
    app.add_exception_handler(InputError, _input_refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http_refused)

    @app.get("/", include_in_schema=False)
    async def first(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        query = request.url.query
        return RedirectResponse(f"/course?{query}" if query else "/course", 303)

    @app.get("/health", include_in_schema=False)
    async def health() -> dict[str, str]:  # pyright: ignore[reportUnusedFunction]
        return {"status": "ok", "version": __version__}

    @app.get("/static/{name}", include_in_schema=False)
    async def files(request: Request, name: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        if name not in STATIC:
            return refused_page(request.scope, 404)
        keep = f"public, max-age={_YEAR}, immutable" if request.url.query else "no-cache"
        return Response(static(name), 200, {"cache-control": keep}, media_type=STATIC[name])

    for page in _PAGES:
        app.include_router(page.router)
    api.describe(app)
    return app


async def _input_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, InputError)
    return refused_page(request.scope, 422, f"{error.field}: {error.problem}", f"{error.remedy}.")


async def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:])
    return refused_page(request.scope, 422, f"{name}: {first['msg']}")


async def _http_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = error.detail if error.status_code in (409, 413, 422, 429, 503) else ""
    return refused_page(request.scope, error.status_code, said)
