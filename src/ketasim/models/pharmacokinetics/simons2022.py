"""S-ketamine and two metabolites, arterial, after oral film and infusion (Simons 2022)."""

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
    MASS_HYDROXYNORKETAMINE,
    MASS_KETAMINE,
    MASS_NORKETAMINE,
    S_ONLY,
    WEIGHT,
    WEIGHT_REFERENCE,
    allometric,
    exchange,
)

_FILM = (
    Branch("A_mucosa", "F1", duration="D1"),
    Branch("A_gut", "F2", duration="D2"),
)

MODEL = LinearModel(
    name="simons2022",
    title="S-ketamine (3 compartments), S-norketamine (2), S-hydroxynorketamine (2), arterial",
    source="simons2022",
    states=(
        Symbol("A_mucosa", "mg", "film in the oral mucosa"),
        Symbol("A_gut", "mg", "swallowed part of the film"),
        Symbol("A_gutliver", "mg", "swallowed part on its way to the liver"),
        Symbol("A_central", "mg", "S-ketamine, central arterial"),
        Symbol("A_peripheral1", "mg", "S-ketamine, peripheral 1"),
        Symbol("A_peripheral2", "mg", "S-ketamine, peripheral 2"),
        Symbol("M1", "mg", "metabolism delay to S-norketamine, first"),
        Symbol("M2", "mg", "metabolism delay to S-norketamine, second"),
        Symbol("N_central", "mg", "S-norketamine, central, as S-ketamine mass"),
        Symbol("N_peripheral", "mg", "S-norketamine, peripheral, as S-ketamine mass"),
        Symbol("O1", "mg", "metabolism delay to S-hydroxynorketamine, first"),
        Symbol("O2", "mg", "metabolism delay to S-hydroxynorketamine, second"),
        Symbol("H_central", "mg", "S-hydroxynorketamine, central, as S-ketamine mass"),
        Symbol("H_peripheral", "mg", "S-hydroxynorketamine, peripheral, as S-ketamine mass"),
    ),
    parameters=(
        Symbol("F1", "fraction", "part of the film absorbed through the oral mucosa"),
        Symbol("D1", "h", "duration of the mucosal input"),
        Symbol("KA1", "1/h", "mucosal absorption rate constant"),
        Symbol("F2", "ratio", "film that reaches hepatic metabolism from the gut, over the dose"),
        Symbol("D2", "h", "duration of the gut input"),
        Symbol("KA2", "1/h", "gut absorption rate constant"),
        Symbol("MTTG", "h", "gut-to-liver mean transit time"),
        Symbol("VK1", "L", "S-ketamine central volume"),
        Symbol("VK2", "L", "S-ketamine peripheral volume 1"),
        Symbol("VK3", "L", "S-ketamine peripheral volume 2"),
        Symbol("CLK1", "L/h", "S-ketamine clearance"),
        Symbol("CLK2", "L/h", "S-ketamine intercompartmental clearance 1"),
        Symbol("CLK3", "L/h", "S-ketamine intercompartmental clearance 2"),
        Symbol("MTT_NK", "h", "mean transit time to S-norketamine"),
        Symbol("fm_NK", "fraction", "part of metabolised S-ketamine that forms S-norketamine"),
        Symbol("VN2", "L", "S-norketamine peripheral volume"),
        Symbol("CLN1", "L/h", "S-norketamine clearance"),
        Symbol("CLN2", "L/h", "S-norketamine intercompartmental clearance"),
        Symbol("MTT_HNK", "h", "mean transit time to S-hydroxynorketamine"),
        Symbol("fm_HNK", "fraction", "part of metabolised S-norketamine that forms S-HNK"),
        Symbol("VH1", "L", "S-hydroxynorketamine central volume"),
        Symbol("VH2", "L", "S-hydroxynorketamine peripheral volume"),
        Symbol("CLH1", "L/h", "S-hydroxynorketamine clearance"),
        Symbol("CLH2", "L/h", "S-hydroxynorketamine intercompartmental clearance"),
        WEIGHT_REFERENCE,
        Symbol("b_V", "-", "allometric exponent of volumes"),
        Symbol("b_CL", "-", "allometric exponent of clearances"),
        MASS_KETAMINE,
        MASS_NORKETAMINE,
        MASS_HYDROXYNORKETAMINE,
    ),
    covariates=(WEIGHT,),
    definitions=(
        *(
            allometric(v, "b_V", "L", "volume at the patient's weight")
            for v in ("VK1", "VK2", "VK3", "VN2", "VH1", "VH2")
        ),
        *(
            allometric(c, "b_CL", "L/h", "clearance at the patient's weight")
            for c in ("CLK1", "CLK2", "CLK3", "CLN1", "CLN2", "CLH1", "CLH2")
        ),
        Definition("kNK", "2/MTT_NK", "1/h", "rate of each of the two delays"),
        Definition("kHNK", "2/MTT_HNK", "1/h", "rate of each of the two delays"),
    ),
    flows=(
        Flow("A_mucosa", "A_central", "KA1"),
        Flow("A_gut", "A_gutliver", "KA2"),
        Flow("A_gutliver", "M1", "1/MTTG"),
        *exchange("A_central", "A_peripheral1", "CLK2_i", "VK1_i", "VK2_i"),
        *exchange("A_central", "A_peripheral2", "CLK3_i", "VK1_i", "VK3_i"),
        Flow("A_central", "M1", "CLK1_i/VK1_i"),
        Flow("M1", "M2", "kNK"),
        Flow("M2", "N_central", "kNK", "fm_NK"),
        *exchange("N_central", "N_peripheral", "CLN2_i", "VK1_i", "VN2_i"),
        Flow("N_central", "O1", "CLN1_i/VK1_i"),
        Flow("O1", "O2", "kHNK"),
        Flow("O2", "H_central", "kHNK", "fm_HNK"),
        *exchange("H_central", "H_peripheral", "CLH2_i", "VH1_i", "VH2_i"),
        Flow("H_central", None, "CLH1_i/VH1_i"),
    ),
    routes={"iv": (Branch("A_central"),), "sublingual": _FILM, "buccal": _FILM},
    outputs=(
        Output("ketamine", "arterial", "A_central", "VK1_i"),
        Output("norketamine", "arterial", "N_central", "VK1_i", "MW_NK/MW_K"),
        Output("hnk", "arterial", "H_central", "VH1_i", "MW_HNK/MW_K"),
    ),
    streams=S_ONLY,
    notes=(
        "The S-norketamine central volume equals that of S-ketamine, as published.",
        "What is swallowed feeds the metabolites only; F2 is above 1, as published.",
        "The exponents of weight are not reported in the paper; the usual 0.75 and 1 are assumed.",
        "Between-occasion spreads are not applied.",
    ),
)
