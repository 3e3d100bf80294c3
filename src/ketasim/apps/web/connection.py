"""A connection to the page: who sends half a request waits for a while, and makes room."""

from __future__ import annotations

import asyncio
from typing import Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

REQUEST: Final = 20.0
"""Seconds in which a request must have come, from the connection or its first byte on."""
MOST: Final = 400
"""Connections beyond which the one that has waited longest is closed; a process has few files."""


class Connection(H11Protocol):
    """HTTP/1.1 as uvicorn has it, where slow senders cannot keep the others out."""

    _late: asyncio.TimerHandle | None = None
    since: float = 0.0
    """When waiting began, in seconds of the loop."""

    @property
    def waits(self) -> bool:
        """Whether the client is to send something, and nothing is being answered in full."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # none before the first request
        return cycle is None or cycle.response_complete or cycle.more_body

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take a connection, in the place of one that waits where there are too many."""
        if len(self.connections) >= MOST:
            others = [one for one in self.connections if isinstance(one, Connection)]
            waiting: list[Connection] = [one for one in others if one.waits]
            if waiting:
                min(waiting, key=_since).drop()
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read on; what comes in pieces gets no more time than what comes whole."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request; uvicorn limits for how long."""
        self.since = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time."""
        self._forget()
        super().connection_lost(exc)

    def drop(self) -> None:
        """Close; an answer that waits for the rest of its request is told."""
        self._forget()
        self.connections.discard(self)
        self.transport.close()

    def _watch(self) -> None:
        if not self.waits:
            self._forget()
        elif self._late is None:
            self.since = self.loop.time()
            self._late = self.loop.call_later(REQUEST, self.drop)

    def _forget(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def _since(one: Connection) -> float:
    return one.since
