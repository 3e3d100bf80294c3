"""LSODA by SciPy's odeint, equations in Python: what most users would write first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from workload import (
    INFUSIONS,
    SLOW,
    STATES,
    TIMES,
    depressed,
    initial,
    patient,
    patients,
    segments,
    slow_rhs,
)

from peers import ABSOLUTE
from peers.workers import first, spread, warm

Array = NDArray[np.float64]

NAME = "SciPy (LSODA, odeint)"

_CHUNK = 8  # patients a process takes at once


def available() -> str | None:
    """Why SciPy cannot run, or None."""
    return None if find_spec("scipy") else "the Python package scipy is not installed"


def prepare(threads: int = 1) -> None:
    """Start the worker processes.

    **Arguments:**

    - `threads`: as in `run`.
    """
    if threads > 1:
        warm(_solve, patients(1), threads)


def run(parameters: Mapping[str, Array], n: int, threads: int, tolerance: float) -> Array:
    """Solve workload W.

    **Arguments:**

    - `parameters`: as `workload.patients` gives them, for n patients or more.
    - `n`: number of patients.
    - `threads`: number of worker processes; 1 works in this one.
    - `tolerance`: relative tolerance.

    **Returns:** all states at `workload.TIMES`: (n, 407, 14).

    **Raises:** `RuntimeError` where LSODA gives up.
    """
    return _spread(_solve, first(parameters, n), tolerance, threads)


def run_chain(
    rates: Array,
    supply: Array,
    signals: Array,
    hill: Array,
    slow: Mapping[str, Array],
    infusions: Array,
    times: Array,
    tolerance: float,
    threads: int,
) -> Array:
    """Solve a general linear chain that drives W's slow block.

    **Arguments:**

    - `rates`, `supply`, `signals`, `hill`, `slow`: see `workload.Chain`.
    - `infusions`: start and end of each, h, not overlapping: (k, 2).
    - `times`: output times, h, the first 0: (T,).
    - `tolerance`: relative tolerance.
    - `threads`: number of worker processes; 1 works in this one.

    **Returns:** G, D, S, A and M: (n, T, 5).

    **Raises:** `RuntimeError` where LSODA gives up.
    """
    n = len(supply)
    parameters = {
        "rates": rates,
        "supply": supply,
        "signals": signals,
        "hill": hill,
        **{name: slow[name] for name in SLOW},
        # The calendar is one for all, and goes with every patient so that chunks carry it.
        "infusions": np.broadcast_to(infusions, (n, *infusions.shape)),
        "times": np.broadcast_to(times, (n, len(times))),
    }
    return _spread(_solve_chain, parameters, tolerance, threads)


def _spread(solve, parameters, tolerance, threads) -> Array:  # type: ignore[no-untyped-def]
    """Here, or in worker processes."""
    if threads == 1:
        return solve(parameters, tolerance)
    return spread(solve, parameters, tolerance, threads, _CHUNK)


def _solve(parameters: Mapping[str, Array], tolerance: float) -> Array:
    """Workload W, patient by patient."""
    y0 = initial(parameters)
    out = np.empty((len(y0), len(TIMES), len(STATES)))
    for i, own in enumerate(out):
        p = patient(parameters, i)
        _integrate(_equations(p), p["rate"], y0[i], (INFUSIONS, TIMES), tolerance, own)
    return out


def _solve_chain(parameters: Mapping[str, Array], tolerance: float) -> Array:
    """A chain, patient by patient."""
    n, m = parameters["supply"].shape
    infusions, times = parameters["infusions"][0], parameters["times"][0]
    y0 = np.zeros((n, m + 5))
    y0[:, m] = y0[:, m + 1] = 1.0
    y0[:, m + 2], y0[:, m + 4] = depressed(parameters["psi"], parameters["s50"])
    out = np.empty((n, len(times), 5))
    own = np.empty((len(times), m + 5))
    for i in range(n):
        equations = _chain_equations({name: values[i] for name, values in parameters.items()})
        _integrate(equations, 1.0, y0[i], (infusions, times), tolerance, own)
        out[i] = own[:, m:]
    return out


def _integrate(
    equations: Callable[[Array, float, float], list[float] | Array],
    rate: float,
    y: Array,
    calendar: tuple[Array, Array],
    tolerance: float,
    out: Array,
) -> None:
    """Solve one patient into `out`, restarted at every edge."""
    from scipy.integrate import odeint

    infusions, times = calendar
    out[0] = y
    for part in segments(infusions, times):
        inside = times[part.first : part.last]
        grid = [part.begin, *inside]
        if not len(inside) or inside[-1] < part.end:
            grid.append(part.end)
        solved, report = odeint(
            equations,
            y,
            grid,
            args=(rate if part.on else 0.0,),
            rtol=tolerance,
            atol=ABSOLUTE * tolerance,
            mxstep=100_000,
            full_output=True,
        )
        if report["message"] != "Integration successful.":
            raise RuntimeError(f"LSODA gave up at {part.begin} h: {report['message']}")
        out[part.first : part.last] = solved[1 : 1 + len(inside)]
        y = solved[-1]


def _equations(p: Mapping[str, float]) -> Callable[[Array, float, float], list[float]]:
    """W's equations for one patient, constants taken out of the loop."""
    ka, ke0, inverse, gamma = p["Ka"], p["ke0"], 1.0 / p["IC50"], p["gamma"]
    qh_c, qh_l, cl_l = p["Qh"] / p["Vc"], p["Qh"] / p["Vl"], p["CLint"] / p["Vl"]
    q1_c, q1_1 = p["Q1"] / p["Vc"], p["Q1"] / p["V1"]
    q2_c, q2_2 = p["Q2"] / p["Vc"], p["Q2"] / p["V2"]
    f_nk, cln, qn, qn_p = p["f_NK"], p["CLn"] / p["Vn"], p["Qn"] / p["Vn"], p["Qn"] / p["Vnp"]
    f_hnk, clh, vc, vh = p["f_HNK"], p["CLh"] / p["Vh"], p["Vc"], p["Vh"]
    kg, sg4, kd, g50, sd = p["kG"], 4.0 * p["SG"], p["kD"], p["g50"] ** 2, p["SD"]
    sh, ec50h, ks, ss, d50, psi = p["SH"], p["EC50H"], p["kS"], p["SS"], p["d50"], p["psi"]
    ka_in, ka_out, km, s50, wa = p["kAin"], p["kAout"], p["kM"], p["s50"] ** 4, p["wA"]

    def equations(y: Array, t: float, rate: float) -> list[float]:  # noqa: ARG001 - odeint passes t
        depot, liver, central, c1, c2, nor, deep, hydroxy, effect, g, d, s, a, m = y.tolist()
        absorbed, cleared = ka * depot, cl_l * liver
        to_liver = qh_c * central - qh_l * liver
        to_first, to_second = q1_c * central - q1_1 * c1, q2_c * central - q2_2 * c2
        onward, to_deep, ch = cln * nor, qn * nor - qn_p * deep, hydroxy / vh
        drive = (effect * inverse) ** gamma if effect > 0.0 else 0.0
        block = drive / (1.0 + drive)
        g2, up, s4 = (g - 1.0) ** 2, d - 1.0, s**4
        return [
            -absorbed,
            absorbed + to_liver - cleared,
            rate - to_liver - to_first - to_second,
            to_first,
            to_second,
            f_nk * cleared - onward - to_deep,
            to_deep,
            f_hnk * onward - clh * hydroxy,
            ke0 * (central / vc - effect),
            kg * (1.0 + sg4 * block * (1.0 - block) - g),
            kd * (1.0 + sd * g2 / (g50 + g2) + sh * ch / (ec50h + ch) - d),
            ks * (1.0 + ss * up / (d50 + up) - (1.0 + psi * (1.0 - m)) * s),
            ka_in * (g - 1.0) * (1.0 - a) - ka_out * a,
            km * (s4 / (s50 + s4) + wa * a * (1.0 - m) - m),
        ]

    return equations


def _chain_equations(p: Mapping[str, Array]) -> Callable[[Array, float, float], Array]:
    """A chain's equations for one patient; the linear part and the signals in one product."""
    supply, hill, m = p["supply"], float(p["hill"]), len(p["supply"])
    product = np.vstack([p["rates"], p["signals"]])
    inflow = np.concatenate([supply, [0.0, 0.0]])
    slow = {name: float(p[name]) for name in SLOW}
    out = np.empty(m + 5)

    def equations(y: Array, t: float, on: float) -> Array:  # noqa: ARG001 - odeint passes t
        linear = product @ y[:m]
        if on:
            linear += inflow
        out[:m] = linear[:m]
        drive = max(float(linear[m]), 0.0) ** hill
        out[m:] = slow_rhs(y[m:].tolist(), drive, float(linear[m + 1]), slow)
        return out

    return equations
