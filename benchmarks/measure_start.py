"""How long a fresh process takes to its first result: NumPy, compiled before, compiled now."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PATIENTS = 4

_PROGRAM = """
import time
times = [time.perf_counter()]
from ketasim.engine import solve
times.append(time.perf_counter())
import chain
patients = chain.patients({n})
times.append(time.perf_counter())
days = [24.0 * day for day in range(85)]
solve(chain.CHAIN, patients, days, ("M",), engine="{engine}", progress=False)
times.append(time.perf_counter())
import json
print(json.dumps([b - a for a, b in zip(times, times[1:])]))
"""


def start(repeats: int, cold: int) -> dict[str, Any]:
    """Time fresh processes.

    **Arguments:**

    - `repeats`: how many with NumPy and with the compiled engine kept before; medians.
    - `cold`: how many that have to compile.
    """
    with tempfile.TemporaryDirectory() as kept:
        _process("numba", kept)  # compiles
        warm = [_process("numba", kept) for _ in range(repeats)]
    result = {"few": _median([_process("auto", None) for _ in range(repeats)])}
    result["warm"] = _median(warm)
    colds = list[dict[str, float]]()
    for _ in range(cold):
        with tempfile.TemporaryDirectory() as empty:
            colds.append(_process("numba", empty))
    return result | {"cold": _median(colds), "patients": PATIENTS, "repeats": repeats}


def _process(engine: str, cache: str | None) -> dict[str, float]:
    environment = dict(os.environ) | ({"KETASIM_CACHE_DIR": cache} if cache else {})
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(n=PATIENTS, engine=engine)],
        cwd=Path(__file__).parent,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    whole = time.perf_counter() - started
    loaded, declared, solved = json.loads(done.stdout)
    return {
        "import_seconds": loaded,
        "declare_seconds": declared,
        "solve_seconds": solved,
        "seconds": loaded + declared + solved,
        "process_seconds": whole,
    }


def _median(found: list[dict[str, float]]) -> dict[str, float]:
    return {key: round(statistics.median(one[key] for one in found), 3) for key in found[0]}
