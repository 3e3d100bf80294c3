"""Many people on the page at once: how long each waits, what fails, and whether memory grows.

`make load` starts `ketasim serve` and lets 50 people use it for ten minutes; it writes
`benchmarks/load.json` and the page of the benchmarks. `ARGS="--people 5 --seconds 20"` tries it and
writes into `out/bench/`, since such numbers say nothing. Before them one person alone changes a
course in a real browser (`browser.py`); `ARGS="--alone"` measures this part only.

Each person opens a page or changes a course, reads it for a while, and goes on. Nearly every course
is one that nobody asked for before, so little comes from memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import browser
import httpx
import machine

HERE = Path(__file__).parent
ROOT = HERE.parent
KEPT = HERE / "load.json"
PEOPLE, SECONDS, THINK = 50, 600.0, 15.0
_SHORTEST, _LONGEST = 2.0, 60.0  # s, somebody looks at a page
_PATIENCE = 30.0  # s, until an answer counts as none
_SAMPLED = 5.0  # s, between looks at the memory
_SETTLED = 60.0  # s, from which on memory should not grow
_PARTIAL = {"hx-request": "true"}
_WORDS = ("midazolam", "sertraline", "bladder", "relapse", "clearance", "response", "pressure")
_MEDICINES = (
    "sertraline",
    "lorazepam",
    "lamotrigine",
    "naltrexone",
    "clonidine",
    "tranylcypromine",
)


def _regimen(chance: random.Random) -> str:
    dose = chance.randrange(20, 101) / 100
    days = chance.choice(("0 3 7 10", "0 2 4 7 9 11", "0 7 14", "0 3 7 10 14 17 21 24"))
    return f"ketamine {dose:g} mg/kg iv over {chance.choice((40, 50, 60))} min on days {days}"


def _course(chance: random.Random) -> dict[str, str]:
    return {
        "regimen": _regimen(chance),
        "patient.age": str(chance.randrange(20, 80)),
        "patient.weight": f"{chance.randrange(48, 120)} kg",
        "patient.baseline.scale": "MADRS",
        "patient.baseline.score": str(chance.randrange(22, 44)),
        "patient.medicines": chance.choice(_MEDICINES),
        "horizon": "56 d",
    }


def _typical(chance: random.Random) -> str:
    return f"/course?{urlencode(_course(chance))}"


def _population(chance: random.Random) -> str:
    people = {"population.n": "500", "population.seed": str(chance.randrange(1_000))}
    return f"/course?{urlencode(_course(chance) | people)}"


def _compare(chance: random.Random) -> str:
    others = {f"option.{letter}": _regimen(chance) for letter in "bc"}
    people = {"population.n": "200", "population.seed": "1"}
    return f"/compare?{urlencode(_course(chance) | people | others)}"


def _session(chance: random.Random) -> str:
    return f"/session?{urlencode(_course(chance))}"


def _screening(chance: random.Random) -> str:
    return f"/screening?{urlencode(_course(chance))}"


def _evidence(chance: random.Random) -> str:
    return f"/evidence?{urlencode({'q': chance.choice(_WORDS)})}"


@dataclass(frozen=True)
class Act:
    """Something people do.

    **Arguments:**

    - `name`: in words. `share`: of all that is done. `address`: of one of its kind, by chance.
    - `changes`: whether it changes a course in a page that is open, as typing and sliding do: the
      scores are answered first, then the browser asks for the sessions by itself.
    """

    name: str
    share: float
    address: Callable[[random.Random], str]
    changes: bool = False


ACTS = (
    Act("course of the typical patient changed: scores", 0.35, _typical, changes=True),
    Act("course of 500 virtual patients changed: scores", 0.15, _population, changes=True),
    Act("course opened", 0.05, _typical),
    Act("three regimens compared, 200 patients each", 0.10, _compare),
    Act("session by the minute", 0.10, _session),
    Act("screening", 0.12, _screening),
    Act("evidence, searched", 0.13, _evidence),
)
SESSIONS = "sessions of a course that was changed"


@dataclass
class Found:
    """What was seen so far.

    **Arguments:**

    - `waits`: name of an act to the time of each answer, s. `errors`: what failed, and how often.
    - `memory`: s since the start, and MB of all processes of the page. `started`: of the clock.
    """

    waits: dict[str, list[float]] = field(
        default_factory=lambda: {name: [] for name in (*(one.name for one in ACTS), SESSIONS)}
    )
    errors: Counter[str] = field(default_factory=Counter[str])
    memory: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    started: float = 0.0


async def _ask(
    client: httpx.AsyncClient, name: str, address: str, found: Found, *, partial: bool
) -> None:
    begun = time.perf_counter()
    try:
        answer = await client.get(address, headers=_PARTIAL if partial else {})
    except httpx.HTTPError as error:
        found.errors[f"{name}: {type(error).__name__}"] += 1
        return
    found.waits[name].append(time.perf_counter() - begun)
    if answer.status_code != httpx.codes.OK:
        found.errors[f"{name}: status {answer.status_code}"] += 1


async def _act(client: httpx.AsyncClient, act: Act, chance: random.Random, found: Found) -> None:
    address = act.address(chance)
    await _ask(client, act.name, address, found, partial=act.changes)
    if act.changes:
        sessions = address.replace("/course?", "/course/session?")
        await _ask(client, SESSIONS, sessions, found, partial=True)


async def _person(
    address: str, chance: random.Random, end: float, think: float, found: Found
) -> None:
    """What one person does until the end; the connection is kept as a browser keeps it."""
    shares = [one.share for one in ACTS]
    async with httpx.AsyncClient(
        base_url=address, timeout=_PATIENCE, follow_redirects=True
    ) as client:
        await asyncio.sleep(chance.uniform(0.0, think))  # nobody comes at the same time
        while time.monotonic() < end:
            await _act(client, chance.choices(ACTS, shares)[0], chance, found)
            pause = min(max(chance.expovariate(1.0 / think), _SHORTEST), _LONGEST)
            await asyncio.sleep(max(min(pause, end - time.monotonic()), 0.0))


async def _watch(pid: int, end: float, found: Found) -> None:
    while time.monotonic() < end:
        seen = time.monotonic() - found.started
        found.memory.append((round(seen, 1), round(_megabytes(pid), 1)))
        await asyncio.sleep(_SAMPLED)


def _megabytes(pid: int) -> float:
    """Memory of a process and its children."""
    folder = Path("/proc") / str(pid)
    pages = int((folder / "statm").read_text(encoding="ascii").split()[1])
    children = (folder / "task" / str(pid) / "children").read_text(encoding="ascii").split()
    own = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return own + sum(_megabytes(int(child)) for child in children)


async def _all(address: str, pid: int, people: int, seconds: float, think: float) -> Found:
    warm = Found()
    async with httpx.AsyncClient(base_url=address, timeout=120, follow_redirects=True) as client:
        for act in ACTS:  # what a server does once
            await _act(client, act, random.Random(0), warm)
    if warm.errors:
        raise SystemExit(f"error: {dict(warm.errors)}")
    found = Found(started=time.monotonic())
    end = found.started + seconds
    crowd = [
        _person(address, random.Random(number + 1), end, think, found) for number in range(people)
    ]
    await asyncio.gather(_watch(pid, end, found), *crowd)
    return found


def _row(name: str, waits: list[float]) -> dict[str, Any]:
    """Quantiles of what was waited for, s."""
    ordered = sorted(waits)
    if len(ordered) > 1:
        parts = statistics.quantiles(ordered, n=100, method="inclusive")
        middle, p95, p99 = parts[49], parts[94], parts[98]
    else:
        middle = p95 = p99 = ordered[0] if ordered else float("nan")
    most = ordered[-1] if ordered else float("nan")
    return {
        "what": name,
        "requests": len(ordered),
        "median": round(middle, 4),
        "p95": round(p95, 4),
        "p99": round(p99, 4),
        "most": round(most, 4),
    }


def _told(found: Found, people: int, seconds: float, think: float) -> dict[str, Any]:
    everything = [one for waits in found.waits.values() for one in waits]
    settled = [mb for at, mb in found.memory if at >= min(_SETTLED, seconds / 2)]
    third = max(len(settled) // 3, 1)
    early, late = settled[:third], settled[-third:]
    return {
        "people": people,
        "seconds": seconds,
        "think": think,
        "all": _row("all", everything),
        "rows": [_row(name, waits) for name, waits in found.waits.items() if waits],
        "errors": dict(found.errors),
        "memory": {
            "settled": round(statistics.median(early), 1),
            "end": round(statistics.median(late), 1),
            "most": max(mb for _, mb in found.memory),
            "samples": found.memory,
        },
        "machine": machine.describe(),
    }


def _print(told: dict[str, Any]) -> None:
    print(f"{told['people']} people, {told['seconds']:g} s, think {told['think']:g} s")
    for one in (*told["rows"], told["all"]):
        times = "  ".join(f"{1000 * one[key]:7.0f}" for key in ("median", "p95", "p99", "most"))
        print(f"{one['what']:<48} {one['requests']:>6}  {times} ms")
    print("errors:", told["errors"] or "none")
    _print_alone(told["alone"])
    memory = told["memory"]
    print(f"memory: {memory['settled']} MB, at the end {memory['end']}, most {memory['most']}")


def _print_alone(rows: list[dict[str, Any]]) -> None:
    for one in rows:
        times = ", ".join(
            f"{key} {1000 * one[key]:.0f} ms"
            for key in ("server", "server_most", "sessions", "seen")
        )
        print(f"alone, {one['who']}: {times}")


def main() -> None:
    """Run the load test."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, default=PEOPLE)
    options.add_argument("--seconds", type=float, default=SECONDS)
    options.add_argument("--think", type=float, default=THINK, help="s, between answers; the mean")
    options.add_argument("--alone", action="store_true", help="only one person in a browser")
    asked = options.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("error: chromium was not found")
    server = subprocess.Popen(
        [sys.executable, "-m", "ketasim", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        line = re.search(r"http://\S+", server.stdout.readline())
        if line is None:
            raise SystemExit("error: the page did not start")
        address = line[0].rstrip("/")
        alone = browser.measure(address, chromium)
        if asked.alone:
            _print_alone(alone)
            _keep(json.loads(KEPT.read_text(encoding="utf-8")) | {"alone": alone}, whole=True)
            return
        found = asyncio.run(_all(address, server.pid, asked.people, asked.seconds, asked.think))
    finally:
        server.terminate()
        server.wait(30)
    told = _told(found, asked.people, asked.seconds, asked.think) | {"alone": alone}
    _print(told)
    _keep(told, whole=asked.people >= PEOPLE and asked.seconds >= SECONDS)
    sys.exit(bool(found.errors))


def _keep(told: dict[str, Any], *, whole: bool) -> None:
    place = KEPT if whole else ROOT / "out" / "bench" / "load.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if whole:
        import page

        kept = json.loads((HERE / "results.json").read_text(encoding="utf-8"))
        (ROOT / "docs" / "benchmarks.md").write_text(page.render(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
