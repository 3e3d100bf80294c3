"""What is given and how, by the words in a row of an event table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

from ketasim._base import InputError
from ketasim.dosing.events.contract import COMPARTMENTS
from ketasim.dosing.events.rows import Row
from ketasim.dosing.fields import shortened
from ketasim.vocabulary import DrugName, RouteName, read_drug, read_route
from ketasim.vocabulary.drug import salt_of

# tables say the same words again and again; the field of an error is added where they stand
_read_drug = lru_cache(maxsize=1_000)(read_drug)
_read_route = lru_cache(maxsize=1_000)(read_route)


def drug_of_row(row: Row, otherwise: DrugName) -> DrugName:
    """The drug of a dose, by any of its names; `otherwise` where the row does not say it."""
    text = row.text("DRUG")
    try:
        return _read_drug(text) if text else otherwise
    except InputError as error:
        raise InputError(row.field("DRUG"), error.problem, error.remedy) from None


def salt_of_row(row: Row, drug: DrugName) -> str:
    """What the amount is the mass of: `base` or `hydrochloride`."""
    text = row.text("SALT")
    found = salt_of(text) if text else None
    if text and found is None:
        raise InputError(
            row.field("SALT"),
            f"unknown salt '{shortened(text)}'",
            "use one of: base, hydrochloride",
        )
    if found and drug.salt and found != drug.salt:
        raise InputError(
            row.field("SALT"), f"{found}, and DRUG says {drug.salt}", "make them agree"
        )
    return found or drug.salt or "base"


def route_of_row(
    row: Row,
    drug: DrugName,
    compartments: Mapping[int, str],
    note: Callable[[str], None],
) -> RouteName:
    """The route of a dose, from ROUTE and CMT.

    **Arguments:**

    - `row`: of a dose. `drug`: its drug; a brand may have one route alone.
    - `compartments`: numbers in CMT to routes, where the user said so.
    - `note`: takes what the reader must know.

    **Raises:** `InputError` when there is none, or when two differ.
    """
    named = _word(row, "ROUTE")
    by_number = _by_number(row, compartments, named, note)
    found = by_number or (_word(row, "CMT") if _finite(row.text("CMT")) is None else None)
    if named and found and named.route != found.route:
        raise InputError(
            row.field("CMT"),
            f"CMT says {found.route} and ROUTE says {named.route}",
            "make them agree, or leave one out",
        )
    route = named or found
    if route is None and drug.route:
        return RouteName(drug.route, drug.brand)
    if route is None:
        raise InputError(row.field("CMT"), "a dose without a route", "fill in CMT or ROUTE")
    if drug.route and route.route != drug.route:
        raise InputError(
            row.field("DRUG"), f"{drug.brand} is given by the route {drug.route}", "make them agree"
        )
    return route


def _word(row: Row, column: str) -> RouteName | None:
    text = row.text(column)
    try:
        return _read_route(text) if text else None
    except InputError as error:
        raise InputError(row.field(column), error.problem, error.remedy) from None


def _by_number(
    row: Row, compartments: Mapping[int, str], named: RouteName | None, note: Callable[[str], None]
) -> RouteName | None:
    """The route of a number in CMT; nothing where there is none, or ROUTE says the route."""
    cell = row.text("CMT")
    number = _finite(cell)
    if number is None:
        return None
    if compartments:
        found = compartments.get(int(number)) if number == number // 1 else None
        if found is None:
            known = ", ".join(f"{n} {route}" for n, route in compartments.items())
            raise InputError(
                row.field("CMT"), f"unknown route '{shortened(cell)}'", f"use one of: {known}"
            )
        return RouteName(found, cell)
    if named is None:
        raise InputError(
            row.field("CMT"),
            f"'{shortened(cell)}' is the number of a compartment and tells no route",
            "add the column ROUTE, or say what the numbers stand for: --cmt 1=oral,2=iv "
            "(in Python compartments={1: 'oral', 2: 'iv'})",
        )
    if COMPARTMENTS.get(int(number)) != named.route:  # a number of the user's own model
        typed = row.names.typed
        note(f"{typed['ROUTE']} says the route; numbers in {typed['CMT']} are not used")
    return None


def _finite(text: str) -> float | None:
    """The number of a text, nothing when it is none."""
    try:
        number = float(text) if text.isascii() else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def checked_compartments(given: Mapping[int, str] | None) -> dict[int, str]:
    """Routes by the numbers in CMT, as the user gave them.

    **Raises:** `InputError` for an unknown route.
    """
    return {
        int(number): read_route(word, field="compartments").route
        for number, word in (given or {}).items()
    }
