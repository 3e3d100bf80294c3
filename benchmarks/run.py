"""Measure everything and write `benchmarks/results.json` and `docs/benchmarks.md`.

`make bench` measures all. `ARGS=--quick` tries everything on few patients and writes into
`out/bench/`, since such numbers say nothing. Each measurement runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fresh import measure

HERE = Path(__file__).parent
ROOT = HERE.parent


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    **Arguments:**

    - `populations`: patients of W. `million`, `single`: streamed with two threads and with one.
    - `rounds`: of all solvers in turns. `wanted`: seconds a solver's run should take.
    - `oracle`: patients that judge the realistic course. `kernel`: patients, and rounds.
    - `streamed`: patients, for growth. `doses`, `days`: likewise, with `grown` patients.
    - `starts`: fresh processes.
    - `trials`: replicates of an analysed trial, by its primary analysis and with five estimands.
    - `courses`: patients of `ketasim.simulate`, and many of them. `search`: regimens, and patients
      of each. `replicates`: of a trial. `waits`: repeats. `part`: patients of a peer beside them.
    """

    populations: tuple[int, ...] = (1_000, 10_000)
    million: int = 1_000_000
    single: int = 200_000
    rounds: int = 3
    wanted: float = 3.0
    oracle: int = 4
    kernel: tuple[int, int] = (4_000, 7)
    streamed: tuple[int, ...] = (1_000, 10_000, 100_000)
    doses: tuple[int, ...] = (14, 50, 100, 250, 500)
    days: tuple[int, ...] = (84, 365, 1_095, 1_825, 3_500)
    grown: int = 1_000
    starts: int = 5
    courses: tuple[int, int] = (500, 10_000)
    search: tuple[int, int] = (200, 200)
    replicates: int = 200
    waits: int = 5
    part: int = 64
    subjects: int = 10_000
    trials: tuple[int, int] = (10_000, 1_000)


QUICK = Sizes(
    populations=(100, 1_000),
    million=20_000,
    single=5_000,
    rounds=1,
    wanted=0.3,
    oracle=1,
    kernel=(400, 2),
    streamed=(1_000, 5_000),
    doses=(14, 50),
    days=(84, 365),
    grown=200,
    starts=1,
    courses=(40, 100),
    search=(4, 40),
    replicates=4,
    waits=1,
    part=2,
    subjects=200,
    trials=(310, 305),
)
"""Enough to see that everything runs."""


@dataclass(frozen=True)
class Run:
    """What the parts are given: sizes, the file of the reference, whether tolerances are sought."""

    sizes: Sizes
    exact: str
    scan: bool


def _workload(run: Run) -> list[Any]:
    sizes = run.sizes
    cases = [(n, columns, 1e-4) for n in sizes.populations for columns in _COLUMNS]
    cases.append((sizes.populations[-1], _COLUMNS[0], 1e-6))
    return [
        measure(
            "measure_workload:population",
            n=n,
            columns=columns,
            rtol=rtol,
            exact=run.exact,
            repeats=5,
        )
        for n, columns, rtol in cases
    ]


_COLUMNS = ("all 14 states", "M alone")  # as measure_workload has them; it is not imported here


def _million(run: Run) -> list[Any]:
    return [
        measure("measure_million:population", model=model, n=n, threads=threads)
        for model, n, threads in (
            ("W", run.sizes.million, 2),
            ("W", run.sizes.single, 1),
            ("realistic", run.sizes.million, 2),
        )
    ]


def _realistic(run: Run) -> Any:
    return measure(
        "measure_peers:realistic",
        n=run.sizes.populations[-1],
        few=run.sizes.oracle,
        rounds=run.sizes.rounds,
        wanted=run.sizes.wanted,
        scan=run.scan,
    )


def _peers(run: Run) -> Any:
    return measure(
        "measure_peers:workload",
        exact=run.exact,
        n=run.sizes.populations[-1],
        rounds=run.sizes.rounds,
        wanted=run.sizes.wanted,
        scan=run.scan,
    )


def _kernel(run: Run) -> Any:
    n, repeats = run.sizes.kernel
    return measure("kernel.compare:compare", n=n, repeats=repeats)


def _start(run: Run) -> Any:
    return measure("measure_start:start", repeats=run.sizes.starts, cold=min(run.sizes.starts, 2))


def _growth(run: Run) -> Any:
    sizes = run.sizes
    return {
        "patients": [
            measure("measure_million:population", model="W", n=n, threads=2) for n in sizes.streamed
        ],
        "doses": [measure("measure_growth:weekly", n=sizes.grown, doses=k) for k in sizes.doses],
        "days": [measure("measure_growth:followed", n=sizes.grown, days=k) for k in sizes.days],
    }


def _waits(run: Run) -> Any:
    sizes, load = run.sizes, round(os.getloadavg()[0], 2)
    (many, most), (regimens, each) = sizes.courses, sizes.search
    few = min(sizes.waits, 3)  # of what takes long
    exact = measure("measure_waits:accuracy", n=many, few=1)
    beside = {"part": sizes.part, "tolerance": exact.get("tolerance")}
    place = "measure_waits"
    return {
        "load": load,
        "accuracy": exact,
        "sizes": {"many": many, "most": most, "regimens": regimens, "each": each},
        "replicates": sizes.replicates,
        "typical": measure(f"{place}:course", n=None, repeats=sizes.waits, **beside),
        "many": measure(f"{place}:course", n=many, repeats=sizes.waits, **beside),
        "most": measure(f"{place}:large", n=most, repeats=few, **beside),
        "search": measure(f"{place}:search", regimens=regimens, n=each, repeats=few, **beside),
        "report": measure(f"{place}:report", n=many, repeats=sizes.waits),
        "trial": measure(
            f"{place}:trial", replicates=sizes.replicates, repeats=sizes.waits, **beside
        ),
        "commands": measure(
            f"{place}:commands", n=many, repeats=sizes.waits, cold=min(sizes.waits, 2)
        ),
    }


def _events(run: Run) -> Any:
    return measure("measure_events:events", n=run.sizes.subjects, rounds=2 * run.sizes.rounds + 1)


def _mixed_model(run: Run) -> Any:
    return measure("measure_mixed_model:fits", repeats=run.sizes.waits)


def _replicates(run: Run) -> list[Any]:
    """Fit by fit, then with every estimand."""
    many, fewer = run.sizes.trials
    whole = ["hypothetical", "treatment_policy", "j2r", "cr", "cir"]
    return [
        measure("measure_replicates:characteristics", replicates=many, estimands=[]),
        measure("measure_replicates:characteristics", replicates=fewer, estimands=whole),
    ]


PARTS: dict[str, Callable[[Run], Any]] = {
    "waits": _waits,
    "workload": _workload,
    "peers": _peers,
    "kernel": _kernel,
    "million": _million,
    "realistic": _realistic,
    "start": _start,
    "mixed_model": _mixed_model,
    "replicates": _replicates,
    "growth": _growth,
    "events": _events,
}
"""The measurements by name."""


def main() -> int:
    """Run what is asked for.

    **Returns:** 1 where a part failed.
    """
    asked = _arguments()
    target = ROOT / "out" / "bench" if asked.quick else ROOT / "docs"
    file = target / "results.json" if asked.quick else HERE / "results.json"
    target.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    if file.is_file() and (asked.only or asked.render):
        results = json.loads(file.read_text(encoding="utf-8"))
    if "runs" not in results:  # of an older runner
        results = {"runs": {}}
    failed = False
    if not asked.render:
        results["quick"] = asked.quick
        results["machine"] = measure("machine:describe")
        with tempfile.TemporaryDirectory() as folder:
            exact = str(Path(folder) / "reference.npy")
            run = Run(QUICK if asked.quick else Sizes(), exact, asked.scan)
            failed = _measured(asked.only or list(PARTS), run, results, file)
    # only now, since children start with the memory of this process
    from page import write

    write(results, target)
    print(f"written: {file.relative_to(ROOT)}, {(target / 'benchmarks.md').relative_to(ROOT)}")
    return int(failed)


def _measured(names: list[str], run: Run, results: dict[str, Any], file: Path) -> bool:
    """Measure parts into the results, which are saved after each; say whether one failed."""
    failed = False
    print("compiled engine", flush=True)  # a process that compiles needs more memory
    for model in ("W", "realistic"):
        measure("measure_million:population", model=model, n=64, threads=1)
    if {"workload", "peers"} & set(names):
        print("reference solution", flush=True)
        measure("measure_workload:save_reference", path=run.exact)
    for name in names:
        print(f"{name} ...", end=" ", flush=True)
        load, started = os.getloadavg()[0], time.perf_counter()
        try:
            results[name] = PARTS[name](run)
        except subprocess.CalledProcessError:
            failed = True
            results.pop(name, None)
            results["runs"].pop(name, None)
            print("failed", flush=True)
            continue
        took = time.perf_counter() - started
        results["runs"][name] = {"seconds": round(took, 1), "load_before": round(load, 2)}
        print(f"{took:.0f} s", flush=True)
        file.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return failed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures ketasim beside other solvers.")
    parser.add_argument("--quick", action="store_true", help="few patients, into out/bench/")
    parser.add_argument("--scan", action="store_true", help="seek the tolerance of every peer")
    parser.add_argument("--render", action="store_true", help="write the page again, only")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="parts to measure again")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
