"""What the evidence says of other medicines: on effects, and on exposure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ketasim.evidence import Fact, fact, facts, interval, number, source_name
from ketasim.population import BenefitModifier, benefit_modifiers, modification_of
from ketasim.screening.finding import (
    KNOWN,
    NOTHING,
    SEVERITIES,
    ExposureRatio,
    ScreenFinding,
    ratio_words,
    unassessed,
)
from ketasim.screening.rules.exposure_ratio import TOGETHER, exposure_ratios
from ketasim.screening.rules.standing import Given, cited, origin, sentence, standing
from ketasim.screening.wording import effect_words
from ketasim.vocabulary import MedicineMatch, MedicineMention, resolve_medicine

if TYPE_CHECKING:
    from ketasim.dosing import Course

INTERACTIONS: Final = "care/interactions"
"""What is published on other medicines beside ketamine and esketamine."""

_BENEFIT: Final = "mood/benefit_modifiers"
_SAME_SIZE: Final = 0.005  # a ratio this close to 1 is printed as 1.00


def unknown_findings(matches: Sequence[MedicineMatch]) -> list[ScreenFinding]:
    """Medicines that were not understood, are not taken or were stopped, and unread words."""
    found: list[ScreenFinding] = []
    for match in matches:
        hint = f" Did you mean '{match.hint}'?" if match.hint else ""
        if match.status == "unknown":
            text = f"This medicine is not known here: not assessed. {_NO_PROOF}{hint}"
            found.append(unassessed("medicine", match.text, match.text, text))
            continue
        if match.status == "not taken":
            reason = (
                f"Read as not taken, by '{match.hint}'" if match.hint else "It names no medicine"
            )
            text = f"{reason}: nothing was looked up."
            found.append(unassessed("medicine", match.text, match.text, text))
        found += [
            unassessed("medicine", _called(one), match.text, _stopped(one)) for one in match.stopped
        ]
        if match.unread:
            words = "; ".join(match.unread)
            text = f"Not read in it, and not assessed: {words}."
            found.append(
                unassessed("medicine", words, match.text, text + hint * (not match.stopped))
            )
    return found


def _called(one: MedicineMention) -> str:
    return ", ".join(one.names or one.classes[:1])


def _stopped(one: MedicineMention) -> str:
    """What is said of a stopped medicine, which may still act."""
    when = f" ({one.time})" if one.time else ", when is not said"
    text = f"Read as stopped{when}, by '{one.word}'."
    if one.recent:
        return (
            f"{text} It may still act: what the evidence has on it is listed as if it were taken."
        )
    return f"{text} Whether it still acts was not assessed: ask when the last dose was."


_NO_PROOF: Final = "This does not mean that there is no interaction."


def interaction_findings(
    course: Course, matches: Sequence[MedicineMatch], what: Given, *, computed: bool
) -> list[ScreenFinding]:
    """What is published on the medicines of a course.

    **Arguments:**

    - `course`: with its patient. `matches`: its medicines as understood.
    - `what`: the course gives.
    - `computed`: compute the change of exposure through the reference model.
    """
    taken = [match for match in matches if match.status in ("recognised", "class")]
    known = [*taken, *(one for match in matches for one in _recently_stopped(match))]
    benefits = {one.fact: one for one in benefit_modifiers(known)}
    ratios = _computed(course, taken if computed else ())
    found: list[ScreenFinding] = []
    for match in known:
        rows = [row for row in facts(INTERACTIONS) if _speaks_of(row, match)]
        pd = [
            one
            for row in rows
            if row.get("kind") == "pd" and (one := _effect(row, match, benefits, what)) is not None
        ]
        pk = _exposure(match, [row for row in rows if row.get("kind") == "pk"], ratios, what)
        found += [
            *_with_conflicts(pd),
            *pk,
            *_without_evidence(match, [*pd, *pk]),
            *_without_exposure(match, pd, pk, what),
        ]
    if TOGETHER in ratios:
        found.append(_together(ratios[TOGETHER], taken))
    return found


def _recently_stopped(match: MedicineMatch) -> Iterable[MedicineMatch]:
    """What of an entry was stopped so lately that it may still act, as if it were taken."""
    for one in match.stopped:
        if one.recent:
            yield replace(
                match,
                status="recognised" if one.names else "class",
                names=one.names,
                classes=one.classes,
                mentions=(replace(one, presence="uncertain"),),
            )


def organ_findings(course: Course) -> dict[str, tuple[ExposureRatio, ...]]:
    """Computed ratios of what of the patient changes enzymes: genotype, kidney impairment."""
    bare = course.patient.model_copy(update={"medicines": ()})
    others = modification_of(bare).modifiers
    return exposure_ratios(course, (), others)


def _speaks_of(row: Fact, match: MedicineMatch) -> bool:
    return not set(match.subjects).isdisjoint(row.listed("subject")) or (
        # a row that names a medicine by another word, such as rapamycin
        row.get("facts").startswith(_BENEFIT) and bool(_member_names(row, match))
    )


def _first(row: Fact) -> str:
    """The fact that a row is about."""
    return row.listed("facts")[0]


def _member_names(row: Fact, match: MedicineMatch) -> list[str]:
    members = fact(_first(row)).listed("members")
    return [name for name in match.subjects if name in members]


def _effect(
    row: Fact, match: MedicineMatch, benefits: Mapping[str, BenefitModifier], what: Given
) -> ScreenFinding | None:
    stands = standing(row, what)
    statement, direction, size = row.get("statement"), row.get("direction"), row.get("size")
    if row.get("facts").startswith(_BENEFIT):
        one = benefits.get(_first(row))
        if one is None:
            return None
        statement = statement or _benefit_words(one, row.get("effect_on"))
        direction, size = one.direction, _benefit_size(one)
    words = row.get("severity_in_source")
    if not words:
        words = next(
            (fact(i).get("severity") for i in row.listed("facts") if fact(i).get("severity")), ""
        )
    return ScreenFinding(
        subject=_subject(row, match),
        matched=match.text,
        kind="pd",
        severity=row.get("severity"),
        severity_in_source=_words(row),
        statement=sentence(statement) + stands.suffix,
        direction=direction,
        effect_on=row.get("effect_on"),
        size=size,
        quality=row.get("quality"),
        **origin(row, stands),
        monitoring=row.listed("monitoring"),
    )


def _subject(row: Fact, match: MedicineMatch) -> str:
    """The medicine or class of the row that the match is or belongs to."""
    named = row.listed("subject")
    hits = [one for one in match.subjects if one in named]
    if not hits and row.get("facts").startswith(_BENEFIT):
        hits = _member_names(row, match)
    return ", ".join(hits[:1]) or named[0]


def _benefit_words(one: BenefitModifier, effect_on: str) -> str:
    text = effect_words(one.direction, effect_on)
    if one.threshold is not None:
        text += f" above {one.threshold:g} mg of diazepam or its equivalent a day"
    if one.at_days is not None:
        text += f" at day {one.at_days:g}"
    if one.population:
        text += f", in {one.population}"
    if one.note:
        text += f"; {one.note}"
    return text + _threshold_words(one)


def _threshold_words(one: BenefitModifier) -> str:
    if one.threshold is None:
        return ""
    if one.above_threshold is None and one.daily_dose is not None:
        return (
            f". This patient's dose is about {one.daily_dose:.3g} mg of diazepam a day; published "
            "tables of equivalents disagree on whether that is above it"
        )
    if one.above_threshold is None:
        return ". Whether this patient is above that dose is not known: give the daily dose"
    dose = "" if one.daily_dose is None else f", about {one.daily_dose:.3g} mg of diazepam a day,"
    return f". This patient{dose} is {'above' if one.above_threshold else 'not above'} it"


def _benefit_size(one: BenefitModifier) -> str:
    if one.value is not None and one.comparator is not None:
        return f"{one.value:g} with it, {one.comparator:g} without, {one.unit}"
    if one.low is not None and one.high is not None:
        return f"{one.low:g} to {one.high:g} {one.unit}"
    return ""


def _with_conflicts(found: Sequence[ScreenFinding]) -> list[ScreenFinding]:
    """Mark findings on one effect that do not agree on its direction."""
    return [replace(one, conflict=_disputed(one, found)) for one in found]


def _disputed(one: ScreenFinding, found: Sequence[ScreenFinding]) -> bool:
    if one.direction in ("", "unknown"):
        return False
    others = {o.direction for o in found if _alike(one.effect_on, o.effect_on)}
    return bool(others - {"", "unknown", one.direction}) or one.direction == "conflict"


def _alike(one: str, other: str) -> bool:
    """The benefit as a whole is a question of its onset and of its duration."""
    parts = {"benefit", "benefit onset", "benefit duration"}
    return one == other or ("benefit" in (one, other) and {one, other} <= parts)


def _without_evidence(
    match: MedicineMatch, found: Sequence[ScreenFinding]
) -> Iterable[ScreenFinding]:
    """Each recognised medicine of which nothing is carried."""
    if match.status == "class":
        if not found:
            yield unassessed("known medicine", ", ".join(match.classes), match.text, KNOWN)
        return
    for name in match.names:
        own = {name, *resolve_medicine(name).classes}
        if not any(own.intersection(one.subject.split(", ")) for one in found):
            yield unassessed("known medicine", name, match.text, KNOWN)


def _without_exposure(
    match: MedicineMatch,
    pd: Sequence[ScreenFinding],
    pk: Sequence[ScreenFinding],
    what: Given,
) -> Iterable[ScreenFinding]:
    """Each medicine of which something is known, and nothing on exposure."""
    names = match.names or match.classes[:1]
    for name in names:
        own = {name, *resolve_medicine(name).classes}
        known = any(own.intersection(one.subject.split(", ")) for one in pd)
        if known and not any(one.subject == name for one in pk):
            text = (
                f"Effect on exposure to {' and '.join(what.drugs)}: not assessed; the tables and "
                "the model contain nothing on it."
            )
            yield unassessed("medicine", f"{name}, exposure", match.text, text)


# ----------------------------------------------------------------------------- exposure


def _computed(
    course: Course, matches: Sequence[MedicineMatch]
) -> Mapping[str, tuple[ExposureRatio, ...]]:
    names = tuple(dict.fromkeys(name for match in matches for name in match.names))
    patient = course.patient.model_copy(update={"medicines": names})
    modifiers = modification_of(patient).modifiers
    medicines = [m for m in modifiers if m.kind == "medicine"]
    others = [m for m in modifiers if m.kind != "medicine"]
    if not medicines:
        return {}
    return exposure_ratios(course, medicines, others)


def _exposure(
    match: MedicineMatch,
    rows: Sequence[Fact],
    ratios: Mapping[str, tuple[ExposureRatio, ...]],
    what: Given,
) -> list[ScreenFinding]:
    """One finding on exposure for each medicine, and one for a class that is named alone."""
    found: list[ScreenFinding] = []
    for name in match.names:
        own = {name, *resolve_medicine(name).classes}
        mine = [row for row in rows if not own.isdisjoint(row.listed("subject"))]
        if mine or name in ratios:
            found.append(_on_exposure(name, match, mine, ratios.get(name, ()), what))
    if match.status == "class" and rows:
        found.append(_on_exposure(match.classes[0], match, rows, (), what))
    return found


def _on_exposure(
    name: str,
    match: MedicineMatch,
    rows: Sequence[Fact],
    computed: tuple[ExposureRatio, ...],
    what: Given,
) -> ScreenFinding:
    here = [row for row in rows if standing(row, what).here]
    used = here or rows
    worst = min(used, key=lambda row: SEVERITIES.index(row.get("severity")), default=None)
    measured = [text for row in rows for text in _measured(row, what)]
    said = [sentence(row.get("statement")) for row in rows if row.get("statement")]
    directions = {row.get("direction") for row in used} - {"unknown", ""}
    if computed:
        numbers = ratio_words(computed)
        text = f"Exposure in the first session by the reference model: {numbers}."
        direction = _computed_direction(computed)
    else:
        if measured:
            text = "Known, but not computed by the model."
        elif said:
            text = "Not computed."
        else:
            text = NOTHING
        direction = (
            directions.pop() if len(directions) == 1 else ("conflict" if directions else "unknown")
        )
    keys = tuple(dict.fromkeys(key for row in rows for key in cited(row)[0]))
    ids = tuple(dict.fromkeys(i for row in rows for i in row.listed("facts")))
    suffix = ""
    if rows and not here and not computed:
        suffix = standing(rows[0], what).suffix
    quality = dict.fromkeys(row.get("quality") for row in rows)
    words = dict.fromkeys(filter(None, (_words(row) for row in rows)))
    return ScreenFinding(
        subject=name,
        matched=match.text,
        kind="pk",
        severity="note" if worst is None else worst.get("severity"),
        severity_in_source="; ".join(words),
        statement=" ".join((text, *dict.fromkeys(said))) + suffix,
        direction=direction,
        effect_on="exposure",
        computed=computed,
        measured=tuple(dict.fromkeys(measured)),
        quality="; ".join(quality),
        conflict=not computed and len(directions) > 0 and direction == "conflict",
        applies_to="; ".join(dict.fromkeys(standing(row, what).applies_to for row in rows)),
        applies_here=bool(here) or bool(computed),
        jurisdiction="; ".join(dict.fromkeys(filter(None, (r.get("jurisdiction") for r in rows)))),
        date="; ".join(dict.fromkeys(filter(None, (row.get("date") for row in rows)))),
        sources=keys,
        facts=ids,
    )


def _words(row: Fact) -> str:
    told = (fact(one).get("severity") for one in row.listed("facts"))
    return row.get("severity_in_source") or next(filter(None, told), "")


def _computed_direction(computed: Sequence[ExposureRatio]) -> str:
    area = next(one.ratio for one in computed if one.metric == "AUC")
    if abs(area - 1) < _SAME_SIZE:
        return "none"
    return "raises" if area > 1 else "lowers"


def _measured(row: Fact, what: Given) -> list[str]:
    """What the facts of a row print, and what of their design differs from the course."""
    said: list[str] = []
    for one in map(fact, row.listed("facts")):
        if one.table == "pk/interactions":
            size = one.get("ratio")
            is_number = number(size) is not None or interval(size) is not None
            people = f", n = {one.get('n')}" if one.get("n") else ""
            said.append(
                f"{one.get('metric')} ({one.get('analyte')}) {'× ' if is_number else ''}{size} "
                f"({one.get('perpetrator')} {one.get('perp_dose')}; {one.get('victim')} "
                f"{one.get('victim_dose_route')}{people}; {source_name(one.source)}, {one.id})"
                f"{_differs(one, row, what)}"
            )
        elif one.table == "care/screening" and any(c.isdigit() for c in one.get("what_to_do")):
            said.append(
                f"{one.get('factor')}: {one.get('what_to_do')} "
                f"({source_name(one.source)}, {one.id})"
                f"{_differs(one, row, what)}"
            )
    return said


def _differs(one: Fact, row: Fact, what: Given) -> str:
    differences: list[str] = []
    victim = one.get("victim").lower()
    if victim:
        drug = "ketamine" if "racemic" in victim else "esketamine"
        if drug not in what.drugs:
            differences.append("drug")
    if not standing(row, what).route_here:
        differences.append("route")
    if not differences:
        return ""
    return f"; another {' and '.join(differences)} than in this course"


def _together(ratios: tuple[ExposureRatio, ...], matches: Sequence[MedicineMatch]) -> ScreenFinding:
    numbers = ratio_words(ratios)
    return ScreenFinding(
        subject=TOGETHER,
        matched="; ".join(match.text for match in matches),
        kind="pk",
        severity="note",
        statement=(
            f"Exposure in the first session by the reference model, with all effects it computes "
            f"together: {numbers}. Multiplicative effects are an assumption of the model."
        ),
        direction=_computed_direction(ratios),
        effect_on="exposure",
        computed=ratios,
        quality="model, combination not measured",
        applies_to="both",
        sources=("ketasim",),
    )
