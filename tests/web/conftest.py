"""A page that runs: a real server on a free port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from ketasim.apps.web import Settings, create_app
from ketasim.apps.web.server import listen


@pytest.fixture(scope="session")
def page() -> Iterator[str]:
    """Address of the page, without a slash at its end."""
    opened = listen("127.0.0.1", 0)
    settings = Settings(port=opened.getsockname()[1])
    config = uvicorn.Config(create_app(settings), log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{settings.port}"
    server.should_exit = True
    thread.join(timeout=20)
