"""Results computed beside the event loop, the last of them kept in memory."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from starlette.exceptions import HTTPException

from ketasim._base.size import processors

if TYPE_CHECKING:
    from starlette.requests import Request

    from ketasim.apps.web.settings import Limits

Found = TypeVar("Found")

_THREADS: Final = 8


class Results:
    """What was computed, by what it was computed from.

    One state is computed once however many ask for it, and never on the event loop.

    **Arguments:**

    - `limits`: how many results are kept, and how many a client may wait for.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._running: dict[Hashable, asyncio.Future[Any]] = {}
        self._waiting: Counter[str] = Counter()
        self._asked = False
        self._pool = ThreadPoolExecutor(min(processors(), _THREADS), "ketasim-page")

    def first(self) -> bool:
        """Whether nobody has asked before; the next one has."""
        asked, self._asked = self._asked, True
        return not asked

    def __contains__(self, key: Hashable) -> bool:
        """Whether a result is kept, or is being computed."""
        return key in self._kept or key in self._running

    def kept(self, key: Hashable) -> Any:
        """Return what is kept under a key, or None."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key]

    def drop(self, key: Hashable) -> None:
        """Forget what is kept under a key, if anything is."""
        self._kept.pop(key, None)

    async def of(
        self, request: Request, key: Hashable, compute: Callable[[], Found], *, keep: bool = True
    ) -> Found:
        """Return what is kept under a key, or compute it.

        **Arguments:**

        - `request`: who asks. `key`: everything the result depends on.
        - `compute`: the work, done in a thread. `keep`: whether the result is kept.

        **Raises:** `HTTPException` with status 429 when the client waits for too much already, and
        whatever `compute` raises.
        """
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        client = "" if request.client is None else request.client.host
        if self._waiting[client] >= self._limits.waiting:
            raise HTTPException(429, "Too many results of yours are being computed.")
        self._waiting[client] += 1
        try:
            running = self._running.get(key)
            if running is None:
                loop = asyncio.get_running_loop()
                running = loop.run_in_executor(self._pool, compute)
                self._running[key] = running
                running.add_done_callback(lambda done: self._finished(key, done, keep))
            return await asyncio.shield(running)
        finally:
            self._waiting[client] -= 1
            if not self._waiting[client]:
                del self._waiting[client]

    def _finished(self, key: Hashable, done: asyncio.Future[Any], keep: bool) -> None:
        self._running.pop(key, None)
        if done.cancelled() or done.exception() is not None or not keep:
            return
        self._kept[key] = done.result()
        while len(self._kept) > self._limits.kept:
            self._kept.popitem(last=False)

    def close(self) -> None:
        """Drop what waits; what runs ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._kept.clear()
