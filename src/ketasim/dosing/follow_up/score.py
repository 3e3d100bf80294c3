"""Scores of rating scales that were measured in a patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from ketasim._base import InputError
from ketasim.dosing.dose import LONGEST
from ketasim.dosing.fields import FROZEN, quantity, refuse
from ketasim.dosing.follow_up.when import DAY, hours_of, read_day, read_time
from ketasim.dosing.patient import known_scale, scales
from ketasim.dosing.regimen import Regimen
from ketasim.vocabulary import Moment

MOST_SCORES: Final = 500
"""Most scores of a course: a limit against slips."""

EARLIEST: Final = 28 * DAY
"""How long before the first session a score still counts as that before treatment, h (assumed)."""

_SLIP: Final = 1e-6  # h


@dataclass(frozen=True)
class Score:
    """A score as it was measured.

    **Arguments:**

    - `time`: h from the start of the course, below 0 before it.
    - `scale`: one of `scales()`. `score`: points.
    """

    time: float
    scale: str
    score: float

    def to_dict(self, regimen: Regimen) -> dict[str, Any]:
        """The normal form, which reads back as equal in a course of the regimen."""
        day, rest = divmod(self.time, DAY)
        plain = rest == 0.0 and _at_day(day, regimen) == self.time
        when: dict[str, Any] = {"day": int(day)} if plain else {"time": f"{self.time!r} h"}
        points = int(self.score) if self.score.is_integer() else self.score
        return {**when, "scale": self.scale, "score": points}


class ScoreItem(BaseModel):
    """One entry of `scores:` in a course file.

    **Arguments:**

    - `day`: a number, 0 the start of the course, or its date in a course with a `start`. A score on
      the day of a session is before that session unless `after` says otherwise. Or
    - `date`: the same, or
    - `time`: h from the start, such as `36 h`, or a date with a clock time.
    - `scale`: such as `PHQ-9`, in any spelling. `score`: points, the total.
    - `after`: how long after the start of that day's session, such as `4 h`.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("value", "total", "points", "result"), "write it as 'score'"),
        **dict.fromkeys(("questionnaire", "instrument", "test", "name"), "write it as 'scale'"),
        **dict.fromkeys(("when", "visit", "week"), "write it as 'day', 'date' or 'time'"),
    }
    """Keys that people write, which an entry has not, to what to write."""

    day: (
        Annotated[float | Moment, BeforeValidator(read_day, json_schema_input_type=float | str)]
        | None
    ) = None
    date: (
        Annotated[float | Moment, BeforeValidator(read_day, json_schema_input_type=str)] | None
    ) = None
    time: (
        Annotated[float | Moment, BeforeValidator(read_time, json_schema_input_type=float | str)]
        | None
    ) = None
    scale: str
    score: Annotated[float, Field(strict=True, allow_inf_nan=False)]
    after: Annotated[float, quantity("h", 0, LONGEST, example="4 h")] | None = None

    @field_validator("scale")
    @classmethod
    def _known(cls, scale: str) -> str:
        return known_scale(scale)

    @model_validator(mode="after")
    def _usable(self) -> ScoreItem:
        given = [one for one in (self.day, self.date, self.time) if one is not None]
        if len(given) != 1:
            problem = "no day is given" if not given else "the day is given more than once"
            raise refuse(problem, "give one of them: 'day: 3', 'date: 2026-01-05' or 'time: 36 h'")
        if self.after is not None and self.time is not None:
            raise refuse("both time and after are given", "give 'day' with 'after', or 'time'")
        highest = scales()[self.scale]
        if not 0 <= self.score <= highest:
            raise refuse(
                f"{self.score:g}, and {self.scale} goes from 0 to {highest:g}{self._other()}",
                "check the score and its scale",
                below="score",
            )
        return self

    def _other(self) -> str:
        """Ask whether it was another scale, where the points are too many for this one alone."""
        fits = [name for name, top in scales().items() if 0 <= self.score <= top]
        return f" (is it of {' or '.join(fits[:2])}?)" if self.score > 0 and fits else ""

    def read(self, field: str, start: Moment | None, regimen: Regimen) -> Score:
        """The score with its time.

        **Arguments:**

        - `field`: path of the entry. `start`: of the course. `regimen`: what was given.

        **Raises:** `InputError`.
        """
        if self.time is not None:
            time = hours_of(self.time, start, f"{field}.time")
            return Score(time, self.scale, self.score)
        name = "day" if self.day is not None else "date"
        given = self.day if self.day is not None else self.date
        assert given is not None
        if isinstance(given, Moment):
            day = hours_of(given, start, f"{field}.{name}") / DAY
        else:
            day = given
        if self.after is None:
            return Score(_at_day(day, regimen), self.scale, self.score)
        sessions = _on_day(day, regimen)
        if not sessions:
            raise InputError(
                f"{field}.after",
                f"no session is given on day {day:g}",
                "leave 'after' out, or write 'time'",
            )
        return Score(sessions[-1] + self.after, self.scale, self.score)


def _on_day(day: float, regimen: Regimen) -> list[float]:
    """Starts of the sessions of a day, h."""
    begin = DAY * (day // 1)
    return [one for one in regimen.sessions if begin - _SLIP <= one < begin + DAY - _SLIP]


def _at_day(day: float, regimen: Regimen) -> float:
    """The time of a score of a day, h: before the first session of that day."""
    sessions = _on_day(day, regimen) if day % 1 == 0 else []
    return sessions[0] if sessions else DAY * day


def read_scores(
    items: Sequence[ScoreItem], start: Moment | None, regimen: Regimen
) -> tuple[Score, ...]:
    """Scores in the order of their times.

    **Arguments:**

    - `items`: as read. `start`: of the course. `regimen`: what was given.

    **Raises:** `InputError` for two that contradict each other, or one far before treatment.
    """
    if len(items) > MOST_SCORES:
        raise InputError("scores", f"there are {len(items):,}", f"give at most {MOST_SCORES}")
    found = [item.read(f"scores[{i}]", start, regimen) for i, item in enumerate(items)]
    known: dict[tuple[float, str], int] = {}
    for place, one in enumerate(found):
        other = known.setdefault((one.time, one.scale), place)
        if other != place:
            earlier = found[other]
            said = "twice" if earlier.score == one.score else f"{earlier.score:g} before"
            raise InputError(
                f"scores[{place}]",
                f"{one.scale} {one.score:g} on day {one.time / DAY:g} is given {said} there "
                f"(scores[{other}])"
                if earlier.score == one.score
                else f"{one.scale} {one.score:g} on day {one.time / DAY:g}, and scores[{other}] "
                f"says {earlier.score:g}",
                "leave one out, or give both their times",
            )
        _check_before(place, one, found, regimen.sessions[0])
    return tuple(sorted(found, key=lambda one: (one.time, one.scale)))


def _check_before(place: int, one: Score, every: Sequence[Score], first: float) -> None:
    """Refuse a score before the start that cannot be the one before treatment."""
    if one.time >= 0.0:
        return
    field, before = f"scores[{place}]", (first - one.time) / DAY
    if first - one.time > EARLIEST:
        raise InputError(
            field,
            f"{one.scale} {one.score:g} was rated {before:.3g} days before the first session, too "
            f"long for a score before treatment (at most {EARLIEST / DAY:g} days)",
            "leave it out, or give one nearer to the first session",
        )
    others = [o for o in every if o is not one and o.scale == one.scale and o.time <= first]
    if others:
        other = others[0]
        raise InputError(
            field,
            f"{one.scale} {one.score:g} on day {one.time / DAY:g} and {other.score:g} on day "
            f"{other.time / DAY:g} are both before treatment",
            "give one of them, the last before the first session",
        )
