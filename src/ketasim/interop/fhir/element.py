"""Parts of a resource as JSON has them: what is not of the expected kind counts as absent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, cast

from ketasim.evidence import Fact, facts

CODES: Final = "vocabulary/codes"
"""The table of codes that are understood."""

_FAMILIES: Final = {
    "loinc": re.compile(r"loinc\.org|2\.16\.840\.1\.113883\.6\.1$"),
    "rxnorm": re.compile(r"rxnorm|2\.16\.840\.1\.113883\.6\.88$"),
    "atc": re.compile(r"whocc\.no/atc|/atc$|2\.16\.840\.1\.113883\.6\.73$"),
    "snomed": re.compile(r"snomed\.info|2\.16\.840\.1\.113883\.6\.96$"),
}
"""Addresses and object identifiers of code systems, as the registry of HL7 has them."""

Element = Mapping[str, Any]


def part(of: Element, name: str) -> dict[str, Any]:
    """An element that is an object; empty where there is none."""
    value = of.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def parts(of: Element, name: str) -> list[dict[str, Any]]:
    """The objects of an element that is a list."""
    value = of.get(name)
    if not isinstance(value, list):
        return []
    several = cast("list[Any]", value)
    return [cast("dict[str, Any]", one) for one in several if isinstance(one, dict)]


def text(of: Element, name: str) -> str:
    """An element that is text; empty where there is none."""
    value = of.get(name)
    return value.strip() if isinstance(value, str) else ""


def number(of: Element, name: str) -> float | None:
    """An element that is a number, or text that is one, as of some exports."""
    value = of.get(name)
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str) and re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value.strip(), re.ASCII):
        return float(value)
    return None


def codings(concept: Element) -> list[dict[str, Any]]:
    """The codings of a CodeableConcept."""
    return parts(concept, "coding")


def family(system: str) -> str:
    """The code system that an address means, such as `loinc`; empty for any other."""
    plain = system.lower().removeprefix("urn:oid:")
    return next((name for name, pattern in _FAMILIES.items() if pattern.search(plain)), "")


@cache
def _codes() -> Mapping[tuple[str, str], Fact]:
    return {(family(row.get("system")), row.get("code")): row for row in facts(CODES)}


def meaning(coding: Element, *, system: str = "") -> Fact | None:
    """What a coding means, by the table `vocabulary/codes`.

    **Arguments:**

    - `coding`: with `system` and `code`. `system`: the family of one that names no system.
    """
    found = family(text(coding, "system")) or (system if not text(coding, "system") else "")
    return _codes().get((found, text(coding, "code")))


def code_meaning(code: str, system: str) -> Fact | None:
    """What a code of a family such as `loinc` means."""
    return _codes().get((system, code))


def meanings(concept: Element) -> list[Fact]:
    """What the codings of a concept mean, those that are known."""
    return [found for one in codings(concept) if (found := meaning(one)) is not None]


def names(concept: Element) -> Iterator[str]:
    """The words of a concept: its text, then the displays of its codings."""
    if text(concept, "text"):
        yield text(concept, "text")
    for one in codings(concept):
        if text(one, "display"):
            yield text(one, "display")
