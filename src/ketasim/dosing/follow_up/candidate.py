"""Candidates for what follows: sessions that may be given after now, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, BeforeValidator, model_validator

from ketasim._base import InputError
from ketasim.dosing.fields import FROZEN, Text, refuse
from ketasim.dosing.follow_up.when import DAY
from ketasim.dosing.regimen import Regimen, in_order
from ketasim.dosing.sentence.dates import undated
from ketasim.dosing.sentence.parse import parse_regimen
from ketasim.dosing.sentence.scan import phases, scan
from ketasim.dosing.structured import DoseItem, items_of, regimen_of
from ketasim.vocabulary import Moment

MOST_CANDIDATES: Final = 20
"""Most candidates of a course: a limit against slips."""

_NAMED: Final = ("DAY", "FROM", "AT")  # words by which a sentence says its days itself
_SLIP: Final = 1e-6  # h


@dataclass(frozen=True)
class Candidate:
    """What may follow.

    **Arguments:**

    - `name`: of the candidate.
    - `regimen`: its sessions, h from the start of the course; nothing when there are none.
    - `note`: how its days were read, in a sentence; empty where they are written out.
    """

    name: str
    regimen: Regimen | None = None
    note: str = field(default="", compare=False)

    def after(self, given: Regimen) -> Regimen:
        """What was given and then this, as one regimen."""
        if self.regimen is None:
            return given
        first = max(dose.session for dose in given.doses) + 1
        doses = [replace(dose, session=dose.session + first) for dose in self.regimen.doses]
        notes = (*given.notes, *self.regimen.notes)
        return Regimen(in_order([*given.doses, *doses]), notes=notes)

    def to_dict(self) -> dict[str, Any]:
        """The normal form, which reads back as equal."""
        if self.regimen is None:
            return {"name": self.name}
        return {"name": self.name, "doses": items_of(self.regimen)}


def _name(value: object) -> object:
    """A number is a name too."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class CandidateItem(BaseModel):
    """One entry of `next:` in a course file.

    **Arguments:**

    - `name`: by which it is told apart.
    - `regimen`: a sentence. Days that it names are days of the course; without them, as in
      `weekly x 4`, it begins now, or an interval after the session that is given now. Or
    - `doses`: a list as that of the course. Without either nothing more is given.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("title", "label", "option", "id"), "write it as 'name'"),
        **dict.fromkeys(("drug", "dose", "route", "schedule"), "write it in 'regimen'"),
    }
    """Keys that people write, which an entry has not, to what to write."""

    name: Annotated[Text, BeforeValidator(_name)]
    regimen: str | None = None
    doses: tuple[DoseItem, ...] | None = None

    @model_validator(mode="after")
    def _usable(self) -> CandidateItem:
        if not self.name:
            raise refuse("is empty", "give the candidate a name", below="name")
        if self.regimen is not None and self.doses is not None:
            raise refuse("both regimen and doses are given", "give one of them, or neither")
        return self

    def read(self, field: str, start: Moment | None, now: float, given: Regimen) -> Candidate:
        """The candidate with the times of its sessions.

        **Arguments:**

        - `field`: path of the entry. `start`: of the course. `now`: h from it.
        - `given`: what was given.

        **Raises:** `InputError` for a session before now.
        """
        if self.doses is not None:
            try:
                regimen = regimen_of(self.doses, start)
            except InputError as error:
                raise InputError(f"{field}.{error.field}", error.problem, error.remedy) from None
            return Candidate(self.name, _checked(regimen, now, given, f"{field}.doses"))
        if self.regimen is None:
            return Candidate(self.name)
        try:
            text = undated(self.regimen, start)
            regimen = parse_regimen(text)
            own_days = any(token.kind in _NAMED for token in next(iter(phases(scan(text)))))
        except InputError as error:
            raise InputError(f"{field}.regimen", error.problem, error.remedy) from None
        note = ""
        if not own_days:
            regimen, note = _from_now(self.name, regimen, now, given, f"{field}.regimen")
        return Candidate(self.name, _checked(regimen, now, given, f"{field}.regimen"), note)


def read_candidates(
    items: Sequence[CandidateItem], start: Moment | None, now: float, given: Regimen
) -> tuple[Candidate, ...]:
    """Candidates, in the order they are given; arguments as of `CandidateItem.read`.

    **Raises:** `InputError` for two of one name.
    """
    if len(items) > MOST_CANDIDATES:
        raise InputError("next", f"there are {len(items)}", f"give at most {MOST_CANDIDATES}")
    known: dict[str, int] = {}
    for place, item in enumerate(items):
        other = known.setdefault(item.name.lower(), place)
        if other != place:
            raise InputError(
                f"next[{place}].name",
                f"'{item.name}' is the name of next[{other}] too",
                "give each candidate a name of its own",
            )
    return tuple(item.read(f"next[{i}]", start, now, given) for i, item in enumerate(items))


def _from_now(
    name: str, regimen: Regimen, now: float, given: Regimen, field: str
) -> tuple[Regimen, str]:
    """A regimen without days of its own, begun now, and how that was read."""
    own, sessions = regimen.sessions, given.sessions
    shift = now - own[0]
    told = f"begins on day {_day(now)}, which is now"
    if any(abs(one - now) < DAY for one in sessions):
        if len(own) < 2:
            raise InputError(
                field,
                f"a session was given on day {_day(max(sessions))}, which is now",
                "say on which day this one is, such as 'on day 12'",
            )
        shift = max(sessions) + own[1] - 2.0 * own[0]
        first, last = own[0] + shift, max(sessions)
        told = f"begins on day {_day(first)}, an interval after the session of day {_day(last)}"
    doses = tuple(replace(dose, time=dose.time + shift) for dose in regimen.doses)
    return (
        Regimen(doses, notes=regimen.notes, readings=regimen.readings),
        f"'{name}' names no day: it {told}.",
    )


def _checked(regimen: Regimen, now: float, given: Regimen, field: str) -> Regimen:
    """Refuse a session that is over, or that was given already."""
    first = regimen.sessions[0]
    if first < now - _SLIP:
        raise InputError(
            field,
            f"a session on day {_day(first)} is before now, day {_day(now)}",
            "write what was given under the course's own 'regimen' or 'doses'",
        )
    if any(abs(first - one) < _SLIP for one in given.sessions):
        raise InputError(
            field,
            f"the session on day {_day(first)} is in what was given too",
            "leave it out in one of them",
        )
    if any(dose.steady_state_interval is not None for dose in regimen.doses):
        raise InputError(field, "a steady state after now", "write the doses out")
    return replace(regimen, text=None)  # its days may be others than those of the sentence


def _day(hours: float) -> str:
    return f"{hours / DAY:.4g}"
