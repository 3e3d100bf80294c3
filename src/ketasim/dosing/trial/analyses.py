"""How a trial is analysed, for which sizes, and under which scenario: keys of a trial file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, cast

from pydantic import BaseModel, BeforeValidator, Field, field_validator

from ketasim._base import InputError, near, one_of
from ketasim.dosing.dose import LONGEST
from ketasim.dosing.fields import FROZEN, Text, quantity, refuse, shortened, word
from ketasim.dosing.patient import known_scale
from ketasim.dosing.people import share
from ketasim.dosing.trial.arm import Arm
from ketasim.dosing.trial.assessment import Assessment

ANALYSES: Final = ("mmrm", "ancova", "responder")
"""Analyses of a replicate."""

ESTIMANDS: Final = ("hypothetical",)
"""What is estimated of patients who leave: had they stayed."""

PATTERNS: Final = ("completely_at_random", "lack_of_effect", "adverse_event")
"""Why patients leave a trial."""

MOST_VISITS_ANALYSED: Final = 20
"""Most visits of a mixed model: its covariance has half the square of their number."""

_MOST_SIZES: Final = 20
_MOST_N: Final = 10_000
_HIGHEST: Final = 5.0  # of a factor of a scenario

_Later = Annotated[float, quantity("h", 1e-3, LONGEST, example="28 d")]
_Whole = Annotated[int, Field(strict=True, ge=2, le=_MOST_N)]


def _listed(value: object) -> object:
    """One word is a list of one."""
    return [value] if isinstance(value, str) else value


def _inside(value: object) -> object:
    """A share that is neither nothing nor everything."""
    found = share(value)
    if isinstance(found, int | float) and not isinstance(found, bool) and not 0.0 < found < 1.0:
        raise refuse(
            f"'{shortened(value)}' is not between nothing and everybody",
            "give a share above 0 and below 1, such as '20 %'",
        )
    return found


_Part = Annotated[
    float,
    Field(strict=True, gt=0, lt=1),
    BeforeValidator(_inside, json_schema_input_type=float | str),
]
_Known = Annotated[
    float,
    Field(strict=True, ge=0, le=1),
    BeforeValidator(share, json_schema_input_type=float | str),
]
_Factor = Annotated[float, Field(strict=True, ge=0, le=_HIGHEST, allow_inf_nan=False)]


class Primary(BaseModel):
    """The primary contrast.

    **Arguments:**

    - `scale`: one that is assessed.
    - `at`: the visit, h.
    - `contrast`: ids of two arms, the first minus the second.
    - `analysis`: one of `ANALYSES`.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("arms", "compare", "comparison"), "write it as 'contrast: [a, b]'"),
        **dict.fromkeys(("visit", "time", "day", "week"), "write it as 'at', such as 'at: 15 d'"),
        **dict.fromkeys(("method", "model"), "write it as 'analysis'"),
    }
    """Keys that people write, which it has not, to what to write."""

    scale: str
    at: _Later
    contrast: tuple[Text, Text]
    analysis: Annotated[str, word(ANALYSES, listed=True)] = ANALYSES[0]

    @field_validator("scale")
    @classmethod
    def _known(cls, scale: str) -> str:
        return known_scale(scale)

    @field_validator("contrast", mode="before")
    @classmethod
    def _two(cls, value: object) -> object:
        named = cast("list[object]", value) if isinstance(value, list | tuple) else []
        if len(named) != 2:
            raise refuse("does not name two arms", "write two ids, such as [ket, saline]")
        return named


class Dropout(BaseModel):
    """A cause by which patients leave, in place of the rates of the card `mood`.

    **Arguments:**

    - `share`: of the patients, left at `by`, h, were there no other cause.
    - `pattern`: one of `PATTERNS`.
    - `arms`: ids of the arms it is of; all when left out.
    """

    model_config = FROZEN

    share: _Part
    by: _Later
    pattern: Annotated[str, word(PATTERNS, listed=True)] = PATTERNS[0]
    arms: tuple[Text, ...] | None = None

    def of(self, arm: Arm) -> bool:
        """Whether patients of an arm leave by it.

        Of a control nobody leaves by an adverse event, unless the arm is named.
        """
        name = arm.id if arm.branch is None else arm.branch.of
        if self.arms is not None:
            return name in self.arms
        return self.pattern != "adverse_event" or arm.control is None

    def form(self) -> dict[str, Any]:
        """Normal form."""
        form = self.model_dump(exclude_none=True) | {"by": f"{self.by!r} h"}
        return form | ({} if self.arms is None else {"arms": list(self.arms)})


def _causes(value: Any) -> Any:
    """One cause is a list of one."""
    return [value] if isinstance(value, Mapping | Dropout) else value


Dropouts = Annotated[
    tuple[Dropout, ...],
    BeforeValidator(_causes, json_schema_input_type=Dropout | tuple[Dropout, ...]),
]
"""The key `dropout` of a trial: one cause, or a list of several."""


def check_dropout(causes: Sequence[Dropout], arms: Sequence[Arm], *, crossover: bool) -> None:
    """Refuse causes of drop-out that contradict each other or the trial.

    **Raises:** `InputError` with the path of the field.
    """
    ids = [arm.id for arm in arms]
    seen: set[tuple[str, str]] = set()
    for place, one in enumerate(causes):
        field = "dropout" if len(causes) == 1 else f"dropout[{place}]"
        for number, name in enumerate(one.arms or ()):
            if name not in ids:
                raise InputError(
                    f"{field}.arms[{number}]", f"unknown arm '{name}'", near(name, ids)
                )
        if one.arms == ():
            raise InputError(f"{field}.arms", "no arm is named", "name some, or leave 'arms' out")
        if crossover and one.pattern == "lack_of_effect":
            raise InputError(
                f"{field}.pattern",
                "leaving by the score is not simulated in a crossover",
                "write completely_at_random or adverse_event, or 'design: parallel'",
            )
        for name in one.arms or ids:
            if (one.pattern, name) in seen:
                raise InputError(
                    f"{field}.pattern",
                    f"'{one.pattern}' is given twice for arm '{name}'",
                    "give each cause once for an arm, or tell apart with 'arms'",
                )
            seen.add((one.pattern, name))


class Power(BaseModel):
    """For which sizes power is computed.

    **Arguments:**

    - `n`: patients in the first arm of the primary contrast; the others keep the file's ratio.
    - `target`: power that is wanted.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("sizes", "n_per_arm"), "write it as 'n', such as 'n: [40, 60, 90]'"),
        **dict.fromkeys(("power", "wanted"), "write it as 'target', such as 'target: 0.8'"),
    }
    """Keys that people write, which it has not, to what to write."""

    n: tuple[_Whole, ...]
    target: _Part = 0.8

    @field_validator("n", mode="after")
    @classmethod
    def _ascending(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if not sizes:
            raise refuse("no size is given", "write sizes, such as [40, 60, 90]")
        if len(sizes) > _MOST_SIZES:
            raise refuse(f"{len(sizes)} sizes are too many", f"give at most {_MOST_SIZES}")
        twice = next((n for i, n in enumerate(sizes) if n in sizes[:i]), None)
        if twice is not None:
            raise refuse(f"{twice} is given twice", "write each size once")
        return tuple(sorted(sizes))


class Scenario(BaseModel):
    """What is taken to be otherwise than the card `mood` has it.

    **Arguments:**

    - `unblinding`: part of the blinded patients who know what they got, 0 to 1; the others believe
      by what they feel.
    - `expectation`: factor of what patients expect, in all arms.
    - `drug_effect`: factor of the drug's effect.
    """

    model_config = FROZEN

    unblinding: _Known = 0.0
    expectation: _Factor = 1.0
    drug_effect: _Factor = 1.0


Analyses = Annotated[
    tuple[Annotated[str, word(ANALYSES, listed=True)], ...], BeforeValidator(_listed)
]
"""Some of `ANALYSES`."""


_NOT_SIMULATED: Final = {
    "treatment_policy": "needs scores after a patient has left, and none are simulated",
    "delta": "needs a shift, and has no number of its own",
    **dict.fromkeys(("j2r", "cr", "cir"), "is not computed for many replicates"),
}


def _estimand(value: object) -> object:
    reason = _NOT_SIMULATED.get(value.strip().lower()) if isinstance(value, str) else None
    if reason is not None:
        raise refuse(
            f"'{str(value).strip()}' {reason}",
            "write hypothetical, or analyse the data sets of a replicate by 'ketasim analyse'",
        )
    return value


Estimands = Annotated[
    tuple[Annotated[str, word(ESTIMANDS, listed=True), BeforeValidator(_estimand)], ...],
    BeforeValidator(_listed),
]
"""Some of `ESTIMANDS`."""


def check_analyses(
    primary: Primary | None,
    given: Mapping[str, object],
    arms: Sequence[Arm],
    assessments: Sequence[Assessment],
    *,
    crossover: bool,
) -> None:
    """Refuse a primary contrast that the trial does not hold, and keys that need one.

    **Main arguments:**

    - `primary`: as read. `given`: other keys that need it, to what they hold.
    - `arms`, `assessments`: of the trial.

    **Other arguments:**

    - `crossover`: the design.

    **Raises:** `InputError` with the path of the field.
    """
    if primary is None:
        for key, value in given.items():
            if value:
                raise InputError(
                    key,
                    "there is no primary contrast that it is of",
                    "add 'primary', such as {scale: MADRS, at: 15 d, contrast: [ket, saline]}",
                )
        return
    if crossover:
        raise InputError(
            "primary",
            "the periods of a crossover are not analysed",
            "leave it out, or write 'design: parallel'",
        )
    if any(arm.withdrawal is not None or arm.branch is not None for arm in arms):
        raise InputError(
            "primary",
            "a randomised withdrawal is not analysed: its hazard ratio is in the summary",
            "leave it out, or leave 'withdrawal' out",
        )
    for key, value in given.items():
        names = cast("tuple[str, ...]", value) if isinstance(value, tuple) else ()
        if len(set(names)) < len(names):
            twice = next(one for i, one in enumerate(names) if one in names[:i])
            raise InputError(key, f"'{twice}' is named twice", "name each once")
    ids = [arm.id for arm in arms]
    for place, name in enumerate(primary.contrast):
        if name not in ids:
            raise InputError(f"primary.contrast[{place}]", f"unknown arm '{name}'", near(name, ids))
    first, second = primary.contrast
    if first == second:
        raise InputError(
            "primary.contrast", f"'{first}' is compared with itself", "name two different arms"
        )
    for name in primary.contrast:
        visits = visits_of(assessments, primary.scale, name)
        if not visits:
            known = dict.fromkeys(one.scale for one in assessments if name in one.arms)
            raise InputError(
                "primary.scale",
                f"{primary.scale} is not assessed in arm '{name}'",
                f"assess it, or {one_of(tuple(known))}" if known else "assess it",
            )
        if not _among(primary.at, visits):
            own = ", ".join(f"{time:g} h" for time in visits[:8])
            raise InputError(
                "primary.at",
                f"{primary.scale} is not assessed at {primary.at:g} h in arm '{name}'",
                f"assess it then, or give one of: {own}",
            )
    both = analysed_visits(primary, assessments)
    if len(both) > MOST_VISITS_ANALYSED:
        raise InputError(
            "primary.at",
            f"{len(both)} visits until then are too many for one mixed model",
            f"assess {primary.scale} at {MOST_VISITS_ANALYSED} visits or fewer until then",
        )


def visits_of(assessments: Sequence[Assessment], scale: str, arm: str) -> tuple[float, ...]:
    """Visits after the baseline at which an arm is rated by a scale, h, ascending."""
    times = {
        time for one in assessments if one.scale == scale and arm in one.arms for time in one.times
    }
    return tuple(sorted(times - {0.0}))


def analysed_visits(primary: Primary, assessments: Sequence[Assessment]) -> tuple[float, ...]:
    """Visits of the scale in both arms of the contrast, until that of the contrast, h."""
    first, second = (visits_of(assessments, primary.scale, name) for name in primary.contrast)
    last = primary.at * (1.0 + 1e-9)
    return tuple(time for time in first if _among(time, second) and time <= last)


def _among(time: float, visits: Sequence[float]) -> bool:
    return any(abs(time - one) < 1e-6 for one in visits)


def forms_of(
    primary: Primary | None,
    dropout: Sequence[Dropout],
    power: Power | None,
    scenario: Scenario | None,
) -> dict[str, Any]:
    """Normal form of those keys that are given."""
    form: dict[str, Any] = {}
    if primary is not None:
        own = primary.model_dump()
        form["primary"] = own | {"at": f"{primary.at!r} h", "contrast": list(primary.contrast)}
    if dropout:
        causes = [one.form() for one in dropout]
        form["dropout"] = causes[0] if len(causes) == 1 else causes
    if power is not None:
        form["power"] = {"n": list(power.n), "target": power.target}
    if scenario is not None:
        form["scenario"] = scenario.model_dump()
    return form
