"""What is published on open questions of mood, and on medicines beside it, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ketasim.evidence import Fact, facts, source_name, source_names
from ketasim.population import BenefitModifier, benefit_modifiers
from ketasim.vocabulary import MedicineForm

_BENEFIT: Final = {
    "benefit": "benefit",
    "benefit_onset": "benefit on day 1",
    "benefit_duration": "duration of the benefit",
    "suicidality": "effect on suicidal thoughts",
}
_DIRECTION: Final = {"lowers": "lower", "raises": "higher", "none": "no effect on"}
# sources whose finding speaks for the switched arm; the others of a question speak against it
_FOR: Final = {
    "opioid_gate": ("williams2018", "williams2019"),
    "serotonin": ("tiger2020", "yamamoto2013"),
    "hydroxynorketamine": ("zanos2019rket",),
    "dissociation": ("luckenbaugh2014", "esk_dissoc61"),
}


def switch_warning(name: str, done: str) -> str:
    """What is published for and against a switch, and what was done with it.

    **Arguments:**

    - `name`: of the switch. `done`: what it does here, without a full stop.
    """
    rows = _rows(name)
    favour = [text for source, text in rows if source in _FOR[name]]
    against = [text for source, text in rows if source not in _FOR[name]]
    if name == "serotonin":
        # what speaks against it stands in the same rows: a note, and the second half of a finding
        for row in _imaging():
            _, _, rest = row.get("value").partition("; ")
            human = "human" in row.get("species_strain")
            told = row.get("note").partition("; ")[0] if human else ""
            against += [f"{text} ({source_name(row.source)})" for text in (rest, told) if text]
    return (
        f"Switch {name} is on; {done}. The evidence disagrees. For: {'; '.join(favour)}. "
        f"Against: {'; '.join(against)}."
    )


def _rows(name: str) -> list[tuple[str, str]]:
    """Source and finding of every row on a question."""
    if name == "opioid_gate":
        chosen = [
            row
            for row in facts("mood/benefit_modifiers")
            if row.get("modifier") in ("naltrexone", "opioid") and row.get("effect_on") in _BENEFIT
        ]
        return [(row.source, _modifier_text(row)) for row in chosen]
    if name == "dissociation":
        chosen = [
            row for row in facts("acute/psych") if row.get("topic") == "dissociation vs outcome"
        ]
        return [(row.source, _psych_text(row)) for row in chosen]
    if name == "serotonin":
        return [(row.source, _course_text(row)) for row in _imaging()]
    return [(row.source, _course_text(row)) for row in _about(("HNK", "d2-ketamine"))]


def _imaging() -> list[Fact]:
    """Scans of serotonin under ketamine; of the first receptor the binding, not its correlates."""
    return _about(("5-HT1B binding", "SERT"))


def _about(wanted: Sequence[str]) -> list[Fact]:
    """Rows by what was measured or given in them."""
    return [
        row
        for row in facts("mechanism/timecourse")
        if any(w in row.get("measure") or w in row.get("manipulation") for w in wanted)
    ]


def _modifier_text(row: Fact) -> str:
    taken = row.get("modifier")
    found = f"{_DIRECTION[row.get('direction')]} {_BENEFIT[row.get('effect_on')]}"
    return f"{found} with {taken} in {row.get('population')} ({source_name(row.source)})"


def _psych_text(row: Fact) -> str:
    value = row.get("value") + (f" {row.get('unit')}" if row.get("unit") not in ("", "r") else "")
    who = f", n = {row.get('n')}" if row.get("n").isdigit() else ""
    return f"{row.get('scale')}, {row.get('measure')} {value}{who} ({source_name(row.source)})"


def _course_text(row: Fact) -> str:
    what = row.get("measure")
    if row.get("manipulation") not in ("", "ketamine"):
        what = f"{row.get('manipulation')}, {what}"
    value = row.get("value").partition("; ")[0]
    unit = "" if row.get("unit") in ("", "text") else f" {row.get('unit')}"
    return f"{what}: {value}{unit}, {row.get('species_strain')} ({source_name(row.source)})"


def medicine_warnings(
    medicines: Sequence[str | MedicineForm],
) -> tuple[str | None, list[str]]:
    """What is published on the benefit of ketamine beside some medicines; not computed.

    **Arguments:**

    - `medicines`: of the patient, as written.

    **Returns:** the id of the row with a size that can be computed with (responders with and
    without rapamycin), if the patient takes it; and sentences.
    """
    groups: dict[str, list[BenefitModifier]] = {}
    others: dict[str, list[BenefitModifier]] = {}
    for one in benefit_modifiers(medicines):
        where = groups if one.effect_on in _BENEFIT else others
        where.setdefault(one.name, []).append(one)
    sized: str | None = None
    answered = {t for members in groups.values() for one in members for t in one.matched}
    said = [
        _no_benefit(name, found)
        for name, found in others.items()
        if not answered.intersection(t for one in found for t in one.matched)
    ]
    for name, members in groups.items():
        found = members
        if name == "rapamycin":
            sized = next((m.fact for m in members if "responders" in m.unit), None)
            found = [m for m in members if m.kind != "size"]
        if not found:
            continue
        taken = ", ".join(dict.fromkeys(t for m in found for t in m.matched))
        text = f"{taken}: " if name in taken.lower() else f"{taken} ({name}): "
        text += "published on the benefit of ketamine, not computed: "
        text += "; ".join(dict.fromkeys(_finding(m) for m in found)) + "."
        if len({m.direction for m in found}) > 1:
            text += " The sources disagree."
        text += _threshold(found)
        if name == "naltrexone":
            text += " The switch opioid_gate computes the effect of a complete block."
        said.append(text)
    return sized, said


def _no_benefit(name: str, found: Sequence[BenefitModifier]) -> str:
    """Say of a medicine that nothing is published on the benefit, and what is on other effects."""
    taken = ", ".join(dict.fromkeys(t for m in found for t in m.matched))
    text = f"{taken}: " if name in taken.lower() else f"{taken} ({name}): "
    acute = dict.fromkeys(
        f"{m.effect_on.replace('_', ' ')} {m.direction} ({source_names(m.sources)})" for m in found
    )
    return (
        f"{text}nothing published on the benefit of ketamine, nothing computed; on other "
        f"effects: {'; '.join(acute)}."
    )


def _finding(one: BenefitModifier) -> str:
    text = f"{_DIRECTION.get(one.direction, one.direction)} {_BENEFIT[one.effect_on]}"
    if one.threshold is not None:
        text += f" above {one.threshold:g} mg of diazepam or its equivalent a day"
    if one.at_days is not None:
        text += f" at day {one.at_days:g}"
    return f"{text} ({source_names(one.sources)})"


def _threshold(found: Sequence[BenefitModifier]) -> str:
    """Where the patient stands, when a finding has a threshold."""
    one = next((m for m in found if m.threshold is not None), None)
    if one is None:
        return ""
    if one.above_threshold is None:
        return " Whether this patient is above that dose is not known: give the daily dose."
    dose = "" if one.daily_dose is None else f", about {one.daily_dose:.3g} mg of diazepam a day,"
    return f" This patient{dose} is {'above' if one.above_threshold else 'not above'} it."
