"""The rules of a session: what labels, statements and clinics say, and for which drug."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from ketasim.evidence import Fact, fact, facts, number
from ketasim.screening.rules.conditions import IMMEDIATE, is_slow

if TYPE_CHECKING:
    from collections.abc import Callable

    from ketasim.dosing import Dose, Patient

TABLE: Final = "care/session_rules"
"""The table of the rules."""

WATCH: Final = "watch_us"
"""The rule of the monitoring period."""

STAGES: Final = ("before", "during", "after", "discharge", "next day")
"""Parts of a session, in order."""

COUNTED_FROM: Final = ("", "first dose", "dose", "last dose")
"""What minutes are counted from.

`dose` when the source tells of the dose and not of which device or end: a time then begins with the
first dose and ends with the last. Empty where the source gives no time."""

ESTABLISHED_FOR: Final = (
    "esketamine",
    "racemic iv ketamine",
    "racemic iv, im or sc ketamine",
    "racemic ketamine, anaesthesia",
    "ketamine any",
)
"""What a rule was made for; `esketamine` is the nasal spray."""

_CONDITION: Final = re.compile(r"(age|ancestry|liver)(<=|>=|<|>|=)(\w+)")
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@dataclass(frozen=True)
class SessionRule:
    """One rule of a session, from one source.

    **Arguments:**

    - `rule`: its name in the table.
    - `stage`: one of `before`, `during`, `after`, `discharge`, `next day`.
    - `topic`: such as `fasting` or `blood pressure`.
    - `statement`: the rule in own words.
    - `at_min_from`, `at_min_to`: min, counted from `counted_from`; nothing where the source gives
      no time, or no end.
    - `counted_from`: `first dose`, `last dose`, or `dose` when the source does not tell which.
    - `threshold`: the number of the rule as text.
    - `sbp_above`, `dbp_above`: mmHg; the blood pressure that the rule names.
    - `established_for`: the drug and use that the rule was made for.
    - `sessions`: which sessions it concerns; empty for all.
    - `routes`: by which routes a dose must be given; none for every route.
    - `release`: `immediate` where its times are not of a form that releases over hours; empty for
      every form.
    - `applies_if`: whom it concerns, such as `age>=65`; empty for everybody.
    - `jurisdiction`, `date`: where it holds, and the year of the text, or `not shown`.
    - `facts`: ids of the rows that say it.
    - `source`, `locator`, `note`: where it was read.
    """

    rule: str
    stage: str
    topic: str
    statement: str
    at_min_from: float | None
    at_min_to: float | None
    counted_from: str
    threshold: str
    sbp_above: float | None
    dbp_above: float | None
    established_for: str
    sessions: str
    routes: tuple[str, ...]
    release: str
    applies_if: str
    jurisdiction: str
    date: str
    facts: tuple[str, ...]
    source: str
    locator: str
    note: str

    @property
    def sources(self) -> tuple[str, ...]:
        """The rule's own source, then those of the rows it names, each once."""
        return tuple(dict.fromkeys((self.source, *(fact(one).source for one in self.facts))))

    def concerns(self, patient: Patient) -> bool | None:
        """Tell whether the rule is for a patient; nothing when that is not known."""
        if not self.applies_if:
            return True
        told = [_holds(one, patient) for one in self.applies_if.split("|")]
        if True in told:
            return True
        return None if None in told else False

    def is_for(self, doses: tuple[Dose, ...]) -> bool:
        """Tell whether the rule is about sessions like these doses."""
        given = [dose.route for dose in doses]
        if self.routes and not set(self.routes).intersection(given):
            return False
        if self.release == IMMEDIATE and is_slow(given):
            return False
        if not self.sessions:
            return True
        if self.sessions == "infusion":
            return any(dose.duration > 0 for dose in doses)
        nasal = [dose for dose in doses if dose.route == "intranasal"]
        if self.sessions == "esketamine intranasal":
            return any(dose.drug == "esketamine" for dose in nasal)
        return bool(nasal)

    def established(self, drug: str, route: str) -> bool:
        """Tell whether the rule was made for a drug by a route, in psychiatry."""
        return {
            "esketamine": drug == "esketamine" and route == "intranasal",
            "racemic iv ketamine": drug == "ketamine" and route == "iv",
            "racemic iv, im or sc ketamine": drug == "ketamine" and route in ("iv", "im", "sc"),
            "racemic ketamine, anaesthesia": False,
            "ketamine any": drug == "ketamine",
        }[self.established_for]


@cache
def session_rules() -> tuple[SessionRule, ...]:
    """The rules of a session, from the table `care/session_rules`."""
    return tuple(_rule(row) for row in facts(TABLE))


def _rule(row: Fact) -> SessionRule:
    return SessionRule(
        rule=row.get("rule"),
        stage=row.get("stage"),
        topic=row.get("topic"),
        statement=row.get("statement"),
        at_min_from=number(row.get("at_min_from")),
        at_min_to=number(row.get("at_min_to")),
        counted_from=row.get("counted_from"),
        threshold=row.get("threshold"),
        sbp_above=number(row.get("sbp_above")),
        dbp_above=number(row.get("dbp_above")),
        established_for=row.get("established_for"),
        sessions=row.get("sessions"),
        routes=row.listed("routes"),
        release=row.get("release"),
        applies_if=row.get("applies_if"),
        jurisdiction=row.get("jurisdiction"),
        date=row.get("date"),
        facts=row.listed("facts"),
        source=row.source,
        locator=row.get("locator"),
        note=row.get("note"),
    )


def _holds(condition: str, patient: Patient) -> bool | None:
    match = _CONDITION.fullmatch(condition)
    assert match is not None, condition
    field, sign, wanted = match.groups()
    if field == "age":
        age = patient.age
        return None if age is None else _COMPARE[sign](age, float(wanted))
    given = patient.ancestry if field == "ancestry" else patient.liver
    return None if given is None else given == wanted
