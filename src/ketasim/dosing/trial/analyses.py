"""How a trial is analysed, for which sizes, and under which scenario: keys of a trial file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, NamedTuple, cast

from pydantic import BaseModel, BeforeValidator, Field, field_validator

from ketasim._base import InputError, near, one_of
from ketasim.dosing.dose import LONGEST
from ketasim.dosing.fields import FROZEN, Text, as_number, quantity, refuse, shortened, word
from ketasim.dosing.patient import known_scale
from ketasim.dosing.people import Part, factor, share
from ketasim.dosing.trial.arm import Arm
from ketasim.dosing.trial.assessment import RELAPSES, Assessment
from ketasim.dosing.trial.looks import Looks, check_futility

ANALYSES: Final = ("mmrm", "ancova", "responder", "survival")
"""Analyses of a replicate."""

ESTIMANDS: Final = ("hypothetical", "treatment_policy", "j2r", "cr", "cir", "delta")
"""What is estimated of patients who leave: had they stayed; whatever follows; as in the reference
arm, from then on, all along, or by its changes; worse by some points than had they stayed."""

IMPUTED: Final = ("j2r", "cr", "cir", "delta")
"""Those of `ESTIMANDS` of which outcomes are imputed by the mixed model."""

PATTERNS: Final = ("completely_at_random", "lack_of_effect", "adverse_event")
"""Why patients leave a trial."""

MOST_VISITS_ANALYSED: Final = 20
"""Most visits of a mixed model: its covariance has half the square of their number."""

_BETWEEN: Final = re.compile(r"\s+(?:[-\u2212\u2013]|minus|vs\.?|versus)\s+|\s*[,;]\s*")  # two arms
_MOST_SIZES: Final = 20
_MOST_POINTS: Final = 60.0  # of a shift
_MOST_N: Final = 10_000
_HIGHEST: Final = 5.0  # of a factor of a scenario

_Later = Annotated[float, quantity("h", 1e-3, LONGEST, example="28 d")]
_Whole = Annotated[int, Field(strict=True, ge=2, le=_MOST_N)]


def _listed(value: object) -> object:
    """One word is a list of one."""
    return [value] if isinstance(value, str) else value


def _times(value: object) -> object:
    """A factor of a scenario."""
    found = factor(value)
    if isinstance(found, float) and not found <= _HIGHEST:
        raise refuse(f"'{shortened(value)}' is above {_HIGHEST:g}", "give a factor from 0 to 5")
    return found


def _not_all(value: object) -> object:
    """A share that is not everything; nothing is one."""
    found = share(value)
    if isinstance(found, int | float) and not isinstance(found, bool) and not 0.0 <= found < 1.0:
        raise refuse(
            f"'{shortened(value)}' is everybody or no share",
            "give one below 1, such as '20 %', or 0 where nobody leaves",
        )
    return found


_Some = Annotated[
    float,
    Field(strict=True, ge=0, lt=1),
    BeforeValidator(_not_all, json_schema_input_type=float | str),
]
_Known = Annotated[
    float,
    Field(strict=True, ge=0, le=1),
    BeforeValidator(share, json_schema_input_type=float | str),
]
_Factor = Annotated[
    float,
    Field(strict=True, ge=0, le=_HIGHEST, allow_inf_nan=False),
    BeforeValidator(_times, json_schema_input_type=float | str),
]


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
        if isinstance(value, str):
            value = [one for one in _BETWEEN.split(value.strip()) if one]
        named = cast("list[object]", value) if isinstance(value, list | tuple) else []
        if len(named) != 2:
            raise refuse("does not name two arms", "write two ids, such as [ket, saline]")
        return named


class Dropout(BaseModel):
    """A cause by which patients leave, in place of the rates of the card `mood`.

    **Arguments:**

    - `share`: of the patients, left at `by`, h, were there no other cause; 0: nobody leaves by it.
    - `pattern`: one of `PATTERNS`.
    - `arms`: ids of the arms it is of; all when left out.
    """

    model_config = FROZEN

    share: _Some
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
    alone: list[object] = [value]
    if value is None or value in ([], ()) or isinstance(value, str):
        raise refuse(
            "no cause is given" if not value else f"'{shortened(value)}' is not a cause",
            "write such as {share: 20 %, by: 28 d}, with a share of 0 where nobody leaves; left "
            "out, patients leave at the rates of the card 'mood'",
        )
    return alone if isinstance(value, Mapping | Dropout) else value


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
    target: Part = 0.8

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


Points = Annotated[
    float,
    Field(strict=True, ge=-_MOST_POINTS, le=_MOST_POINTS, allow_inf_nan=False),
    BeforeValidator(as_number),
]
"""Points that are added to a score."""


Analyses = Annotated[
    tuple[Annotated[str, word(ANALYSES, listed=True)], ...], BeforeValidator(_listed)
]
"""Some of `ANALYSES`."""


Estimands = Annotated[
    tuple[Annotated[str, word(ESTIMANDS, listed=True)], ...], BeforeValidator(_listed)
]
"""Some of `ESTIMANDS`."""


class Asked(NamedTuple):
    """What a trial says of its analyses, beside the primary contrast."""

    analysis: tuple[str, ...]
    estimands: tuple[str, ...]
    delta: float | None
    power: Power | None
    looks: Looks | None


def check_analyses(
    primary: Primary | None,
    asked: Asked,
    arms: Sequence[Arm],
    assessed: Callable[[Arm], Sequence[Assessment]],
    *,
    crossover: bool,
) -> None:
    """Refuse a primary contrast that the trial does not hold, and keys that need one.

    **Main arguments:**

    - `primary`: as read. `asked`: other keys that need it.
    - `arms`: of the trial. `assessed`: from an arm to what is assessed of it.

    **Other arguments:**

    - `crossover`: the design.

    **Raises:** `InputError` with the path of the field.
    """
    given = asked._asdict()
    if primary is None:
        for key, value in given.items():
            if value not in ((), None):
                raise InputError(
                    key,
                    "there is no primary contrast that it is of",
                    "add 'primary', such as {scale: MADRS, at: 15 d, contrast: [ket, saline]}",
                )
        return
    for key in ("analysis", "estimands"):
        names = cast("tuple[str, ...]", given[key])
        if len(set(names)) < len(names):
            twice = next(one for i, one in enumerate(names) if one in names[:i])
            raise InputError(key, f"'{twice}' is named twice", "name each once")
    if asked.delta is not None and "delta" not in asked.estimands:
        raise InputError(
            "delta", "'delta' is not among the estimands", "add it there, or leave it out here"
        )
    first, second = _compared(primary, arms)
    check_futility(asked.looks, first, second)
    analyses = tuple(dict.fromkeys((primary.analysis, *asked.analysis)))
    _check_design(primary, asked, analyses, (first, second), crossover=crossover)
    if "survival" in analyses:
        _check_relapse(primary, (first, second), assessed)
    if analyses == ("survival",):
        return
    for arm in (first, second):
        visits = visits_of(assessed(arm), primary.scale)
        if not visits:
            known = dict.fromkeys(one.scale for one in assessed(arm))
            raise InputError(
                "primary.scale",
                f"{primary.scale} is not assessed in arm '{arm.id}'",
                f"assess it, or {one_of(tuple(known))}" if known else "assess it",
            )
        _check_at(primary, visits, f"{primary.scale} is not assessed", arm)
    both = analysed_visits(primary, assessed(first), assessed(second))
    if len(both) > MOST_VISITS_ANALYSED and {"mmrm", *IMPUTED} & {*analyses, *asked.estimands}:
        raise InputError(
            "primary.at",
            f"{len(both)} visits until then are too many for one mixed model",
            f"assess {primary.scale} at {MOST_VISITS_ANALYSED} visits or fewer until then",
        )


def _compared(primary: Primary, arms: Sequence[Arm]) -> tuple[Arm, Arm]:
    """The two arms, both of the trial and not the same."""
    by_id = {arm.id: arm for arm in arms}
    for place, name in enumerate(primary.contrast):
        if name not in by_id:
            raise InputError(
                f"primary.contrast[{place}]", f"unknown arm '{name}'", near(name, list(by_id))
            )
    first, second = (by_id[name] for name in primary.contrast)
    if first.id == second.id:
        raise InputError(
            "primary.contrast", f"'{first.id}' is compared with itself", "name two different arms"
        )
    if whose(first) != whose(second):
        raise InputError(
            "primary.contrast",
            f"'{first.id}' and '{second.id}' are not randomised against each other",
            "name two arms of one randomisation",
        )
    return first, second


def whose(arm: Arm) -> str | None:
    """The arm whose patients are randomised again into one; nothing where they are enrolled."""
    return None if arm.branch is None else arm.branch.of


def _check_design(
    primary: Primary,
    asked: Asked,
    analyses: tuple[str, ...],
    pair: tuple[Arm, Arm],
    *,
    crossover: bool,
) -> None:
    """Refuse analyses and estimands that a crossover or a randomised withdrawal has not."""
    again = pair[0].branch is not None
    if not crossover and not again:
        return
    known, what = (
        (("survival",), "a randomised withdrawal is compared by the time to relapse")
        if again
        else (("mmrm",), "a crossover is compared by a mixed model of its periods")
    )
    for name in analyses:
        if name not in known:
            field = "primary.analysis" if name == primary.analysis else "analysis"
            raise InputError(field, f"'{name}': {what}", f"write '{known[0]}'")
    for name in asked.estimands:
        if name != "hypothetical":
            raise InputError("estimands", f"'{name}': {what}", "write hypothetical")


def _check_relapse(
    primary: Primary, pair: tuple[Arm, Arm], assessed: Callable[[Arm], Sequence[Assessment]]
) -> None:
    """Refuse time to relapse where no relapse is followed in both arms."""
    found = followed_relapse(primary, assessed(pair[0]), assessed(pair[1]))
    if found is None:
        names = " and ".join(f"'{arm.id}'" for arm in pair)
        field = "primary.analysis" if primary.analysis == "survival" else "analysis"
        raise InputError(
            field,
            f"'survival' is time to relapse, and none is assessed in both {names}",
            "assess it, such as {scale: MADRS, metrics: [no_relapse], from: 28 d, every: 7 d, "
            "until: 16 wk, relapse: {score_at_least: 22, visits: 2}}",
        )
    if primary.analysis == "survival":
        if found.scale != primary.scale:
            raise InputError(
                "primary.scale",
                f"relapse is assessed by {found.scale}, not by {primary.scale}",
                f"write {found.scale}, or assess relapse by {primary.scale}",
            )
        _check_at(primary, found.times, "relapse is not assessed", pair[0])


def _check_at(primary: Primary, visits: Sequence[float], what: str, arm: Arm) -> None:
    if not _among(primary.at, visits):
        own = ", ".join(map(_in_words, visits[:8]))
        raise InputError(
            "primary.at",
            f"{what} at {_in_words(primary.at)} in arm '{arm.id}'",
            f"assess it then, or give one of: {own}",
        )


def _in_words(hours: float) -> str:
    """A time as a trial file has it: days from the second on."""
    return f"{hours:g} h" if hours < 2 * 24.0 else f"{hours / 24.0:g} d"


def followed_relapse(
    primary: Primary, first: Sequence[Assessment], second: Sequence[Assessment]
) -> Assessment | None:
    """What is assessed of relapse in both arms, of the primary scale where it is; else nothing.

    **Arguments:**

    - `first`, `second`: what is assessed of each of the arms.
    """
    both = [
        one
        for one in first
        if set(one.metrics) & set(RELAPSES)
        and any(
            (other.scale, other.start, other.times) == (one.scale, one.start, one.times)
            and set(other.metrics) & set(RELAPSES)
            for other in second
        )
    ]
    return next((one for one in both if one.scale == primary.scale), both[0] if both else None)


def visits_of(assessments: Sequence[Assessment], scale: str) -> tuple[float, ...]:
    """Visits after the baseline at which a scale is rated, h, ascending."""
    times = {time for one in assessments if one.scale == scale for time in one.times}
    return tuple(sorted(times - {0.0}))


def analysed_visits(
    primary: Primary, first: Sequence[Assessment], second: Sequence[Assessment]
) -> tuple[float, ...]:
    """Visits of the scale in both arms of the contrast, until that of the contrast, h.

    **Arguments:**

    - `first`, `second`: what is assessed of each of the arms.
    """
    one, other = (visits_of(assessments, primary.scale) for assessments in (first, second))
    last = primary.at * (1.0 + 1e-9)
    return tuple(time for time in one if _among(time, other) and time <= last)


def _among(time: float, visits: Sequence[float]) -> bool:
    return any(abs(time - one) < 1e-6 for one in visits)


def forms_of(
    primary: Primary | None,
    dropout: Sequence[Dropout],
    power: Power | None,
    scenario: Scenario | None,
    looks: Looks | None = None,
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
    if looks is not None:
        form["looks"] = looks.form()
    if scenario is not None:
        form["scenario"] = scenario.model_dump()
    return form
