"""Rules on a patient's own rated score: when the next session comes, and who gets rescue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, create_model

from ketasim._base import InputError, read_number
from ketasim.dosing.dose import LONGEST
from ketasim.dosing.fields import FROZEN, quantity, refuse, shortened, word
from ketasim.dosing.patient import known_scale, scales

RESCUES: Final = ("antidepressant",)
"""What a rescue gives: a new oral antidepressant, from the visit at which the score asks for it."""

LEAST_INTERVAL: Final = 48.0
"""Least interval of a dosing rule, h: sessions closer together are not added up."""

_SIGNS: Final = {
    ">": ">",
    "above": ">",
    "more than": ">",
    ">=": ">=",
    "\u2265": ">=",
    "at least": ">=",
    "<": "<",
    "below": "<",
    "less than": "<",
    "<=": "<=",
    "\u2264": "<=",
    "at most": "<=",
}
_WRITTEN: Final = re.compile(
    r"([A-Za-z][\w -]*?)\s*"
    r"(>=|<=|>|<|\u2265|\u2264|above|more than|at least|below|less than|at most)\s*"
    r"([0-9][0-9.,]*)",
    re.IGNORECASE,
)
_EXAMPLE: Final = "write it as a scale, a sign and points, such as 'MADRS > 12'"
_DAY: Final = 24.0
_STOP: Final = ("none", "stop", "no session")


@dataclass(frozen=True)
class Condition:
    """A score compared with some points, such as MADRS > 12.

    **Arguments:**

    - `scale`: one of `scales()`. `sign`: `>`, `>=`, `<` or `<=`. `points`: on the scale.
    """

    scale: str
    sign: str
    points: float

    def holds(self, score: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether it holds of scores as rated."""
        compare = {
            ">": np.greater,
            ">=": np.greater_equal,
            "<": np.less,
            "<=": np.less_equal,
        }[self.sign]
        return np.asarray(compare(score, self.points), np.bool_)

    def __str__(self) -> str:
        return f"{self.scale} {self.sign} {self.points:g}"


def _condition(value: object) -> Condition:
    if isinstance(value, Condition):
        return value
    if not isinstance(value, str):
        raise refuse(f"'{shortened(value)}' is no condition", _EXAMPLE)
    found = _WRITTEN.fullmatch(value.strip())
    if found is None:
        raise refuse(f"'{shortened(value)}' is no condition", _EXAMPLE)
    scale = known_scale(found[1].strip())
    try:
        points = float(read_number(found[3], field=""))
    except InputError as error:
        raise refuse(error.problem, error.remedy) from None
    if not 0.0 <= points <= scales()[scale]:
        raise refuse(
            f"{points:g} is not a score of {scale}", f"give 0 to {scales()[scale]:g} points"
        )
    return Condition(scale, _SIGNS[found[2].lower()], points)


_Condition = Annotated[Any, BeforeValidator(_condition, json_schema_input_type=str)]


def _or_none(value: object) -> object:
    """An interval, or a word for no session at all."""
    return None if isinstance(value, str) and value.strip().lower() in _STOP else value


_Interval = Annotated[float, quantity("h", LEAST_INTERVAL, LONGEST, example="7 d")]
_Time = Annotated[float, quantity("h", 0, LONGEST, example="28 d")]


class _Rule(BaseModel):
    """The key `dosing_rule` of an arm, without the keys that no class body can name.

    **Arguments:**

    - `while`: a `Condition`, read from the score rated just before a session.
    - `every`: interval to the next session while it holds, h.
    - `else`: the interval where it does not, a whole number of times `every`; nothing for no
      session.
    - `from`: first session under the rule, h; left out, `every` after the last of the arm's `days`.
    - `until`: no session from then on, h; left out, the horizon.
    - `check`: how often the score decides, h, on the interval until the next time; left out, at
      every session.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("if", "when", "condition"), "write it as 'while', such as 'MADRS > 12'"),
        **dict.fromkeys(("interval", "then", "days"), "write it as 'every', such as 'every: 7 d'"),
        **dict.fromkeys(("otherwise", "or"), "write it as 'else', such as 'else: 14 d'"),
        **dict.fromkeys(("start", "after"), "write it as 'from', such as 'from: 28 d'"),
        **dict.fromkeys(("end", "to"), "write it as 'until'"),
        **dict.fromkeys(("review", "decide", "visits"), "write it as 'check', such as '28 d'"),
    }
    """Keys that people write, which a rule has not, to what to write."""

    every: _Interval
    until: _Time | None = None
    check: _Interval | None = None

    @property
    def condition(self) -> Condition:
        """What has to hold for the interval `every`."""
        return getattr(self, "while")

    @property
    def otherwise(self) -> float | None:
        """Interval where it does not hold, h; nothing for no session."""
        return getattr(self, "else")

    @property
    def start(self) -> float | None:
        """First session under the rule, h."""
        return getattr(self, "from")

    def form(self) -> dict[str, Any]:
        """Normal form."""
        form: dict[str, Any] = {
            "while": str(self.condition),
            "every": f"{self.every!r} h",
            "else": "none" if self.otherwise is None else f"{self.otherwise!r} h",
        }
        for key in ("from", "until", "check"):
            time = getattr(self, key)
            if time is not None:
                form[key] = f"{time!r} h"
        return form


if TYPE_CHECKING:
    DosingRule = _Rule
else:
    DosingRule = create_model(
        "DosingRule",
        __base__=_Rule,
        **{
            "while": (_Condition, ...),
            "else": (Annotated[_Interval | None, BeforeValidator(_or_none)], ...),
            "from": (_Time | None, None),
        },
    )


class _RescueItem(BaseModel):
    """The key `rescue` of a trial, without the key `from`.

    **Arguments:**

    - `when`: a `Condition`, read at every visit of its scale.
    - `give`: one of `RESCUES`.
    - `from`: visits before are not looked at, h; left out, all after 0 h are.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("if", "while", "condition"), "write it as 'when', such as 'MADRS >= 28'"),
        **dict.fromkeys(("drug", "with", "medicine"), "write it as 'give'"),
        **dict.fromkeys(("start", "after"), "write it as 'from', such as 'from: 7 d'"),
    }
    """Keys that people write, which a rescue has not, to what to write."""

    when: _Condition
    give: Annotated[str, word(RESCUES, listed=True)] = RESCUES[0]

    @property
    def start(self) -> float:
        """Visits before are not looked at, h."""
        return getattr(self, "from") or 0.0

    def form(self) -> dict[str, Any]:
        """Normal form."""
        form = {"when": str(self.when), "give": self.give}
        return form | ({"from": f"{self.start!r} h"} if self.start else {})


if TYPE_CHECKING:
    Rescue = _RescueItem
else:
    Rescue = create_model("Rescue", __base__=_RescueItem, **{"from": (_Time | None, None)})


def check_rule(rule: DosingRule, field: str, days: tuple[float, ...]) -> DosingRule:
    """Fill in when a rule begins, and refuse what cannot be followed.

    **Arguments:**

    - `rule`: as read. `field`: its path. `days`: of the arm's fixed sessions.

    **Returns:** the rule with `from`.

    **Raises:** `InputError` with the path of the field.
    """
    last = days[-1] * _DAY if days else None
    start = rule.start
    if start is None:
        start = 0.0 if last is None else last + rule.every
        rule = rule.model_copy(update={"from": start})
    if last is not None and start < last + LEAST_INTERVAL:
        raise InputError(
            f"{field}.from",
            f"{start / _DAY:g} d comes less than {LEAST_INTERVAL / _DAY:g} d after the last of "
            f"'days', day {last / _DAY:g}",
            "begin later, or end 'days' before: sessions under the rule are not listed",
        )
    otherwise = rule.otherwise
    if otherwise is not None and not _whole(otherwise, rule.every):
        raise InputError(
            f"{field}.else",
            f"{otherwise / _DAY:g} d is no whole number of times 'every', {rule.every / _DAY:g} d",
            f"give such as {2 * rule.every / _DAY:g} d, or 'none' for no session",
        )
    if otherwise is not None and otherwise == rule.every:
        raise InputError(
            f"{field}.else",
            f"{otherwise / _DAY:g} d is 'every' too: the score decides nothing",
            "give another interval, or write the days of the sessions as 'days'",
        )
    if rule.check is not None:
        for interval in filter(None, (rule.every, otherwise)):
            if not _whole(rule.check, interval):
                raise InputError(
                    f"{field}.check",
                    f"{rule.check / _DAY:g} d is no whole number of times {interval / _DAY:g} d",
                    "give a time after which a session is due whatever the score, or leave it out",
                )
    if rule.until is not None and rule.until <= start:
        raise InputError(
            f"{field}.until",
            f"{rule.until / _DAY:g} d does not come after the first session under the rule, "
            f"{start / _DAY:g} d",
            "give a later end, or leave it out",
        )
    return rule


def rule_times(rule: DosingRule, horizon: float) -> tuple[float, ...]:
    """Times at which a session may take place under a rule, h, `every` apart.

    **Arguments:**

    - `rule`: with `from`. `horizon`: of the trial, h.
    """
    start, end = rule.start or 0.0, min(rule.until or horizon, horizon)
    count = max(int(np.ceil((end - start) / rule.every - 1e-9)), 0)
    return tuple(start + rule.every * place for place in range(count))


def _whole(time: float, part: float) -> bool:
    return abs(time / part - round(time / part)) < 1e-6 and round(time / part) >= 1
