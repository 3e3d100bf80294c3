"""Whole calls of `ketasim.simulate`: the exact pharmacokinetic model, tables, no response model."""

from __future__ import annotations

from typing import Any

from fresh import peak_memory, seconds

import ketasim

COURSE = {
    "title": "Benchmark: six infusions, then weekly, 12 weeks",
    "patient": {"age": 42, "weight": "78 kg"},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11, then weekly x 10",
    "horizon": "84 d",
}
"""Six infusions, then weekly, 12 weeks."""


def simulate(n: int) -> dict[str, Any]:
    """Time one call, warm.

    **Arguments:**

    - `n`: patients.
    """
    course = ketasim.load_course({**COURSE, "population": {"n": n, "seed": 1}})
    ketasim.simulate({**COURSE, "population": {"n": 2, "seed": 1}})
    found: list[Any] = []
    taken = seconds(lambda: found.append(ketasim.simulate(course)))
    return {
        "patients": n,
        "output_times": len(found[0].times),
        "seconds": round(taken, 3),
        "per_second": round(n / taken, 1),
        "peak_memory_mb": peak_memory(),
    }
