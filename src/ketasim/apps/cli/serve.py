"""`ketasim serve`: the page in a browser."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import Parameter

from ketasim._base import InputError
from ketasim.apps.cli.console import note, whole_number

_HIGHEST_PORT = 65_535


def serve(
    *,
    port: Annotated[int, whole_number("Port; 0 takes a free one.")] = 8765,
    host: Annotated[
        str,
        Parameter(
            help="Address to listen on. Any but loopback lets other machines in: it needs a token, "
            "which is made, or read from KETASIM_TOKEN."
        ),
    ] = "127.0.0.1",
    log: Annotated[
        bool, Parameter(help="Print a line for each request: its path, status and time.")
    ] = False,
) -> None:
    """Serve the page: courses, sessions, evidence and trials in a browser, until interrupted."""
    if not 0 <= port <= _HIGHEST_PORT:
        raise InputError("--port", f"{port} is not a port", f"give 0 to {_HIGHEST_PORT}")

    from ketasim.apps.web.server import listen, run
    from ketasim.apps.web.settings import Settings, is_loopback, new_token

    token = os.environ.get("KETASIM_TOKEN", "")
    if not is_loopback(host):
        token = token or new_token()
    socket = listen(host, port)
    settings = Settings(host=host, port=socket.getsockname()[1], token=token)
    if not settings.local:
        note(
            f"warning: whoever reaches {host} and has the token can open the page, see every "
            "course that is entered and use this machine to compute; what passes is not encrypted"
        )
    print(f"ketasim is at {settings.address}  (Ctrl-C ends it)", flush=True)
    run(settings, socket, log=log)
