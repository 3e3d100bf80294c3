"""S-ketamine and S-norketamine in children on long infusions (Flint 2017)."""

from __future__ import annotations

from ketasim.models.declaration import Branch, Flow, LinearModel, Output, Symbol
from ketasim.models.pharmacokinetics._common import (
    S_ONLY,
    WEIGHT,
    WEIGHT_REFERENCE,
    allometric,
    exchange,
)

MODEL = LinearModel(
    name="flint2017",
    title="S-ketamine (two compartments), S-norketamine (one, apparent), intensive-care children",
    source="flint2017",
    states=(
        Symbol("A_central", "mg", "S-ketamine, central"),
        Symbol("A_peripheral", "mg", "S-ketamine, peripheral"),
        Symbol("N_central", "mg", "S-norketamine (apparent)"),
    ),
    parameters=(
        Symbol("CL", "L/h", "clearance"),
        Symbol("V1", "L", "central volume"),
        Symbol("Q", "L/h", "intercompartmental clearance"),
        Symbol("V2", "L", "peripheral volume"),
        Symbol("CLnk", "L/h", "S-norketamine clearance, apparent"),
        Symbol("Vnk", "L", "S-norketamine volume, apparent"),
        Symbol("theta_t", "1/h", "rise of CLnk per hour since the first dose"),
        WEIGHT_REFERENCE,
        Symbol("b_V", "-", "allometric exponent of volumes"),
        Symbol("b_CL", "-", "allometric exponent of clearances"),
    ),
    covariates=(WEIGHT,),
    definitions=(
        allometric("CL", "b_CL", "L/h", "clearance at the patient's weight"),
        allometric("V1", "b_V", "L", "central volume at the patient's weight"),
        allometric("Q", "b_CL", "L/h", "intercompartmental clearance at the patient's weight"),
        allometric("V2", "b_V", "L", "peripheral volume at the patient's weight"),
        allometric("CLnk", "b_CL", "L/h", "S-norketamine clearance at the patient's weight"),
        allometric("Vnk", "b_V", "L", "S-norketamine volume at the patient's weight"),
    ),
    flows=(
        *exchange("A_central", "A_peripheral", "Q_i", "V1_i", "V2_i"),
        Flow("A_central", "N_central", "CL_i/V1_i"),
        Flow("N_central", None, "CLnk_i*(1 + theta_t*t)/Vnk_i"),
    ),
    routes={"iv": (Branch("A_central"),)},
    outputs=(
        Output("ketamine", "venous", "A_central", "V1_i"),
        Output("norketamine", "venous", "N_central", "Vnk_i"),
    ),
    streams=S_ONLY,
    notes=("Children of 0.02 to 12.5 years only; not a model of adults.",),
)
