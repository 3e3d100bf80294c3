"""A process that does one piece of work after the other, and can be ended in the midst of it."""

from __future__ import annotations

import logging
import math
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ketasim._base import InputError
from ketasim._base.result import later
from ketasim._base.size import gigabytes

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from ketasim.apps.web.jobs.limits import JobLimits

Told = Callable[[float, str], None]

LOG: Final = logging.getLogger("ketasim.page")
_APART: Final = 0.1  # s, from one message on progress to the next
_NICE: Final = 4  # the page answers before work goes on
_GONE: Final = 5.0  # s, until a killed process must be gone


@dataclass(frozen=True)
class Outcome:
    """How a piece of work ended.

    **Arguments:**

    - `kind`: `done`, `refused`, `failed`, `late` or `died`.
    - `value`: what the work returned. `place`, `problem`, `remedy`: why there is nothing.
    """

    kind: str
    value: Any = None
    place: str = ""
    problem: str = ""
    remedy: str = ""


@dataclass
class Worker:
    """A process for long work, started when there is some.

    Used by one thread; `kill` may come from any.

    **Arguments:**

    - `limits`: of memory. `nice`: how far the process stands back behind others.
    """

    limits: JobLimits
    nice: int = _NICE
    turns: int = field(default=0, init=False)
    _process: SpawnProcess | None = field(default=None, init=False)
    _connection: Connection | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @property
    def pid(self) -> int | None:
        """Number of the process; nothing where there is none."""
        process = self._process
        return None if process is None else process.pid

    def do(
        self,
        work: str,
        arguments: Mapping[str, Any],
        tell: Told,
        seconds: float,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Outcome:
        """Do a piece of work, in a new process where there is none.

        **Main arguments:**

        - `work`: a function, as `later` takes it. `arguments`: by name.
        - `tell`: receives the part that is done, and of what. `seconds`: it may take.

        **Other arguments:**

        - `wanted`: whether the work is still wanted when there is a process for it.
        """
        process, connection = self._started()
        if not wanted():
            return Outcome("died")
        try:
            connection.send((work, dict(arguments)))
            return self._followed(process, connection, tell, time.monotonic() + seconds)
        except (EOFError, OSError):  # nobody is at the other end
            return self._died(process)
        finally:
            self.turns += 1

    def _followed(
        self, process: SpawnProcess, connection: Connection, tell: Told, end: float
    ) -> Outcome:
        while True:
            ready = wait([connection, process.sentinel], max(end - time.monotonic(), 0.0))
            if connection in ready:
                kind, *rest = connection.recv()
                if kind == "told":
                    tell(*rest)
                    continue
                return Outcome(kind, *rest)
            if ready:
                return self._died(process)
            self.kill()
            return Outcome("late")

    def _died(self, process: SpawnProcess) -> Outcome:
        process.join(_GONE)
        code = process.exitcode
        self.kill()
        if code is not None and code < 0:
            name = next((one.name for one in signal.Signals if one == -code), str(-code))
            how = f"was ended by the system (signal {-code}, {name})"
        else:
            how = f"ended by itself (status {code})"
        return Outcome("died", None, "", f"the process that computed this {how}")

    def _started(self) -> tuple[SpawnProcess, Connection]:
        with self._lock:
            process, connection = self._process, self._connection
            if process is not None and connection is not None and process.is_alive():
                return process, connection
        self.end()
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=serve,
            args=(theirs, self.limits.memory, self.nice),
            name="ketasim-job",
            daemon=True,
        )
        process.start()
        theirs.close()  # only the process has it: when it dies, our end says so
        with self._lock:
            self._process, self._connection, self.turns = process, ours, 0
        return process, ours

    def kill(self) -> None:
        """End the process, whatever it does."""
        with self._lock:
            process = self._process
            if process is None:
                return
            process.kill()
        process.join(_GONE)

    def end(self) -> None:
        """End the process and let go of all it had."""
        self.kill()
        with self._lock:
            process, connection = self._process, self._connection
            self._process = self._connection = None
        if connection is not None:
            connection.close()
        if process is not None:
            with suppress(ValueError):  # not gone yet
                process.close()


def serve(connection: Connection, memory: float, nice: int = _NICE) -> None:
    """What the process does: work that comes, until nobody is at the other end.

    **Arguments:**

    - `connection`: to whom work comes from. `memory`: bytes it may have beside the first ones.
    - `nice`: how far it stands back behind other processes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it reaches the whole group; the page ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(OSError, AttributeError):
        os.nice(nice)
    threading.Thread(target=_follow_parent, daemon=True).start()
    later("ketasim.reports:report")  # what any work needs, before memory is counted
    _bound(memory)
    while True:
        try:
            work, arguments = connection.recv()
        except (EOFError, OSError):
            return
        message = _outcome(connection, work, arguments, memory)
        try:
            connection.send(message)
        except (BrokenPipeError, OSError):
            return


def _outcome(
    connection: Connection, work: str, arguments: Mapping[str, Any], memory: float
) -> tuple[Any, ...]:
    from ketasim.engine.progress import followed

    last = 0.0

    def tell(done: int, total: int, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _APART:
            return
        last = now
        with suppress(OSError):
            part = min(done / max(total, 1), 1.0)
            connection.send(("told", part, f"{done:,} of {total:,} {what}"))

    try:
        with followed(tell):
            return ("done", later(work)(**arguments))
    except InputError as error:
        return ("refused", None, error.field, error.problem, error.remedy)
    except MemoryError:
        problem = f"it needs more than the {gigabytes(memory)} of memory that a run may have"
        return ("failed", None, "", problem, "ask for fewer patients, visits or replicates")
    except Exception as error:  # noqa: BLE001 - the worker goes on
        # where it happened, never what was typed
        frames = traceback.extract_tb(error.__traceback__)[-3:]
        place = " < ".join(f"{one.filename}:{one.lineno}" for one in reversed(frames))
        LOG.error("%s at %s", type(error).__name__, place)
        return ("failed", None, "", "it failed, and the fault is ours", "try another design")


def _follow_parent() -> None:
    """End when the page has ended, however it did."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)


def _bound(memory: float) -> None:
    """Limit the memory of this process, so that a run too large fails and nothing else does."""
    if memory == math.inf:
        return
    try:
        import resource
    except ImportError:  # not on Windows
        return
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = int(pages * os.sysconf("SC_PAGE_SIZE") + memory)
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
