"""A measurement in a process of its own: its memory is its own, and nothing is warm by chance.

`measure` starts this file again; the child imports a module, calls a function and leaves what it
returns, as JSON, in a file. So solvers may print what they like.
"""

from __future__ import annotations

import importlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def measure(place: str, **arguments: Any) -> Any:
    """Call a function in a fresh process.

    **Arguments:**

    - `place`: module and function, as `measure_start:start`.
    - `arguments`: what JSON can hold.

    **Returns:** what the function returned, as JSON has it.

    **Raises:** `subprocess.CalledProcessError` where the child failed; it has said why.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        subprocess.run(
            [sys.executable, __file__, place, json.dumps(arguments), str(answer)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return json.loads(answer.read_text(encoding="utf-8"))


def peak_memory() -> float:
    """The largest memory this process has had so far, MB.

    A child starts with its parent's figure, so the parent must stay small: `run.py` imports nothing
    heavy before it has measured.
    """
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


def seconds(work: Callable[[], Any]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_seconds(work: Callable[[], Any], least: int = 5, total: float = 1.5) -> float:
    """Median wall time of calls, after one that is not counted.

    **Arguments:**

    - `work`: what is timed.
    - `least`: calls at least.
    - `total`: they go on until they have taken so many seconds.
    """
    work()
    found = list[float]()
    while len(found) < least or sum(found) < total:
        found.append(seconds(work))
    return statistics.median(found)


def main() -> None:
    """Be the child."""
    place, arguments, answer = sys.argv[1:]
    module, function = place.split(":")
    result = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    Path(answer).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
