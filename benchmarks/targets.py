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
class Wait:
    """Something that a user waits for.

    **Arguments:**

    - `what`: in words. `clock`: what was measured, in words.
    - `most`: the target, s.
    - `found`: what `measure_waits` found.
    - `memory`: the target, MB; nothing where there is none.
    """

    what: str
    clock: str
    most: float
    found: Results
    memory: float | None = None

    @property
    def target(self) -> Target:
        """The time, held against its target."""
        announced = self.found.get("announced")
        taken, asked = self.found["seconds"], f"≤ {self.most:g} s"
        told, reached = f"{taken:.3g} s", taken <= self.most
        if announced is not None:
            asked, reached = f"{asked}, announced", reached and announced
            told += "" if announced else ", not announced"
        return Target(self.what, asked, told, reached)


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


def waits(found: Results) -> list[Wait]:
    """What a user waits for, with its targets, in the order of the table.

    **Arguments:**

    - `found`: the part `waits` of the results.
    """
    sizes, commands = found["sizes"], found["commands"]
    many, most = f"{sizes['many']:,} patients", f"{sizes['most']:,} patients"
    all_of = "12 weeks, all outputs"
    searched = f"{sizes['regimens']} regimens × {sizes['each']} patients, mood alone"
    arms = f"{found['replicates']} replicates × {found['trial']['patients']} patients"
    command = f"`ketasim simulate`, {many}, with report"
    cpu, wall = "CPU, one core", "wall, a process"
    return [
        Wait(f"typical patient, {all_of}", cpu, 0.05, found["typical"]),
        Wait("typical patient, a course not seen before", cpu, 0.15, found["typical"]["unseen"]),
        Wait(f"{many}, {all_of}", cpu, 0.4, found["many"]),
        Wait(f"{many}, a course not seen before", cpu, 0.5, found["many"]["unseen"]),
        Wait(f"{most}, {all_of}", "wall, two cores", 4.0, found["most"], 1000.0),
        Wait(searched, cpu, 2.0, found["search"]),
        Wait(f"report of {many}", cpu, 0.7, found["report"]),
        Wait("`ketasim simulate`, typical patient, with report", wall, 1.5, commands["typical"]),
        Wait(command, wall, 2.5, commands["many"]),
        Wait(f"{command}, first run on a machine", wall, 8.0, commands["first"]),
        Wait(f"trial of two arms, {arms}", cpu, 0.5, found["trial"]),
    ]


def _waits(found: Results) -> Iterator[Target]:
    for one in waits(found):
        yield one.target
        if one.memory is not None:
            memory = one.found["peak_memory_mb"]
            asked, told = f"≤ {one.memory / 1000:g} GB", f"{memory / 1000:.2f} GB"
            yield Target(f"peak memory of {one.what}", asked, told, memory <= one.memory)


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
    "waits": _waits,
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
