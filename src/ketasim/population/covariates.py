"""What a model is told about a patient, and what it cannot use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from ketasim.evidence import Card, source_name
from ketasim.models import LinearModel
from ketasim.population.modifiers import ACTIVITIES, activities_of, modification_of

if TYPE_CHECKING:
    from ketasim.dosing import Patient


TICLOPIDINE = "TICLOPIDINE"
TICLOPIDINE_DOSE = 250.0  # mg, twice daily, as studied (peltoniemi2011; pk/interactions)
_JAPANESE = "japanese"
_ASIAN = ("asian", "japanese")
_NO_KNOWN_EFFECT: Final = ("black", "other")  # ancestries
_ADULT = 18.0  # years


def covariates_of(
    patient: Patient, model: LinearModel, card: Card
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Values of a model's covariates for a patient, and what the reader must know about them.

    **Arguments:**

    - `patient`: who is treated.
    - `model`, `card`: the structure and its numbers.

    **Returns:** covariate to value, and sentences.
    """
    ancestry = patient.ancestry
    asian = 1.0 if ancestry in _ASIAN else 0.0
    age, age_notes = _age(patient, model, card)
    known: dict[str, float] = {
        "WT": patient.weight,
        "AGE": age,
        "ASIAN": asian,
        "JAPANESE": 1.0 if ancestry == _JAPANESE else 0.0,
    }
    notes = [*_outside(patient, model, card), *age_notes]
    names = {symbol.name for symbol in model.covariates}
    modification = modification_of(patient)
    if names.isdisjoint(ACTIVITIES):
        used = {"ticlopidine"} if TICLOPIDINE in names else set[str]()
        ignored = [m.name for m in modification.modifiers if m.name not in used]
        if ignored:
            notes.append(
                f"The model '{model.name}' does not include the effect of {_listed(ignored)}: "
                "the reference model does."
            )
        notes += modification.medicine_notes
        if patient.liver not in (None, "normal"):
            notes.append(
                f"The model '{model.name}' does not include the effect of liver impairment."
            )
    else:
        known |= activities_of(modification.modifiers, card.values())
        notes += modification.notes
    if TICLOPIDINE in names:
        taken = any(m.name == "ticlopidine" for m in modification.modifiers)
        known[TICLOPIDINE] = TICLOPIDINE_DOSE if taken else 0.0
    if "WT" not in names:
        notes.append(
            f"The model '{model.name}' has no effect of weight: weight is used only for doses "
            "in mg/kg."
        )
    if asian and "ASIAN" not in names:
        notes.append(f"The model '{model.name}' has no effect of ancestry.")
    if ancestry in _NO_KNOWN_EFFECT:
        notes.append(f"Ancestry '{ancestry}': no known effect on exposure, none computed.")
    if patient.sex is not None:
        notes.append(sex_note())
    missing = names - set(known)
    if missing:
        raise ValueError(f"{model.name}: no value for the covariates {sorted(missing)}")
    return {symbol.name: float(known[symbol.name]) for symbol in model.covariates}, tuple(notes)


def covariate_symbols(patient: Patient) -> frozenset[str]:
    """Symbols of a card that a patient's covariates are computed from."""
    modifiers = modification_of(patient).modifiers
    return frozenset({"age_turn"}.union(*(one.activities.values() for one in modifiers)))


def _outside(patient: Patient, model: LinearModel, card: Card) -> list[str]:
    """What of the patient lies outside the people a model was built on, as its card has them."""
    studied = cast("Mapping[str, Any] | None", card.extra.get("range"))
    if studied is None:
        return []
    notes: list[str] = []
    for field, value, unit in (("age", patient.age, "years"), ("weight", patient.weight, "kg")):
        if value is None or field not in studied:
            continue
        low, high = cast("tuple[float, float]", tuple(studied[field]))
        if low <= value <= high:
            continue
        note = (
            f"{field.capitalize()} {value:g} is outside {low:g}-{high:g} {unit}, the people the "
            f"model was built on ({source_name(studied['source'])}): this is an extrapolation."
        )
        if model.name == "reference" and field == "age" and value < _ADULT:
            note += (
                " The reference model is for adults; the model 'flint2017' describes children on "
                "infusions."
            )
        notes.append(note)
    return notes


def _age(patient: Patient, model: LinearModel, card: Card) -> tuple[float, list[str]]:
    if patient.age is not None:
        return float(patient.age), []
    # below the age at which the effect of age begins, age has none
    age = card.entry("age_turn").value if "age_turn" in card.entries else 0.0
    if any(symbol.name == "AGE" for symbol in model.covariates):
        return age, ["Age is not given: no effect of age on clearance is computed."]
    return age, []


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def sex_note() -> str:
    """Say what must be known where the sex of patients is given."""
    return (
        "Sex is not modelled and sources disagree: the clearance of S-ketamine was 20 % greater in "
        f"women ({source_name('sigtermans2009')}); no effect of sex was found "
        f"({source_name('wang2019')})."
    )
