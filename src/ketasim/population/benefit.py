"""What is published on other medicines and the benefit of ketamine; numbers only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from ketasim._base import InputError, near
from ketasim.evidence import Fact, facts, interval, number
from ketasim.vocabulary import (
    MedicineForm,
    MedicineMatch,
    MedicineMention,
    resolve_medicine,
)

_EFFECTS: Final = "mood/benefit_modifiers"
_EQUIVALENTS: Final = "mood/diazepam_equivalents"
_REFERENCE: Final = 10.0  # mg of diazepam by mouth, which the table's doses equal


@dataclass(frozen=True)
class DiazepamEquivalent:
    """A dose of a benzodiazepine in terms of diazepam by mouth.

    **Arguments:**

    - `drug`, `mg`: what was asked for.
    - `value`: mg of diazepam by the table that is used, the middle of a range.
    - `low`, `high`: mg of diazepam, over all published tables.
    - `sources`: source keys, that of `value` first.
    """

    drug: str
    mg: float
    value: float
    low: float
    high: float
    sources: tuple[str, ...]


@dataclass(frozen=True)
class BenefitModifier:
    """One published effect of a medicine taken; sources that disagree stay side by side.

    **Arguments:**

    - `name`: the medicine or class. `matched`: the medicines of the patient, as written.
    - `effect_on`: such as `benefit_onset`, `benefit_duration`, `benefit` or `dissociation`.
    - `kind`: `size` where `value` is a magnitude that can be computed with, else `direction`.
    - `direction`: lowers, raises, none or conflict.
    - `value`, `comparator`: with and without the medicine, in `unit`; `low`, `high`: interval.
    - `sources`: source keys. `grade`: how the numbers were obtained. `note`: a caveat.
    - `population`: who was studied. `at_days`: days after ketamine.
    - `threshold`: daily dose above which the effect was seen, mg of diazepam.
    - `daily_dose`: the patient's, mg of diazepam, where every dose is written.
    - `above_threshold`: whether the dose is above it; nothing when that cannot be told because a
      dose is missing or the published tables of equivalents disagree.
    - `fact`: id of the row.
    """

    name: str
    matched: tuple[str, ...]
    effect_on: str
    kind: str
    direction: str
    value: float | None
    unit: str
    sources: tuple[str, ...]
    note: str
    comparator: float | None = None
    low: float | None = None
    high: float | None = None
    population: str = ""
    grade: str = ""
    at_days: float | None = None
    threshold: float | None = None
    daily_dose: float | None = None
    above_threshold: bool | None = None
    fact: str = ""


def benefit_modifiers(
    medicines: Sequence[str | MedicineForm | MedicineMatch],
) -> tuple[BenefitModifier, ...]:
    """Look up what is published on the benefit of ketamine with other medicines.

    **Arguments:**

    - `medicines`: as written, or as understood, with or without a dose such as `lorazepam 2 mg/day`
      or `Ativan 1 mg twice daily`; read as the screen reads them, brands and classes included. What
      is not taken or stopped is left out. A dose without how often is taken as the daily dose.

    **Returns:** one entry a published effect, in the order of the table; nothing for a medicine
    that the table does not name, which does not mean that it has no effect.
    """
    found: list[BenefitModifier] = []
    taken = [
        (match.text, one)
        for match in map(_match, medicines)
        for one in match.mentions
        if one.counted
    ]
    for row in facts(_EFFECTS):
        members = set(row.listed("members"))
        matched = [(text, one) for text, one in taken if not members.isdisjoint(one.subjects)]
        if matched:
            found.append(_modifier(row, matched))
    return tuple(found)


def _match(medicine: str | MedicineForm | MedicineMatch) -> MedicineMatch:
    return medicine if isinstance(medicine, MedicineMatch) else resolve_medicine(medicine)


def diazepam_equivalent(drug: str, mg: float) -> DiazepamEquivalent:
    """Convert a dose of a benzodiazepine to diazepam by mouth.

    Equivalents rest on clinical experience and tables disagree; every table is kept.

    **Arguments:**

    - `drug`: generic name, in any case.
    - `mg`: dose, mg.

    **Returns:** `DiazepamEquivalent`.

    **Raises:** `InputError` when no table names the drug or the dose is not a positive number.
    """
    name = drug.strip().lower()
    rows = _equivalents().get(name)
    if rows is None:
        raise InputError(
            "drug", f"no published diazepam equivalent of '{drug}'", near(name, _equivalents())
        )
    if not (math.isfinite(mg) and mg > 0):
        raise InputError("mg", f"{mg:g} is not a dose", "give a positive number of mg")
    ends = [_ends(row.get("mg")) for row in rows]
    used = ends[0]
    return DiazepamEquivalent(
        drug=name,
        mg=mg,
        value=mg * _REFERENCE / ((used[0] + used[1]) / 2),
        low=mg * _REFERENCE / max(high for _, high in ends),
        high=mg * _REFERENCE / min(low for low, _ in ends),
        sources=tuple(dict.fromkeys(row.source for row in rows)),
    )


def _modifier(row: Fact, matched: Sequence[tuple[str, MedicineMention]]) -> BenefitModifier:
    threshold = number(row.get("threshold"))
    doses = [] if threshold is None else [_in_diazepam(one) for _, one in matched]
    known = [dose for dose in doses if dose is not None]
    complete = bool(doses) and len(known) == len(doses)
    above: bool | None = None
    if threshold is not None:
        # a dose that is not written can only add to the others
        if sum(dose.low for dose in known) > threshold:
            above = True
        elif complete and sum(dose.high for dose in known) <= threshold:
            above = False
    return BenefitModifier(
        name=row.get("modifier"),
        matched=tuple(dict.fromkeys(text for text, _ in matched)),
        effect_on=row.get("effect_on"),
        kind=row.get("kind"),
        direction=row.get("direction"),
        value=number(row.get("value")),
        unit=row.get("unit"),
        sources=(row.source,),
        note=row.get("note"),
        comparator=number(row.get("comparator_value")),
        low=number(row.get("low")),
        high=number(row.get("high")),
        population=row.get("population"),
        grade=row.get("grade"),
        at_days=number(row.get("at_days")),
        threshold=threshold,
        daily_dose=sum(dose.value for dose in known) if complete else None,
        above_threshold=above,
        fact=row.id,
    )


def _in_diazepam(taken: MedicineMention) -> DiazepamEquivalent | None:
    """Daily dose of a medicine as written, where its dose and equivalent are known."""
    drugs = [drug for drug in taken.names if drug in _equivalents()]
    mg = taken.daily_mg
    return diazepam_equivalent(drugs[0], mg) if len(drugs) == 1 and mg else None


@cache
def _equivalents() -> dict[str, tuple[Fact, ...]]:
    """Rows of the table of equivalents by drug, the one that is used first."""
    found: dict[str, tuple[Fact, ...]] = {}
    for row in sorted(facts(_EQUIVALENTS), key=lambda row: row.get("use") != "yes"):
        found[row.get("drug")] = (*found.get(row.get("drug"), ()), row)
    return found


def _ends(text: str) -> tuple[float, float]:
    ends = interval(text)
    if ends is not None:
        return ends
    value = number(text)
    assert value is not None, text
    return value, value
