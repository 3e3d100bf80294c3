"""Looks at a running trial: when, and when it ends at one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from ketasim._base import InputError
from ketasim.dosing.fields import FROZEN, refuse, shortened, word
from ketasim.dosing.people import Part, share
from ketasim.dosing.trial.arm import Arm

BOUNDARIES: Final = (
    "obrien_fleming",
    "pocock",
    "spending_obrien_fleming",
    "spending_pocock",
)
"""When a look at a running trial is significant: constant shapes, or alpha spending."""

SPENDING: Final = ("obrien_fleming", "pocock")
"""How the type-II error is spent over looks."""

_MOST_LOOKS: Final = 10
_SIGNIFICANT: Final = 1.96  # a statistic that is significant without looks

_RULES: Final = "such as {z: 0}, {conditional_power: 0.2} or {spending: pocock, beta: 0.2}"

_Look = Annotated[float, Field(gt=0, le=1), BeforeValidator(share)]
_Z = Annotated[float, Field(strict=True, ge=-5, lt=_SIGNIFICANT, allow_inf_nan=False)]


class Futility(BaseModel):
    """When a look ends a trial that shows too little; one of `z`, `conditional_power`, `spending`.

    The rule is not binding: the boundaries for efficacy are those without it.

    **Arguments:**

    - `z`: standardised statistic in favour of the first arm below which the trial ends, one number
      or one for each look before the last.
    - `conditional_power`: under the current trend, below which the trial ends.
    - `spending`: one of `SPENDING`, by which the type-II error `beta` is spent.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("bound", "bounds", "boundary"), "write it as 'z', such as 'z: 0'"),
        **dict.fromkeys(("cp", "power", "chance"), "write it as 'conditional_power', such as 0.2"),
        **dict.fromkeys(
            ("beta_spending", "kind", "type"),
            "write it as 'spending' with 'beta', such as {spending: obrien_fleming, beta: 0.2}",
        ),
    }
    """Keys that people write, which it has not, to what to write."""

    z: tuple[_Z, ...] | None = None
    conditional_power: Part | None = None
    spending: Annotated[str, word(SPENDING, listed=True)] | None = None
    beta: Part | None = None

    @field_validator("z", mode="before")
    @classmethod
    def _alone(cls, value: object) -> object:
        """One number is that of every look."""
        return [value] if isinstance(value, int | float | str) else value

    @model_validator(mode="after")
    def _one(self) -> Futility:
        rules = ("z", "conditional_power", "spending")
        given = [name for name in rules if getattr(self, name) is not None]
        if len(given) != 1:
            told = " and ".join(f"'{name}'" for name in given) or "no rule"
            raise refuse(f"{told} given where one is needed", f"give one, {_RULES}")
        if (self.beta is None) == (self.spending is not None):
            if self.beta is None:
                raise refuse(
                    "'spending' without the type-II error that is spent",
                    "add 'beta', such as 'beta: 0.2' for a power of 80 %",
                )
            raise refuse(
                f"'beta' is of 'spending', and '{given[0]}' is given",
                f"leave 'beta' out, or write it with 'spending', {_RULES}",
            )
        return self

    def form(self) -> dict[str, Any]:
        """Normal form."""
        form: dict[str, Any] = self.model_dump(exclude_none=True)
        return form | ({} if self.z is None else {"z": list(self.z)})


def _named(value: object) -> object:
    """A number alone may be a statistic or a chance."""
    if isinstance(value, int | float | str):
        raise refuse(f"'{shortened(value)}' names no rule", f"write it as a mapping, {_RULES}")
    return value


class Looks(BaseModel):
    """Looks at a running trial, at each of which it may end with a difference shown.

    **Arguments:**

    - `at`: part of the patients who have been followed at each look, ascending, the last 1.
    - `boundary`: one of `BOUNDARIES`.
    - `futility`: when it may end with too little shown; nothing: it does not.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("information", "fractions", "times", "looks"), "write it as 'at'"),
        **dict.fromkeys(("kind", "type", "boundaries", "spending"), "write it as 'boundary'"),
    }
    """Keys that people write, which it has not, to what to write."""

    at: tuple[_Look, ...]
    boundary: Annotated[str, word(BOUNDARIES, listed=True)] = BOUNDARIES[0]
    futility: Annotated[Futility | None, BeforeValidator(_named)] = None

    @field_validator("at", mode="before")
    @classmethod
    def _counted(cls, value: object) -> object:
        """A number of looks is so many, evenly apart."""
        if isinstance(value, int) and not isinstance(value, bool):
            if not 2 <= value <= _MOST_LOOKS:
                raise refuse(f"{value} looks", f"give 2 to {_MOST_LOOKS}, the last at the end")
            return [place / value for place in range(1, value)] + [1.0]
        return value

    @field_validator("at", mode="after")
    @classmethod
    def _rising(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        rising = all(a < b for a, b in pairwise(shares))
        if not 2 <= len(shares) <= _MOST_LOOKS or not rising or abs(shares[-1] - 1.0) > 1e-9:
            told = ", ".join(f"{one:g}" for one in shares[:_MOST_LOOKS])
            raise refuse(
                f"[{told}] does not rise to 1",
                f"give 2 to {_MOST_LOOKS} rising parts of the patients, such as [0.5, 1]",
            )
        return (*shares[:-1], 1.0)

    @model_validator(mode="after")
    def _bounded(self) -> Looks:
        bounds = None if self.futility is None else self.futility.z
        before = len(self.at) - 1
        if bounds is not None and len(bounds) not in (1, before):
            raise refuse(
                f"{len(bounds)} numbers as 'futility.z', and {before} looks before the last",
                "give one number for all, or one for each look before the last",
            )
        return self

    def form(self) -> dict[str, Any]:
        """Normal form."""
        form: dict[str, Any] = {"at": list(self.at), "boundary": self.boundary}
        return form | ({} if self.futility is None else {"futility": self.futility.form()})


def _looks(value: object) -> object:
    """A number of looks, or their times, without the boundary."""
    alone: dict[str, object] = {"at": value}
    if isinstance(value, int | list | tuple) and not isinstance(value, bool):
        return alone
    return value


LooksKey = Annotated[Looks, BeforeValidator(_looks)]
"""`Looks`, or what its `at` is."""


def check_futility(looks: Looks | None, first: Arm, second: Arm) -> None:
    """Refuse futility of a contrast whose first arm is the control of the second.

    **Arguments:**

    - `first`, `second`: arms of the primary contrast.

    **Raises:** `InputError`.
    """
    if looks is None or looks.futility is None:
        return
    if first.control is not None and second.control is None:
        raise InputError(
            "looks.futility",
            f"it ends a trial that does not favour '{first.id}', the control of '{second.id}'",
            f"write 'contrast: [{second.id}, {first.id}]' in 'primary'",
        )
