"""Pages that compute are answered in processes beside the one that listens."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import httpx
import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from ketasim.apps.web import Settings, create_app
from ketasim.apps.web.answers import Answers

COURSE = {
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7",
    "patient.weight": "78 kg",
    "horizon": "14 d",
}
PAGES = ("/course", "/course/session", "/session", "/screening", "/how")


@asynccontextmanager
async def beside(count: int) -> AsyncIterator[Answers]:
    """Processes, loaded."""
    settings = Settings()
    answers = Answers(create_app(settings), settings, count=count)
    answers.load()
    try:
        await asyncio.wait_for(answers.loaded(), 60)
        yield answers
    finally:
        await answers.close()


async def until(there: Callable[[], bool]) -> None:
    """Wait for something, but not without end."""
    for _ in range(3000):
        if there():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come")


def client(answers: Answers) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=answers)
    return httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8765", timeout=60, follow_redirects=True
    )


def asked(**changed: str) -> str:
    return urlencode(COURSE | changed)


def test_processes_answer_as_the_page_itself_does_and_what_ends_is_replaced() -> None:
    async def run() -> None:
        own = create_app()
        async with (
            beside(2) as answers,
            client(answers) as page,
            own.router.lifespan_context(own),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app=own), base_url="http://127.0.0.1:8765"
            ) as inside,
        ):
            for path in PAGES:
                mine = await inside.get(f"{path}?{asked()}", headers={"hx-request": "true"})
                theirs = await page.get(f"{path}?{asked()}", headers={"hx-request": "true"})
                assert mine.status_code == theirs.status_code == 200
                assert mine.text == theirs.text
                assert mine.headers["content-type"] == theirs.headers["content-type"]
            wrong = await page.get(f"/course?{asked(horizon='never')}")
            assert wrong.status_code == 422
            assert "never" in wrong.text
            before = answers.processes
            assert len(before) == 2
            for one in before:
                os.kill(one, signal.SIGKILL)
            again = await page.get(f"/course?{asked()}")
            assert again.status_code == 200
        assert not answers.processes
        for one in before:
            with pytest.raises(ProcessLookupError):
                os.kill(one, 0)

    asyncio.run(run())


def test_what_a_browser_gives_up_is_not_computed() -> None:
    async def run() -> None:
        async with beside(1) as answers, client(answers) as page:
            for one in answers.processes:
                os.kill(one, signal.SIGSTOP)  # it answers nothing before it is let go
            busy = asyncio.ensure_future(page.get(f"/course?{asked(horizon='20 d')}"))
            await until(lambda: answers.busy == 1)
            left = asyncio.Event()

            async def receive() -> Message:
                await left.wait()
                return {"type": "http.disconnect"}

            async def send(message: Message) -> None:
                raise AssertionError(message)

            scope = {
                "type": "http",
                "method": "GET",
                "path": "/course",
                "query_string": asked(horizon="30 d").encode(),
                "headers": [(b"host", b"127.0.0.1:8765")],
                "client": ("127.0.0.1", 1),
                "server": ("127.0.0.1", 8765),
            }
            waits = asyncio.ensure_future(answers(scope, receive, send))
            await until(lambda: answers.waiting == 1)
            left.set()
            await asyncio.wait({waits}, timeout=30)
            assert isinstance(waits.exception(), ClientDisconnect)
            assert not answers.waiting
            for one in answers.processes:
                os.kill(one, signal.SIGCONT)
            assert (await busy).status_code == 200

    asyncio.run(run())
