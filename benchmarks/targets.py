"""What was aimed at, held against the results; and lines through measured growth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Results = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """One target.

    **Arguments:**

    - `what`: in words. `asked`, `found`: with units. `reached`: whether it was.
    """

    what: str
    asked: str
    found: str
    reached: bool


@dataclass(frozen=True)
class Fit:
    """A straight line.

    **Arguments:**

    - `start`, `slope`: of the line. `off`: largest relative distance of a point from it.
    """

    start: float
    slope: float
    off: float


def targets(results: Results) -> list[Target]:
    """The targets whose part was measured.

    **Arguments:**

    - `results`: as `run.py` has them.
    """
    return [
        target for name, find in _PARTS.items() if name in results for target in find(results[name])
    ]


def _peers(found: Results, model: str = "workload W") -> Iterator[Target]:
    ours = found["solvers"][0]
    for one in found["solvers"]:
        if one.get("peer") != "numbalsoda":
            continue
        equal = max(ours["error"], one["error"]) <= found["passes"]
        for threads, least, cores in ((1, 200, "one core"), (2, 150, "two cores")):
            ratio = one[f"ratio_{threads}"]
            what = f"patients/s over those of numbalsoda at an error of 1e-4, {model}, {cores}"
            yield Target(what, f"≥ {least}", f"{ratio:.0f}", ratio >= least and equal)


def _realistic(found: Results) -> Iterator[Target]:
    yield from _peers(found, "realistic course")


def _kernel(found: Results) -> Iterator[Target]:
    for setting, one in found.items():
        if not isinstance(one, dict):
            continue
        for key, threads in (("threads_1", "one thread"), ("threads_2", "two threads")):
            what = f"speed over that of the C++ kernel, {setting}, {threads}"
            yield Target(what, "≥ 0.80", f"{one[key]['ratio']:.2f}", one[key]["ratio"] >= 0.8)


def _million(rows: list[Results]) -> Iterator[Target]:
    for one in rows:
        if one["model"] == "W" and one["threads"] == 2:
            what = f"{one['patients']:,} courses of W with summaries, two cores"
            yield Target(what, "< 20 s", f"{one['seconds']:.1f} s", one["seconds"] < 20.0)
            memory = one["peak_memory_mb"] / 1000
            yield Target("their memory", "< 2 GB", f"{memory:.2f} GB", memory < 2.0)


def _start(found: Results) -> Iterator[Target]:
    for kind, what, most in (
        ("few", "first result for few patients in a fresh process", 0.5),
        ("warm", "the same with the engine compiled before", 1.0),
    ):
        taken = found[kind]["seconds"]
        yield Target(what, f"< {most:g} s", f"{taken:.2f} s", taken < most)


_PARTS: dict[str, Callable[[Any], Iterator[Target]]] = {
    "peers": _peers,
    "realistic": _realistic,
    "kernel": _kernel,
    "million": _million,
    "start": _start,
}


def line(rows: list[Results], x: str, y: str) -> Fit:
    """The line with the least relative distances from the points.

    **Arguments:**

    - `rows`: measurements. `x`, `y`: the keys of their numbers.
    """
    import numpy as np

    across, up = (np.array([float(row[key]) for row in rows]) for key in (x, y))
    slope, start = np.polyfit(across, up, 1, w=1.0 / up)
    off = float(np.abs((start + slope * across) / up - 1.0).max())
    return Fit(float(start), float(slope), off)
