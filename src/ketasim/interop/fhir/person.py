"""Whom a bundle is of: birth year, sex and body weight, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ketasim._base import InputError
from ketasim.interop.fhir.bundle import Bundle
from ketasim.interop.fhir.element import Element, number, part, text
from ketasim.interop.records import WEIGHTS, Account

_KILOGRAMS: Final = {"kg": 1.0, "g": 0.001, "[lb_av]": 0.45359237, "lb": 0.45359237}
"""UCUM codes and words of units of body weight, to kg."""


def check_one_patient(bundle: Bundle, used: Iterable[Mapping[str, Any]]) -> None:
    """Refuse a bundle of several patients: their doses and scores would become one course."""
    patients = bundle.of("Patient")
    own: dict[str, int] = {}
    for place, one in enumerate(patients):
        names = (one.url, text(one.resource, "id") and f"Patient/{text(one.resource, 'id')}")
        own |= {_last_parts(name): place for name in names if name}
    subjects = {
        own.get(_last_parts(name), name)
        for one in used
        if (name := text(part(one, "subject"), "reference"))
    }
    # a Patient without an id is whom the others are of
    known = set(own.values()) if own else set[int]()
    several = max(len(subjects | known), len(patients))
    if several > 1:
        raise InputError(
            "bundle", f"it is of {several} patients", "export a Bundle of one patient alone"
        )


def _last_parts(reference: str) -> str:
    """`Patient/1` of `https://server/Patient/1/_history/2`."""
    plain = re.sub(r"/_history/.*$", "", reference)
    return "/".join(plain.split("/")[-2:])


def birth_year(patient: Element, account: Account) -> int | None:
    """The year of birth; the day and month are not read."""
    hit = re.match(r"\d{4}", text(patient, "birthDate"), re.ASCII)
    if hit is None:
        account.note("The patient's birth year is not recorded.")
        return None
    account.note("The age is that of the birth year alone, and may be a year too high.")
    return int(hit[0])


def sex_of(patient: Element, account: Account) -> str | None:
    """Sex as recorded for administration, where it is female or male."""
    found = text(patient, "gender")
    if found in ("female", "male"):
        return found
    account.note("The patient's sex is not recorded as female or male: it is left out.")
    return None


def kilograms(observation: Element) -> float | None:
    """Body weight of an Observation, kg; nothing where it cannot be one."""
    quantity = part(observation, "valueQuantity")
    value = number(quantity, "value")
    unit = text(quantity, "code") or text(quantity, "unit")
    factor = _KILOGRAMS.get(unit)
    if value is None or factor is None or text(quantity, "comparator"):
        return None
    found = value * factor
    return found if WEIGHTS[0] <= found <= WEIGHTS[1] else None
