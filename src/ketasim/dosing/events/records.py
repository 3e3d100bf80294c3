"""Records of a table for a model of one's own: what each row does, checked row by row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim._base.text import shortened
from ketasim.dosing.events.meaning import Records
from ketasim.dosing.events.measured import measure
from ketasim.dosing.events.sheet import Sheet

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_DOSED: Final = ("AMT", "RATE", "DUR", "II", "ADDL", "SS")
_DECIMAL: Final = re.compile(r"[-+]?(?:\d{1,30}\.?\d{0,30}|\.\d{1,30})", re.ASCII)
_AGREE: Final = 0.01  # part by which RATE and DUR may differ: they are printed rounded
MODELLED_RATE: Final = -1.0
"""In RATE: the compartment says the rate."""
MODELLED_DURATION: Final = -2.0
"""In RATE: the compartment says the duration."""


@dataclass(frozen=True)
class DoseRecords:
    """Rows of a table that give a dose, each array of shape (D,).

    **Arguments:**

    - `record`: place of the row, ascending.
    - `amount`: AMT; 0 of a constant input at steady state.
    - `rate`: RATE; 0 of a dose given at once, -1 and -2 where the compartment says it.
    - `duration`: DUR, h; 0 of others.
    - `interval`: II, h. `further`: ADDL. `steady`: SS.
    - `compartment`: CMT as text, empty where it is blank.
    """

    record: Integers
    amount: Array
    rate: Array
    duration: Array
    interval: Array
    further: Array
    steady: Integers
    compartment: list[str]


def subjects_of(sheet: Sheet, notes: list[str]) -> Integers:
    """Number of the subject of each row, from 0.

    IDs that are the same number, such as 1 and 01, are one subject; `notes` takes that.

    **Raises:** `InputError` when an ID is blank, or the rows of a subject do not stand together.
    """
    import polars as pl

    typed = sheet.events["ID"]
    cells = pl.Series(sheet.texts("ID"))
    blank = (cells == "").to_numpy()
    if blank.any():
        raise InputError(sheet.field("ID", int(np.argmax(blank))), "is blank", "fill it in")
    first_spelt: dict[str, str] = {}
    other_spelt: dict[str, str] = {}
    for text in cells.unique(maintain_order=True):
        if (one := first_spelt.setdefault(_number(text), text)) != text:
            other_spelt[text] = one
            notes.append(f"{shortened(one)} and {shortened(text)} in {typed} are one subject")
    if other_spelt:
        cells = cells.replace(other_spelt)
    changes = np.ones(len(cells), bool)
    changes[1:] = (cells[1:] != cells[:-1]).to_numpy()
    subject = np.cumsum(changes) - 1
    first = cells.to_frame("id").with_row_index().filter(pl.Series(changes))
    again = first.filter(~pl.col("id").is_first_distinct())
    if again.height:
        row = int(again["index"][0])
        raise InputError(
            sheet.field(typed, row),
            f"the rows of subject {shortened(sheet.texts('ID')[row])} do not stand together",
            "sort the table by ID and TIME",
        )
    return subject


def _number(text: str) -> str:
    """The text of a number without what changes nothing in it; another text as it is."""
    return str(Decimal(text).normalize()) if _DECIMAL.fullmatch(text) else text


def read_records(sheet: Sheet) -> tuple[Records, DoseRecords, list[str]]:
    """Read what each row does.

    **Returns:** the records, those that give a dose, and notes.

    **Raises:** `InputError` naming column and row for everything the contract refuses.
    """
    notes = list(sheet.notes)
    subject = subjects_of(sheet, notes)
    notes += measure(sheet, subject)
    count = len(subject)
    time = sheet.values("TIME")
    _refuse(sheet, "TIME", np.isnan(time), "is blank", "fill it in", time)
    _refuse(sheet, "TIME", time < 0, "{:g} is below 0", "let TIME count from the first row", time)
    filled = {name: _filled(sheet, name, count) for name in (*_DOSED, "MDV")}
    evid = _events(sheet, filled, notes)
    reset = (evid == 3) | (evid == 4)
    back = np.zeros(count, bool)
    back[1:] = (np.diff(time) < 0) & (np.diff(subject) == 0) & ~reset[1:]
    if back.any():
        row = int(np.argmax(back))
        raise InputError(
            sheet.field("TIME", row),
            f"{time[row]:g} h comes after {time[row - 1]:g} h of the same subject",
            "sort the rows of each subject by TIME; only a reset (EVID 3 or 4) may begin anew",
        )
    dosed = (evid == 1) | (evid == 4)
    for name in _DOSED:
        what = "an observation" if name != "AMT" else "a row that gives no dose"
        _refuse(
            sheet,
            name,
            ~dosed & (filled[name] != 0),
            f"{{:g}} on {what}",
            "leave it blank there; a row that gives a dose has EVID 1 or 4",
            filled[name],
        )
    return Records(subject, time, reset), _doses(sheet, dosed, filled), notes


def _filled(sheet: Sheet, name: str, count: int) -> Array:
    """Numbers of a column of doses, 0 where it is blank or absent."""
    if not sheet.has(name):
        return np.zeros(count)
    return np.nan_to_num(sheet.values(name))


def _events(sheet: Sheet, filled: dict[str, Array], notes: list[str]) -> Integers:
    mdv = filled["MDV"]
    _refuse(sheet, "MDV", (mdv != 0) & (mdv != 1), "{:g} is not read", "give 0 or 1", mdv)
    if sheet.has("EVID"):
        evid = sheet.values("EVID")
        _refuse(sheet, "EVID", np.isnan(evid), "is blank", "fill it in", evid)
        odd = ~np.isin(evid, (0, 1, 2, 3, 4))
        remedy = "use 0 observation, 1 dose, 2 other, 3 reset, 4 reset and dose"
        _refuse(sheet, "EVID", odd, "{:g} is not supported", remedy, evid)
        return evid.astype(np.int64)
    notes.append("EVID is missing: a row with an amount or a rate is a dose, others observations")
    dosed = (filled["AMT"] != 0) | (filled["RATE"] != 0)
    if sheet.has("MDV"):
        wrong = dosed & (sheet.values("MDV") == 0)
        remedy = "say in EVID which rows are doses"
        _refuse(sheet, "MDV", wrong, "{:g} on a row with a dose", remedy, mdv)
    return dosed.astype(np.int64)


def _doses(sheet: Sheet, dosed: Flags, filled: dict[str, Array]) -> DoseRecords:
    amount, rate, duration = filled["AMT"], filled["RATE"], filled["DUR"]
    interval, further, steady = filled["II"], filled["ADDL"], filled["SS"]
    repeated = (further > 0) | (steady > 0)
    constant = dosed & (steady > 0) & (amount == 0) & ((rate > 0) | (rate == MODELLED_RATE))
    for name, wrong, problem, remedy in (
        ("SS", ~np.isin(steady, (0, 1, 2)), "{:g} is not supported", "give 0, 1 or 2"),
        ("ADDL", further != np.floor(further), "{:g} is not a whole number", "give a whole one"),
        ("ADDL", further < 0, "{:g} is below 0", "give 0 or more"),
        ("II", interval < 0, "{:g} is below 0", "give h above 0"),
        ("DUR", duration < 0, "{:g} is below 0", "give h above 0"),
        (
            "RATE",
            (rate < 0) & (rate != MODELLED_RATE) & (rate != MODELLED_DURATION),
            "{:g} is not read",
            "give a rate, 0, -1 (the compartment's rate) or -2 (its duration)",
        ),
        ("AMT", amount < 0, "{:g} is below 0", "give 0 or more"),
        (
            "AMT",
            np.isnan(sheet.values("AMT")) & ~constant,
            "is blank on a dose",
            "give the amount, or EVID 0 for an observation",
        ),
        (
            "AMT",
            (amount == 0) & ~constant,
            "a dose of 0",
            "give an amount; a constant input at steady state has AMT 0, RATE and SS",
        ),
        (
            "ADDL",
            constant & (further > 0),
            "{:g} further doses of a constant input",
            "give 0",
        ),
        (
            "II",
            constant & (interval > 0),
            "{:g} h of a constant input at steady state",
            "give 0",
        ),
        (
            "II",
            repeated & ~constant & (interval == 0),
            "ADDL or SS without an interval",
            "give II in h",
        ),
        (
            "II",
            ~repeated & (interval > 0),
            "an interval without ADDL or SS repeats nothing",
            "give 0 where each dose has a row of its own",
        ),
    ):
        _refuse(sheet, name, dosed & wrong, problem, remedy, filled[name])
    both = dosed & (duration > 0) & (rate != 0)
    if both.any():
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = np.abs(amount / np.where(rate > 0, rate, np.nan) - duration)
        wrong = both & ~(apart <= _AGREE * duration)
        _refuse(sheet, "DUR", wrong, "{:g} h, and RATE says another", "keep one of them", duration)
        duration = np.where(both, 0.0, duration)
    which = np.flatnonzero(dosed)
    words = sheet.texts("CMT") if sheet.has("CMT") else []
    for row, word in enumerate(words):
        if word[:1] == "-":  # of EVID 2 in NONMEM, to switch a compartment off
            raise InputError(
                sheet.field("CMT", row),
                f"'{shortened(word)}' would switch a compartment off, which is not supported",
                "give the number or the name of a compartment",
            )
    return DoseRecords(
        which,
        amount[which],
        rate[which],
        duration[which],
        interval[which],
        further[which],
        steady[which].astype(np.int64),
        [words[i] for i in which] if words else [""] * len(which),
    )


def _refuse(
    sheet: Sheet, name: str, wrong: Flags, problem: str, remedy: str, values: Array
) -> None:
    """Refuse the first row that is wrong."""
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(sheet.field(name, row), problem.format(values[row]), remedy)
