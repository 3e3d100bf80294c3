"""What a table says of doses and a model of one's own does not read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from ketasim._base import InputError
from ketasim._base.text import shortened
from ketasim.dosing import DoseRecords, Sheet
from ketasim.dosing.events.columns import says_more
from ketasim.vocabulary import route_of
from ketasim.vocabulary.column import read_column

_KEYS: Final = {"F1": "F", "ALAG1": "lag", "D1": "duration", "R1": "rate"}
_NEUTRAL: Final = {"F1": "1"}
_OF_DOSES: Final = ("ROUTE", "DRUG")


def check_unread(
    sheet: Sheet,
    used: Collection[str],
    doses: DoseRecords,
    states: Sequence[int],
    compartments: Sequence[str],
) -> None:
    """Refuse columns that would change a dose and that the model does not use.

    **Arguments:**

    - `sheet`: the table. `used`: names of columns that the model uses. `doses`: its doses.
    - `states`: place of the compartment of each dose. `compartments`: their names.

    **Raises:** `InputError` for a bioavailability, lag, duration or rate that no compartment has,
    and for two routes or drugs that go into one compartment.
    """
    for name in sheet.columns:
        if name in used or name in sheet.events.values():
            continue
        column = read_column(name)
        key = _KEYS.get(column.name, "")
        if key and says_more(set(sheet.texts(name)), _NEUTRAL.get(column.name, "0")):
            raise InputError(
                shortened(name),
                f"looks like {column.says} and no compartment uses it"
                if column.use == "like"
                else f"{key} of doses that no compartment of the model uses",
                f'give it to one, as {compartments[0]} = {{{key} = "{shortened(name)}"}}, or leave '
                "the column out",
            )
        if column.name in _OF_DOSES and column.use == "read":
            _one_a_compartment(sheet, name, doses, states, compartments)


def _one_a_compartment(
    sheet: Sheet,
    name: str,
    doses: DoseRecords,
    states: Sequence[int],
    compartments: Sequence[str],
) -> None:
    texts = sheet.texts(name)
    first: dict[int, str] = {}
    for row, state in zip(doses.record, states, strict=True):
        text = texts[int(row)]
        if not text:
            continue
        known = route_of(text)
        meant = text.lower() if known is None else known.route
        if (other := first.setdefault(int(state), meant)) != meant:
            raise InputError(
                sheet.field(name, int(row)),
                f"'{shortened(text)}' and '{shortened(other)}' both go into the compartment "
                f"{compartments[int(state)]}",
                "say in CMT which compartment each goes into; leave the column out where that is "
                "meant",
            )
