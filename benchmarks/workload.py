"""Workload W in plain NumPy: patients, calendar, equations, reference solution, error.

One population simulation: 14 states a patient, 14 infusions in 84 days, 407 output times. W is a
benchmark. Its numbers are placeholders that fix an amount of work; none is a claim about ketamine,
and none may be used as one. Hours, mg, L, mg/L throughout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STATES = ("Ad", "Al", "Ac", "A1", "A2", "An", "Anp", "Ah", "Ce", "G", "D", "S", "A", "M")
"""The 14 states in order; the first nine are linear, the last five the slow block."""

LINEAR = 9
"""Number of linear states; they come first."""

SLOW = (
    *("kG", "SG", "kD", "g50", "SD", "SH", "EC50H", "kS"),
    *("SS", "d50", "psi", "kAin", "kAout", "kM", "s50", "wA"),
)
"""The parameters of the slow block, in the order compiled peers read them."""

SEED = 20240611
DOSES = 24.0 * np.array([0, 3, 7, 10, 14, 17, 21, 24, 31, 38, 45, 52, 66, 80])
"""The starts of the 14 infusions, h."""
INFUSION_HOURS = 2.0 / 3.0
DOSE_PER_KG = 0.5
"""mg/kg."""
INFUSIONS = np.column_stack([DOSES, DOSES + INFUSION_HOURS])
"""Start and end of every infusion, h: (14, 2)."""
TIMES = np.union1d(24.0 * np.arange(85), (DOSES[:, None] + np.arange(1, 24)).ravel())
"""The 407 output times, h."""

_TYPICAL = (  # name, typical value, omega: in the order of z1 … z8
    ("CLint", 720.0, 0.30),
    ("Vc", 60.0, 0.20),
    ("CLn", 60.0, 0.30),
    ("ke0", 4.0, 0.30),
    ("IC50", 0.10, 0.30),
    ("SD", 3.0, 0.40),
    ("psi", 0.6, 0.30),
    ("kS", 0.008, 0.30),
)
_FLOWS = {"Qh": 90.0, "Q1": 200.0, "Q2": 60.0, "Qn": 80.0, "CLh": 40.0}  # L/h at 70 kg
_VOLUMES = {"Vl": 15.0, "V1": 50.0, "V2": 120.0, "Vn": 100.0, "Vnp": 150.0, "Vh": 120.0}  # L, 70 kg
_CONSTANTS = {
    "Ka": 1.5,
    "f_NK": 0.8 * 223.7 / 237.7,
    "f_HNK": 0.5 * 239.7 / 223.7,
    "gamma": 1.3,
    "kG": 2.0,
    "SG": 2.5,
    "kD": 0.12,
    "g50": 0.8,
    "SH": 0.5,
    "EC50H": 0.1,
    "SS": 2.0,
    "d50": 0.5,
    "kAin": 0.15,
    "kAout": 0.04,
    "kM": 0.02,
    "s50": 1.0,
    "wA": 1.5,
}


@dataclass(frozen=True)
class Segment:
    """A stretch between two edges of infusions, within which nothing switches.

    **Arguments:**

    - `begin`, `end`: its ends, h.
    - `on`: whether an infusion runs.
    - `first`, `last`: `times[first:last]` are the output times after `begin`, up to `end`.
    """

    begin: float
    end: float
    on: bool
    first: int
    last: int


@dataclass(frozen=True)
class Chain:
    """A linear chain per patient that drives W's slow block by two signals.

    **Arguments:**

    - `rates`: linear rate matrices, 1/h: (n, m, m).
    - `supply`: what enters each linear state while an infusion runs, per h: (n, m).
    - `signals`: rows that make the drive x (1) and the concentration Ch (mg/L): (n, 2, m).
    - `hill`: exponent of the block x^hill / (1 + x^hill): (n,).
    - `slow`: the parameters named in `SLOW`: (n,) each.
    """

    rates: Array
    supply: Array
    signals: Array
    hill: Array
    slow: dict[str, Array]


def patients(n: int) -> dict[str, Array]:
    """Draw the first n virtual patients of W.

    Nine normal numbers are drawn per patient, row by row, so patient i is the same for every n.

    **Arguments:**

    - `n`: number of patients.

    **Returns:** every parameter by its name in WORKLOAD.md, allometry applied, with `rate` (mg/h
    while an infusion runs) and the initial `S0` and `M0`: (n,) each.
    """
    z = np.random.Generator(np.random.PCG64(SEED)).standard_normal((n, 9))
    weight = np.clip(80.0 * np.exp(0.2 * z[:, 0]), 45.0, 140.0)
    flow, volume = (weight / 70.0) ** 0.75, weight / 70.0
    result = {"WT": weight}
    result |= {name: value * flow for name, value in _FLOWS.items()}
    result |= {name: value * volume for name, value in _VOLUMES.items()}
    result |= {name: np.full(n, value) for name, value in _CONSTANTS.items()}
    scale = {"CLint": flow, "CLn": flow, "Vc": volume}
    for k, (name, typical, omega) in enumerate(_TYPICAL, start=1):
        result[name] = typical * np.exp(omega * z[:, k]) * scale.get(name, 1.0)
    result["rate"] = DOSE_PER_KG * weight / INFUSION_HOURS
    result["S0"], result["M0"] = depressed(result["psi"], result["s50"])
    return result


def depressed(psi: Array, s50: Array) -> tuple[Array, Array]:
    """Lower fixed point of synapses and mood, by 200 iterations from no mood.

    **Arguments:**

    - `psi`: stress: (n,).
    - `s50`: synapses at half mood: (n,).

    **Returns:** S and M: (n,) each.
    """
    mood = np.zeros_like(psi)
    synapses = np.zeros_like(psi)
    for _ in range(200):
        synapses = 1.0 / (1.0 + psi * (1.0 - mood))
        mood = synapses**4 / (s50**4 + synapses**4)
    return synapses, mood


def patient(parameters: Mapping[str, Array], i: int) -> dict[str, float]:
    """The parameters of patient i as plain numbers."""
    return {name: float(values[i]) for name, values in parameters.items()}


def initial(parameters: Mapping[str, Array]) -> Array:
    """The states at time 0: (n, 14)."""
    y = np.zeros((len(parameters["S0"]), len(STATES)))
    y[:, STATES.index("G")] = y[:, STATES.index("D")] = 1.0
    y[:, STATES.index("S")] = parameters["S0"]
    y[:, STATES.index("M")] = parameters["M0"]
    return y


def rhs(
    t: float,  # noqa: ARG001 - solvers pass it
    y: list[float] | Array,
    p: Mapping[str, float],
    rate: float,
) -> list[float]:
    """W's equations for one patient.

    **Arguments:**

    - `t`: time, h; the equations do not depend on it.
    - `y`: the 14 states.
    - `p`: the patient's parameters, as `patient` gives them.
    - `rate`: infusion rate, mg/h.

    **Returns:** the 14 derivatives, per h.
    """
    depot, liver, central, first, second, nor, nor_deep, hydroxy, effect, *slow = y
    c_liver, c, c1, c2 = liver / p["Vl"], central / p["Vc"], first / p["V1"], second / p["V2"]
    cn, cnp, ch = nor / p["Vn"], nor_deep / p["Vnp"], hydroxy / p["Vh"]
    absorbed, cleared = p["Ka"] * depot, p["CLint"] * c_liver
    to_liver, to_first, to_second = p["Qh"] * (c - c_liver), p["Q1"] * (c - c1), p["Q2"] * (c - c2)
    to_deep, onward = p["Qn"] * (cn - cnp), p["CLn"] * cn
    x = max(float(effect), 0.0) / p["IC50"]
    return [
        -absorbed,
        absorbed + to_liver - cleared,
        rate - to_liver - to_first - to_second,
        to_first,
        to_second,
        p["f_NK"] * cleared - onward - to_deep,
        to_deep,
        p["f_HNK"] * onward - p["CLh"] * ch,
        p["ke0"] * (c - effect),
        *slow_rhs(slow, x ** p["gamma"], ch, p),
    ]


def slow_rhs(
    y: list[float] | Array, drive: float, ch: float, p: Mapping[str, float]
) -> list[float]:
    """The slow block for one patient.

    **Arguments:**

    - `y`: G, D, S, A, M.
    - `drive`: the drive to its Hill exponent, x^hill.
    - `ch`: concentration of hydroxynorketamine, mg/L.
    - `p`: the parameters named in `SLOW`.

    **Returns:** the five derivatives, per h.
    """
    burst, growth, synapses, effects, mood = y
    block = drive / (1.0 + drive)
    g2, d, s4 = (burst - 1.0) ** 2, growth - 1.0, synapses**4
    stimulated = p["SD"] * g2 / (p["g50"] ** 2 + g2) + p["SH"] * ch / (p["EC50H"] + ch)
    return [
        p["kG"] * (1.0 + p["SG"] * 4.0 * block * (1.0 - block) - burst),
        p["kD"] * (1.0 + stimulated - growth),
        p["kS"] * (1.0 + p["SS"] * d / (p["d50"] + d) - (1.0 + p["psi"] * (1.0 - mood)) * synapses),
        p["kAin"] * (burst - 1.0) * (1.0 - effects) - p["kAout"] * effects,
        p["kM"] * (s4 / (p["s50"] ** 4 + s4) + p["wA"] * effects * (1.0 - mood) - mood),
    ]


def segments(infusions: Array, times: Array) -> list[Segment]:
    """Cut a calendar at every start and end of an infusion.

    **Arguments:**

    - `infusions`: start and end of each, h, not overlapping: (k, 2).
    - `times`: output times, h, rising, the first 0, the last after every start: (T,).

    **Returns:** the segments from 0 to the last output time.

    **Raises:** `ValueError` where infusions overlap or output does not start at 0.
    """
    ordered = infusions[np.argsort(infusions[:, 0])]
    if np.any(ordered[1:, 0] < ordered[:-1, 1]) or times[0] != 0.0:
        raise ValueError("infusions must not overlap, and output must start at 0")
    edges = np.union1d([0.0, times[-1]], ordered.ravel())
    result: list[Segment] = []
    for begin, end in pairwise(edges[edges <= times[-1]]):
        on = bool(np.any((ordered[:, 0] <= begin) & (end <= ordered[:, 1])))
        first, last = np.searchsorted(times, [begin, end], side="right")
        result.append(Segment(float(begin), float(end), on, int(first), int(last)))
    return result


def chain(parameters: Mapping[str, Array]) -> Chain:
    """W written as a general linear chain and the slow block.

    **Arguments:**

    - `parameters`: as `patients` gives them.

    **Returns:** the same model in the form the chain peers solve.
    """
    p, n = parameters, len(parameters["WT"])
    at = {name: k for k, name in enumerate(STATES[:LINEAR])}
    rates, supply, signals = np.zeros((n, 9, 9)), np.zeros((n, 9)), np.zeros((n, 2, 9))
    for start, end, gone, kept in (
        ("Ad", "Al", p["Ka"], 1.0),
        ("Al", "An", p["CLint"] / p["Vl"], p["f_NK"]),
        ("Al", "Ac", p["Qh"] / p["Vl"], 1.0),
        ("Ac", "Al", p["Qh"] / p["Vc"], 1.0),
        ("Ac", "A1", p["Q1"] / p["Vc"], 1.0),
        ("A1", "Ac", p["Q1"] / p["V1"], 1.0),
        ("Ac", "A2", p["Q2"] / p["Vc"], 1.0),
        ("A2", "Ac", p["Q2"] / p["V2"], 1.0),
        ("An", "Anp", p["Qn"] / p["Vn"], 1.0),
        ("Anp", "An", p["Qn"] / p["Vnp"], 1.0),
        ("An", "Ah", p["CLn"] / p["Vn"], p["f_HNK"]),
    ):
        rates[:, at[start], at[start]] -= gone
        rates[:, at[end], at[start]] += kept * gone
    rates[:, at["Ah"], at["Ah"]] = -p["CLh"] / p["Vh"]
    rates[:, at["Ce"], at["Ac"]] = p["ke0"] / p["Vc"]
    rates[:, at["Ce"], at["Ce"]] = -p["ke0"]
    supply[:, at["Ac"]] = p["rate"]
    signals[:, 0, at["Ce"]] = 1.0 / p["IC50"]
    signals[:, 1, at["Ah"]] = 1.0 / p["Vh"]
    return Chain(rates, supply, signals, p["gamma"], {name: p[name] for name in SLOW})


def reference(n: int) -> Array:
    """Solve the first n patients by SciPy's LSODA at rtol 1e-11, restarted at every edge.

    **Arguments:**

    - `n`: number of patients.

    **Returns:** all states at `TIMES`: (n, 407, 14).
    """
    from scipy.integrate import odeint

    parameters = patients(n)
    y0, parts = initial(parameters), segments(INFUSIONS, TIMES)
    result = np.empty((n, len(TIMES), len(STATES)))
    for i in range(n):
        p, y = patient(parameters, i), y0[i]
        result[i, 0] = y
        for part in parts:
            inside = TIMES[part.first : part.last]
            grid = np.unique([part.begin, *inside, part.end])
            rate = p["rate"] if part.on else 0.0
            solved, report = odeint(
                lambda y, t, p=p, rate=rate: rhs(t, y.tolist(), p, rate),
                *(y, grid),
                rtol=1e-11,
                atol=1e-14,
                mxstep=100_000,
                full_output=True,
            )
            if report["message"] != "Integration successful.":
                raise RuntimeError(f"patient {i} at {part.begin} h: {report['message']}")
            result[i, part.first : part.last] = solved[1 : 1 + len(inside)]
            y = solved[-1]
    return result


def cross_check(n: int) -> Array:
    """Solve the first n patients by SciPy's Radau at rtol 1e-10, to check `reference`.

    **Arguments:**

    - `n`: number of patients.

    **Returns:** all states at `TIMES`: (n, 407, 14).
    """
    from scipy.integrate import solve_ivp

    parameters = patients(n)
    y0, parts = initial(parameters), segments(INFUSIONS, TIMES)
    result = np.empty((n, len(TIMES), len(STATES)))
    for i in range(n):
        p, y = patient(parameters, i), y0[i]
        result[i, 0] = y
        for part in parts:
            inside = TIMES[part.first : part.last]
            solved = solve_ivp(
                lambda t, y, p=p, rate=p["rate"] if part.on else 0.0: rhs(t, y.tolist(), p, rate),
                *((part.begin, part.end), y),
                method="Radau",
                t_eval=np.unique([*inside, part.end]),
                rtol=1e-10,
                atol=1e-13,
            )
            if not solved.success:
                raise RuntimeError(f"patient {i} at {part.begin} h: {solved.message}")
            result[i, part.first : part.last] = solved.y[:, : len(inside)].T
            y = solved.y[:, -1]
    return result


def error(y: Array, y_ref: Array) -> Array:
    """Largest error of each patient over states and times, as WORKLOAD.md defines it.

    **Arguments:**

    - `y`: the solution to judge: (n, T, states).
    - `y_ref`: the reference: the same shape.

    **Returns:** max |y - y_ref| / max(|y_ref|, 1e-3 max_t |y_ref|): (n,). A state that is always
    0 (the depot, in W) counts as right where it is exactly 0. Infinite where y is not finite.
    """
    size = np.abs(y_ref)
    scale = np.maximum(size, 1e-3 * size.max(axis=1, keepdims=True))
    off = np.abs(y - y_ref)
    relative = np.where(off == 0.0, 0.0, off / np.where(scale > 0.0, scale, np.finfo(float).tiny))
    return np.where(np.isfinite(relative), relative, np.inf).max(axis=(1, 2))
