"""Sessions of an arm that give the same: as written, and as read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from ketasim._base import InputError
from ketasim.dosing.dose import LONGEST, Dose
from ketasim.dosing.fields import FROZEN, refuse, validated
from ketasim.dosing.regimen import check_count, number_sessions
from ketasim.dosing.structured import DoseItem, given_form

CONTROLS: Final = (
    "saline",
    "midazolam",
    "placebo_spray",
    "placebo_oral",
    "placebo_inhaled",
    "masked",
    "antidepressant",
    "none",
)
"""What an arm gets in place of a drug. `masked` is a sham given under anaesthesia, `antidepressant`
a usual oral one."""

WITHOUT_SESSIONS: Final = ("antidepressant", "none")
"""Controls without sessions."""

DRUG_KEYS: Final = ("route", "dose", "over", "salt")
"""Keys of an entry that say how its drug is given."""

MEANT_MEDICINES: Final = dict.fromkeys(("medications", "medication"), "write it as 'medicines'")
"""Keys that people write for `medicines`, to what to write."""

_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_REPEATED: Final = ("frequency", "every", "repeat", "interval", "times")
# read as a dose of a course is, with the same errors
_AsInDoses = Annotated[Any, WithJsonSchema({"type": "string"})]


class PhaseItem(BaseModel):
    """An entry of `phases:`; an arm of one phase has these keys itself.

    **Arguments:**

    - `drug`, `route`, `dose`, `over`, `salt`: as of `DoseItem`.
    - `days`: start of each session, days from 0.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **{name: said for name, said in DoseItem.meant.items() if name not in _REPEATED},
        **dict.fromkeys(
            (*_REPEATED, "regimen", "schedule", "sessions", "visits"),
            "write the day of each session under 'days', such as 'days: [0, 3, 7, 10]'",
        ),
        "day": "write it as 'days', such as 'days: [0]'",
        "name": "write it as 'id', or as 'label'",
        **dict.fromkeys(("rule", "optimisation", "optimization"), "write it as 'dosing_rule'"),
        **MEANT_MEDICINES,
    }
    """Keys that people write, which an arm has not, to what to write."""

    drug: _AsInDoses = None
    route: _AsInDoses = None
    dose: _AsInDoses = None
    over: _AsInDoses = None
    salt: _AsInDoses = None
    days: tuple[Annotated[float, Field(strict=True, ge=0, le=LONGEST / 24)], ...] | None = None


def _key(value: object) -> str:
    if not isinstance(value, str):
        raise refuse(f"'{value}' is not text", "write it as text, in quotes if it is a number")
    if _KEY.fullmatch(value.strip()) is None:
        raise refuse(
            f"'{value[:40]}' is not a key".replace("\n", " "),
            "use letters, digits and . _ + -, such as 'ket-0.5'",
        )
    return value.strip()


Key = Annotated[str, BeforeValidator(_key)]
"""A short name without blanks."""


@dataclass(frozen=True)
class Phase:
    """Sessions of an arm that give the same.

    **Arguments:**

    - `drug`, `route`, `amount`, `unit`, `duration`, `salt`: as of `Dose`; of nasal esketamine the
      amount of the whole session.
    - `days`: start of each session, days from 0, ascending.
    - `duration_given`: as of `Dose`.
    - `notes`, `readings`: as of `Regimen`.
    """

    drug: str
    route: str
    amount: float
    unit: str
    duration: float
    salt: str
    days: tuple[float, ...]
    duration_given: bool = field(default=True, compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)
    readings: tuple[str, ...] = field(default=(), compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the normal form."""
        return given_form(self) | {"days": plain(self.days)}


def days_of(item: PhaseItem, field: str) -> tuple[float, ...]:
    """Days of the sessions of an entry, ascending.

    **Arguments:**

    - `item`: the entry. `field`: its path, for errors.
    """
    if item.days is None:
        raise InputError(f"{field}.days", "is missing", "add it, such as 'days: [0, 3, 7, 10]'")
    check_count(len(item.days), f"{field}.days")
    for earlier, later in zip(item.days, item.days[1:], strict=False):
        if later <= earlier:
            raise InputError(
                f"{field}.days",
                f"day {later:g} does not come after day {earlier:g}",
                "give days in ascending order, each once",
            )
    return item.days


def given(
    places: Sequence[tuple[PhaseItem, str]], field: str
) -> tuple[tuple[Phase, ...], tuple[Dose, ...]]:
    """Phases of a drug, and their doses.

    **Arguments:**

    - `places`: entries, each with its path for errors. `field`: the path of all.

    **Raises:** `InputError` with the path of the field.
    """
    check_count(len(places), f"{field}.phases")
    phases: list[Phase] = []
    groups: list[tuple[Dose, ...]] = []
    taken: set[float] = set()
    for one, path in places:
        days = days_of(one, path)
        twice = taken.intersection(days)
        if twice:
            raise InputError(
                f"{path}.days",
                f"day {min(twice):g} is in an earlier phase already",
                "give each day to one phase",
            )
        taken.update(days)
        keys = ("drug", *DRUG_KEYS)
        content = {key: getattr(one, key) for key in keys if getattr(one, key) is not None}
        first = validated(DoseItem, content | {"day": days[0]}, prefix=path)
        step = first.step
        assert step.drug and step.route and step.amount is not None
        phases.append(
            Phase(
                step.drug,
                step.route,
                step.amount,
                step.unit,
                duration=step.duration or 0.0,
                salt=step.salt or "base",
                days=days,
                duration_given=step.route != "iv" or step.duration is not None,
                notes=step.notes,
                readings=step.readings,
            )
        )
        groups += [first.model_copy(update={"day": day}).doses(path) for day in days]
    check_count(sum(len(group) for group in groups), field)
    return tuple(phases), number_sessions(groups)


def plain(days: Sequence[float]) -> list[float]:
    """Write whole days without a decimal point."""
    return [int(day) if day == int(day) else day for day in days]
