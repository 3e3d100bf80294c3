"""Doses of a clinic's table: `0.5 mg/kg`, `40 mg`, `ketamine 0.5 mg/kg IV over 40 min`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from ketasim._base import InputError
from ketasim.dosing import parse_regimen
from ketasim.interop.dose_entry import entries_of
from ketasim.interop.german import in_english
from ketasim.vocabulary import drug_of
from ketasim.vocabulary.drug import drug_names, drug_pattern
from ketasim.vocabulary.phrase import straight
from ketasim.vocabulary.route import IN_SHORT, route_pattern

_OVER: Final = re.compile(r"\b(over|in|within|for|x)\s+\d|bolus|push|\bmin", re.IGNORECASE)
_ONCE: Final = re.compile(r"\bonce\b", re.IGNORECASE)
_WORDS: Final = (
    "ketamine;ketamin;esketamine;esketamin;arketamine;racemic;hcl;hydrochloride;base;once;over;"
    "min;mins;minutes;minute;hour;hours;intravenous;intramuscular;subcutaneous;intranasal;nasal;"
    "oral;sublingual;buccal;rectal;spray;sprays;infusion;bolus;push;lozenge;troche;tablet;device;"
    "devices;and;then;with;the;per;dose;mcg"
)
_PLAIN: Final = frozenset(_WORDS.split(";"))
_LONGEST: Final = 80


@dataclass(frozen=True)
class Usual:
    """What holds where a row does not say it.

    **Arguments:**

    - `drug`, `route`, `over`: as typed in options or other columns; empty where not known.
    """

    drug: str = ""
    route: str = ""
    over: str = ""


def read_dose(cell: str, usual: Usual, place: str) -> list[dict[str, str]]:
    """Entries of `doses:` of what a cell says.

    **Arguments:**

    - `cell`: with its unit. `usual`: what the row says elsewhere, or the user for all rows.
    - `place`: of the cell, for errors.

    **Raises:** `InputError` when it is no dose of one session.
    """
    text = in_english(" ".join(straight(cell).split()))
    shown = f"'{text}'" if _plain(text) else "what is written there"
    if len(text) > _LONGEST:
        raise InputError(place, "it is too long for a dose", "write it such as '0.5 mg/kg iv'")
    named = drug_pattern().search(text)
    drug = named[0] if named else in_english(usual.drug)
    if not drug:
        raise InputError(place, f"{shown} names no drug", "say which with --drug, as ketamine")
    brand = drug_of(drug)
    route = bool(route_pattern().search(text) or IN_SHORT.search(text))
    words = [] if named else [drug]
    words.append(text)
    if not route and not (brand and brand.route):
        if not usual.route:
            raise InputError(place, f"{shown} names no route", "say which with --route, as iv")
        words.append(in_english(usual.route))
    if usual.over and not _OVER.search(text):
        words.append(f"over {usual.over}")
    sentence = " ".join(words if _ONCE.search(text) else [*words, "once"])
    # other columns of the row, too, may hold a name
    plain = _plain(" ".join((text, in_english(usual.drug), in_english(usual.route), usual.over)))
    try:
        return entries_of(parse_regimen(sentence))
    except InputError as error:
        problem = error.problem if plain else "it is not read as one dose of ketamine"
        remedy = error.remedy if plain else "write it such as '0.5 mg/kg iv over 40 min'"
        raise InputError(place, problem, remedy) from None


def _plain(text: str) -> bool:
    """Tell whether a cell has no words but those of doses: others may be a name."""
    words = re.findall(r"[^\W\d_]{3,}", text.lower())
    return all(word in _PLAIN or word in _brands() for word in words)


@cache
def _brands() -> frozenset[str]:
    return frozenset(word for name in drug_names() for word in re.findall(r"[a-z]{3,}", name))
