"""What a process that answers does: the application itself, asked without a socket."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from ketasim._base.result import later
from ketasim._base.size import THREADS

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from fastapi import FastAPI
    from starlette.types import Message

    from ketasim.apps.web.settings import Settings

Found = TypeVar("Found")


@dataclass(frozen=True)
class Asked:
    """A request without a body.

    **Arguments:**

    - `path`, `query`: of the address. `headers`: as they came. `client`, `server`: host and port.
    """

    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    client: tuple[str, int] | None
    server: tuple[str, int | None] | None


@dataclass(frozen=True)
class Answer:
    """A whole answer.

    **Arguments:**

    - `status`: of HTTP. `headers`, `body`: as they are sent.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def answer(settings: Settings, asked: Asked | None) -> Answer | None:
    """Answer a request in this process, whose results are kept for the following ones.

    **Arguments:**

    - `settings`: of the page. `asked`: the request; nothing where what answers is only loaded.
    """
    inside = _Inside.of(settings)
    if asked is None:
        _warm()
        return None
    return inside.run(inside.call(asked))


class _Inside:
    """The application and the loop it runs on."""

    def __init__(self, settings: Settings) -> None:
        # there is a process for each core: two threads for a page cost more than they bring
        os.environ.setdefault(THREADS, "1")
        # by name: the application has the layer that asks this process
        self._app: FastAPI = later("ketasim.apps.web.application:create_app")(settings)
        self._loop = asyncio.new_event_loop()
        self._life = self._app.router.lifespan_context(self._app)
        self.run(self._life.__aenter__())

    @staticmethod
    @cache
    def of(settings: Settings) -> _Inside:
        """The one of these settings."""
        return _Inside(settings)

    def run(self, work: Coroutine[None, None, Found]) -> Found:
        """Do something on the loop."""
        return self._loop.run_until_complete(work)

    async def call(self, asked: Asked) -> Answer:
        """Answer a request."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": asked.path,
            "raw_path": asked.path.encode(),
            "query_string": asked.query,
            "root_path": "",
            "headers": list(asked.headers),
            "client": asked.client,
            "server": asked.server,
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        start = next(one for one in sent if one["type"] == "http.response.start")
        body = b"".join(one.get("body", b"") for one in sent if one["type"] == "http.response.body")
        return Answer(start["status"], tuple(map(tuple, start["headers"])), body)


def _warm() -> None:
    """Load what the first answers need."""
    import ketasim.reports.course  # noqa: F401  # pyright: ignore[reportUnusedImport]
    from ketasim.simulation import simulate

    simulate({"regimen": "ketamine 0.5 mg/kg iv over 40 min once"})
