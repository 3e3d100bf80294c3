"""Blood pressure before and in a session: limits of labels, and what the model predicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ketasim._base.numbers import number, percent, span
from ketasim.evidence import Fact, fact, facts, source_name
from ketasim.population import PRESSURES, SEVERE, SEVERE_FACT, PressureOutlook, PressureRise
from ketasim.screening.rules.standing import Given, given
from ketasim.screening.rules.vitals import LIMITS, age_words, of_age, whose

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ketasim.dosing import Course, Dose, Patient

    Array = NDArray[np.float64]

NOT_STATED: Final = "Blood pressure before the session: not stated."
"""Said where a patient has no blood pressure."""

_PATIENTS: Final = 200  # as many as stand behind the effects of a session
_OLDER: Final = 65.0  # years, as in the model of the session
_AFTER: Final = 4.0  # h after the last dose that are looked at minute by minute, as in a plan
_FOLLOWED: Final = 24.0  # h; a tablet that releases slowly peaks late
_STEPS: Final = (2.0 / 60.0, 0.25)  # h: close to the doses, and later
_MOST: Final = 4  # sessions that are computed: of different doses, first ones first
_DRUGS: Final = ("s_ketamine", "s_norketamine")
_VITALS: Final = {"sbp": "SBP", "dbp": "DBP"}
_SOON: Final = 48.0  # h between sessions, under which an earlier one may still act


def course_pressure(course: Course) -> tuple[PressureOutlook, ...]:
    """Blood pressure in the sessions of a course, by the reference model.

    **Arguments:**

    - `course`: of treatment.

    **Returns:** the first session, and those with other doses and the last where a rise differs.
    """
    import numpy as np

    from ketasim.dosing import PopulationSpec
    from ketasim.engine.linear.solver import LinearSolver
    from ketasim.evidence import load_card
    from ketasim.models import MODELS, SESSION
    from ketasim.population import (
        pressure_outlook,
        pressure_sensitivity,
        virtual_patients,
    )

    model, card = MODELS["reference"], load_card("session")
    asked = course.population or PopulationSpec(n=_PATIENTS)
    spread = replace(course, population=asked.model_copy(update={"n": _PATIENTS}))
    group = virtual_patients(spread, load_card("reference"), model)
    sensitivity = pressure_sensitivity(asked.seed, group.n)
    age = course.age
    found: list[PressureOutlook] = []
    for session, doses, until in _chosen(course):
        start = doses[0].time
        times = _grid(doses, until)
        given = [dose for dose in course.regimen.doses if dose.time < until]
        solution = LinearSolver(model, group.values, group.weight).solve(given)
        solved = solution.at(times, (SESSION.site,), _DRUGS)
        none = np.zeros((len(times), group.n))
        drugs = [solved.get((name, SESSION.site), none) for name in _DRUGS]
        found.append(
            pressure_outlook(
                card,
                60.0 * (times - start),
                drugs,
                course.patient.pressure,
                session=session,
                nasal=all(dose.route == "intranasal" for dose in doses),
                older=age is not None and age >= _OLDER,
                sensitivity=sensitivity,
            )
        )
    return tuple(found)


def _chosen(course: Course) -> Iterator[tuple[int, tuple[Dose, ...], float]]:
    """Sessions that are computed: number, doses, and when the next begins, h."""
    members: dict[int, list[Dose]] = {}
    for dose in course.regimen.doses:
        if dose.time < course.horizon:
            members.setdefault(dose.session, []).append(dose)
    groups = sorted((tuple(sorted(g, key=lambda d: d.time)) for g in members.values()), key=_start)
    untils = [*map(_start, groups[1:]), course.horizon]
    kinds: dict[object, int] = {}
    for place, group in enumerate(groups):
        kind = tuple((d.drug, d.route, d.amount, d.unit, d.salt, d.duration) for d in group)
        kinds.setdefault(kind, place)
    places = set(list(kinds.values())[:_MOST])
    # where sessions follow closely, the last has what is left of those before
    if any(_start(b) - _start(a) < _SOON for a, b in pairwise(groups)):
        places.add(len(groups) - 1)
    for place in sorted(places):
        yield place + 1, groups[place], untils[place]


def _start(doses: Sequence[Dose]) -> float:
    return doses[0].time


def _grid(doses: Sequence[Dose], until: float) -> Array:
    """Times at which a session is looked at, h."""
    import numpy as np

    start, last = doses[0].time, max(dose.end for dose in doses)
    turns = [one for dose in doses for one in (dose.time, dose.end)]
    close = max(_STEPS[0], (last + _AFTER - start) / 400.0)
    times = np.concatenate(
        [
            start + np.arange(0.0, last + _AFTER - start, close),
            last + np.arange(_AFTER, _FOLLOWED, _STEPS[1]),
            np.array(turns),
        ]
    )
    return np.unique(np.round(times[times <= max(until, start)], 6))


def pressure_lines(
    patient: Patient, what: Given, outlooks: Sequence[PressureOutlook]
) -> tuple[str, ...]:
    """A patient's pressure against the limits of labels, and with the predicted rise, in words.

    **Arguments:**

    - `patient`: who is treated. `what`: is given.
    - `outlooks`: of sessions; none where the rise was not computed.

    **Returns:** sentences; the first says the pressure, or that it is not stated.
    """
    lines = [_before(patient), *_limit_lines(patient, what)]
    told = outlooks[:1]
    if outlooks:
        highest = max(outlooks, key=lambda one: one.rise("SBP").mean)
        if highest.rise("SBP").mean > 1.1 * outlooks[0].rise("SBP").mean:
            told = [outlooks[0], highest]
    for one in told:
        lines += outlook_lines(one)
    if told:
        lines.append(_grades(told[0], what))
    return tuple(lines)


def pressure_sources(outlooks: Sequence[PressureOutlook]) -> tuple[str, ...]:
    """Keys of the sources of the limits and, with a prediction, of its cut."""
    cut = (fact(SEVERE_FACT).source,) if any(one.chance is not None for one in outlooks) else ()
    return tuple(dict.fromkeys((*(row.source for row in facts(LIMITS)), *cut)))


def _before(patient: Patient) -> str:
    vitals = patient.vitals
    sbp, dbp = (None, None) if vitals is None else (vitals.sbp, vitals.dbp)
    if sbp is None and dbp is None:
        return NOT_STATED
    ends = "/".join("not stated" if one is None else f"{one:g}" for one in (sbp, dbp))
    return f"Blood pressure before the session: {ends} mmHg."


@dataclass(frozen=True)
class PressureLimit:
    """A limit of blood pressure before a session.

    **Arguments:**

    - `verdict`: `Above`, `Not above`, or `Limit` where the pressure is not known.
    - `limit`: such as `140/90`, mmHg. `places`: who has it. `whose`: of which drug, in words.
    """

    verdict: str
    limit: str
    places: tuple[str, ...]
    whose: str


def pressure_limits(course: Course) -> tuple[PressureLimit, ...]:
    """Limits before a session, whatever the drug, each with the drug that it is of.

    **Arguments:**

    - `course`: of treatment.
    """
    return tuple(_limits(course.patient, given(course)))


def _limit_lines(patient: Patient, what: Given) -> Iterator[str]:
    for one in _limits(patient, what):
        yield f"{one.verdict} {one.limit} mmHg: {'; '.join(one.places)}. {one.whose}"


def _limits(patient: Patient, what: Given) -> Iterator[PressureLimit]:
    known = any(value is not None for value in patient.pressure.values())
    for drug in dict.fromkeys(row.get("applies_to") for row in facts(LIMITS)):
        said: dict[tuple[bool, str], list[str]] = {}
        for origin, pairs in _pairs(drug, patient.age).items():
            for limits, age in pairs:
                above = _exceeded(limits, patient)
                key = (above, "/".join(f"{one:g}" for one in limits.values()))
                said.setdefault(key, []).append(f"{origin}{age}")
        for (above, limit), places in sorted(said.items(), key=lambda one: not one[0][0]):
            verdict = ("Above" if above else "Not above") if known else "Limit"
            yield PressureLimit(verdict, limit, tuple(places), whose(drug, what))


def _pairs(drug: str, age: float | None) -> dict[str, list[tuple[dict[str, float], str]]]:
    """Limits of a drug that are of an age: origin to limits by pressure, with their ages."""
    rows: dict[str, list[Fact]] = {}
    for row in facts(LIMITS):
        if row.get("applies_to") == drug and of_age(row.get("age"), age):
            origin = f"{row.get('jurisdiction')} ({source_name(row.source)})"
            rows.setdefault(origin, []).append(row)
    found: dict[str, list[tuple[dict[str, float], str]]] = {}
    for origin, members in rows.items():
        lower = {_VITALS[r.get("vital")]: float(r.get("value")) for r in members}
        for row in members:
            if row.get("vital") == "sbp":
                limits = {"SBP": float(row.get("value")), "DBP": lower["DBP"]}
                found.setdefault(origin, []).append((limits, age_words(row.get("age"))))
    return found


def _exceeded(limits: Mapping[str, float], patient: Patient) -> bool:
    pressure = patient.pressure
    return any(
        (value := pressure[name]) is not None and value > limit for name, limit in limits.items()
    )


def outlook_lines(one: PressureOutlook) -> Iterator[str]:
    """The predicted blood pressure of a session as sentences; without pressures given, the rise."""
    given = [rise for rise in one.rises if rise.before is not None]
    at = f"in session {one.session}, at {one.rises[0].at_min:.0f} min"
    if given:
        parts = [_reached(rise) for rise in given]
        yield f"Predicted highest pressure {at}, mean of readings: {'; '.join(parts)}."
    gains = [_gain(rise) for rise in one.rises]
    yield f"Predicted mean rise {'by the drug' if given else at}: {'; '.join(gains)}."
    if one.chance is None or one.chance_low is None or one.chance_high is None:
        return
    cuts = " or ".join(f"{SEVERE[rise.name]:g} {PRESSURES[rise.name]}" for rise in given)
    interval = span(percent(one.chance_low, 2), percent(one.chance_high, 2))
    yield (
        f"Chance that one of three readings reaches {cuts}: {percent(one.chance, 2)} (90 % "
        f"uncertainty interval {interval}); without the drug, by the variability of readings "
        f"alone, {percent(one.without_drug, 2)}."
    )


def _reached(rise: PressureRise) -> str:
    top, low, high = (rise.reached(one) for one in (rise.mean, rise.low, rise.high))
    text = f"{PRESSURES[rise.name]} {top:.0f} mmHg"
    if low is not None and high is not None:
        text += f" (90 % of patients {span(f'{low:.0f}', f'{high:.0f}')})"
    return text


def _gain(rise: PressureRise) -> str:
    ends = span(number(rise.mean_low, 2), number(rise.mean_high, 2))
    text = f"{PRESSURES[rise.name]} {number(rise.mean, 2)} mmHg (90 % uncertainty interval {ends}"
    if rise.before is None and rise.low is not None and rise.high is not None:
        text += f"; 90 % of patients {span(number(rise.low, 2), number(rise.high, 2))}"
    if rise.base:
        text += f"; and {rise.base:.1f} mmHg as after a placebo too, from 65 years"
    return f"{text})"


def _grades(one: PressureOutlook, what: Given) -> str:
    scatter = " and ".join(f"{value:.1f}" for value in one.scatter.values())
    assumed = "the rise does not depend on the pressure before it, on medicines or illness"
    if set(what.routes) - {"intranasal"}:
        assumed += "; after other routes than the nose the first reading is at the peak"
    if one.chance is None:
        return (
            "Rise and variability between patients are fitted to published trials; one reading has "
            f"an SD of {scatter} mmHg besides, not in the range. Assumed: {assumed}."
        )
    return (
        f"Rise, variability between patients and SD of one reading ({scatter} mmHg; in the chance, "
        f"not in the range) are fitted to published trials. Assumed: {assumed}. 180/110 mmHg is "
        f"what trials of nasal esketamine counted ({source_name(fact(SEVERE_FACT).source)})."
    )
