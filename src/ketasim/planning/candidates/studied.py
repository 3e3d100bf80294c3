"""What was studied for a patient's condition: limits of a grid, and the grid when none is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from ketasim._base import InputError
from ketasim._base.words import counted
from ketasim.dosing import Course, Dose, PlanOptions, Regimen, interval_words
from ketasim.dosing.regimen import by_session
from ketasim.evidence import StudiedDoses, studied_doses
from ketasim.simulation.mood.inputs import DEPRESSION
from ketasim.simulation.mood.studied import studied_arms
from ketasim.vocabulary import frequency_of

_DAY: Final = 24.0
_SLIP: Final = 1e-6
_MOST_INTERVALS: Final = 4
_MOST_NUMBERS: Final = 3  # beside the course's own
_MOST_DOSES: Final = 2  # beside the course's own


def conditions_of(course: Course) -> tuple[str, ...]:
    """The conditions whose studies count: the diagnosis, or where none is given any depression.

    **Arguments:**

    - `course`: with the patient.
    """
    return DEPRESSION if course.patient.diagnosis is None else (course.patient.diagnosis,)


def _named(conditions: Sequence[str]) -> str:
    several = len(conditions) > 1
    return "depression" if several else "".join(conditions)


def studied_for(conditions: Sequence[str], drug: str, route: str) -> list[StudiedDoses]:
    """What was studied of a drug by a route, an entry a condition in which anything was.

    **Arguments:**

    - `conditions`: names. `drug`, `route`: as of a dose.
    """
    found = (studied_doses(one, drug, route) for one in conditions)
    return [one for one in found if one is not None]


def beyond_studied(regimen: Regimen, conditions: Sequence[str]) -> str:
    """Why a regimen is beyond what was studied, in a clause; empty within it.

    Drug and route, the dose of every session, the number of sessions and the time between two of
    them each have to be within what any study of the condition gave. Doses are never converted.

    **Arguments:**

    - `regimen`: of the candidate. `conditions`: as `conditions_of` returns them.
    """
    kinds = {(dose.drug, dose.route) for dose in regimen.doses}
    whys: list[str] = []
    for drug, route in sorted(kinds):
        known = studied_for(conditions, drug, route)
        if not known:
            what = f"{drug} {route.replace('_', ' ')}"
            return f"no study of {what} in {_named(conditions)} is in the evidence"
        whys += _limits(regimen, known)
    return "; ".join(dict.fromkeys(whys))


def _limits(regimen: Regimen, known: Sequence[StudiedDoses]) -> Iterator[str]:
    """What of a regimen is outside the limits of all conditions together, in clauses."""
    sessions = by_session(regimen.doses)
    for amount, unit in dict.fromkeys(session_dose(one) for one in sessions):
        spans = [span for one in known if (span := one.span(unit)) is not None]
        if not spans:
            had = ", ".join(dict.fromkeys(s.words() for one in known for s in one.spans))
            yield f"{amount:g} {unit} a session: studied were {had or 'no stated doses'}"
            continue
        low, high = min(one.low for one in spans), max(one.high for one in spans)
        if not low * (1 - _SLIP) <= amount <= high * (1 + _SLIP):
            yield f"{amount:g} {unit}: {_span(low, high)} {unit} were studied"
    counts = [one.sessions[1] for one in known if one.sessions is not None]
    open_ended = any(one.uncounted for one in known)  # longer courses were studied too
    if counts and not open_ended and len(sessions) > max(counts):
        yield f"{counted(len(sessions), 'session')}: up to {max(counts)} were studied"
    gaps = [(b - a) / _DAY for a, b in pairwise(regimen.sessions)]
    spacings = [one.interval_days for one in known if one.interval_days is not None]
    if gaps and not spacings:
        yield "no study says how far apart several sessions were"
    elif gaps:
        low, high = min(one[0] for one in spacings), max(one[1] for one in spacings)
        out = [gap for gap in gaps if not low - _SLIP <= gap <= high + _SLIP]
        if out:
            yield f"sessions {out[0]:.3g} d apart: {_span(low, high)} d were studied"


def _span(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g}-{high:g}"


def session_dose(session: Sequence[Dose]) -> tuple[float, str]:
    """Dose of a session as ordered, and its unit; nasal devices and steps of an infusion add up.

    **Arguments:**

    - `session`: its doses.
    """
    return round(sum(one.amount for one in session), 9), session[0].unit


def longest_interval(conditions: Sequence[str], drug: str, route: str) -> float:
    """The longest studied time between two sessions, h; 0 where no study says.

    **Arguments:** as of `studied_for`.
    """
    known = studied_for(conditions, drug, route)
    return max((_DAY * one.interval_days[1] for one in known if one.interval_days), default=0.0)


def usual_options(course: Course) -> PlanOptions:
    """The grid when none is given, from what was studied of the course's drug and route.

    Intervals are those that the studies of the condition name; numbers of sessions and doses are
    those that most published trials with that drug and route gave, beside the course's own.

    **Arguments:**

    - `course`: with patient and regimen.

    **Raises:** `InputError` where no study of the condition says anything of it.
    """
    conditions, session = conditions_of(course), by_session(course.regimen.doses)[0]
    first = session[0]
    known = studied_for(conditions, first.drug, first.route)
    if not known:
        raise InputError(
            "plan",
            f"no study of {first.drug} {first.route} in {_named(conditions)} is in the evidence to "
            "take a grid from",
            "name intervals, numbers or doses, and beyond_studied",
        )
    own, unit = session_dose(session)
    arms = [
        arm
        for arm in studied_arms().values()
        if (arm.drug, arm.route) == (first.drug, first.route) and len(arm.days) > 1
    ]
    numbers = Counter(count for _, count in {(arm.trial, len(arm.days)) for arm in arms})
    given = Counter(
        amount
        for _, amount in {
            (arm.trial, _ordered(arm.doses[0], arm.weight, unit))
            for arm in arms
            if arm.unit == unit
        }
        if any(_inside(one, amount, unit) for one in known)
    )
    sessions = len(course.regimen.sessions)
    doses = [own, *_usual(given, own)[:_MOST_DOSES]]
    counts = [sessions, *(round(one) for one in _usual(numbers, sessions)[:_MOST_NUMBERS])]
    return PlanOptions(
        dose=tuple(f"{one:.4g} {unit}" for one in sorted(set(doses))),
        interval=tuple(_intervals(known)) or None,
        number=tuple(sorted(set(counts))),
    )


def _usual(found: Mapping[float, int] | Mapping[int, int], own: float) -> list[float]:
    """The most frequent first, the lower of equals; without the course's own."""
    others = [(-count, float(value)) for value, count in found.items() if value != own]
    return [value for _, value in sorted(others)]


def _ordered(milligrams: float, weight: float, unit: str) -> float:
    return float(f"{milligrams / (weight if unit == 'mg/kg' else 1.0):.3g}")


def _inside(known: StudiedDoses, amount: float, unit: str) -> bool:
    span = known.span(unit)
    return span is not None and span.low <= amount <= span.high


def _intervals(known: Sequence[StudiedDoses]) -> list[str]:
    """Regular spacings that the studies name, the closest first."""
    found: dict[float, str] = {}
    for text in dict.fromkeys(
        part for one in known for s in one.spacings for part in s.split(", ")
    ):
        try:
            frequency = frequency_of(text)
        except InputError:
            continue
        if frequency is None or frequency.weekdays:
            continue
        per_week = frequency.per_week
        words = f"{per_week}/week" if per_week > 1 else interval_words(frequency.gap)
        found.setdefault(frequency.gap, words)
    return [found[gap] for gap in sorted(found)][:_MOST_INTERVALS]
