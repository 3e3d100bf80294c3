"""Esketamine and noresketamine after nasal, intravenous and oral dosing (Perez-Ruixo 2021)."""

from __future__ import annotations

from ketasim.models.declaration import (
    Branch,
    Definition,
    Flow,
    LinearModel,
    Output,
    Symbol,
)
from ketasim.models.domain import REAL
from ketasim.models.pharmacokinetics._common import S_ONLY, exchange

MODEL = LinearModel(
    name="perezruixo2021",
    title="Esketamine: three compartments with a hepato-portal one; noresketamine: two, apparent",
    source="perezruixo2021",
    states=(
        Symbol("A_nasal", "mg", "esketamine in the nasal cavity"),
        Symbol("A_swallowed", "mg", "swallowed part of a nasal dose, in the gut"),
        Symbol("A_oral", "mg", "oral solution in the gut"),
        Symbol("A_central", "mg", "esketamine, central"),
        Symbol("A_shallow", "mg", "esketamine, shallow peripheral"),
        Symbol("A_deep", "mg", "esketamine, deep peripheral"),
        Symbol("A_liver", "mg", "esketamine, hepato-portal"),
        Symbol("N_central", "mg", "noresketamine, central (apparent)"),
        Symbol("N_peripheral", "mg", "noresketamine, peripheral (apparent)"),
    ),
    parameters=(
        Symbol("FRn", "fraction", "part of the first 28 mg device absorbed through the nose"),
        Symbol("theta_Jap_FRn", "ratio", "Japanese ancestry on FRn"),
        Symbol("theta_dose_FRn", "ratio", "second and later devices of a session on FRn"),
        Symbol("ka_n", "1/h", "nasal absorption rate constant"),
        Symbol("Dsw", "h", "release duration of the swallowed part"),
        Symbol("ka_sw", "1/h", "absorption rate constant of the swallowed part"),
        Symbol("Dpo", "h", "release duration of the oral solution"),
        Symbol("ka_po", "1/h", "absorption rate constant of the oral solution"),
        Symbol("Fgut", "fraction", "part that escapes the gut wall"),
        Symbol("Vc", "L", "central volume"),
        Symbol("Q1", "L/h", "intercompartmental clearance, shallow"),
        Symbol("Vp1", "L", "shallow peripheral volume"),
        Symbol("Q2", "L/h", "intercompartmental clearance, deep"),
        Symbol("Vp2", "L", "deep peripheral volume"),
        Symbol("Qh", "L/h", "hepatic blood flow"),
        Symbol("Qh_typical", "L/h", "hepatic blood flow of the typical patient"),
        Symbol("theta_age_Qh", "L/h/year", "age above the turning point on Qh", REAL),
        Symbol("age_turn", "year", "age above which Qh falls"),
        Symbol("Vh", "L", "hepato-portal volume"),
        Symbol("kel", "1/h", "hepatic elimination to other metabolites"),
        Symbol("theta_Asian_kel", "ratio", "Asian ancestry on kel"),
        Symbol("kmet", "1/h", "hepatic metabolism to noresketamine"),
        Symbol("Vcn", "L", "noresketamine central volume, apparent"),
        Symbol("CLn", "L/h", "noresketamine clearance, apparent"),
        Symbol("theta_Asian_CLn", "ratio", "Asian ancestry on CLn"),
        Symbol("Vpn", "L", "noresketamine peripheral volume, apparent"),
        Symbol("Q3", "L/h", "noresketamine intercompartmental clearance, apparent"),
    ),
    covariates=(
        Symbol("AGE", "year", "age"),
        Symbol("ASIAN", "0/1", "Asian ancestry, Japanese included"),
        Symbol("JAPANESE", "0/1", "Japanese ancestry"),
    ),
    definitions=(
        Definition(
            "FRn_i",
            "minimum(FRn*theta_Jap_FRn**JAPANESE, 1)",
            "fraction",
            "nasal part, first device",
        ),
        Definition("FRn_later", "FRn_i*theta_dose_FRn", "fraction", "nasal part, later devices"),
        Definition(
            "Qh_i",
            "Qh*(1 + theta_age_Qh/Qh_typical*maximum(AGE - age_turn, 0))",
            "L/h",
            "hepatic blood flow at the patient's age",
        ),
        Definition("kel_i", "kel*theta_Asian_kel**ASIAN", "1/h", "elimination, by ancestry"),
        Definition("CLn_i", "CLn*theta_Asian_CLn**ASIAN", "L/h", "noresketamine clearance"),
        Definition("E", "Vh*(kel_i + kmet)/(Qh_i + Vh*(kel_i + kmet))", "fraction", "extraction"),
        Definition("CL", "Qh_i*E", "L/h", "plasma clearance"),
    ),
    flows=(
        Flow("A_nasal", "A_central", "ka_n"),
        Flow("A_swallowed", "A_liver", "ka_sw"),
        Flow("A_oral", "A_liver", "ka_po"),
        *exchange("A_central", "A_shallow", "Q1", "Vc", "Vp1"),
        *exchange("A_central", "A_deep", "Q2", "Vc", "Vp2"),
        *exchange("A_central", "A_liver", "Qh_i", "Vc", "Vh"),
        Flow("A_liver", None, "kel_i"),
        Flow("A_liver", "N_central", "kmet"),
        *exchange("N_central", "N_peripheral", "Q3", "Vcn", "Vpn"),
        Flow("N_central", None, "CLn_i/Vcn"),
    ),
    routes={
        "iv": (Branch("A_central"),),
        "intranasal": (
            Branch("A_nasal", "FRn_i", "FRn_later"),
            Branch("A_swallowed", "(1 - FRn_i)*Fgut", "(1 - FRn_later)*Fgut", duration="Dsw"),
        ),
        "oral": (Branch("A_oral", "Fgut", duration="Dpo"),),
    },
    outputs=(
        Output("ketamine", "venous", "A_central", "Vc"),
        Output("norketamine", "venous", "N_central", "Vcn"),
    ),
    streams=S_ONLY,
    notes=(
        (
            "Noresketamine parameters are apparent: AUC0-24 comes out 1.38-1.56 times the paper's "
            "Table 4, while its Cmax agrees; others report the same. Do not use that AUC."
        ),
        "A fraction absorbed through the nose never exceeds 1, whatever the spread draws.",
        "The between-patient variability of kmet is blank in the printed table; none is applied.",
    ),
)
