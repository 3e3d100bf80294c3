"""The layer that hands requests for pages that compute to processes, and sends what they answer."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect

from ketasim._base.size import processors
from ketasim.apps.web.answers.inside import Answer, Asked
from ketasim.apps.web.jobs.limits import JobLimits
from ketasim.apps.web.jobs.worker import Outcome, Worker
from ketasim.apps.web.refusal import refused_page

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ketasim.apps.web.settings import Settings

_PATHS: Final = ("/course", "/patient", "/compare", "/session", "/screening", "/how", "/download")
_COURSE: Final = (
    "patient.",
    "population",
    "regimen",
    "doses",
    "horizon",
    "start",
    "pk_model",
    "scores",
)
_WORK: Final = "ketasim.apps.web.answers.inside:answer"
_MOST: Final = 4  # processes
_REMEMBERED: Final = 256  # courses whose process is known
_TRIES: Final = 2  # of an answer, where a process was gone
_SECONDS: Final = 120.0  # an answer may take


def _future() -> asyncio.Future[Outcome]:
    return asyncio.get_running_loop().create_future()


@dataclass(eq=False)
class _Wanted:
    """An answer that somebody waits for.

    **Arguments:**

    - `asked`: the request; nothing where a process is only to be loaded.
    - `place`: of the process that has computed for this course before, if any has.
    """

    asked: Asked | None
    course: str
    place: int | None
    done: asyncio.Future[Outcome] = field(default_factory=_future)


class Answers:
    """Answers pages that compute in processes, so that all cores answer at the same time.

    Each process answers one request after the other; those on a course go where it was computed
    before. What waits is dropped when the browser gives it up. Until the processes are loaded, and
    for all other pages, the application in this process answers.

    **Arguments:**

    - `app`: what answers in this process. `settings`: of the page.
    - `count`: of processes; one for each core, up to four, when left out, and none for a single
      core.
    """

    def __init__(self, app: ASGIApp, settings: Settings, count: int | None = None) -> None:
        self._app, self._settings = app, settings
        limits = JobLimits(memory=math.inf)  # those of the page bound what one answer takes
        if count is None:
            count = min(processors(), _MOST) if processors() > 1 else 0
        self._workers = [Worker(limits, nice=0) for _ in range(count)]
        self._ready: set[int] = set()
        self._idle: set[int] = set()
        self._waiting: list[_Wanted] = []
        self._clients: Counter[str] = Counter()
        self._known: OrderedDict[str, int] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def processes(self) -> tuple[int, ...]:
        """Numbers of the processes that are there."""
        return tuple(one.pid for one in self._workers if one.pid is not None)

    @property
    def waiting(self) -> int:
        """How many answers wait for a process."""
        return len(self._waiting)

    @property
    def busy(self) -> int:
        """How many processes answer."""
        return len(self._tasks)

    async def loaded(self) -> None:
        """Wait until the processes that were started have answered, or ended."""
        await asyncio.gather(*self._tasks)

    def load(self) -> None:
        """Start the processes; to be called on the loop."""
        for place in range(len(self._workers)):
            self._begin(place, _Wanted(None, "", place))

    async def close(self) -> None:
        """End the processes, whatever they do."""
        self._closed = True
        for one in self._waiting:
            one.done.cancel()
        self._waiting.clear()
        await asyncio.gather(*(asyncio.to_thread(one.kill) for one in self._workers))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in self._workers:
            one.end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or not scope["path"].startswith(_PATHS)
            or not self._ready
            or self._closed
        ):
            await self._app(scope, receive, send)
            return
        client = scope["client"][0] if scope["client"] else ""
        if self._clients[client] >= self._settings.limits.waiting:
            problem = "Too many results of yours are being computed."
            await refused_page(scope, 429, problem)(scope, receive, send)
            return
        self._clients[client] += 1
        try:
            found = await self._answered(scope, receive)
        finally:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]
        if found is None:
            problem = "The process that computed this has ended."
            await refused_page(scope, 503, problem)(scope, receive, send)
            return
        await send(
            {"type": "http.response.start", "status": found.status, "headers": [*found.headers]}
        )
        await send({"type": "http.response.body", "body": found.body})

    async def _answered(self, scope: Scope, receive: Receive) -> Answer | None:
        """The answer of a process; nothing where it ended before."""
        course = _course_of(scope["query_string"])
        asked = Asked(
            scope["path"],
            scope["query_string"],
            tuple((bytes(name), bytes(value)) for name, value in scope["headers"]),
            scope["client"],
            scope["server"],
        )
        wanted = _Wanted(asked, course, self._known.get(course))
        free = self._idle if wanted.place is None else self._idle & {wanted.place}
        if free:
            self._begin(min(free), wanted)
        else:
            self._waiting.append(wanted)
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({wanted.done, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not wanted.done.done():
                raise ClientDisconnect
        finally:
            gone.cancel()
            if wanted in self._waiting:
                self._waiting.remove(wanted)
        outcome = await wanted.done
        return outcome.value if outcome.kind == "done" else None

    def _begin(self, place: int, wanted: _Wanted) -> None:
        self._idle.discard(place)
        if wanted.course:
            self._known[wanted.course] = place
            self._known.move_to_end(wanted.course)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        task = asyncio.get_running_loop().create_task(self._work(place, wanted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, place: int, wanted: _Wanted) -> None:
        """Let a process answer, then go on with what waits for it."""
        arguments = {"settings": self._settings, "asked": wanted.asked}
        worker = self._workers[place]
        outcome = Outcome("died")
        for _ in range(_TRIES):
            outcome = await asyncio.to_thread(worker.do, _WORK, arguments, _untold, _SECONDS)
            if outcome.kind != "died" or self._closed:
                break
        if outcome.kind == "done":
            self._ready.add(place)
        if not wanted.done.done():
            wanted.done.set_result(outcome)
        if self._closed:
            return
        for one in self._waiting:
            if one.place in (None, place):
                self._waiting.remove(one)
                self._begin(place, one)
                return
        self._idle.add(place)


async def _gone(receive: Receive) -> None:
    """Wait until nobody waits for the answer."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _course_of(query: bytes) -> str:
    """What of an address is the course, in one order."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return repr(sorted(pair for pair in pairs if pair[0].startswith(_COURSE)))


def _untold(part: float, what: str) -> None:
    """Nobody follows how far an answer is."""
    del part, what
