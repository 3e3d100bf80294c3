"""Racemic ketamine as anaesthesia simulators use it, and the pooled arterial model."""

from __future__ import annotations

from ketasim.models.declaration import (
    Branch,
    Definition,
    Flow,
    LinearModel,
    Output,
    Symbol,
)
from ketasim.models.pharmacokinetics._common import (
    RACEMATE_AS_ONE,
    WEIGHT,
    WEIGHT_REFERENCE,
    allometric,
    exchange,
)

_V1 = Symbol("v1", "L/kg", "central volume per kg")
_VOLUME = Definition("V1", "v1*WT", "L", "central volume")
_CENTRAL = Symbol("A_central", "mg", "ketamine, central")
_SHALLOW = Symbol("A_peripheral1", "mg", "ketamine, peripheral 1")
_DEEP = Symbol("A_peripheral2", "mg", "ketamine, peripheral 2")
_TWO = (
    Flow("A_central", None, "k10"),
    Flow("A_central", "A_peripheral1", "k12"),
    Flow("A_peripheral1", "A_central", "k21"),
)
_RATES = (
    Symbol("k10", "1/h", "elimination rate constant"),
    Symbol("k12", "1/h", "rate constant, central to peripheral 1"),
    Symbol("k21", "1/h", "rate constant, peripheral 1 to central"),
)

DOMINO1982 = LinearModel(
    name="domino1982",
    title="Racemic ketamine, three compartments, micro-constants",
    source="opentiva",
    states=(_CENTRAL, _SHALLOW, _DEEP),
    parameters=(
        _V1,
        *_RATES,
        Symbol("k13", "1/h", "rate constant, central to peripheral 2"),
        Symbol("k31", "1/h", "rate constant, peripheral 2 to central"),
    ),
    covariates=(WEIGHT,),
    definitions=(_VOLUME,),
    flows=(
        *_TWO,
        Flow("A_central", "A_peripheral2", "k13"),
        Flow("A_peripheral2", "A_central", "k31"),
    ),
    routes={"iv": (Branch("A_central"),)},
    outputs=(Output("ketamine", "venous", "A_central", "V1"),),
    streams=RACEMATE_AS_ONE,
)

CLEMENTS1981 = LinearModel(
    name="clements1981",
    title="Racemic ketamine, two compartments, micro-constants (250 ug/kg bolus)",
    source="opentiva",
    states=(_CENTRAL, _SHALLOW),
    parameters=(_V1, *_RATES),
    covariates=(WEIGHT,),
    definitions=(_VOLUME,),
    flows=_TWO,
    routes={"iv": (Branch("A_central"),)},
    outputs=(Output("ketamine", "venous", "A_central", "V1"),),
    streams=RACEMATE_AS_ONE,
)

KAMP2020 = LinearModel(
    name="kamp2020",
    title="Racemic ketamine, three compartments, arterial, pooled raw data of 14 studies",
    source="kamp2020anes",
    states=(_CENTRAL, _SHALLOW, _DEEP),
    parameters=(
        Symbol("V1", "L", "central volume"),
        Symbol("V2", "L", "peripheral volume 1"),
        Symbol("V3", "L", "peripheral volume 2"),
        Symbol("CL", "L/h", "clearance"),
        Symbol("Q2", "L/h", "intercompartmental clearance 1"),
        Symbol("Q3", "L/h", "intercompartmental clearance 2"),
        WEIGHT_REFERENCE,
        Symbol("b_V", "-", "exponent of weight on volumes"),
        Symbol("b_CL", "-", "exponent of weight on clearances"),
    ),
    covariates=(WEIGHT,),
    definitions=(
        *(allometric(v, "b_V", "L", "volume at the patient's weight") for v in ("V1", "V2", "V3")),
        *(
            allometric(c, "b_CL", "L/h", "clearance at the patient's weight")
            for c in ("CL", "Q2", "Q3")
        ),
    ),
    flows=(
        Flow("A_central", None, "CL_i/V1_i"),
        *exchange("A_central", "A_peripheral1", "Q2_i", "V1_i", "V2_i"),
        *exchange("A_central", "A_peripheral2", "Q3_i", "V1_i", "V3_i"),
    ),
    routes={"iv": (Branch("A_central"),)},
    outputs=(Output("ketamine", "arterial", "A_central", "V1_i"),),
    streams=RACEMATE_AS_ONE,
    notes=(
        (
            "The paper's two venous delay compartments have no values in the evidence; only "
            "the arterial core is here."
        ),
    ),
)
