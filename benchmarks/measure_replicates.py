"""Operating characteristics of a trial of 4 arms of 200 patients at five visits."""

from __future__ import annotations

import resource
import time
from typing import Any

EACH = 200


def characteristics(replicates: int, estimands: list[str]) -> dict[str, Any]:
    """Simulate and analyse a trial in this process, with everything compiled.

    MMRM with Kenward-Roger in three worlds (at the effect of the card, uncertain, none), and the
    estimands asked for.

    **Arguments:**

    - `replicates`: how many. `estimands`: as of a trial file.
    """
    from ketasim.trials import run_trial

    run_trial(file(302, estimands))
    started, cpu = time.perf_counter(), time.process_time()
    result = run_trial(file(replicates, estimands))
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    table = result.analysis()
    return {
        "arms": 4,
        "each": EACH,
        "visits": 5,
        "replicates": replicates,
        "estimands": len(estimands) or 1,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0),
        "failed": int(table["failed"].sum()),
        "mc_se": round(table["mc_se"][0], 4),
        "pool_se": round(table["pool_se"][0], 4),
    }


def file(replicates: int, estimands: list[str]) -> dict[str, Any]:
    """A trial of three doses and midazolam, of which 15 % have left by day 14."""
    session = {"drug": "ketamine", "route": "iv", "over": "40 min", "days": [0, 3, 7, 10]}
    arms: list[dict[str, Any]] = [
        {"id": f"dose{place}", "n": EACH, "dose": dose, **session}
        for place, dose in enumerate(("0.2 mg/kg", "0.5 mg/kg", "0.8 mg/kg"))
    ]
    arms.append({"id": "mdz", "n": EACH, "control": "midazolam", "days": [0, 3, 7, 10]})
    baseline = {"scale": "MADRS", "mean": 33, "sd": 5}
    visits = ["24 h", "3 d", "7 d", "10 d", "14 d"]
    return {
        "trial": "benchmark",
        "population": {"baseline": baseline, "background": "none"},
        "arms": arms,
        "assess": [{"scale": "MADRS", "at": visits, "metrics": ["change"]}],
        "primary": {"scale": "MADRS", "at": "14 d", "contrast": ["dose1", "mdz"]},
        "estimands": estimands,
        "dropout": {"share": 0.15, "by": "14 d"},
        "replicates": replicates,
    }
