"""What work takes, said before it begins: memory it needs and the process may have, and time."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ketasim._base.errors import InputError

if TYPE_CHECKING:
    from threadpoolctl import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
        ThreadpoolController,
    )

LONG: Final = 10.0
"""Seconds of work from which its forecast is told."""

LOG: Final = logging.getLogger("ketasim")
"""Where forecasts and progress go; the command line prints it on the error stream."""

_REFERENCE: Final = 5.2e-9  # s, of one exponential on the machine where rates were measured
_NONE: Final = float("inf")
# files of a control group: its limit, what it uses, and what of it are files kept in memory
_NAMES: Final = ("memory.max", "memory.current", "inactive_file ")
_FIRST_NAMES: Final = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ")
_SMALL: Final = 2e7  # bytes, for which no limit is looked up


@dataclass(frozen=True)
class Size:
    """What work takes beside what the process has already.

    **Arguments:**

    - `bytes`: of memory at its largest, counted from the arrays that are held together.
    - `seconds`: of one core of the machine where the rates were measured; an estimate.
    """

    bytes: float
    seconds: float = 0.0

    def __add__(self, other: Size) -> Size:
        """Both held together, one done after the other."""
        return Size(self.bytes + other.bytes, self.seconds + other.seconds)

    @property
    def expected(self) -> float:
        """Seconds on this machine."""
        return self.seconds * _pace() if self.seconds > 0.3 * LONG else self.seconds


def check_size(
    size: Size,
    field: str,
    what: str,
    *,
    fitting: Callable[[int], Size] | None = None,
    asked: int = 0,
    counted: str = "patients",
    or_else: str = "",
    told: bool = True,
) -> None:
    """Refuse work that would not fit into memory, and tell what long work will take.

    **Main arguments:**

    - `size`: of the work. `field`: of the input that makes it large.
    - `what`: is to be done, such as `114,000 patients at 601 times`.

    **Other arguments:**

    - `fitting`: the size for another number of what is counted; then the refusal says how many fit.
    - `asked`: how many were asked for. `counted`: of what.
    - `or_else`: another remedy, such as `a shorter horizon`.
    - `told`: false: the forecast of long work is not told.

    **Raises:** `InputError`.
    """
    free = free_memory() if size.bytes > _SMALL else _NONE
    if size.bytes > free:
        most = _most(fitting, asked, free) if fitting is not None else 0
        fits = f"at most about {most:,} {counted} fit" if most else ""
        rest = or_else or ("" if fits else "ask for less")
        raise InputError(
            field,
            f"{what} need about {gigabytes(size.bytes)}, and {gigabytes(free)} are free",
            "; or ".join(filter(None, (fits, rest))),
        )
    if told and size.expected > LONG:
        LOG.info("about %s, %s: %s", duration(size.expected), gigabytes(size.bytes), what)


def _most(fitting: Callable[[int], Size], asked: int, free: float) -> int:
    """How many fit, in two digits; nothing when not even one does."""
    low, high = 0, asked
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fitting(middle).bytes <= free else (low, middle)
    unit = 10 ** max(len(str(low)) - 2, 0)
    return low // unit * unit


def gigabytes(count: float) -> str:
    """An amount of memory in two digits, such as `13 GB` or `850 MB`."""
    if count < 0.9995e9:
        return f"{max(count / 1e6, 1.0):.2g} MB" if count < 99.5e6 else f"{count / 1e6:.0f} MB"
    return f"{count / 1e9:.2g} GB" if count < 99.5e9 else f"{count / 1e9:,.0f} GB"


def duration(seconds: float) -> str:
    """A time as it is said: seconds, minutes, or hours."""
    for limit, unit, name in ((90.0, 1.0, "s"), (5400.0, 60.0, "min")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}" if seconds >= unit else "1 s"
    return f"{seconds / 3600.0:.1f} h" if seconds < 36000.0 else f"{seconds / 3600.0:,.0f} h"


THREADS: Final = "KETASIM_THREADS"
"""Variable of the environment: how many cores one process uses; all that it may when not set."""


def processors() -> int:
    """Cores this process may use.

    **Raises:** `InputError` where `THREADS` is set to something else than a whole number.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = max(len(os.sched_getaffinity(0)), 1)
    else:
        cores = os.cpu_count() or 1  # where a system does not tell which cores are ours
    asked = os.environ.get(THREADS, "").strip()
    if not asked:
        return cores
    if not asked.isdecimal() or int(asked) < 1:
        raise InputError(THREADS, f"'{asked}' is no number of cores", "set it to 1 or more")
    return min(int(asked), cores)


def free_memory() -> float:
    """Memory this process may still take, bytes.

    The least of what the machine has free, what its control groups leave (a container's or batch
    system's limit), and what the limit of address space leaves; infinite where none is known.
    """
    return max(min(_machine(), _control_groups(), _address_space()), 0.0)


def _machine() -> float:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    with suppress(OSError, ValueError, AttributeError):  # without it: all there is
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return _NONE


def _control_groups() -> float:
    """What the limits of the group of this process and of those above it leave."""
    left = _NONE
    for folder, limit, used, reclaimed in _groups():
        with suppress(OSError, ValueError):
            most = float((folder / limit).read_text(encoding="ascii"))
            now = float((folder / used).read_text(encoding="ascii"))
            for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines():
                if line.startswith(reclaimed):  # files kept in memory, given back when needed
                    now -= float(line.split()[1])
            left = min(left, most - now)
    return left


def _groups() -> Iterator[tuple[Path, str, str, str]]:
    """Folders of control groups, and the names of their files, of both versions."""
    root = Path("/sys/fs/cgroup")
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers not in ("", "memory"):
                continue
            limit, used, reclaimed = _FIRST_NAMES if controllers else _NAMES
            top = root / "memory" if controllers else root
            place = top / path.lstrip("/")
            for folder in (place, *place.parents):
                yield folder, limit, used, reclaimed
                if folder == top:
                    break


def _address_space() -> float:
    try:
        import resource
    except ImportError:  # not on Windows
        return _NONE
    left = _NONE
    with suppress(OSError, ValueError, IndexError):
        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            left = float(limit - pages * os.sysconf("SC_PAGE_SIZE"))
    return left


@cache
def _pace() -> float:
    """How much slower this machine is than that of the rates, now: a few milliseconds of work."""
    import numpy as np

    numbers = np.linspace(0.0, 1.0, 20_000)
    best = _NONE
    for _ in range(12):
        begun = time.perf_counter()
        np.exp(numbers)
        best = min(best, time.perf_counter() - begun)
    return min(max(best / len(numbers) / _REFERENCE, 0.1), 10.0)


def print_log() -> None:
    """Let forecasts and progress be printed on the error stream, as the command line does."""
    if not LOG.handlers:
        LOG.addHandler(_Lines())
        LOG.setLevel(logging.INFO)
        LOG.propagate = False


class _Lines(logging.Handler):
    """Lines on the error stream as it is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        with suppress(OSError, ValueError):
            print(record.getMessage(), file=sys.stderr, flush=True)  # noqa: T201


@cache
def _controller(_with_scipy: bool) -> ThreadpoolController:
    from threadpoolctl import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
        ThreadpoolController,
    )

    return ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """Keep the linear algebra on one thread: for matrices this small, threads wait for each other.

    It also keeps the last bit independent of the number of cores.
    """
    # SciPy brings a library of its own, which is known once it is loaded
    return _controller("scipy.linalg" in sys.modules).limit(limits=1, user_api="blas")
