"""Rules on the patient and the course: contraindications, cautions, notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ketasim.dosing import Patient
from ketasim.evidence import Fact, fact, facts, source, source_name
from ketasim.screening.finding import ScreenFinding, unassessed
from ketasim.screening.rules.conditions import how_often, speaks
from ketasim.screening.rules.standing import Given, cited, origin, sentence, standing
from ketasim.screening.wording import subject_words
from ketasim.vocabulary import HistoryMatch

RULES: Final = "care/screening_rules"
"""Rules of screening: rows of `care/screening` with their severity here, and rules of labels."""

BODY_MASS: Final = "care/body_mass"
"""Overweight and obesity of adults by the body mass index."""

_LESS: Final = ("contraindicated", "avoid")  # what a rule becomes when its condition is not stated
_AGES: Final = (
    ("age under 16", 0.0, 16.0),
    ("age under 18", 0.0, 18.0),
    ("age 18 to 24", 18.0, 25.0),  # the bands of care/rules:19
)
# conditions that a history would name as a factor
_DIAGNOSED: Final = {
    "alcohol": "alcohol",
    "cocaine": "substance use",
    "opioid": "opioid use disorder",
}
_HOME: Final = "home"
_AT_HOME: Final = "doses that are often taken at home"
_OLD: Final = 65.0  # years, of care/rules:6 and care/care:52
_ADULT: Final = 18.0  # years


@dataclass
class Triggers:
    """Subjects of rules that hold of a course, with what they were matched to.

    **Arguments:**

    - `found`: subject to what it was matched to. `kinds`: subject to the kind of its findings.
    - `absent`: subjects that are known not to hold.
    """

    found: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    kinds: dict[str, str] = field(default_factory=dict[str, str])
    absent: set[str] = field(default_factory=set[str])

    def add(self, subject: str, matched: str, kind: str) -> None:
        """Note that a subject holds; `kind` is that of its findings."""
        self.kinds.setdefault(subject, kind)
        entry = self.found.setdefault(subject, [])
        if matched not in entry:
            entry.append(matched)


def patient_triggers(patient: Patient, history: Sequence[HistoryMatch]) -> Triggers:
    """Subjects of rules that hold of a patient.

    **Arguments:**

    - `patient`: of the course. `history`: its entries as understood.
    """
    triggers = Triggers()
    for one in history:
        for finding in one.findings:
            if finding.counted:
                doubt = f" (uncertain by '{finding.word}')" * (finding.presence == "uncertain")
                triggers.add(finding.factor, one.text + doubt, "history")
    if patient.liver not in (None, "normal"):
        triggers.add(f"liver {patient.liver}", f"liver: {patient.liver}", "patient")
    if patient.kidney not in (None, "normal"):
        triggers.add("kidney impairment", f"kidney: {patient.kidney}", "patient")
    if patient.cyp2b6 not in (None, "*1/*1"):
        triggers.add("genotype", f"cyp2b6: {patient.cyp2b6}", "patient")
    if patient.ancestry == "japanese":
        triggers.add("japanese ancestry", "ancestry: japanese", "patient")
    if patient.diagnosis == "bipolar":
        triggers.add("bipolar disorder", "diagnosis: bipolar", "patient")
    if patient.diagnosis == "suicidality":
        triggers.add("diagnosis suicidality", "diagnosis: suicidality", "patient")
    if patient.diagnosis in _DIAGNOSED:
        subject = _DIAGNOSED[patient.diagnosis]
        triggers.add(subject, f"diagnosis: {patient.diagnosis}", "patient")
    _add_overweight(patient, triggers)
    if patient.age is not None:
        matched = f"age: {patient.age:g} years"
        for subject, low, high in _AGES:
            if low <= patient.age < high:
                triggers.add(subject, matched, "patient")
        if patient.age >= _OLD:
            triggers.add("age 65 or more", matched, "patient")
    return triggers


def _add_overweight(patient: Patient, triggers: Triggers) -> None:
    """Sleep apnoea with overweight, by the history or the body mass index of an adult."""
    apnoea, overweight = (triggers.found.get(one) for one in ("sleep apnoea", "overweight"))
    index = patient.body_mass_index
    if index is not None and not overweight and (patient.age is None or patient.age >= _ADULT):
        reached = [row for row in facts(BODY_MASS) if index >= float(row.get("low"))]
        if reached:
            words = (
                f"body mass index {index:.1f} kg/m² ({patient.weight:g} kg, {patient.height:g} m): "
                f"{reached[-1].get('category')}, from {reached[-1].get('low')} "
                f"({source_name(reached[-1].source)})"
            )
            overweight = [words]
        else:
            triggers.absent.add("overweight")
    if apnoea and overweight:
        matched = "; ".join((*apnoea, *overweight))
        triggers.add("sleep apnoea with overweight", matched, "history")


def rule_findings(triggers: Triggers, what: Given, place: str | None = None) -> list[ScreenFinding]:
    """What the rules say of the subjects that hold.

    **Arguments:**

    - `triggers`: subjects that hold.
    - `what`: the course gives.
    - `place`: where the doses are taken, `clinic` or `home`. Rules on treatment at home do not
      hold in a clinic; where the place is not stated, one finding names all that they ask for.
    """
    found: list[ScreenFinding] = []
    undecided: list[tuple[Fact, list[str], list[str]]] = []
    for row in facts(RULES):
        subjects = row.listed("subjects")
        partial = [one for one in row.listed("partial") if one in triggers.found]
        sure = [one for one in subjects if one in triggers.found]
        hits = sure or partial
        if not hits or not speaks(row, what) or triggers.absent.intersection(row.listed("needs")):
            continue
        stands = standing(row, what)
        if not stands.route_here and all(triggers.kinds[one] == "course" for one in hits):
            continue  # a rule on how another route is given
        if row.get("place") == _HOME and place != _HOME:
            if place is None:
                undecided.append((row, sure, partial))
            continue
        found.append(_rule(row, hits, bool(sure), triggers, what))
    if undecided:
        found.append(_at_home(undecided, triggers, what))
    return found


def _at_home(
    rules: Sequence[tuple[Fact, list[str], list[str]]], triggers: Triggers, what: Given
) -> ScreenFinding:
    """What rules on treatment at home ask for, where the place is not stated."""
    sure = tuple(dict.fromkeys(one for _, found, _ in rules for one in found))
    unsure = tuple(dict.fromkeys(one for _, _, found in rules for one in found if one not in sure))
    hits = (*sure, *unsure)
    stands = [standing(row, what) for row, _, _ in rules]
    here = any(one.here for one in stands)
    cites = [cited(row) for row, _, _ in rules]
    often = _AT_HOME in triggers.found
    words = [row.get("severity_in_source") or _own_severity(row) for row, _, _ in rules]
    excluded = [f"excludes {', '.join(map(subject_words, sure))}"] if sure else []
    if unsure:
        notes = dict.fromkeys(row.get("note") for row, _, found in rules if found)
        excluded.append(f"may exclude {', '.join(map(subject_words, unsure))} ({', '.join(notes)})")
    return ScreenFinding(
        subject="treatment at home",
        matched="; ".join(dict.fromkeys(m for one in hits for m in triggers.found[one])),
        kind="history" if often else "not stated",
        # a drip and the spray are given under watch; doses that are swallowed are often not
        severity="caution" if often else "not assessed",
        severity_in_source="; ".join(dict.fromkeys(filter(None, words))),
        statement=(
            "Place of treatment not stated (`place: clinic` or `home`): for treatment at home a "
            f"programme {' and '.join(excluded)}." + ("" if here else stands[0].suffix)
        ),
        quality="guideline or practice",
        applies_to="; ".join(dict.fromkeys(one.applies_to for one in stands)),
        applies_here=here or not often,
        jurisdiction="; ".join(dict.fromkeys(row.get("jurisdiction") for row, _, _ in rules)),
        sources=tuple(dict.fromkeys(key for keys, _ in cites for key in keys)),
        facts=tuple(dict.fromkeys(one for _, ids in cites for one in ids)),
    )


def _own_severity(row: Fact) -> str:
    """The severity of the row of `care/screening` that a rule is on."""
    named = row.listed("facts")
    return next((fact(i).get("severity") for i in named if i.startswith("care/screening:")), "")


def _rule(
    row: Fact, hits: Sequence[str], sure: bool, triggers: Triggers, what: Given
) -> ScreenFinding:
    stands = standing(row, what)
    named = row.listed("facts")
    own = next((fact(one) for one in named if one.startswith("care/screening:")), None)
    statement, words = row.get("statement"), row.get("severity_in_source")
    if own is not None:
        statement = statement or f"{own.get('factor')}: {own.get('what_to_do')}"
        words = words or own.get("severity")
    severity = row.get("severity")
    text = sentence(statement)
    if not sure:
        if severity in _LESS:
            severity = "caution"
        text += f" Not assessed: {row.get('note')}."
    else:
        # what it depends on is known where the history says it
        text = " ".join(
            (
                text,
                *(sentence(one) for one in row.listed("note") if not one.startswith("depends on")),
            )
        )
    kind = triggers.kinds[hits[0]]
    matched = "; ".join(dict.fromkeys(m for one in hits for m in triggers.found[one]))
    return ScreenFinding(
        subject=", ".join(hits),
        matched=how_often(row, what) or matched,
        kind=kind,
        severity=severity,
        severity_in_source=words,
        statement=text + stands.suffix,
        quality=_quality(row),
        **origin(row, stands),
        monitoring=row.listed("monitoring"),
        conditional=not sure,
    )


def _quality(row: Fact) -> str:
    if source(row.source).kind == "label":
        return "label"
    measured = row.source and any(one.startswith("pk/") for one in row.listed("facts"))
    return "study" if measured else "guideline or practice"


def history_findings(history: Sequence[HistoryMatch]) -> list[ScreenFinding]:
    """What of a history was not assessed, each with the reason."""
    found: list[ScreenFinding] = []
    for one in history:
        if one.status in ("denied", "family"):
            found.append(unassessed("history", one.text, one.text, _why_not(one)))
        elif one.status == "unknown":
            hint = f" Did you mean '{one.hint}'?" if one.hint else ""
            found.append(
                unassessed(
                    "history",
                    one.text,
                    one.text,
                    f"Not among the risk factors in the evidence: not assessed.{hint}",
                )
            )
        if one.unread and one.status != "unknown":
            words = "; ".join(one.unread)
            text = f"Not read in it, and not assessed: {words}."
            found.append(unassessed("history", words, one.text, text))
    return found


def _why_not(one: HistoryMatch) -> str:
    if one.status == "family":
        return (
            f"Read as a relative's, by '{one.hint}': not counted as the patient's. No rule of the "
            "evidence is on a family history."
        )
    if not one.findings:
        return f"Read as a denial, by '{one.hint}', of something that no rule is on."
    named = ", ".join(dict.fromkeys(finding.factor for finding in one.findings))
    return f"Read as denied, by '{one.hint}': {named} not counted."
