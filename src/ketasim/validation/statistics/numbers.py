"""What the analyses compute for each row of `data/reference.csv`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from ketasim.trials.analysis import MixedModel, ancova, imputed, mmrm, responder, risk_difference
from ketasim.trials.sequential import (
    boundaries,
    events_needed,
    power_of_means,
    power_of_rates,
    size_of_means,
    size_of_rates,
)

DATA = Path(__file__).parent / "data"
MANY = 10_000  # imputations, as SAS was run with
Found = Mapping[str, float]


def rows() -> list[dict[str, Any]]:
    """The rows of the table."""
    return list(pl.read_csv(DATA / "reference.csv").iter_rows(named=True))


def fev(method: str = "kenward-roger", model: str = "RACE + SEX + ARMCD*AVISIT") -> MixedModel:
    """The mixed model of forced expiratory volume."""
    return mmrm(
        f"FEV1 ~ {model}",
        DATA / "fev.csv",
        subject="USUBJID",
        visit="AVISIT",
        arm="ARMCD",
        reference={"SEX": "Male"},
        method=method,
    )


def depression(**options: Any) -> MixedModel:
    """The mixed model of the trial of an antidepressant."""
    return mmrm(
        "CHANGE ~ BASVAL*VISIT + THERAPY*VISIT",
        DATA / "antidepressant.csv",
        subject="PATIENT",
        visit="VISIT",
        arm="THERAPY",
        reference="PLACEBO",
        **options,
    )


@cache
def fev_documented() -> Found:
    """What the R package mmrm prints in its documentation."""
    adjusted, plain = fev(), fev("satterthwaite")
    found = {
        "-2 REML loglik (deviance)": adjusted.deviance,
        "AIC": adjusted.aic,
        "BIC": adjusted.bic,
        "n observations": adjusted.observations,
        "n subjects": adjusted.subjects,
    }
    for row in plain.coefficients.iter_rows(named=True):
        found[f"estimate {row['term']}"] = row["estimate"]
        found[f"se {row['term']} (asymptotic)"] = row["se"]
        found[f"Satterthwaite df {row['term']}"] = row["df"]
    for i, one in enumerate(plain.visits):
        for j, other in enumerate(plain.visits):
            found[f"Sigma[{one},{other}]"] = plain.optimum.sigma[i, j]
    return found


@cache
def fev_by(method: str) -> Found:
    """Fixed effects with degrees of freedom by a method."""
    found: dict[str, float] = {}
    for row in fev(method).coefficients.iter_rows(named=True):
        found |= {f"{row['term']} {one}": row[one] for one in ("estimate", "se", "df")}
    return found


@cache
def fev_sas() -> Found:
    """What SAS prints of a smaller model."""
    fit = fev("satterthwaite", "ARMCD + SEX")
    arm = fit.differences().row(0, named=True)
    sex = fit.coefficients.row(2, named=True)
    return {
        "TRT-PBO estimate": arm["estimate"],
        "se": arm["se"],
        "df": arm["df"],
        "lower 95": arm["low"],
        "upper 95": arm["high"],
        "SEX Female estimate": sex["estimate"],
        "-2 REML loglik": fit.deviance,
    }


@cache
def depression_sas() -> Found:
    """What SAS prints of the trial of an antidepressant."""
    fit = depression()
    found = {"-2 REML loglik": fit.deviance}
    for i in range(4):
        for j in range(i + 1):
            found[f"UN({i + 1},{j + 1})"] = fit.optimum.sigma[i, j]
    names = {"estimate": "estimate", "se": "se KR", "df": "df KR", "p": "p"}
    for row in fit.differences().iter_rows(named=True):
        for key, name in names.items():
            found[f"DRUG-PLACEBO visit {row['VISIT']} {name}"] = row[key]
    for row in fit.means().iter_rows(named=True):
        for key, name in names.items():
            found[f"LSMEAN {row['THERAPY']} visit {row['VISIT']} {name}"] = row[key]
    visits = ("5", "6", "7")
    # the eight cells of visit and therapy at a baseline of 0, each against the first
    terms = [
        {"THERAPYDRUG": 1.0},
        *({f"VISIT{v}": 1.0} for v in visits),
        *({f"VISIT{v}": 1.0, "THERAPYDRUG": 1.0, _crossed(fit, v): 1.0} for v in visits),
    ]
    cells = fit.joint(terms)
    slopes = fit.joint(
        [{"BASVAL": 1.0}, *({"BASVAL": 1.0, f"BASVAL:VISIT{v}": 1.0} for v in visits)]
    )
    found["type 3 VISIT*THERAPY F (7 df)"] = cells.statistic
    found["type 3 VISIT*THERAPY den df"] = cells.denominator
    found["type 3 BASVAL*VISIT F (4 df)"] = slopes.statistic
    found["type 3 BASVAL*VISIT den df"] = slopes.denominator
    return found


def _crossed(fit: MixedModel, visit: str) -> str:
    options = (f"THERAPYDRUG:VISIT{visit}", f"VISIT{visit}:THERAPYDRUG")
    return next(one for one in options if one in fit.design.names)


@cache
def depression_gls() -> Found:
    """The same model by generalised least squares."""
    fit = depression()
    return {
        "-2 REML loglik": fit.deviance,
        "DRUG-PLACEBO visit 4": fit.differences()["estimate"][0],
    }


@cache
def complete_cases() -> Mapping[str, Found]:
    """Analysis of covariance of complete cases, visit by visit."""
    found = ancova(
        "CHANGE ~ THERAPY + BASVAL",
        DATA / "antidepressant.csv",
        arm="THERAPY",
        visit="VISIT",
        reference="PLACEBO",
    )
    return {
        f"lm CHANGE~THERAPY+BASVAL complete cases visit {row['VISIT']}": {
            "DRUG-PLACEBO": row["estimate"],
            "se": row["se"],
            "df": row["df"],
        }
        for row in found.tables["differences"].iter_rows(named=True)
    }


@cache
def responders() -> Found:
    """Response at the last visit."""
    last = pl.read_csv(DATA / "antidepressant.csv", null_values="NA").filter(pl.col("VISIT") == 7)
    found = responder(
        "I(HAMDTL17 <= 0.5 * BASVAL) ~ THERAPY + BASVAL",
        last,
        arm="THERAPY",
        reference="PLACEBO",
    )
    control, drug = found.tables["arms"].iter_rows(named=True)
    odds = found.tables["coefficients"].filter(pl.col("term") == "THERAPYDRUG")
    return {
        "placebo n": control["n"],
        "placebo responders": control["events"],
        "drug n": drug["n"],
        "drug responders": drug["events"],
        "fisher p": found.tables["differences"]["p_fisher"][0],
        "glm logit THERAPYDRUG": odds["estimate"][0],
        "se": odds["se"][0],
    }


IMPUTED: dict[str, dict[str, Any]] = {
    "MI MAR, then": {"strategy": "mar", "way": "multiple-imputation", "imputations": MANY},
    "MI CIR, then": {"strategy": "cir", "way": "multiple-imputation", "imputations": MANY},
    "MI CR, then": {"strategy": "cr", "way": "multiple-imputation", "imputations": MANY},
    "MI J2R, then": {"strategy": "j2r", "way": "multiple-imputation", "imputations": MANY},
    "Bayes MI JR": {"strategy": "j2r", "way": "multiple-imputation", "imputations": MANY},
    "condmean JR as delta": {"strategy": "j2r", "variance": "information-anchored"},
    "condmean JR +": {"strategy": "j2r"},
    "condmean MAR": {"strategy": "mar"},
    "condmean CR": {"strategy": "cr"},
    "condmean CIR": {"strategy": "cir"},
    "condmean LMCF": {"strategy": "lmcf"},
}


@cache
def imputation(head: str) -> Found:
    """Imputation by reference or at random."""
    found = imputed(
        "CHANGE ~ BASVAL*VISIT + THERAPY*VISIT",
        DATA / "antidepressant.csv",
        subject="PATIENT",
        visit="VISIT",
        arm="THERAPY",
        reference="PLACEBO",
        **IMPUTED[head],
    )
    told: dict[str, float] = {}
    for row in found.tables["differences"].iter_rows(named=True):
        visit = f"visit {row['VISIT']}"
        told |= {
            f"{visit} PLACEBO-DRUG estimate": -row["estimate"],
            f"{visit} se": row["se"],
            f"{visit} se Rubin": row["se"],
            f"{visit} df": row["df"],
            f"{visit} p": row["p"],
        }
    return told


@cache
def newcombe_example() -> Found:
    """Intervals of a difference of two shares, as in Newcombe's table."""
    names = {
        "wald": "Wald",
        "mee": "Mee",
        "miettinen-nurminen": "Miettinen-Nurminen",
        "newcombe": "Newcombe hybrid score",
    }
    found: dict[str, float] = {}
    for method, name in names.items():
        one = risk_difference(56, 70, 48, 80, method=method)
        found |= {f"{name} lower": float(one.low), f"{name} upper": float(one.high)}
    return found


@cache
def group_sequential() -> Found:
    """Boundaries and sizes of the book of Jennison and Turnbull."""
    found: dict[str, float] = {}
    for kind, name, looks, power in (
        ("obrien-fleming", "OF", 5, 0.8),
        ("obrien-fleming", "OF", 20, 0.9),
        ("pocock", "Pocock", 4, 0.8),
        ("pocock", "Pocock", 15, 0.9),
    ):
        design = boundaries(looks, kind, alpha=0.05, sided=2)
        largest = 100.0 * design.inflation(power)
        head = f"{name} k={looks} b=.{round(10 * (1 - power))}"
        found[f"{head} max n %"] = largest
        found[f"{head} E(n) H0 %"] = largest * design.expected(0.0)
    design = boundaries(4, "pocock", alpha=0.05, sided=2)
    drift, largest = design.drift(0.8), 100.0 * design.inflation(0.8)
    for share, name in ((0.5, ".5 delta"), (1.0, "delta"), (1.5, "1.5 delta")):
        found[f"Pocock k=4 E(n) at {name} %"] = largest * design.expected(share * drift)
    for look, value in enumerate(boundaries(4, alpha=0.05, sided=2).critical, start=1):
        found[f"z[{look}]"] = value
    for looks in (2, 4, 10, 20):
        name = f"repeated 1.96 tests, k={looks}" if looks == 2 else f"k={looks}"
        found[name] = boundaries(looks, "none").power(0.0)
    return found


@cache
def rpact_designs() -> Mapping[str, Found]:
    """Boundaries and inflation of the R package rpact."""
    kinds = {
        "OF": "obrien-fleming",
        "P": "pocock",
        "asOF": "spending-obrien-fleming",
        "asP": "spending-pocock",
        "WT": "wang-tsiatis",
    }
    found = dict[str, Found]()
    for name, kind in kinds.items():
        design = boundaries(3, kind)
        found[f"getDesignGroupSequential kMax=3 alpha=.025 one-sided {name}"] = {
            f"critical value {look}": value for look, value in enumerate(design.critical, start=1)
        }
        found[f"kMax=3 {name} beta=.2"] = {"inflation factor": design.inflation(0.8)}
    return found


SINGLE: dict[str, Callable[[], float]] = {
    "getSampleSizeMeans alt=4 sd=10 two-sided 0.05 power 0.8 (t)": lambda: size_of_means(4, 10),
    "getSampleSizeMeans alt=4 sd=10 two-sided 0.05 power 0.9 (t)": lambda: size_of_means(
        4, 10, power=0.9
    ),
    "same, normalApproximation": lambda: size_of_means(4, 10, normal=True),
    "same, allocation 2:1 (t)": lambda: size_of_means(4, 10, ratio=2),
    "getPowerMeans alt=4 sd=10 n=200 total": lambda: power_of_means(4, 10, 200),
    "getPowerMeans alt=2 sd=12 n=120 total": lambda: power_of_means(2, 12, 120),
    "getPowerMeans alt=3 sd=12 n=120 total": lambda: power_of_means(3, 12, 120),
    "getPowerMeans alt=5 sd=12 n=120 total": lambda: power_of_means(5, 12, 120),
    "getSampleSizeRates 0.53 vs 0.31 two-sided power 0.8": lambda: size_of_rates(0.53, 0.31),
    "getSampleSizeRates 0.40 vs 0.25 two-sided power 0.9": lambda: size_of_rates(
        0.4, 0.25, power=0.9
    ),
    "getPowerRates 0.53 vs 0.31 n=223": lambda: power_of_rates(0.53, 0.31, 223),
    "getSampleSizeSurvival HR=0.49 power 0.9 Schoenfeld": lambda: events_needed(0.49, power=0.9),
    "getSampleSizeSurvival HR=0.3 power 0.9 Schoenfeld": lambda: events_needed(0.3, power=0.9),
    "getSampleSizeSurvival HR=0.7 power 0.9 Schoenfeld": lambda: events_needed(0.7, power=0.9),
    "getSampleSizeSurvival HR=0.7 Freedman": lambda: events_needed(
        0.7, power=0.9, method="freedman"
    ),
}

MODELS: dict[tuple[str, str], Callable[[], Found]] = {
    (
        "fev_data",
        "REML, FEV1 ~ RACE + SEX + ARMCD*AVISIT + us(AVISIT|USUBJID)",
    ): fev_documented,
    ("fev_data", "REML, FEV1 ~ ARMCD + SEX + us(AVISIT|USUBJID), DDFM=SATTERTHWAITE"): fev_sas,
    ("fev_data", "mmrm FEV1~RACE+SEX+ARMCD*AVISIT KR-Linear"): lambda: fev_by("kenward-roger"),
    ("fev_data", "mmrm FEV1~RACE+SEX+ARMCD*AVISIT KR (default)"): lambda: fev_by(
        "kenward-roger-cholesky"
    ),
    (
        "antidepressant_data",
        "REML, CHANGE ~ BASVAL*VISIT + THERAPY*VISIT, us(VISIT|PATIENT), KR",
    ): depression_sas,
    (
        "antidepressant_data",
        "nlme::gls REML corSymm+varIdent CHANGE~VISIT*THERAPY+BASVAL:VISIT",
    ): depression_gls,
    ("56/70 vs 48/80", "95% interval"): newcombe_example,
    ("antidepressant_data", "responders (>=50% HAMD17) at visit 7, observed"): responders,
}


def computed(row: Mapping[str, Any]) -> float | None:
    """What the analyses compute for a row; `None` where nothing is made for it."""
    if row["model"] in SINGLE:
        return SINGLE[row["model"]]()
    if row["model"] in rpact_designs():
        return rpact_designs()[row["model"]][row["quantity"]]
    for head in IMPUTED:
        if row["model"].startswith(head):
            return imputation(head)[row["quantity"]]
    if row["model"] in complete_cases():
        return complete_cases()[row["model"]][row["quantity"]]
    made = MODELS.get((row["dataset"], row["model"]))
    if made is not None:
        return made().get(row["quantity"])
    return group_sequential().get(row["quantity"]) if row["dataset"] else None


def misses(told: list[dict[str, Any]]) -> list[str]:
    """Rows that are not met, with what was computed."""
    found: list[str] = []
    for row in told:
        value = computed(row)
        if value is None or not abs(value - row["value"]) <= row["tolerance"] + 1e-9:
            found.append(f"{row['model']}: {row['quantity']} {row['value']} is {value}")
    return found
