"""Medicines, genotypes and kidney function that change enzyme activity in the reference model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from ketasim.evidence import load_table

ACTIVITIES = ("act_2B6", "act_3A", "act_gut", "act_liver", "act_N")
"""Activities a modifier may change: enzymes of liver and gut, the liver as a whole, norketamine."""


class PatientLike(Protocol):
    """What is needed of a patient (see `ketasim.dosing.Patient`)."""

    @property
    def medicines(self) -> Iterable[str]:
        """Names of medicines taken."""
        ...

    @property
    def cyp2b6(self) -> str | None:
        """CYP2B6 genotype."""
        ...

    @property
    def kidney(self) -> str | None:
        """Kidney function."""
        ...

    @property
    def liver(self) -> str | None:
        """Liver function."""
        ...


@dataclass(frozen=True)
class Modifier:
    """Something that changes enzyme activity, and the parameters that say by how much.

    **Arguments:**

    - `name`, `kind`, `synonyms`: as a user may write it; kind is medicine, genotype or kidney.
    - `activities`: activity such as `act_gut` to the symbol of the card that holds its size.
    - `acts_on`: in words. `source`: source key.
    """

    name: str
    kind: str
    synonyms: tuple[str, ...]
    activities: Mapping[str, str]
    acts_on: str
    source: str


@cache
def load_modifiers() -> dict[str, Modifier]:
    """Read the table of modifiers, by name."""
    return {
        row["modifier"]: Modifier(
            name=row["modifier"],
            kind=row["kind"],
            synonyms=tuple(filter(None, (row["synonyms"] or "").split(";"))),
            activities={a: row[a] for a in ACTIVITIES if row[a]},
            acts_on=row["acts_on"],
            source=row["source"],
        )
        for row in load_table("pk/modifiers").to_dicts()
    }


def activities_of(modifiers: Iterable[Modifier], values: Mapping[str, Any]) -> dict[str, Any]:
    """Activity of each enzyme under some modifiers together: their activities multiply.

    **Arguments:**

    - `modifiers`: what acts.
    - `values`: the reference card's values, which hold the sizes.

    **Returns:** every activity of `ACTIVITIES`, 1 when nothing touches it.
    """
    result: dict[str, Any] = dict.fromkeys(ACTIVITIES, 1.0)
    for modifier in modifiers:
        for activity, symbol in modifier.activities.items():
            result[activity] = result[activity] * values[symbol]
    return result


@dataclass(frozen=True)
class Modification:
    """What of a patient changes exposure in the model, and what does not.

    **Arguments:**

    - `modifiers`: computed through the enzymes they act on.
    - `not_assessed`: medicines whose effect on exposure is not in the model's evidence.
    - `notes`: sentences for the report.
    """

    modifiers: tuple[Modifier, ...]
    not_assessed: tuple[str, ...]
    notes: tuple[str, ...]


def modification_of(patient: PatientLike) -> Modification:
    """Look up what of a patient changes exposure.

    **Arguments:**

    - `patient`: with medicines, genotype, kidney and liver function.

    **Returns:** `Modification`; a medicine that is not in the table is named as not assessed.
    """
    table = load_modifiers()
    names = {n: m for m in table.values() for n in (m.name, *m.synonyms) if m.kind == "medicine"}
    found: dict[str, Modifier] = {}
    unknown: list[str] = []
    notes: list[str] = []
    for medicine in patient.medicines:
        hit = names.get(" ".join(medicine.lower().replace("\u2019", "'").split()))
        if hit is None:
            unknown.append(medicine)
        else:
            found[hit.name] = hit
    genotype = table.get(f"cyp2b6 {patient.cyp2b6}")
    if genotype is not None:
        found[genotype.name] = genotype
        notes.append(
            f"CYP2B6 {patient.cyp2b6}: the activity comes from liver microsomes (li2013). After "
            "one oral dose no difference was seen (rao2016); at steady state clearance was lower "
            "(li2015, second-hand). Sources disagree."
        )
    if patient.kidney not in (None, "normal"):
        kidney = table["kidney impairment"]
        found[kidney.name] = kidney
        notes.append(
            "Kidney impairment: one effect for mild to severe impairment, fitted to the middle of "
            "the measured range (esketamine AUC 1.13-1.36 times normal, jnjmedinfo_renal)."
        )
    if patient.liver not in (None, "normal"):
        notes.append(
            f"Liver impairment ({patient.liver}): exposure is higher and the half-life longer in "
            "moderate impairment, but no size is published in the evidence (spravato_label_us); it "
            "is not computed, and severe impairment was not studied."
        )
    if unknown:
        notes.append(
            "Not assessed for an effect on exposure: "
            + ", ".join(unknown)
            + ". This does not mean that there is none."
        )
    return Modification(tuple(found.values()), tuple(unknown), tuple(notes))
