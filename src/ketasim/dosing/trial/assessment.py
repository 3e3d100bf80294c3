"""What a trial measures, when, in which arms, and what counts as response and relapse."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    create_model,
    field_validator,
    model_validator,
)

from ketasim._base import InputError, near
from ketasim.dosing.dose import LONGEST
from ketasim.dosing.fields import FROZEN, Text, as_number, quantity, refuse, shortened, word
from ketasim.dosing.patient import known_scale, scales
from ketasim.dosing.people import share

METRICS: Final = (
    "score",
    "change",
    "percent_change",
    "response",
    "remission",
    "relapse",
    "no_relapse",
    "time_to_relapse",
    "sustained_response",
    "change_from_phase",
    "response_from_phase",
)
"""What can be told of a scale. `change` and `percent_change` are from baseline, those from a phase
from the rating at a randomised withdrawal."""

FROM_PHASE: Final = ("change_from_phase", "response_from_phase")
"""Metrics of those who were randomised again."""

RELAPSES: Final = ("relapse", "no_relapse", "time_to_relapse")
"""Metrics that need what counts as relapse."""

FOLLOWED: Final = (*RELAPSES, "sustained_response")
"""Metrics that follow patients from a time on, which `from` gives."""

GROUPS: Final = ("all", "responders", "remitters")
"""Who is followed: everybody, or those with response or remission at the time `from`."""

RESPONSE: Final = 0.5
"""Improvement from baseline that is a response when a trial does not say it, a fraction (lii2023,
mood/outcomes)."""

MOST_VISITS: Final = 10_000
"""Most visits of an assessment: a limit against slips of the pen."""

_SLIP = 1e-9  # relative; a span that is a whole number of intervals includes its end


def _flag(value: object) -> bool:
    if isinstance(value, str) and value.strip().lower() in ("yes", "no"):
        return value.strip().lower() == "yes"
    if not isinstance(value, bool):
        raise refuse(f"'{shortened(value)}' is not true or false", "write true or false")
    return value


Flag = Annotated[bool, BeforeValidator(_flag)]
"""True or false, and nothing that could be taken for it."""

Fraction = Annotated[
    float,
    Field(strict=True, gt=0, le=1),
    BeforeValidator(share, json_schema_input_type=float | str),
]
"""A fraction above 0, or a percentage such as `50 %`."""

Points = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False), BeforeValidator(as_number)]
"""A score of a scale."""

_Time = Annotated[float, quantity("h", 0, LONGEST, example="24 h")]


def _percent(value: object) -> object:
    """A percentage, with its sign or without."""
    if isinstance(value, str):
        fraction = share(value)
        return 100 * fraction if isinstance(fraction, float) else fraction
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1:
        raise refuse(
            f"{shortened(value)} is {shortened(value)} percent of the baseline",
            "write percent, such as 80, or '80 %'",
        )
    return value


class Relapse(BaseModel):
    """What counts as relapse: exactly one of the first three, at consecutive visits.

    **Arguments:**

    - `score_at_least`: points.
    - `percent_of_baseline_at_least`: percent of the patient's own baseline.
    - `lost_response`: true: the improvement is below what the assessment calls a response.
    - `visits`: number of consecutive visits it must hold at; 1 when left out.
    """

    model_config = FROZEN

    score_at_least: Points | None = None
    percent_of_baseline_at_least: (
        Annotated[
            float,
            Field(strict=True, gt=0, le=100),
            BeforeValidator(_percent, json_schema_input_type=float | str),
        ]
        | None
    ) = None
    lost_response: Flag | None = None
    visits: Annotated[int, Field(strict=True, ge=1, le=MOST_VISITS)] = 1

    @model_validator(mode="after")
    def _one(self) -> Relapse:
        if self.lost_response is False:
            raise refuse("'lost_response: false' defines nothing", "leave it out, or write true")
        given = [name for name in _DEFINITIONS if getattr(self, name) is not None]
        if len(given) != 1:
            what = " and ".join(given) if given else "nothing"
            raise refuse(
                f"{what} says what a relapse is", f"give exactly one of: {', '.join(_DEFINITIONS)}"
            )
        return self


_DEFINITIONS: Final = ("score_at_least", "percent_of_baseline_at_least", "lost_response")


class _Item(BaseModel):
    """An entry of `assess:`, without the key `from`, which no class body can name."""

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("visits", "visit", "days", "day", "weeks", "week", "time", "times", "timepoints"),
            "write it as 'at', a list of times with their units, such as 'at: [24 h, 15 d]'",
        ),
        **dict.fromkeys(("metric", "outcome", "endpoint", "measure"), "write it as 'metrics'"),
        "arm": "write it as 'arms', a list of ids",
    }
    """Keys that people write, which an entry has not, to what to write."""

    scale: str
    metrics: tuple[Annotated[str, word(METRICS)], ...]
    at: tuple[_Time, ...] | None = None
    arms: tuple[Text, ...] | None = None
    of: Annotated[str, word(GROUPS)] | None = None
    every: Annotated[float, quantity("h", 1e-3, LONGEST, example="1 d")] | None = None
    until: _Time | None = None
    relapse: Relapse | None = None
    response_at_least: Fraction | None = None
    remission_at_most: Points | None = None

    @field_validator("scale")
    @classmethod
    def _known(cls, scale: str) -> str:
        return known_scale(scale)


if TYPE_CHECKING:
    AssessmentItem = _Item
else:
    AssessmentItem = create_model(
        "AssessmentItem", __base__=_Item, **{"from": (_Time | None, None)}
    )


@dataclass(frozen=True)
class Assessment:
    """Visits at which a scale is rated, and what is told of it.

    **Arguments:**

    - `scale`: one of `scales()`.
    - `metrics`: some of `METRICS`.
    - `arms`: ids of the arms that are assessed.
    - `at`: times of the visits, h, ascending; empty when they are given by `every` and `until`.
    - `start`: `from` of the file: patients are followed from here, h; nothing without a metric of
      `FOLLOWED`.
    - `of`: one of `GROUPS`, decided at `start`.
    - `every`, `until`: h: a visit each interval after `start`, the last at `until` or before.
    - `relapse`: what counts as relapse.
    - `response_at_least`: improvement from baseline that is a response, a fraction.
    - `remission_at_most`: highest score that is remission, points; nothing when the trial does not
      say it.
    - `assumed`: the file does not have it: relapse after a randomised withdrawal that defines none.
    """

    scale: str
    metrics: tuple[str, ...]
    arms: tuple[str, ...]
    at: tuple[float, ...]
    start: float | None = None
    of: str = "all"
    every: float | None = None
    until: float | None = None
    relapse: Relapse | None = None
    response_at_least: float = RESPONSE
    remission_at_most: float | None = None
    assumed: bool = False

    @cached_property
    def times(self) -> tuple[float, ...]:
        """Times of the visits, h, ascending."""
        if self.every is None or self.until is None or self.start is None:
            return self.at
        start, every = self.start, self.every
        return tuple(start + every * k for k in range(1, _steps(start, every, self.until) + 1))

    @property
    def last(self) -> float:
        """Time after which nothing of the assessment is needed, h."""
        return max(self.times[-1], self.until or 0.0)

    def within(self, first: float, last: float, *, phase: bool) -> Assessment | None:
        """What is left of the assessment in a phase of an arm; nothing where nothing is.

        **Arguments:**

        - `first`, `last`: visits of the phase, h, ends included; who is followed is from its start
          or later.
        - `phase`: it is one after a randomised withdrawal.
        """
        left_out: tuple[str, ...] = () if phase else FROM_PHASE
        if self.start is None or not first <= self.start < last:
            left_out += FOLLOWED
        metrics = tuple(name for name in self.metrics if name not in left_out)
        times = tuple(time for time in self.times if first <= time <= last)
        if not metrics or not times:
            return None
        start = self.start if set(metrics) & set(FOLLOWED) else None
        return replace(self, metrics=metrics, at=times, start=start, every=None, until=None)


def assessment_of(
    item: AssessmentItem,
    field: str,
    arms: Sequence[str],
    response: float,
    remission: float | None,
) -> Assessment:
    """Make an assessment of an entry that was read.

    **Arguments:**

    - `item`: the entry.
    - `field`: its path, for errors.
    - `arms`: ids of all arms of the trial.
    - `response`, `remission`: thresholds of the trial, for entries that give none.

    **Raises:** `InputError` with the path of the field.
    """
    start: float | None = getattr(item, "from")
    made = Assessment(
        scale=item.scale,
        metrics=item.metrics,
        arms=_arms(item, field, arms),
        at=item.at or (),
        start=start,
        of=item.of or "all",
        every=item.every,
        until=item.until,
        relapse=item.relapse,
        response_at_least=item.response_at_least or response,
        remission_at_most=(remission if item.remission_at_most is None else item.remission_at_most),
    )
    _check_metrics(item, made, field)
    _check_visits(item, made, field)
    _check_relapse(made, field)
    return made


def form_of(
    assessment: Assessment, arms: Sequence[str], response: float, remission: float | None
) -> dict[str, Any]:
    """Normal form of an assessment; arguments as of `assessment_of`."""
    form: dict[str, Any] = {"scale": assessment.scale, "metrics": list(assessment.metrics)}
    if assessment.at:
        form["at"] = [f"{time!r} h" for time in assessment.at]
    if assessment.arms != tuple(arms):
        form["arms"] = list(assessment.arms)
    for key, time in (
        ("from", assessment.start),
        ("every", assessment.every),
        ("until", assessment.until),
    ):
        if time is not None:
            form[key] = f"{time!r} h"
    if assessment.of != "all":
        form["of"] = assessment.of
    if assessment.relapse is not None:
        form["relapse"] = assessment.relapse.model_dump(exclude_none=True)
    if assessment.response_at_least != response:
        form["response_at_least"] = assessment.response_at_least
    if assessment.remission_at_most != remission:
        form["remission_at_most"] = assessment.remission_at_most
    return form


def _arms(item: AssessmentItem, field: str, known: Sequence[str]) -> tuple[str, ...]:
    if item.arms is None:
        return tuple(known)
    for place, arm in enumerate(item.arms):
        if arm not in known:
            raise InputError(f"{field}.arms[{place}]", f"unknown arm '{arm}'", near(arm, known))
    if not item.arms or len(set(item.arms)) < len(item.arms):
        problem = "an arm is named twice" if item.arms else "no arm is named"
        raise InputError(f"{field}.arms", problem, "name each arm once, or leave 'arms' out")
    # the order of the arms says nothing
    return tuple(arm for arm in known if arm in item.arms)


def _check_metrics(item: AssessmentItem, made: Assessment, field: str) -> None:
    if not made.metrics or len(set(made.metrics)) < len(made.metrics):
        problem = "a metric is named twice" if made.metrics else "no metric is named"
        raise InputError(f"{field}.metrics", problem, f"name some of: {', '.join(METRICS)}")
    highest = scales()[made.scale]
    if made.remission_at_most is None:
        for key, what in (("metrics", "remission" in made.metrics), ("of", made.of == "remitters")):
            if what:
                raise InputError(
                    f"{field}.{key}",
                    f"nothing says what a remission is on {made.scale}",
                    "add it, such as 'remission_at_most: 10'",
                )
    elif made.remission_at_most > highest:
        raise InputError(
            f"{field}.remission_at_most",
            f"{made.remission_at_most:g} is not a score of {made.scale}",
            f"give 0 to {highest:g} points",
        )
    followed = [metric for metric in made.metrics if metric in FOLLOWED]
    if followed and made.start is None:
        raise InputError(
            f"{field}.from",
            f"is missing: '{followed[0]}' follows patients from a time on",
            "add it, such as 'from: 28 d'",
        )
    if not followed:
        for key in ("from", "of", "every", "until", "relapse"):
            if getattr(item, key) is not None:
                raise InputError(
                    f"{field}.{key}",
                    "no metric of the entry uses it",
                    f"leave it out, or ask for one of: {', '.join(FOLLOWED)}",
                )


def _check_visits(item: AssessmentItem, made: Assessment, field: str) -> None:
    regular = item.every is not None or item.until is not None
    if regular == (item.at is not None):
        problem = (
            "'at' and 'every' are both given" if regular else "nothing says when the visits are"
        )
        raise InputError(
            f"{field}.at", problem, "give 'at', such as [24 h, 15 d], or 'every' and 'until'"
        )
    start = -math.inf if made.start is None else made.start
    if regular:
        for key in ("every", "until"):
            if getattr(item, key) is None:
                raise InputError(f"{field}.{key}", "is missing", "give 'every' and 'until'")
        every, until = made.every or 0.0, made.until or 0.0
        if _steps(start, every, until) < 1:
            raise InputError(
                f"{field}.until",
                f"no visit comes between {start:g} h and {until:g} h",
                "give a later end or a shorter interval",
            )
        if _steps(start, every, until) > MOST_VISITS:
            raise InputError(
                f"{field}.every",
                f"there are more than {MOST_VISITS:,} visits",
                "give a longer interval",
            )
        return
    if not made.at:
        raise InputError(f"{field}.at", "there is no visit", "give at least one, such as [24 h]")
    for earlier, later in zip((start, *made.at), made.at, strict=False):
        if later <= earlier:
            what = f"'from', {earlier:g} h" if earlier == start else f"{earlier:g} h"
            raise InputError(
                f"{field}.at",
                f"{later:g} h does not come after {what}",
                "give visits in ascending order, each once, those of followed patients after "
                "'from'",
            )


def _check_relapse(made: Assessment, field: str) -> None:
    asked = [metric for metric in made.metrics if metric in RELAPSES]
    relapse = made.relapse
    if relapse is None:
        if asked:
            raise InputError(
                f"{field}.relapse",
                f"is missing: '{asked[0]}' needs what counts as relapse",
                "add it, such as 'relapse: {score_at_least: 22, visits: 2}'",
            )
        return
    if not asked:
        raise InputError(
            f"{field}.relapse",
            "no metric of the entry uses it",
            f"leave it out, or ask for one of: {', '.join(RELAPSES)}",
        )
    highest = scales()[made.scale]
    if relapse.score_at_least is not None and not 0 < relapse.score_at_least <= highest:
        raise InputError(
            f"{field}.relapse.score_at_least",
            f"{relapse.score_at_least:g} is not a score that tells relapse on {made.scale}",
            f"give more than 0 and at most {highest:g} points",
        )
    if relapse.visits > len(made.times):
        raise InputError(
            f"{field}.relapse.visits",
            f"{relapse.visits} visits are needed and there are {len(made.times)}",
            "add visits, or ask for fewer",
        )
    if relapse.lost_response and made.of == "all":
        raise InputError(
            f"{field}.of",
            "a response can only be lost by those who have one",
            "write 'of: responders' or 'of: remitters'",
        )


def _steps(start: float, every: float, until: float) -> int:
    return math.floor((until - start) / every * (1 + _SLIP))
