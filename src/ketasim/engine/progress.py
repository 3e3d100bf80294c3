"""A bar on the error stream while a long run goes on."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

_AFTER = 2.0  # s; a run that ends sooner shows nothing


class Progress:
    """Patients done, of all."""

    def __init__(self, total: int, *, show: bool | None) -> None:
        self._total, self._done = total, 0
        self._show = sys.stderr.isatty() if show is None else show
        self._at_once = show is True
        self._bar: Any = None
        self._task: Any = None
        self._started = time.monotonic()

    def __enter__(self) -> Progress:
        """Begin."""
        return self

    def advance(self, patients: int) -> None:
        """Count patients who are done."""
        self._done += patients
        late = self._at_once or time.monotonic() - self._started > _AFTER
        if self._bar is None and self._show and late and self._done < self._total:
            self._begin()
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done)

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
            TextColumn("patients"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("patients", total=self._total)
        self._bar.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; an interrupted bar is taken away."""
        if self._bar is not None:
            self._bar.stop()
