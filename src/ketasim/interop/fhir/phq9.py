"""The PHQ-9: its total from a questionnaire or from observations; a missing item is not guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ketasim.interop.fhir.bundle import Bundle
from ketasim.interop.fhir.element import (
    Element,
    code_meaning,
    codings,
    meaning,
    number,
    part,
    parts,
    text,
)

ITEMS: Final = 9
"""Items of the PHQ-9, each of 0 to 3 points (hqo2021)."""

_MOST: Final = 3.0
_WEIGHTS: Final = ("ordinalValue", "itemWeight")
"""Ends of the addresses of extensions that give an answer its points."""

_LOINC: Final = re.compile(r"(?:^|/)(\d{1,7}-\d)$", re.ASCII)
# `PHQ.1`, `PHQ-9.1`, `phq9_1`, `PHQ.Score`; of a questionnaire that is known to be the PHQ-9
_OWN: Final = re.compile(r"phq(?:[-_ ]?9)?[-._ /]*(?:item)?[-._ ]*([1-9]|10|score|total)", re.I)
_NAMED: Final = re.compile(r"phq[-_]?9(?!\d)|44249-1", re.IGNORECASE)
_DEPTH: Final = 30


def answers_of(response: Element, bundle: Bundle) -> tuple[dict[str, float | None], list[float]]:
    """Points by item of the PHQ-9, and the totals that are written, of a QuestionnaireResponse.

    **Arguments:**

    - `response`: the resource. `bundle`: where its Questionnaire may be.

    **Returns:** both empty when it is no PHQ-9; an item whose answer has no known points has
    nothing.
    """
    address = text(response, "questionnaire")
    form = _form(address, response, bundle)
    own_codes = {text(one, "linkId"): one for one in _items(form, 0)}
    known = bool(_NAMED.search(address)) or _is_phq9(form)
    items: dict[str, float | None] = {}
    totals: list[float] = []
    for one in _items(response, 0):
        name = _item(one, own_codes, known)
        given = parts(one, "answer")
        if name == "total":
            totals += [found for answer in given if (found := points(answer)) is not None]
        elif name and given:
            found = points(given[0]) if len(given) == 1 else None
            # one item answered twice, differently, has no answer
            items[name] = found if items.get(name, found) == found else None
    return items, totals


def _form(address: str, response: Element, bundle: Bundle) -> Mapping[str, Any]:
    plain = address.partition("|")[0]
    for one in bundle.of("Questionnaire"):
        if plain and text(one.resource, "url") == plain:
            return one.resource
    return bundle.referred("Questionnaire", plain, response) if plain else {}


def _is_phq9(form: Element) -> bool:
    return any((row := meaning(one)) and row.get("kind") == "panel" for one in parts(form, "code"))


def _items(of: Element, depth: int) -> Iterator[dict[str, Any]]:
    """Items of a form, those within items and within answers as well."""
    if depth > _DEPTH:
        return
    for one in parts(of, "item"):
        yield one
        yield from _items(one, depth + 1)
        for answer in parts(one, "answer"):
            yield from _items(answer, depth + 1)


def _item(one: Element, forms: Mapping[str, Element], known: bool) -> str:
    """Which item of the PHQ-9 an item of a form is: its code, `total`, or nothing."""
    link = text(one, "linkId")
    for coded in (*parts(forms.get(link, {}), "code"), *parts(one, "code")):
        row = meaning(coded)
        if row is not None:
            return _name(row.get("kind"), row.get("code"))
    hit = _LOINC.search(link) or _LOINC.search(text(one, "definition").replace("#", "/"))
    row = code_meaning(hit[1], "loinc") if hit else None
    if row is not None:
        return _name(row.get("kind"), row.get("code"))
    own = _OWN.fullmatch(link) if known else None
    if own is None:
        return ""
    word = own[1].lower()
    return "total" if word in ("score", "total") else "" if word == "10" else f"item {word}"


def _name(kind: str, code: str) -> str:
    return "total" if kind == "total" else code if kind == "item" else ""


def points(value: Element) -> float | None:
    """Points of an answer, or of the value of an Observation; nothing where they are not certain.

    **Arguments:**

    - `value`: with one of `valueCoding`, `valueCodeableConcept`, `valueInteger`, `valueDecimal`,
      `valueQuantity` and `valueString`.
    """
    for name in ("valueInteger", "valueDecimal", "valueString"):
        if value.get(name) is not None:
            return number(value, name)
    quantity = part(value, "valueQuantity")
    if quantity:
        return None if text(quantity, "comparator") else number(quantity, "value")
    coded = part(value, "valueCoding")
    several = [coded] if coded else codings(part(value, "valueCodeableConcept"))
    found = {one for coding in several for one in _coded(coding)}
    return next(iter(found)) if len(found) == 1 else None


def _coded(coding: Element) -> Iterator[float]:
    row = meaning(coding, system="loinc")
    if row is not None and row.get("kind") == "answer":
        yield float(row.get("points"))
    for extension in parts(coding, "extension"):
        if text(extension, "url").endswith(_WEIGHTS):
            weight = number(extension, "valueDecimal")
            if weight is not None:
                yield weight


def total_of(items: Mapping[str, float | None], totals: list[float]) -> tuple[float | None, str]:
    """The total, or why there is none.

    **Arguments:**

    - `items`: points by item. `totals`: as written.

    **Returns:** the total and an empty reason, or nothing and a reason.
    """
    complete = len(items) == ITEMS and all(
        one is not None and 0 <= one <= _MOST and one.is_integer() for one in items.values()
    )
    total = sum(one for one in items.values() if one is not None) if complete else None
    values = {*totals, *([] if total is None else [total])}
    if len(values) > 1:
        return None, "its total differs from the sum of its nine items"
    if not values:
        answered = sum(one is not None for one in items.values())
        return None, f"{answered} of nine items and no total: missing items are not guessed"
    return values.pop(), ""
