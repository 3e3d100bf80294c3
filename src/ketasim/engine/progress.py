"""How far a long run is: a bar at a terminal, else a line in the log now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Final

from ketasim._base.size import LOG, LONG, duration

_AFTER: Final = 2.0  # s; a run that ends sooner shows nothing
_PART: Final = 0.1  # of the work, from one line to the next
_APART: Final = 30.0  # s, or so long; and at least a third of it

Told = Callable[[int, int, str], None]
"""What is told of how far work is: how much is done, of how much, and of what."""

_TOLD: ContextVar[Told | None] = ContextVar("told", default=None)


@contextmanager
def followed(tell: Told) -> Generator[None]:
    """Be told how far the work is that is done meanwhile, instead of a bar or a log.

    **Arguments:**

    - `tell`: receives how much is done, of how much, and of what, after each part of the work.
    """
    before = _TOLD.set(tell)
    try:
        yield
    finally:
        _TOLD.reset(before)


class Progress:
    """Patients done, of all.

    **Arguments:**

    - `total`: how many. `what`: of what, in the plural.
    - `show`: false: nothing is said; true: a bar at once; left out: a bar on long runs at a
      terminal, and elsewhere lines in the log.
    """

    def __init__(self, total: int, *, show: bool | None, what: str = "patients") -> None:
        self._total, self._done, self._what = total, 0, what
        self._show = sys.stderr.isatty() if show is None else show
        self._at_once, self._told = show is True, show is None and not self._show
        self._bar: Any = None
        self._task: Any = None
        self._follower: Told | None = None
        self._before: Token[Told | None] | None = None
        self._started = time.monotonic()
        self._last, self._part = self._started, 0.0

    def __enter__(self) -> Progress:
        """Begin; who follows hears of this work, and not of the parts it is made of."""
        self._follower = _TOLD.get()
        self._before = _TOLD.set(None)
        return self

    @property
    def done(self) -> int:
        """How much is done."""
        return self._done

    def advance(self, done: int) -> None:
        """Count what is done."""
        self._done += done
        if self._follower is not None:
            self._follower(self._done, self._total, self._what)
            return
        now = time.monotonic()
        if self._told:
            self._tell(now)
            return
        late = self._at_once or now - self._started > _AFTER
        if self._bar is None and self._show and late and self._done < self._total:
            self._begin()
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done)

    def _tell(self, now: float) -> None:
        """Log how far the work is, at rare intervals."""
        part, since = self._done / max(self._total, 1), now - self._last
        if part >= 1.0 or now - self._started < LONG:
            return
        if since < (_APART / 3.0 if part - self._part >= _PART - 1e-9 else _APART):
            return
        left = (now - self._started) * (1.0 - part) / max(part, 1e-9)
        LOG.info(
            "%s of %s %s (%.0f %%), about %s left",
            f"{self._done:,}",
            f"{self._total:,}",
            self._what,
            100.0 * part,
            duration(left),
        )
        self._last, self._part = now, part

    def _begin(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import (
            Progress as Bar,
        )

        self._bar = Bar(
            TextColumn(self._what),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(self._what, total=self._total)
        self._bar.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; an interrupted bar is taken away."""
        if self._before is not None:
            _TOLD.reset(self._before)
        if self._bar is not None:
            self._bar.stop()
