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
        "h from the start of the course",
        "blank, text, negative, NaN, or earlier than the row before of the same subject",
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
        "mg/h; 0 or blank: all at once; the duration is AMT/RATE",
        "negative (-1 and -2, rates that a model estimates, are not supported), NaN, on an "
        "observation, or by a route other than iv, im and sc",
    ),
    Column(
        "CMT",
        False,
        "number or name of the route (see COMPARTMENTS); not used on observations; may be left "
        "out where ROUTE is given",
        "an unknown number or name, blank on a dose without ROUTE, or another route than ROUTE",
    ),
    Column(
        "EVID",
        True,
        "1 for a dose, 0 for an observation; at the same TIME, an observation sees the doses of "
        "the rows before it and not those of the rows after it",
        "2, 3, 4 and anything else",
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
        "anything but 0 and 1, 1 on a later dose or after TIME 0, an input longer than II, several "
        "nasal devices in one row, or on an observation",
    ),
    Column("DRUG", False, "drug of the dose; without it, the argument `drug`", "an unknown drug"),
    Column("ROUTE", False, "route of the dose", "an unknown route"),
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
)
"""Every column that is read; a dot or nothing is blank.

Other columns are ignored, but one that looks like a misspelt column that is absent is refused.
"""

COMPARTMENTS: Final[dict[int, str]] = dict(enumerate(ROUTES, start=1))
"""Number of a compartment to its route: 1 iv, 2 im, 3 sc, 4 intranasal, 5 oral, 6 oral_er,
7 sublingual, 8 buccal, 9 rectal, 10 inhaled."""
