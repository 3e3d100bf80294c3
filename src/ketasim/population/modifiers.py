"""Medicines, genotypes and kidney function that change enzyme activity in the reference model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from ketasim.evidence import (
    Fact,
    facts,
    interval,
    load_table,
    number,
    source_name,
    with_source_names,
)
from ketasim.vocabulary import MedicineForm, MedicineMatch, resolve_medicine

ACTIVITIES = ("act_2B6", "act_3A", "act_gut", "act_liver", "act_N")
"""Activities a modifier may change: enzymes of liver and gut, the liver as a whole, norketamine."""


class PatientLike(Protocol):
    """What is needed of a patient (see `ketasim.dosing.Patient`)."""

    @property
    def medicines(self) -> Iterable[str | MedicineForm]:
        """Medicines, as written."""
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


@cache
def _known_facts() -> Mapping[str, tuple[Fact, ...]]:
    """Rows of `pk/interactions` by the name of each medicine they speak of."""
    found: dict[str, tuple[Fact, ...]] = {}
    for fact in facts("pk/interactions"):
        text = fact.get("perpetrator").lower()
        # covariates, genotypes and diseases stand in the same table
        if fact.get("perp_dose") in ("", "-") or "(disease)" in text:
            continue
        for part in re.split(r"/| or | vs ", re.sub(r"\(.*?\)", "", text)):
            for name in _named(resolve_medicine(part.strip())):
                found[name] = (*found.get(name, ()), fact)
    return found


@dataclass(frozen=True)
class _Medicines:
    """Medicines of a patient, sorted by what is known of them."""

    modifiers: tuple[Modifier, ...]
    known: tuple[str, ...]
    not_assessed: tuple[str, ...]
    notes: tuple[str, ...]


def _medicines_of(medicines: Sequence[str | MedicineForm]) -> _Medicines:
    if not medicines:  # nothing is read for nobody's medicine
        return _Medicines((), (), (), ())
    table = {m.name: m for m in load_modifiers().values() if m.kind == "medicine"}
    reported = _known_facts()
    computed: dict[str, Modifier] = {}
    known: dict[str, tuple[Fact, ...]] = {}
    unknown: list[str] = []
    hints: list[str] = []
    notes: list[str] = []
    for medicine in medicines:
        match = resolve_medicine(medicine)
        if match.status in ("not taken", "stopped"):
            notes.append(_not_taken(match))
            continue
        hits = [name for name in match.names if name in table]
        computed |= {name: table[name] for name in hits}
        if hits and " ".join(match.text.lower().split()) not in hits:
            notes.append(
                f"'{match.text}' is interpreted as {', '.join(hits)} at the studied dose: "
                "other doses are not computed."
            )
        named = [name for name in _named(match) if name in reported and name not in table]
        others = {name: reported[name] for name in named}
        known |= others
        if not hits and not others:
            unknown.append(match.text)
            named = f" (did you mean '{match.hint}'?)" if match.hint else ""
            hints.append(f"{match.text}{named}")
        if match.stopped:
            notes.append(_not_taken(match))
    for name, rows in known.items():
        notes.append(f"{name.capitalize()}: known but not computed. Published: {_published(rows)}.")
    if unknown:
        notes.append(
            f"Not assessed for an effect on exposure: {', '.join(hints)}. "
            "This does not mean that there is none."
        )
    return _Medicines(tuple(computed.values()), tuple(known), tuple(unknown), tuple(notes))


def _named(match: MedicineMatch) -> tuple[str, ...]:
    """Medicines that count as taken, and classes that are named by themselves."""
    classes = (one.classes[0] for one in match.mentions if one.counted and not one.names)
    return tuple(dict.fromkeys((*match.names, *classes)))


def _not_taken(match: MedicineMatch) -> str:
    """What is not computed because it is not taken, and what of it may still act."""
    stopped = [name for one in match.stopped for name in one.names or one.classes[:1]]
    if not stopped:
        return f"'{match.text}' is read as not taken: no effect on exposure is computed."
    return (
        f"'{match.text}': {', '.join(stopped)} read as stopped: no effect on exposure is computed; "
        "whether it still acts was not assessed."
    )


def _published(rows: Iterable[Fact]) -> str:
    """What the rows print, with the people or route, the source and the id of each."""
    said: list[str] = []
    for row in rows:
        size = row.get("ratio")
        times = " times" if number(size) is not None or interval(size) is not None else ""
        said.append(
            f"{row.get('perpetrator')}, {row.get('perp_dose')}, with {row.get('victim')}, "
            f"{row.get('victim_dose_route')}: {row.get('metric')} of {row.get('analyte')} "
            f"{size}{times} ({source_name(row.source)}, {row.id})"
        )
    return "; ".join(said)


@dataclass(frozen=True)
class Modification:
    """What of a patient changes exposure in the model, and what does not.

    **Arguments:**

    - `modifiers`: computed through the enzymes they act on.
    - `known`: names of medicines with a published effect that the model does not compute.
    - `not_assessed`: medicines whose effect on exposure is not in the evidence.
    - `notes`: sentences for the report; `medicine_notes`: those of them on medicines.
    """

    modifiers: tuple[Modifier, ...]
    known: tuple[str, ...]
    not_assessed: tuple[str, ...]
    notes: tuple[str, ...]
    medicine_notes: tuple[str, ...]


def modification_of(patient: PatientLike) -> Modification:
    """Look up what of a patient changes exposure.

    **Arguments:**

    - `patient`: with medicines, genotype, kidney and liver function.

    **Returns:** `Modification`. Medicines are read by `resolve_medicine`, as the screen reads them;
    one with a published effect that is not computed is named with what was published, one that is
    not taken or stopped is said to be so, and any other is named as not assessed.
    """
    table = load_modifiers()
    medicines = _medicines_of(tuple(patient.medicines))
    found = {modifier.name: modifier for modifier in medicines.modifiers}
    notes: list[str] = []
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
    return Modification(
        tuple(found.values()),
        medicines.known,
        medicines.not_assessed,
        (*map(with_source_names, notes), *medicines.notes),
        medicines.notes,
    )
