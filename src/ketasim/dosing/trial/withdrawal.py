"""A randomised withdrawal: who of an arm is randomised again, when, and to what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, cast

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from ketasim._base import InputError, near, one_of
from ketasim.dosing.dose import LONGEST
from ketasim.dosing.fields import FROZEN, Text, quantity, refuse, shortened
from ketasim.dosing.patient import known_scale, scales
from ketasim.dosing.trial.assessment import Flag, Points, Relapse
from ketasim.dosing.trial.phase import CONTROLS, DRUG_KEYS, Key, PhaseItem, plain

ENTRIES: Final = ("remission", "response", "no_response", "all")
"""Who may be randomised again, in a word; a limit of a score is the other way to say it."""

CONTINUE: Final = "continue"
"""The treatment of the arm, given on."""

RELAPSE: Final = Relapse(score_at_least=22, visits=2)
"""What counts as relapse after a randomised withdrawal that defines none, MADRS, weekly visits:
that of SUSTAIN-1 (spravato_pi_2019, care/rules:21)."""

RELAPSE_SCALE: Final = "MADRS"
"""Scale of `RELAPSE`."""

RELAPSE_EVERY: Final = 168.0
"""Time between the visits of `RELAPSE`, h."""

_LATER: Final = "antidepressant"  # which the chain to mood begins on day 0
_MOST: Final = 100  # of a ratio, and of arms: a limit against slips of the pen


class Entry(BaseModel):
    """Who is randomised again, by the score rated at that time.

    **Arguments:**

    - `kind`: one of `ENTRIES`, or `score`, for which the others are.
    - `scale`: one of `scales()`; left out, that of the baseline.
    - `score_at_least`, `score_at_most`: points; one of them or both.
    """

    model_config = FROZEN

    kind: str = "score"
    scale: str | None = None
    score_at_least: Points | None = None
    score_at_most: Points | None = None

    @field_validator("scale")
    @classmethod
    def _known(cls, scale: str | None) -> str | None:
        return None if scale is None else known_scale(scale)

    @model_validator(mode="after")
    def _some(self) -> Entry:
        low, high = self.score_at_least, self.score_at_most
        if self.kind == "score" and low is None and high is None:
            raise refuse("no score says who is randomised", "add 'score_at_most: 12'")
        if low is not None and high is not None and high < low:
            raise refuse(
                f"no score is {low:g} or more and {high:g} or less", "give a range, or one of them"
            )
        return self

    @property
    def well(self) -> bool:
        """Whether it asks for people who are well, and so can relapse."""
        return self.kind in ("remission", "response") or self.score_at_most is not None

    def form(self) -> str | dict[str, Any]:
        """Normal form: a word, or a mapping."""
        return (
            self.kind
            if self.kind != "score"
            else self.model_dump(exclude={"kind"}, exclude_none=True)
        )


def _entry(value: Any) -> Any:
    if isinstance(value, Entry):
        return value
    if isinstance(value, Mapping):
        found = cast("Mapping[str, Any]", value)
        if "kind" in found:
            raise refuse("unknown key 'kind'", f"write one word instead: {', '.join(ENTRIES)}")
        return dict(found)
    if not isinstance(value, str):
        raise refuse(f"'{shortened(value)}' is not a word", one_of(ENTRIES))
    word = value.strip().lower()
    if word not in ENTRIES:
        raise refuse(
            f"unknown value '{shortened(value)}'",
            f"{one_of(ENTRIES)}, or a score such as {{score_at_most: 12}}",
        )
    return {"kind": word}


class TargetItem(PhaseItem):
    """An entry of `to:`: what some of those who enter get from then on.

    **Arguments:**

    - `id`: of the arm that is made; left out, that of the arm with `:continue` or the control.
    - `label`: as of `Arm`.
    - `control`: one of `CONTROLS`; nothing where a drug is given.
    - `drug`, `route`, `dose`, `over`, `salt`, `days`: as of `PhaseItem`; what is left out is as in
      the arm.
    - `open`: patients know what they get.
    - `ratio`: of the randomisation.
    """

    meant: ClassVar[Mapping[str, str]] = {
        **PhaseItem.meant,
        **dict.fromkeys(("n", "size", "share", "weight"), "write how many to how many as 'ratio'"),
    }
    """Keys that people write, which an entry has not, to what to write."""

    id: Key | None = None
    label: Text = ""
    control: str | None = None
    open: Flag = False
    ratio: Annotated[int, Field(strict=True, ge=1, le=_MOST)] = 1

    @field_validator("control")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        return None if value is None else _control(value)

    @property
    def own_drug(self) -> bool:
        """Whether it gives something else than the arm did."""
        return any(getattr(self, key) is not None for key in ("drug", *DRUG_KEYS))

    def arm_id(self, arm: str) -> str:
        """Id of the arm that is made of those of `arm`."""
        return self.id or f"{arm}:{self.control or CONTINUE}"

    def form(self) -> str | dict[str, Any]:
        """Normal form: a word where it is one."""
        form: dict[str, Any] = self.model_dump(exclude_defaults=True)
        if "days" in form:
            form["days"] = plain(form["days"])
        if set(form) <= {"control"}:
            return self.control or CONTINUE
        return form


def _control(value: str) -> str:
    word = value.strip().lower()
    if word == _LATER:
        raise refuse(
            "an oral antidepressant that starts later than day 0 is not simulated",
            "leave it out, or write 'background: new' in the arm where it starts on day 0",
        )
    if word not in CONTROLS:
        raise refuse(
            f"unknown value '{shortened(value)}'", near(value, [*CONTROLS[:-2], CONTROLS[-1]])
        )
    return word


def _target(value: object) -> object:
    if value == {}:
        raise refuse("nothing is named", f"write '{CONTINUE}', or a control")
    if not isinstance(value, str):
        return value
    word = value.strip().lower()
    if word == CONTINUE:
        return {}
    if word not in CONTROLS:
        known = (CONTINUE, *(name for name in CONTROLS if name != _LATER))
        raise refuse(
            f"unknown value '{shortened(value)}'",
            f"{near(value, known)}; another dose is written as {{id: low, dose: ..., days: [...]}}",
        )
    return {"control": _control(word)}


class WithdrawalItem(BaseModel):
    """The key `withdrawal` of an arm.

    **Arguments:**

    - `after`: when, such as `16 wk`; sessions from then on are those of the randomised arms.
    - `entry`: who is randomised, by the score rated then: one of `ENTRIES`, or an `Entry`.
    - `to`: `continue`, controls, and `TargetItem`.
    - `days`: of the sessions from then on, in days from 0; left out, those of the arm.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("at", "when", "day", "time", "week", "from"), "write it as 'after'"),
        **dict.fromkeys(("arms", "groups", "randomise", "randomize"), "write it as 'to'"),
        **dict.fromkeys(("who", "criterion", "if", "of"), "write it as 'entry'"),
        **dict.fromkeys(("schedule", "sessions", "visits"), "write it as 'days'"),
        **dict.fromkeys(
            ("relapse", "until", "assess"),
            "write it in an entry of 'assess' with the metric 'no_relapse'",
        ),
    }
    """Keys that people write, which a withdrawal has not, to what to write."""

    after: Annotated[float, quantity("h", 0, LONGEST, example="16 wk")]
    entry: Annotated[Entry, BeforeValidator(_entry, json_schema_input_type=str | Entry)]
    to: Annotated[
        tuple[
            Annotated[
                TargetItem, BeforeValidator(_target, json_schema_input_type=str | TargetItem)
            ],
            ...,
        ],
        Field(max_length=_MOST),
    ]
    days: tuple[Annotated[float, Field(strict=True, ge=0, le=LONGEST / 24)], ...] | None = None

    def form(self) -> dict[str, Any]:
        """Normal form."""
        form: dict[str, Any] = {
            "after": f"{self.after!r} h",
            "entry": self.entry.form(),
            "to": [one.form() for one in self.to],
        }
        return form if self.days is None else form | {"days": plain(self.days)}


@dataclass(frozen=True)
class Branch:
    """What makes an arm one of a randomised withdrawal.

    **Arguments:**

    - `of`: id of the arm whose patients are randomised again.
    - `after`: when, h. `entry`: who.
    - `ratio`: of the randomisation; `place` of the arm in it, `ratios` of all.
    """

    of: str
    after: float
    entry: Entry
    place: int
    ratios: tuple[int, ...]

    @property
    def ratio(self) -> int:
        """Its part of the randomisation."""
        return self.ratios[self.place]


def check_withdrawal(
    item: WithdrawalItem,
    field: str,
    *,
    first: float | None,
    scale: str,
    remission: bool,
    masked: bool,
) -> None:
    """Refuse a withdrawal that its arm cannot have.

    **Arguments:**

    - `field`: its path. `first`: start of the arm's first session, h, nothing without sessions.
    - `scale`: of the baseline.
    - `remission`: whether the trial says what a remission is. `masked`: whether the arm is.

    **Raises:** `InputError` with the path of the field.
    """
    if first is None and item.after <= 0.0:
        raise InputError(
            f"{field}.after",
            "nothing comes before 0 h: there is no open phase",
            "give the time after it, such as '16 wk'",
        )
    if first is not None and item.after <= first:
        raise InputError(
            f"{field}.after",
            f"no session of the arm comes before {item.after:g} h: the first is at {first:g} h",
            "give the time after the open phase, such as '16 wk'",
        )
    if not item.to:
        raise InputError(
            f"{field}.to", "nothing is named", f"write it as [{CONTINUE}, placebo_spray]"
        )
    for key in ("score_at_least", "score_at_most"):
        limit: float | None = getattr(item.entry, key)
        highest = scales()[item.entry.scale or scale]
        if limit is not None and limit > highest:
            raise InputError(
                f"{field}.entry.{key}",
                f"{limit:g} is not a score of {item.entry.scale or scale}",
                f"give 0 to {highest:g} points",
            )
    if item.entry.kind == "remission" and not remission:
        raise InputError(
            f"{field}.entry",
            "nothing says what a remission is",
            "add it to the trial, such as 'remission_at_most: 12'",
        )
    for place, one in enumerate(item.to):
        path = f"{field}.to[{place}]"
        if one.control == "masked" and not masked:
            raise InputError(
                f"{path}.control",
                "a sham under anaesthesia, and the arm is not given under anaesthesia",
                "name another control",
            )
        if one.control is not None and one.own_drug:
            raise InputError(
                path, "a drug and a control are both given", "give a drug or a control"
            )
        if one.own_drug and one.id is None:
            raise InputError(f"{path}.id", "is missing", "name the arm, such as 'id: low'")


def ids_of(arm: str, item: WithdrawalItem) -> Sequence[str]:
    """Ids of the arms that a withdrawal makes."""
    return [one.arm_id(arm) for one in item.to]
