"""Patients per second for a 12-week course, beside an adaptive solver on the same model.

Run with `make bench`; writes `benchmarks/results.json`. Ratios are the headline: both run on the
same machine in the same call, on the same model, doses and output times.
"""

from __future__ import annotations

import json
import platform
import resource
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp

import ketasim
from ketasim.engine import inputs_of
from ketasim.evidence import load_card
from ketasim.models import MODELS, Stream
from ketasim.population import virtual_patients

COURSE = {
    "title": "Benchmark: six infusions, then weekly, 12 weeks",
    "patient": {"age": 42, "weight": "78 kg"},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11, then weekly x 10",
    "horizon": "84 d",
}
PEER_PATIENTS = 3
RESULTS = Path(__file__).with_name("results.json")


def ours(n: int) -> dict[str, float]:
    """Time `ketasim.simulate` for n patients, whole call and warm."""
    course = ketasim.load_course({**COURSE, "population": {"n": n, "seed": 1}})
    ketasim.simulate({**COURSE, "population": {"n": 2, "seed": 1}})
    started = time.perf_counter()
    result = ketasim.simulate(course)
    seconds = time.perf_counter() - started
    return {
        "patients": n,
        "output_times": len(result.times),
        "seconds": round(seconds, 3),
        "patients_per_second": round(n / seconds, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 0),
    }


def peer() -> dict[str, float | str]:
    """Time SciPy's LSODA on both enantiomers of a few patients, and its largest difference."""
    course = ketasim.load_course({**COURSE, "population": {"n": PEER_PATIENTS, "seed": 1}})
    result = ketasim.simulate(course)
    model, card = MODELS["reference"], load_card("reference")
    cohort = virtual_patients(course, card, model)
    worst, seconds = 0.0, 0.0
    for patient in range(PEER_PATIENTS):
        values = {k: v[patient : patient + 1] for k, v in cohort.values.items()}
        total = np.zeros(len(result.times))
        for stream, r in ((Stream("s", 0.5), 0.0), (Stream("r", 0.5), 1.0)):
            resolved = model.resolve({**values, "R": np.array([r])})
            weight = cohort.weight[patient : patient + 1]
            inputs = inputs_of(model, course.regimen.doses, resolved, weight, stream)
            keep = model.reachable({i.state for i in inputs}, model.outputs)
            rates = model.rate_matrix(resolved, keep)[0]
            central = keep.index("A_central")
            started = time.perf_counter()
            total += _lsoda(rates, central, inputs, result.times) / resolved["Vc_i"][0] * 1000
            seconds += time.perf_counter() - started
        exact = result.values["ketamine", "arterial"][:, patient]
        worst = max(worst, float(np.max(np.abs(total - exact)) / exact.max()))
    return {
        "solver": "SciPy LSODA, rtol 1e-6, restarted at every dose",
        "patients": PEER_PATIENTS,
        "seconds": round(seconds, 3),
        "patients_per_second": round(PEER_PATIENTS / seconds, 2),
        "largest_difference": worst,
    }


def _lsoda(rates, central, inputs, times):  # type: ignore[no-untyped-def]
    """Amounts in the central compartment, mg."""
    changes = [e for i in inputs for e in (i.start, i.start + i.duration)]
    edges = np.unique([0.0, times[-1], *changes])
    amounts, result = np.zeros(len(rates)), np.zeros(len(times))
    for begin, end in pairwise(edges):
        supply = np.zeros(len(rates))
        for item in inputs:
            if item.start <= begin and item.start + item.duration >= end:
                supply[central] += item.amount[0] / item.duration
        inside = (times > begin) & (times <= end)
        solved = solve_ivp(
            lambda _, x, b=supply: rates @ x + b,
            (begin, end),
            amounts,
            method="LSODA",
            t_eval=np.unique([*times[inside], end]),
            rtol=1e-6,
            atol=1e-9,
        )
        result[inside] = solved.y[central][: int(inside.sum())]
        amounts = solved.y[:, -1]
    return result


def main() -> None:
    """Run everything, print it and write the results."""
    runs = [ours(n) for n in (100, 500, 2000)]
    other = peer()
    ratio = runs[1]["patients_per_second"] / float(other["patients_per_second"])
    results = {
        "machine": f"{platform.machine()}, {platform.python_version()}",
        "workload": COURSE["title"],
        "ketasim": runs,
        "peer": other,
        "ratio_at_500": round(ratio, 1),
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
