"""The server of the page: a socket, and uvicorn on it until it is told to stop."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING, Final

from ketasim._base import InputError

if TYPE_CHECKING:
    from types import FrameType

    from ketasim.apps.web.settings import Settings

_WAITING: Final = 128  # connections not yet taken
_GRACE: Final = 5  # s, for answers under way when the server is told to stop
_IDLE: Final = 20  # s, an open connection without a request


def listen(host: str, port: int) -> socket.socket:
    """Open the socket of the page.

    **Arguments:**

    - `host`: an address or a name. `port`: 0 for a free one.

    **Raises:** `InputError` when the address cannot be used or the port is taken.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
    except (OSError, UnicodeError):
        raise InputError(
            "--host", f"'{host}' is not an address of this machine", "leave it out: 127.0.0.1"
        ) from None
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(address)
        opened.listen(_WAITING)
    except OSError as error:
        opened.close()
        raise InputError(
            "--port",
            f"{host} port {port} cannot be opened ({error.strerror})",
            "another program may use it; give another, or 0 for a free one",
        ) from None
    return opened


def run(settings: Settings, opened: socket.socket, *, log: bool = False) -> None:
    """Serve until SIGINT or SIGTERM; answers under way are finished first.

    **Arguments:**

    - `settings`: of the page. `opened`: the socket. `log`: a line for each request.
    """
    import uvicorn

    from ketasim.apps.web.application import create_app
    from ketasim.apps.web.connection import Connection

    logging.basicConfig(level=logging.INFO if log else logging.WARNING, format="%(message)s")
    app = create_app(settings, beside=True)
    config = uvicorn.Config(
        app,
        http=Connection,
        log_config=None,
        access_log=False,  # its lines have query strings
        server_header=False,
        proxy_headers=False,  # a client would name itself, and escape the limits of one client
        timeout_graceful_shutdown=_GRACE,
        timeout_keep_alive=_IDLE,
        limit_concurrency=1_000,
        h11_max_incomplete_event_size=32_768,
    )
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    # answers cut short by the end are no errors; others are logged by the page
    logging.getLogger("uvicorn.error").addFilter(lambda _: not app.state.stopping)

    class Server(uvicorn.Server):
        """Tells the page that it is to stop."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            """Who follows a run is told no more, and need not be waited for."""
            app.state.stopping = True
            super().handle_exit(sig, frame)

    Server(config).run(sockets=[opened])
