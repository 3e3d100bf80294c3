"""The written contract of event tables: columns, compartments, and what is refused."""

from __future__ import annotations

from typing import Final, NamedTuple

from ketasim.dosing.dose import ROUTES


class Column(NamedTuple):
    """A column of an event table.

    **Arguments:**

    - `name`: in upper or lower case.
    - `required`: whether a table without it is refused.
    - `meaning`: what it holds, with its unit and what a blank stands for.
    - `refused`: what it may not hold.
    """

    name: str
    required: bool
    meaning: str
    refused: str


CONTRACT: Final = (
    Column(
        "ID",
        True,
        "number of the subject; the rows of a subject stand together",
        "blank, text, not whole, or a subject whose rows are apart",
    ),
    Column(
        "TIME",
        True,
        "h from the start of the course; with DATE or DAY a time of day (`9:30` or 9.5), or both "
        "in one (`2024-03-04T09:30`), and h then count from the subject's first row",
        "blank, other text, negative, NaN, a time of day without a date, or earlier than the row "
        "before of the same subject",
    ),
    Column(
        "AMT",
        True,
        "mg of base; 0 or blank on observations",
        "text, negative, NaN, 0 on a dose, or not 0 on an observation",
    ),
    Column(
        "RATE",
        False,
        "mg/h; 0 or blank: all at once; the duration is AMT/RATE, and of a part F that is absorbed "
        "F*AMT/RATE, as NONMEM has it: say DUR where the pump's time is meant",
        "negative (-1 and -2 are for a model of your own, `ketasim predict`), NaN, on an "
        "observation, or by a route other than iv, im and sc",
    ),
    Column(
        "DUR",
        False,
        "h, as TINF, INFDUR and the like; duration of an infusion; 0 or blank: all at once",
        "negative, NaN, on an observation, by a route other than iv, im and sc, another duration "
        "than RATE says, or without a unit where minutes are as likely",
    ),
    Column(
        "STOP",
        False,
        "as TIME: when an infusion ends; blank: all at once",
        "not after TIME, on an observation, or another duration than RATE or DUR says",
    ),
    Column(
        "CMT",
        False,
        "name of the route, as in ROUTE; a number where ROUTE says the route, or what the numbers "
        "stand for is given (`--cmt`); not used on observations",
        "a number alone, an unknown name, blank on a dose without ROUTE, or another route than "
        "ROUTE",
    ),
    Column(
        "EVID",
        False,
        "1 for a dose, 0 for an observation; without the column, a row with AMT above 0 is a dose; "
        "at the same TIME, an observation sees the doses of the rows before it and not those of "
        "the rows after it",
        "blank, 2, 3, 4 (which `ketasim predict` reads) and anything else",
    ),
    Column(
        "II",
        False,
        "h between the doses of ADDL or SS; 0 or blank otherwise",
        "negative, above 0 without ADDL or SS, or 0 with them",
    ),
    Column(
        "ADDL",
        False,
        "number of further doses, II apart; 0 or blank for none",
        "negative, not whole, or on an observation",
    ),
    Column(
        "SS",
        False,
        "1: infinitely many equal doses came before, II apart; only on the first dose of a "
        "subject, at TIME 0; 0 or blank otherwise",
        "anything but 0 and 1, 1 on a later dose or after TIME 0, an input longer than II (all of "
        "which `ketasim predict` reads), several nasal devices in one row, or on an observation",
    ),
    Column(
        "DRUG",
        False,
        "drug of the dose, by any of its names, with its salt or not; without it, the argument "
        "`drug`",
        "an unknown drug, or a brand by another route than it has",
    ),
    Column(
        "ROUTE",
        False,
        "route of the dose, also in short: IM, PO, s.c., lozenge",
        "an unknown route, an infusion without a duration, or a bolus with one",
    ),
    Column(
        "SALT",
        False,
        "what AMT is the mass of: base or blank, or hydrochloride (HCl)",
        "another salt, or another than the name of the drug says",
    ),
    Column(
        "AMTU",
        False,
        "unit of AMT on a dose, also as UNIT: mg, mcg, g, mg/kg or mcg/kg; RATEU, DURU and TIMEU "
        "likewise",
        "another unit, a unit other than that in a name, or an amount per kg without WT",
    ),
    Column(
        "DATE",
        False,
        "date of the row: 2024-03-04, 4 Mar 2024, 4.3.2024, or the number of a day; DAT1 has "
        "day/month/year, DAT2 year/month/day, DAT3 year/day/month",
        "no date, a year of two digits, or a date that may be read in two ways",
    ),
    Column(
        "DAY",
        False,
        "number of the day, any first; WEEK is compared with TIME alone",
        "blank, not whole, or not clear together with TIME",
    ),
    Column(
        "DEVICE",
        False,
        "0 for the first nasal device of a session, 1, 2 … for later ones; without the column, a "
        "nasal esketamine dose is that of a session and is split into devices of 28 mg",
        "negative, not whole, or, without the column, doses that are no whole number of devices "
        "or overlap",
    ),
    Column(
        "WT",
        False,
        "body weight, kg",
        "text, NaN, outside 1 to 500 kg, or two weights for one subject",
    ),
    Column(
        "AGE", False, "age, years", "text, NaN, outside 0 to 120 years, or two ages for one subject"
    ),
    Column(
        "C",
        False,
        "C or # on a row that is commented out, a dot on others; EXCLUDE has 1 and 0",
        "anything else; a COMMENT that is text, and a C of numbers, are not used",
    ),
)
"""Every column that is read; a dot or nothing is blank.

A unit may stand in a name or a cell: `AMT (mcg)`, `TIME_MIN`, `40 min`. Other names of these
columns, those that are not used, and those that mean something and are refused, are in the table
`event_columns`. Columns that are not used are named in the notes of a table; one that looks like a
misspelt column that is absent is refused.
"""

COMPARTMENTS: Final[dict[int, str]] = dict(enumerate(ROUTES, start=1))
"""Number that is written in CMT for a route: 1 iv, 2 im, 3 sc, 4 intranasal, 5 oral, 6 oral_er,
7 sublingual, 8 buccal, 9 rectal, 10 inhaled. Read alone it tells no route; ROUTE does."""
