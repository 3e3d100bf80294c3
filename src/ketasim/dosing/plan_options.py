"""A grid of candidates: drugs, routes, doses, intervals, numbers of sessions, tapering."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, BeforeValidator

from ketasim._base import InputError, parse_quantity
from ketasim.dosing.fields import FROZEN, one_line, refuse, shortened
from ketasim.vocabulary import frequency_of, read_drug, read_measure, read_route

MOST_VALUES: Final = 20
"""Most values of one part of a grid: a limit against slips."""

MOST_NUMBER: Final = 200
"""Most sessions of a candidate of a grid: a limit against slips."""

_DAY, _WEEK = 24.0, 168.0
_SLIP: Final = 1e-9
_LONGEST: Final = 366 * _DAY
_BARE: Final = re.compile(r"\s*\d+(?:\.\d+)?\s*")


def _parts(value: object) -> list[Any]:
    """One value, a text with commas, or a list."""
    if isinstance(value, str):
        return [part.strip() for part in one_line(value).split(",")]
    if isinstance(value, Sequence):
        listed = list(cast("Sequence[Any]", value))
        return [part for one in listed for part in (_parts(one) if isinstance(one, str) else [one])]
    return [value]


def _listed(read: Callable[[Any], str | int]) -> BeforeValidator:
    """Validator of a list of values, each once and as `read` gives it."""

    def values(value: object) -> tuple[str | int, ...]:
        parts = _parts(value)
        if not parts or "" in parts:
            raise refuse("has an empty entry", "give one value or more, with commas between")
        if len(parts) > MOST_VALUES:
            raise refuse(f"there are {len(parts)} values", f"give at most {MOST_VALUES}")
        try:
            return tuple(dict.fromkeys(read(part) for part in parts))
        except InputError as error:
            raise refuse(error.problem, error.remedy) from None

    return BeforeValidator(values, json_schema_input_type=list[str] | str)


def _drug(value: object) -> str:
    return read_drug(value).drug


def _route(value: object) -> str:
    return read_route(value).route


def _dose(value: object) -> str:
    if isinstance(value, str) and _BARE.fullmatch(value):
        text = shortened(value)
        remedy = "write each dose with its own unit and a decimal point, such as '0.5 mg/kg'"
        raise InputError("", f"'{text}' has no unit", remedy)
    found = read_measure(value, field="")
    if found.kind != "dose":
        problem = f"'{shortened(value)}' is not the dose of a session"
        raise InputError("", problem, "write it in mg or mg/kg, such as '0.5 mg/kg'")
    if found.value <= 0:
        raise InputError("", f"'{shortened(value)}' is no dose", "give more than 0")
    return f"{float(found.value):.10g} {found.dose_unit}"


def _interval(value: object) -> str:
    if not isinstance(value, str) or _BARE.fullmatch(value):
        problem = f"'{shortened(value)}' has no unit"
        raise InputError("", problem, "write it with its unit, such as '3 d' or '1 wk'")
    found = frequency_of(value)
    if found is not None and found.weekdays:
        remedy = "write how often, such as '3/week' or '2 d'"
        raise InputError("", f"'{shortened(value)}' names weekdays", remedy)
    if found is not None and found.per_week:
        return "weekly" if found.per_week == 1 else f"{found.per_week}/week"
    hours = (
        found.interval
        if found is not None
        else parse_quantity(value, "h", field="", low=1.0, high=_LONGEST)
    )
    return interval_words(hours)


def interval_words(hours: float) -> str:
    """An interval as a sentence of a regimen has it, such as `every 3 days`.

    **Arguments:**

    - `hours`: between the starts of two sessions.
    """
    for unit, name, single in ((_WEEK, "weeks", "weekly"), (_DAY, "days", "daily")):
        count = round(hours / unit)
        if count and math.isclose(hours, count * unit, rel_tol=_SLIP):
            return single if count == 1 else f"every {count} {name}"
    return f"every {hours:.10g} h"


def _number(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        count = value
    elif isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]{1,9}", value.strip()):
        count = int(value)
    else:
        raise InputError("", f"'{shortened(value)}' is not a whole number", "give one, as 6")
    if not 1 <= count <= MOST_NUMBER:
        raise InputError("", f"{count} sessions cannot be meant", f"give 1 to {MOST_NUMBER}")
    return count


def _over(value: object) -> str:
    try:
        parse_quantity(value, "h", field="", low=0.0, high=_DAY)
    except InputError as error:
        raise refuse(error.problem, error.remedy) from None
    return one_line(value)


def _taper(value: object) -> bool | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    phrases = [value] if isinstance(value, str) else value
    if not isinstance(phrases, Sequence) or not phrases:
        raise refuse(
            f"'{shortened(value)}' says no tapering",
            "write true, or what follows, such as 'weekly x 4, then every 2 weeks x 2'",
        )
    return tuple(one_line(one) for one in cast("Sequence[object]", phrases))


class PlanOptions(BaseModel):
    """A grid of candidates; a part that is left out is that of the course's own regimen.

    Each part takes one value, several with commas between, or a list.

    **Arguments:**

    - `drug`, `route`: in any usual form.
    - `dose`: of a session, each with its unit, mg or mg/kg.
    - `over`: how long an infusion takes; `0 min` is a bolus.
    - `interval`: between sessions, such as `3 d`, `1 wk`, `3/week`.
    - `number`: of sessions at that interval.
    - `taper`: true, for candidates with longer intervals after these sessions as well; or what
      follows them, such as `weekly x 4, then every 2 weeks x 2`, one text or a list of several.
    """

    model_config = FROZEN

    drug: Annotated[tuple[str, ...], _listed(_drug)] | None = None
    route: Annotated[tuple[str, ...], _listed(_route)] | None = None
    dose: Annotated[tuple[str, ...], _listed(_dose)] | None = None
    over: Annotated[str, BeforeValidator(_over)] | None = None
    interval: Annotated[tuple[str, ...], _listed(_interval)] | None = None
    number: Annotated[tuple[int, ...], _listed(_number)] | None = None
    taper: (
        Annotated[
            bool | tuple[str, ...],
            BeforeValidator(_taper, json_schema_input_type=bool | str | list[str]),
        ]
        | None
    ) = None

    def to_dict(self) -> dict[str, Any]:
        """Return what was given, in its normal form."""
        return self.model_dump(mode="json", exclude_none=True)
