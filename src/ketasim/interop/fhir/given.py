"""Doses of a bundle: ketamine and esketamine that were given, by MedicationAdministration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ketasim._base import InputError
from ketasim.interop.dose_entry import checked_entry, duration
from ketasim.interop.fhir.bundle import Bundle
from ketasim.interop.fhir.element import (
    Element,
    codings,
    meanings,
    names,
    number,
    part,
    parts,
    text,
)
from ketasim.interop.fhir.moment import Time, effective, hours_between
from ketasim.interop.german import in_english
from ketasim.interop.records import Account
from ketasim.vocabulary import DrugName, read_drug, read_measure, route_of
from ketasim.vocabulary.drug import drug_names, drug_pattern, salt_pattern

_KIND: Final = "MedicationAdministration"
_STATUS: Final = re.compile(r"[a-z-]{1,30}")
_ROUTE_TAIL: Final = re.compile(
    r"\s*\([^)]*\)\s*$|\s+(?:route(?: of administration)?|use)\s*$", re.IGNORECASE
)
_OTHER: Final = "not ketamine or esketamine by its codes or name"
_NOT_GIVEN: Final = ("its status is not-done", "its status is entered-in-error")
_APART: Final = 0.1
"""Relative difference of two durations of a dose above which one of them is wrong (assumed)."""

_TIMED: Final = ("iv", "im", "sc")


@dataclass(frozen=True)
class Administered:
    """A dose as one resource has it.

    **Arguments:**

    - `time`: when it began. `entry`: as of `Given`. `resource`: that it is of.
    """

    time: Time
    entry: dict[str, str]
    resource: Mapping[str, Any]


def doses_of(bundle: Bundle, account: Account) -> list[Administered]:
    """Every dose of ketamine or esketamine that was given.

    **Arguments:**

    - `bundle`: the resources. `account`: takes what is left out.
    """
    found: list[Administered] = []
    for entry in bundle.of(_KIND):
        one = entry.resource
        try:
            found.append(_administered(one, bundle))
        except InputError as error:
            account.leave_out(_KIND, error.problem)
            if error.problem != _OTHER and not error.problem.endswith(_NOT_GIVEN):
                account.note("A dose that was given may be missing: see what was not read.")
    times = [(one.time.key, one.entry["drug"]) for one in found]
    if len(set(times)) < len(times):
        account.note("Doses of one drug recorded at the same time are all kept: check them.")
    return found


def _no(why: str) -> InputError:
    """Why a resource is left out; `doses_of` tells it, and nothing of the record."""
    return InputError(_KIND, why, "")


def _administered(one: Element, bundle: Bundle) -> Administered:
    medicine = _medicine(one, bundle)
    drug = _drug(part(medicine, "code") if "code" in medicine else medicine)
    if drug is None:
        raise _no(_OTHER)
    named = drug.drug
    status = text(one, "status")
    if status != "completed":
        shown = status if _STATUS.fullmatch(status) else "unknown"
        more = ": how much was given is not known" if shown in ("stopped", "in-progress") else ""
        raise _no(f"{named}, its status is {shown}{more}")
    start, end = effective(one)
    if start is None:
        raise _no(f"{named}, its time is missing, is no whole date, or has no time zone")
    dosage = part(one, "dosage")
    route = drug.route or _route(part(dosage, "route"))
    if not route:
        raise _no(f"{named}, its route is missing or not understood")
    lasts = hours_between(start, end) if end is not None else None
    if lasts is not None and lasts < 0:
        raise _no(f"{named}, it ends before it begins")
    entry = {"drug": named, "route": route, **_amount(named, dosage, medicine, route, lasts)}
    if drug.salt == "hydrochloride":
        entry["salt"] = drug.salt
    try:
        return Administered(start, checked_entry(entry), one)
    except InputError:
        raise _no(f"{named}, its dose cannot be one") from None


def _medicine(one: Element, bundle: Bundle) -> Mapping[str, Any]:
    """The medicine: a concept, or a Medication with its code and strength."""
    concept = part(one, "medicationCodeableConcept")
    if concept:
        return concept
    reference = part(one, "medicationReference")
    found = bundle.referred("Medication", text(reference, "reference"), one)
    if part(found, "code"):
        return found
    ingredients = [part(i, "itemCodeableConcept") for i in parts(found, "ingredient")]
    if len(ingredients) == 1:
        return {**found, "code": ingredients[0]}
    display = text(reference, "display")
    return {**found, "code": {"text": display}} if display else {}


def _drug(concept: Element) -> DrugName | None:
    """The drug of a concept; nothing where its codes and words do not agree on one."""
    coded = {row.get("means") for row in meanings(concept) if row.get("kind") == "drug"}
    worded = [found for name in names(concept) if (found := _in_words(name)) is not None]
    drugs = coded | {one.drug for one in worded}
    if len(drugs) != 1:
        return None
    salts = {one.salt for one in worded if one.salt}
    routes = {one.route for one in worded if one.route}
    return DrugName(
        drugs.pop(),
        salts.pop() if len(salts) == 1 else None,
        routes.pop() if len(routes) == 1 else None,
    )


def _in_words(name: str) -> DrugName | None:
    """The one drug that the name of a product has in it, such as `ketamine 50 MG/ML`."""
    name = in_english(name)
    try:
        return read_drug(name)
    except InputError:
        pass
    known = drug_names()
    found = {re.sub(r"[\s_]+", "-", hit[0].lower()) for hit in drug_pattern().finditer(name)}
    read = [known[one] for one in found if one in known]
    if len(read) != len(found) or len({one.drug for one in read}) != 1:
        return None
    # a strength of a product may be of the base whatever its name says, so the salt is not told
    salted = salt_pattern().search(name) is not None and not any(one.salt for one in read)
    return DrugName(read[0].drug, None if salted else read[0].salt, read[0].route)


def _route(concept: Element) -> str:
    """The route of a concept; empty where its codes and words do not agree on one."""
    coded = {row.get("means") for row in meanings(concept) if row.get("kind") == "route"}
    for name in (*names(concept), *(text(one, "code") for one in codings(concept))):
        plain = name
        while (shorter := _ROUTE_TAIL.sub("", plain)) != plain:
            plain = shorter
        found = route_of(in_english(plain))
        if found is not None:
            coded.add(found.route)
    return coded.pop() if len(coded) == 1 else ""


def _amount(
    drug: str, dosage: Element, medicine: Element, route: str, lasts: float | None
) -> dict[str, str]:
    """`dose` and, where it is known, `over`."""
    total, rate = _quantity(part(dosage, "dose")), _rate(dosage)
    over = lasts if lasts and route in _TIMED else None
    if total is not None and rate is not None and route in _TIMED:
        by_rate = _over_at(total, rate)
        if over and by_rate and abs(by_rate / over - 1) > _APART:
            raise _no(f"{drug}, its dose, rate and time do not agree")
        over = over or by_rate
    elif total is None and rate is not None and not part(dosage, "dose"):
        if over is None:
            raise _no(f"{drug}, a rate without how long it ran")
        total = rate
    if total is None:
        raise _no(f"{drug}, its dose is missing or has a unit that is not understood")
    kind = _kind(total)
    if kind == "volume":
        total = f"{total} of {_strength(drug, medicine)}"
    elif kind not in ("dose", "rate"):
        raise _no(f"{drug}, its dose is missing or has a unit that is not understood")
    return {"dose": total, **({"over": duration(over)} if over else {})}


def _quantity(quantity: Element) -> str | None:
    """A quantity as text, such as `0.5 mg/kg`."""
    value = number(quantity, "value")
    if value is None or text(quantity, "comparator"):
        return None
    for unit in (text(quantity, "code"), text(quantity, "unit")):
        plain = unit.replace("{bodyWeight}", "").replace("ug", "mcg")
        if plain and _kind(f"{value:.12g} {plain}") is not None:
            return f"{value:.12g} {plain}"
    return None


def _kind(amount: str) -> str | None:
    try:
        return read_measure(amount, field=_KIND).kind
    except InputError:
        return None


def _hours(quantity: Element) -> float | None:
    amount = _quantity(quantity)
    if amount is None or _kind(amount) != "time":
        return None
    return float(read_measure(amount, field=_KIND).value)


def _rate(dosage: Element) -> str | None:
    """A rate as text, such as `60 mg/h`."""
    ratio = part(dosage, "rateRatio")
    if not ratio:
        return _quantity(part(dosage, "rateQuantity"))
    some, hours = _quantity(part(ratio, "numerator")), _hours(part(ratio, "denominator"))
    if some is None or not hours:
        return None
    above = read_measure(some, field=_KIND)
    unit = {"dose": above.dose_unit, "volume": "mL"}.get(above.kind)
    return None if unit is None else f"{float(above.value) / hours:.12g} {unit}/h"


def _over_at(total: str, rate: str | None) -> float | None:
    """Time that a dose takes at a rate, h."""
    if rate is None:
        return None
    whole, flow = read_measure(total, field=_KIND), read_measure(rate, field=_KIND)
    fits = {("dose", "rate"), ("volume", "flow")}
    if (whole.kind, flow.kind) not in fits or whole.per_kg != flow.per_kg or not flow.value:
        return None
    return float(whole.value / flow.value)


def _strength(drug: str, medicine: Element) -> str:
    """Mass in a mL of a Medication whose one active ingredient is the drug."""
    strengths = [part(one, "strength") for one in parts(medicine, "ingredient")]
    if len(strengths) == 1:
        mass = _quantity(part(strengths[0], "numerator"))
        volume = _quantity(part(strengths[0], "denominator"))
        if mass and volume and (_kind(mass), _kind(volume)) == ("dose", "volume"):
            above = read_measure(mass, field=_KIND).value
            below = read_measure(volume, field=_KIND).value
            if below:
                return f"{float(above / below):.12g} mg/mL"
    raise _no(f"{drug}, its dose is a volume without a strength")
