"""CVODE by libRoadRunner, from an Antimony model that it compiles to machine code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from workload import INFUSIONS, STATES, TIMES, initial, patients, segments

from peers import ABSOLUTE
from peers.workers import first, spread, warm

Array = NDArray[np.float64]

NAME = "libRoadRunner (CVODE)"

_CHUNK = 8  # patients a process takes at once

# `gamma` is a function in Antimony, hence hill.
# abs(Ce): solvers step slightly below 0, where a power is not a number.
_EQUATIONS = """
    x := (abs(Ce) / IC50)^hill
    B := x / (1 + x)
    Ch := Ah / Vh
    g2 := (G - 1)^2
    d := D - 1
    Ad' = -Ka*Ad
    Al' = Ka*Ad + Qh*Ac/Vc - (Qh + CLint)*Al/Vl
    Ac' = R + Qh*Al/Vl - (Qh + Q1 + Q2)*Ac/Vc + Q1*A1/V1 + Q2*A2/V2
    A1' = Q1*(Ac/Vc - A1/V1)
    A2' = Q2*(Ac/Vc - A2/V2)
    An' = f_NK*CLint*Al/Vl - (CLn + Qn)*An/Vn + Qn*Anp/Vnp
    Anp' = Qn*(An/Vn - Anp/Vnp)
    Ah' = f_HNK*CLn*An/Vn - CLh*Ah/Vh
    Ce' = ke0*(Ac/Vc - Ce)
    G' = kG*(1 + SG*4*B*(1 - B) - G)
    D' = kD*(1 + SD*g2/(g50^2 + g2) + SH*Ch/(EC50H + Ch) - D)
    S' = kS*(1 + SS*d/(d50 + d)) - kS*(1 + psi*(1 - M))*S
    A' = kAin*(G - 1)*(1 - A) - kAout*A
    M' = kM*(S^4/(s50^4 + S^4) + wA*A*(1 - M) - M)
"""


def available() -> str | None:
    """Why libRoadRunner cannot run, or None."""
    for module, package in (("roadrunner", "libroadrunner"), ("antimony", "antimony")):
        if find_spec(module) is None:
            return f"the Python package {package} is not installed"
    return None


def prepare(threads: int = 1) -> None:
    """Build and compile the model, in every worker process.

    **Arguments:**

    - `threads`: as in `run`.
    """
    if threads == 1:
        _solve(patients(1), 1e-2)
    else:
        warm(_solve, patients(1), threads)


def run(parameters: Mapping[str, Array], n: int, threads: int, tolerance: float) -> Array:
    """Solve workload W.

    **Arguments:**

    - `parameters`: as `workload.patients` gives them, for n patients or more.
    - `n`: number of patients.
    - `threads`: number of worker processes; 1 works in this one.
    - `tolerance`: relative tolerance.

    **Returns:** all states at `workload.TIMES`: (n, 407, 14).

    **Raises:** `RuntimeError` where CVODE gives up.
    """
    own = first(parameters, n)
    if threads == 1:
        return _solve(own, tolerance)
    return spread(_solve, own, tolerance, threads, _CHUNK)


@cache
def _model() -> tuple[Any, list[str], list[int]]:
    """The compiled model, the parameters it takes, and the indices of those, R and the states."""
    import antimony
    import roadrunner

    names = [name for name in patients(1) if name not in {"WT", "rate", "S0", "M0"}]
    called = ["hill" if name == "gamma" else name for name in [*names, "R", *STATES]]
    start = "; ".join(f"{name} = 1" for name in called)
    if antimony.loadAntimonyString(f"model W\n{_EQUATIONS}\n{start}\nend\n") < 0:
        raise RuntimeError(antimony.getLastError())
    runner = roadrunner.RoadRunner(antimony.getSBMLString("W"))
    runner.setIntegrator("cvode")
    runner.timeCourseSelections = list(STATES)
    ids = list(runner.model.getGlobalParameterIds())
    return runner, names, [ids.index(name) for name in called]


@cache
def _calendar() -> list[tuple[bool, list[float], slice]]:
    """Per segment: whether an infusion runs, the times asked for, and their rows of output.

    Times count from the segment's start, where CVODE's first steps would vanish beside 2000 h.
    """
    return [
        (
            part.on,
            (
                np.unique([part.begin, *TIMES[part.first : part.last], part.end]) - part.begin
            ).tolist(),
            slice(part.first, part.last),
        )
        for part in segments(INFUSIONS, TIMES)
    ]


def _solve(parameters: Mapping[str, Array], tolerance: float) -> Array:
    """Patient by patient, stopped and started at every edge."""
    runner, names, indices = _model()
    integrator = runner.getIntegrator()
    integrator.relative_tolerance = tolerance
    integrator.absolute_tolerance = ABSOLUTE * tolerance
    y0 = initial(parameters)
    columns = [parameters[name] for name in names]
    values = np.column_stack([*columns, parameters["rate"], y0])
    out = np.empty((len(y0), len(TIMES), len(STATES)))
    out[:, 0] = y0
    infusing = indices[len(names)]
    for i, row in enumerate(values):
        runner.model.setGlobalParameterValues(indices, row)
        for on, times, rows in _calendar():
            rate = row[len(names)] if on else 0.0
            runner.model.setGlobalParameterValues([infusing], [rate])
            solved = runner.simulate(times=times)
            out[i, rows] = solved[1 : 1 + rows.stop - rows.start]
    return out
