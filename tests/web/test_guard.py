"""Who is answered, how much may be asked, and what an answer may do."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from ketasim import InputError
from ketasim.apps.web import Limits, Settings, create_app
from ketasim.apps.web.guard import POLICY, Guard

TOKEN = "a-token-of-this-test-only"
COURSE = "regimen=ketamine+0.5+mg/kg+im+once&horizon=3+d"


def ask(
    path: str,
    settings: Settings | None = None,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    **more: Any,
) -> httpx.Response:
    """Ask the application without a network."""

    async def asked() -> httpx.Response:
        app = create_app(settings)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as client,
        ):
            return await client.request(method, path, headers=headers, **more)

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8765", 200),
        ("localhost:1", 200),
        ("[::1]:8765", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost:8765@evil.example", 421),
        ("", 421),
    ],
)
def test_only_the_names_of_this_machine_are_answered(host: str, status: int) -> None:
    assert ask("/health", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://127.0.0.1:8765"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, 403),
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, 200),
    ],
)
def test_other_sites_may_link_and_nothing_else(headers: dict[str, str], status: int) -> None:
    assert ask("/health", headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/health", "/static/page.css", "/nothing", "/course?foo=1"])
def test_every_answer_is_strict(path: str) -> None:
    headers = ask(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert re.fullmatch(r"total;dur=[0-9.]+", headers["server-timing"])


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        ({"path": "/course?a=%00"}, 400, "control characters"),
        ({"path": "/course?title=%1b[2J"}, 400, "control characters"),
        ({"path": "/course?title=" + "x" * 9_000}, 414, "more than 8000 characters"),
        ({"path": "/course", "method": "DELETE"}, 405, ""),
        ({"path": "/course", "method": "POST", "content": b"x" * 300_000}, 413, "200000 bytes"),
        ({"path": "/nothing"}, 404, "no such page"),
        ({"path": "/static/../guard.py"}, 404, ""),
        ({"path": "/static/%2e%2e/guard.py"}, 404, ""),
    ],
)
def test_what_cannot_be_answered_gets_one_plain_line(
    request_: dict[str, Any], status: int, said: str
) -> None:
    answer = ask(**request_)
    assert (answer.status_code, said in answer.text) == (status, True)
    assert "Traceback" not in answer.text
    assert "Back to the first page" in answer.text


@pytest.mark.parametrize(
    "path", ["course", "session", "evidence", "compare", "trial", "api/evidence"]
)
def test_an_address_that_is_no_text_is_refused_alike(path: str) -> None:
    answer = ask(f"/{path}?q=%ff")
    assert (answer.status_code, "not text in UTF-8" in answer.text) == (422, True)


@pytest.mark.parametrize("path", ["/health", "/course", "/static/page.css", "/nothing"])
def test_head_answers_like_get_without_the_body(path: str) -> None:
    whole, head = ask(path), ask(path, method="HEAD")
    assert (head.status_code, head.content) == (whole.status_code, b"")
    for name in ("content-type", "content-length", "content-security-policy"):
        assert head.headers.get(name) == whole.headers.get(name)


def test_a_body_without_its_length_is_bounded() -> None:
    async def endless() -> Any:
        for _ in range(30):
            yield b"x" * 10_000

    assert ask("/course", method="POST", content=endless()).status_code in (405, 413)


def test_the_api_refuses_in_json() -> None:
    answer = ask("/api/nothing")
    assert (answer.status_code, set(answer.json())) == (404, {"status", "problem", "remedy"})


def test_another_address_needs_a_token() -> None:
    with pytest.raises(InputError):
        Settings(host="0.0.0.0")
    with pytest.raises(InputError):
        Settings(host="0.0.0.0", token="short")


def test_the_token_opens_the_page_once_and_for_all() -> None:
    settings = Settings(host="0.0.0.0", token=TOKEN)
    assert TOKEN not in repr(settings)
    assert ask("/course", settings).status_code == 401
    assert ask("/course?token=wrong", settings).status_code == 401
    assert ask(f"/health?token={TOKEN}", settings).status_code == 200
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert ask("/nothing", settings, headers=bearer).status_code == 404
    answer = ask(f"/course?token={TOKEN}&{COURSE}", settings)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/course?regimen=")
    assert TOKEN not in answer.headers["location"]
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and TOKEN not in cookie
    kept = {"cookie": cookie.split(";")[0]}
    assert ask("/nothing", settings, headers=kept).status_code == 404
    assert ask("/course", settings, headers={"cookie": "ketasim=wrong"}).status_code == 401


def test_the_address_that_is_printed_opens_the_page_whatever_is_in_the_token() -> None:
    settings = Settings(host="0.0.0.0", token="a&b=c#d+e f%41/?g-é")
    address = settings.address.split("/", 3)[3]
    assert ask(f"/{address}", settings).status_code == 303


def test_a_token_never_leads_to_another_machine() -> None:
    settings = Settings(host="0.0.0.0", token=TOKEN)
    answer = ask(f"//evil.example/?token={TOKEN}", settings)
    location = answer.headers.get("location", "/")
    assert location.startswith("/") and not location.startswith(("//", "/\\"))


@pytest.mark.parametrize("host", ["192.168.1.5:8765", "localhost:8765", socket.gethostname()])
def test_with_a_token_addresses_and_own_names_are_answered(host: str) -> None:
    settings = Settings(host="0.0.0.0", token=TOKEN)
    assert ask("/health", settings, headers={"host": host}).status_code == 200
    assert ask("/health", settings, headers={"host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        (Limits(patients=10), "Of whom"),
        (Limits(doses=2), "Regimen"),
        (Limits(horizon=24.0), "Followed for"),
    ],
)
def test_a_course_beyond_the_limits_is_refused_at_its_field(limits: Limits, field: str) -> None:
    course = "regimen=ketamine+0.5+mg/kg+im+daily+x+3&population.n=20&horizon=5+d"
    answer = ask(f"/course?{course}", Settings(limits=limits))
    assert answer.status_code == 422
    assert f"<strong>{field}</strong>" in answer.text


def test_too_many_results_at_once_are_refused() -> None:
    answer = ask(
        f"/course?{COURSE}", Settings(limits=Limits(waiting=0)), headers={"HX-Request": "true"}
    )
    assert answer.status_code == 429
    assert answer.headers["retry-after"]


def test_the_log_has_no_query(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ketasim.page"):
        ask("/course?title=secret-name&foo=1")
    assert "/course" in caplog.text and "secret" not in caplog.text


@pytest.mark.parametrize("sign", ["%0d%0a", "%0A", "%09", "%1b", "%c2%85", "%e2%80%a8"])
def test_a_path_cannot_forge_a_line_of_the_log(sign: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ketasim.page"):
        assert ask(f"/x{sign}GET%20/fake%20200").status_code == 400
    (record,) = [one for one in caplog.records if one.name == "ketasim.page"]
    line = record.getMessage()
    assert line.isprintable() and line.startswith("GET /x%") and " 400 " in line


def behind_the_guard(app: Any, receive: Any) -> list[Any]:
    """What is sent where a page ends as `app` does."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/trial/run",
        "raw_path": b"/trial/run",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Guard(app, Settings())(scope, receive, send))
    return sent


async def gone() -> Any:
    return {"type": "http.disconnect"}


def test_who_leaves_while_sending_leaves_no_line(caplog: pytest.LogCaptureFixture) -> None:
    async def reads(scope: Any, receive: Any, send: Any) -> None:
        await Request(scope, receive, send).body()

    assert behind_the_guard(reads, gone) == []
    assert not caplog.records


def test_an_answer_cut_short_by_the_end_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async def cancelled(*_: Any) -> None:
        raise asyncio.CancelledError

    start, body = behind_the_guard(cancelled, gone)
    assert start["status"] == 503 and b"The page is closing" in body["body"]
    assert dict(start["headers"])[b"content-security-policy"] == POLICY.encode()
    assert not [one for one in caplog.records if one.levelno > logging.INFO]


def test_serve_says_where_it_is_and_ends_when_told() -> None:
    command = [sys.executable, "-m", "ketasim", "serve", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None and run.stderr is not None
        address = re.search(r"http://127\.0\.0\.1:\d+/", run.stdout.readline())
        assert address is not None
        answer = httpx.get(f"{address[0]}health", timeout=60)
        assert answer.json()["status"] == "ok"
        run.send_signal(signal.SIGTERM)
        assert run.wait(timeout=60) in (0, -signal.SIGTERM)
        assert run.stderr.read() == ""


SERVED = """
import sys
from ketasim.apps.web import Settings, server
{before}
opened = server.listen("127.0.0.1", 0)
print(opened.getsockname()[1], flush=True)
server.run(Settings(), opened)
"""


@contextmanager
def served(before: str = "") -> Generator[int]:
    """The port of a page that is served by a process of its own, which has nothing to say."""
    code = SERVED.format(before=before)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None and run.stderr is not None
        try:
            port = int(run.stdout.readline())
            assert httpx.get(f"http://127.0.0.1:{port}/health", timeout=60).status_code == 200
            yield port
        finally:
            run.send_signal(signal.SIGTERM)
            run.wait(timeout=60)
        assert run.stderr.read() == ""


def test_a_client_cannot_name_itself() -> None:
    before = """
from ketasim.apps.web import application
from fastapi import Request
made = application.create_app
def create_app(settings, **options):
    app = made(settings, **options)
    @app.get("/client")
    async def client(request: Request):
        return request.client.host
    return app
application.create_app = create_app
"""
    with served(before=before) as port:
        headers = {"x-forwarded-for": "203.0.113.7"}
        answer = httpx.get(f"http://127.0.0.1:{port}/client", headers=headers, timeout=60)
        assert answer.json() == "127.0.0.1"


HALF = b"POST /trial/run HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize("sent", [b"", HALF, HALF + b"Content-Length: 9\r\n\r\nabc"])
def test_half_a_request_is_not_waited_for_without_end(sent: bytes) -> None:
    before = "from ketasim.apps.web import connection; connection.REQUEST = 0.5"
    with served(before) as port, socket.create_connection(("127.0.0.1", port), 60) as slow:
        slow.sendall(sent)
        assert slow.recv(100) == b""


def test_many_who_dawdle_do_not_keep_others_out() -> None:
    before = "from ketasim.apps.web import connection; connection.MOST = 20"
    with served(before) as port, ExitStack() as opened:
        slow = [
            opened.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            for _ in range(60)
        ]
        for one in slow:
            with suppress(OSError):  # those that made room
                one.sendall(HALF)
        assert httpx.get(f"http://127.0.0.1:{port}/health", timeout=60).status_code == 200
        with suppress(ConnectionResetError):
            assert slow[0].recv(100) == b""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "99999"], "--port: 99999 is not a port"),
        (["--host", "no.such.host.invalid"], "--host: 'no.such.host.invalid' is not an address"),
    ],
)
def test_serve_refuses_with_one_line(words: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ketasim", "serve", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KETASIM_TOKEN": TOKEN},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and done.stderr.count("\n") == 1
