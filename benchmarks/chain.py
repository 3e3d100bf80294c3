"""Workload W, and a realistic model of the same length, as ketasim declares them.

`CHAIN` is W of `workload.py`; its numbers are placeholders. `REALISTIC` drives W's slow block by
the reference pharmacokinetic model and the receptor card, both enantiomers. Its slow block is still
a placeholder: it measures speed and claims nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import workload

import ketasim
from ketasim.dosing import Dose
from ketasim.engine import Calendar, Patients
from ketasim.evidence import load_card
from ketasim.models import (
    AMOUNT,
    MODELS,
    RECEPTOR,
    Branch,
    ChainModel,
    Definition,
    Flow,
    LinearModel,
    Output,
    ResponseModel,
    Signal,
    Stream,
    Symbol,
    Turnover,
    receptor_signal,
)
from ketasim.population import virtual_patients

TIMES = workload.TIMES
"""The 407 output times, h."""

HORIZON = float(workload.TIMES[-1])
"""How long a patient is followed, h."""

NAMES = (
    *((state, AMOUNT) for state in workload.STATES[: workload.LINEAR]),
    *workload.STATES[workload.LINEAR :],
)
"""The 14 outputs, in the order of W's states."""

_UNITS = {
    "kG": "1/h",
    "kD": "1/h",
    "EC50H": "mg/L",
    "kS": "1/h",
    "kAin": "1/h",
    "kAout": "1/h",
    "kM": "1/h",
}


def _symbols(names: tuple[str, ...], units: dict[str, str], default: str) -> tuple[Symbol, ...]:
    return tuple(Symbol(name, units.get(name, default), "as WORKLOAD.md has it") for name in names)


def _response(
    name: str,
    title: str,
    signals: tuple[Signal, ...],
    drive: str,
    parameters: tuple[Symbol, ...],
    definitions: tuple[Definition, ...] = (),
) -> ResponseModel:
    """W's slow block, driven by an expression that is x^hill and by the signal Ch."""
    slow = _symbols((*workload.SLOW, "S0", "M0"), _UNITS, "-")
    return ResponseModel(
        name=name,
        title=title,
        source="WORKLOAD.md",
        parameters=(*parameters, *slow),
        definitions=(*definitions, Definition("s504", "(s50**2)**2", "-", "s50 to the fourth")),
        signals=signals,
        quantities=(
            Definition("B", f"1 - 1/(1 + {drive})", "-", "block"),
            Definition("g", "G - 1", "-", "burst above rest"),
            Definition("d", "D - 1", "-", "growth factor above rest"),
        ),
        states=(
            Turnover("G", "-", "glutamate burst", "kG", "kG*(1 + 2*2*SG*B*(1 - B))", "1"),
            Turnover(
                "D",
                "-",
                "growth factor",
                "kD",
                "kD*(1 + SD*g**2/(g50**2 + g**2) + SH*Ch/(EC50H + Ch))",
                "1",
            ),
            Turnover("S", "-", "spines", "kS", "kS*(1 + SS*d/(d50 + d)) - kS*psi*(1 - M)*S", "S0"),
            Turnover("A", "-", "effects signal", "kAout", "kAin*g*(1 - A)", "0"),
            Turnover(
                "M",
                "-",
                "mood",
                "kM",
                "kM*((S**2)**2/(s504 + (S**2)**2) + wA*A*(1 - M))",
                "M0",
            ),
        ),
    )


_LINEAR = LinearModel(
    name="w",
    title="Linear block of workload W",
    source="WORKLOAD.md",
    states=tuple(
        Symbol(name, "mg/L" if name == "Ce" else "mg", "as WORKLOAD.md has it")
        for name in workload.STATES[: workload.LINEAR]
    ),
    parameters=(
        *_symbols(("Qh", "Q1", "Q2", "Qn", "CLint", "CLn", "CLh"), {}, "L/h"),
        *_symbols(("Vl", "Vc", "V1", "V2", "Vn", "Vnp", "Vh"), {}, "L"),
        *_symbols(("Ka", "ke0"), {}, "1/h"),
        *_symbols(("f_NK", "f_HNK"), {}, "ratio"),
    ),
    covariates=(),
    definitions=(),
    flows=(
        Flow("Ad", "Al", "Ka"),
        Flow("Ac", "Al", "Qh/Vc"),
        Flow("Al", "Ac", "Qh/Vl"),
        Flow("Al", "An", "CLint/Vl", "f_NK"),
        Flow("Ac", "A1", "Q1/Vc"),
        Flow("A1", "Ac", "Q1/V1"),
        Flow("Ac", "A2", "Q2/Vc"),
        Flow("A2", "Ac", "Q2/V2"),
        Flow("An", "Anp", "Qn/Vn"),
        Flow("Anp", "An", "Qn/Vnp"),
        Flow("An", "Ah", "CLn/Vn", "f_HNK"),
        Flow("Ah", None, "CLh/Vh"),
        Flow("Ac", "Ce", "ke0/Vc", consumes=False),
        Flow("Ce", None, "ke0"),
    ),
    routes={"oral": (Branch("Ad"),), "iv": (Branch("Ac"),)},
    outputs=(Output("ketamine", "effect", "Ce", "1"), Output("hnk", "venous", "Ah", "Vh")),
    streams={"ketamine": (Stream("", 1.0),)},
)

CHAIN = ChainModel(
    "w",
    _LINEAR,
    _response(
        "w",
        "Slow block of workload W",
        (
            Signal("Ce", "mg/L", "ketamine at the effect site", {("Ce", AMOUNT): "1"}),
            Signal("Ch", "mg/L", "hydroxynorketamine", {("Ah", AMOUNT): "1/Vh"}),
        ),
        "(Ce/IC50)**gamma",
        (
            Symbol("IC50", "mg/L", "as WORKLOAD.md has it"),
            Symbol("gamma", "-", "as WORKLOAD.md has it"),
            Symbol("Vh", "L", "as WORKLOAD.md has it"),
        ),
    ),
)
"""Workload W."""


def patients(n: int) -> Patients:
    """The first n patients of W with their calendar.

    **Arguments:**

    - `n`: number of patients.
    """
    drawn = workload.patients(n)
    doses = tuple(
        Dose(float(start), "ketamine", "iv", workload.DOSE_PER_KG, "mg/kg", workload.INFUSION_HOURS)
        for start in workload.DOSES
    )
    used = [symbol.name for symbol in (*_LINEAR.parameters, *CHAIN.response.parameters)]
    values = {name: _once(drawn[name]) for name in used}
    return Patients(values, drawn["WT"], (Calendar(doses, HORIZON),))


def _once(value: Any) -> Any:
    """One number where all patients have the same."""
    return value[0] if (value == value[0]).all() else value


_DRIVE, _DRIVE_PARAMETERS, _DRIVE_DEFINITIONS = receptor_signal(RECEPTOR, "x")

REALISTIC = ChainModel(
    "realistic",
    MODELS["reference"],
    _response(
        "realistic",
        "Slow block of workload W behind the reference model and the receptor",
        (
            _DRIVE,
            Signal(
                "Ch", "mg/L", "hydroxynorketamine at the effect site", {("hnk", "effect"): "per_ng"}
            ),
        ),
        "x**hill",
        (*_DRIVE_PARAMETERS, Symbol("per_ng", "mg/L per ng/mL", "conversion")),
        _DRIVE_DEFINITIONS,
    ),
)
"""The reference model, both enantiomers, the receptor, and W's slow block."""

REALISTIC_NAMES = (
    ("s_ketamine", "venous"),
    ("r_ketamine", "venous"),
    ("ketamine", "effect"),
    ("norketamine", "venous"),
    ("hnk", "effect"),
    *("x", "Ch", "B"),
    *workload.STATES[workload.LINEAR :],
)
"""Outputs to ask `REALISTIC` for."""


def realistic(n: int) -> Patients:
    """The first n virtual patients of the reference card, with W's slow block and calendar.

    **Arguments:**

    - `n`: number of patients.

    **Returns:** the patients of `REALISTIC`.
    """
    days = " ".join(f"{start / 24.0:g}" for start in workload.DOSES)
    course = ketasim.load_course(
        {
            "title": "Benchmark: the calendar of workload W",
            "patient": {"age": 42, "weight": "78 kg"},
            "regimen": f"ketamine {workload.DOSE_PER_KG} mg/kg iv over 40 min on days {days}",
            "horizon": f"{HORIZON / 24.0:g} d",
            "population": {"n": n, "seed": 1},
        }
    )
    cohort = virtual_patients(course, load_card("reference"), MODELS["reference"])
    receptor = load_card("receptor")
    drawn = workload.patients(n)
    values: dict[str, Any] = {name: _once(value) for name, value in cohort.values.items()}
    values |= {symbol.name: receptor.entry(symbol.name).value for symbol in RECEPTOR.parameters}
    values |= {name: _once(drawn[name]) for name in (*workload.SLOW, "S0", "M0")}
    values["per_ng"] = 1e-3
    doses = tuple(course.regimen.doses)
    return Patients(values, np.asarray(cohort.weight), (Calendar(doses, HORIZON),))
