"""S-ketamine and S-norketamine, venous, after intravenous dosing (Otto 2021 on Fanta 2015)."""

from __future__ import annotations

from ketasim.models.declaration import Branch, Flow, LinearModel, Output, Symbol
from ketasim.models.pharmacokinetics._common import (
    S_ONLY,
    WEIGHT,
    WEIGHT_REFERENCE,
    allometric,
    exchange,
)

_SCALED = (
    allometric("V1", "b_V", "L", "central volume at the patient's weight"),
    allometric("CL", "b_CL", "L/h", "clearance at the patient's weight"),
)
_KETAMINE = (
    Symbol("V1", "L", "central volume"),
    Symbol("CL", "L/h", "clearance"),
    Symbol("Vp1", "L", "peripheral volume 1"),
    Symbol("Q1", "L/h", "intercompartmental clearance 1"),
    Symbol("Vp2", "L", "peripheral volume 2"),
    Symbol("Q2", "L/h", "intercompartmental clearance 2"),
    WEIGHT_REFERENCE,
    Symbol("b_V", "-", "allometric exponent of the central volumes"),
    Symbol("b_CL", "-", "allometric exponent of the clearances"),
)
_KETAMINE_STATES = (
    Symbol("A_central", "mg", "S-ketamine, central"),
    Symbol("A_peripheral1", "mg", "S-ketamine, peripheral 1"),
    Symbol("A_peripheral2", "mg", "S-ketamine, peripheral 2"),
)
_DISTRIBUTION = (
    *exchange("A_central", "A_peripheral1", "Q1", "V1_i", "Vp1"),
    *exchange("A_central", "A_peripheral2", "Q2", "V1_i", "Vp2"),
)

MODEL = LinearModel(
    name="otto2021",
    title="S-ketamine (three compartments, Fanta 2015) and S-norketamine (two), venous",
    source="otto2021",
    states=(
        *_KETAMINE_STATES,
        Symbol("N_central", "mg", "S-norketamine, central, as S-ketamine mass"),
        Symbol("N_peripheral", "mg", "S-norketamine, peripheral, as S-ketamine mass"),
    ),
    parameters=(
        *_KETAMINE,
        Symbol("Vn", "L", "S-norketamine central volume"),
        Symbol("CLn", "L/h", "S-norketamine clearance"),
        Symbol("Vnp", "L", "S-norketamine peripheral volume"),
        Symbol("Qn", "L/h", "S-norketamine intercompartmental clearance"),
    ),
    covariates=(WEIGHT,),
    definitions=(
        *_SCALED,
        allometric("Vn", "b_V", "L", "S-norketamine central volume at the patient's weight"),
        allometric("CLn", "b_CL", "L/h", "S-norketamine clearance at the patient's weight"),
    ),
    flows=(
        *_DISTRIBUTION,
        Flow("A_central", "N_central", "CL_i/V1_i"),
        *exchange("N_central", "N_peripheral", "Qn", "Vn_i", "Vnp"),
        Flow("N_central", None, "CLn_i/Vn_i"),
    ),
    routes={"iv": (Branch("A_central"),)},
    outputs=(
        Output("ketamine", "venous", "A_central", "V1_i"),
        Output("norketamine", "venous", "N_central", "Vn_i"),
    ),
    streams=S_ONLY,
    notes=(
        "All S-ketamine cleared becomes S-norketamine, with no change of molar mass, as published.",
        "Peripheral volumes and intercompartmental clearances are not scaled with weight.",
    ),
)

FANTA2015 = LinearModel(
    name="fanta2015",
    title="S-ketamine, three compartments, venous",
    source="fanta2015",
    states=_KETAMINE_STATES,
    parameters=_KETAMINE,
    covariates=(WEIGHT,),
    definitions=_SCALED,
    flows=(*_DISTRIBUTION, Flow("A_central", None, "CL_i/V1_i")),
    routes={"iv": (Branch("A_central"),)},
    outputs=(Output("ketamine", "venous", "A_central", "V1_i"),),
    streams=S_ONLY,
    notes=(
        (
            "The oral part of the paper (F 8 %) has no absorption rate in the evidence and is "
            "left out."
        ),
    ),
)
