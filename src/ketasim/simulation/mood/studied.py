"""What was given in the arms of the published trials, as far as a course is compared with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from ketasim._base import words
from ketasim.dosing import Arm, Course, Dose, Trial, arm_details
from ketasim.dosing.patient import reference_weight
from ketasim.evidence import facts, number
from ketasim.population import USUAL_CONTROL

TABLE: Final = "mood/studied_arms"
"""The arms of the trial files, written from them."""

_DAY: Final = 24.0
_SLIP: Final = 1e-6
_TEXTS: Final = (
    *("trial", "arm", "title", "what", "drug", "route", "control"),
    *("unit", "told", "setting", "background", "source"),
)
_UNTOLD: Final = ("antidepressant", "none")  # without sessions there is nothing to be told


@dataclass(frozen=True)
class Treated:
    """An arm of a trial, or a course, as far as the two are compared.

    **Arguments:**

    - `trial`, `arm`: keys; empty of a course. `what`: is given, in words.
    - `drug`, `route`: of the first session; empty of a control. `control`: empty of a drug.
    - `days`: starts of the sessions, sham ones included.
    - `doses`: mg of base, one a session; none of a control. `unit`: in which the first was ordered,
      mg or mg/kg. `weight`: kg.
    - `told`: `open`, `blinded`, `masked` under anaesthesia, or `no sessions`.
    - `against`: controls of the blinded comparison.
    - `setting`, `background`: as of a trial's population.
    - `age`: mean, years. `n`: patients. Nothing where it is not told.
    - `title`, `source`: of the trial.
    """

    trial: str
    arm: str
    what: str
    drug: str
    route: str
    control: str
    unit: str
    days: tuple[float, ...]
    doses: tuple[float, ...]
    told: str
    against: tuple[str, ...]
    setting: str
    background: str
    weight: float
    age: float | None = None
    n: int | None = None
    title: str = field(default="", compare=False)
    source: str = field(default="", compare=False)

    @property
    def what_kind(self) -> str:
        """Drug and route in words, such as `IV ketamine`; of a control its name."""
        if self.control == "none":
            return "usual care or no treatment"
        return self.control.replace("_", " ") or f"{words.route(self.route)} {self.drug}"

    @property
    def kind(self) -> str:
        """Drug, route and what patients know, such as `open IV ketamine`."""
        return self.what_kind if self.control else f"{self.told} {self.what_kind}"

    def sessions_by(self, time: float) -> tuple[float, ...]:
        """Starts of the sessions before a time, days.

        **Arguments:**

        - `time`: h. A session that starts then is not among them.
        """
        return tuple(day for day in self.days if day * _DAY < time - _SLIP)

    def to_row(self) -> dict[str, str]:
        """Return the row of the table."""
        doses = self.doses[:1] if len(set(self.doses)) == 1 else self.doses
        return {
            "trial": self.trial,
            "arm": self.arm,
            "title": self.title,
            "what": self.what,
            "drug": self.drug,
            "route": self.route,
            "control": self.control,
            "unit": self.unit,
            "days": " ".join(f"{day:.6g}" for day in self.days),
            "doses": " ".join(f"{dose:.6g}" for dose in doses),
            "told": self.told,
            "against": ";".join(self.against),
            "setting": self.setting,
            "background": self.background,
            "weight": f"{self.weight:g}",
            "age": "" if self.age is None else f"{self.age:g}",
            "n": "" if self.n is None else str(self.n),
            "source": self.source,
        }


@cache
def studied_arms() -> Mapping[tuple[str, str], Treated]:
    """Trial and arm of every published trial that ships to what was given."""
    found: dict[tuple[str, str], Treated] = {}
    for row in facts(TABLE):
        days = _numbers(row.get("days"))
        doses = _numbers(row.get("doses"))
        weight, age = number(row.get("weight")), number(row.get("age"))
        assert weight is not None
        found[row.get("trial"), row.get("arm")] = Treated(
            **{name: row.get(name) for name in _TEXTS},
            days=days,
            doses=doses * len(days) if len(doses) == 1 else doses,
            against=row.listed("against"),
            weight=weight,
            age=age,
            n=int(row.get("n")),
        )
    return found


def of_arm(trial: Trial, arm: Arm) -> Treated:
    """What an arm of a trial is given.

    **Arguments:**

    - `trial`: with all arms. `arm`: one of them.
    """
    told = "open" if arm.open else "masked" if arm.masked else "blinded"
    if arm.control in _UNTOLD or not arm.sessions:
        told = "no sessions"
    others = [one for one in trial.arms if one.control not in (None, *_UNTOLD)]
    against = dict.fromkeys(str(one.control) for one in others if one.masked == arm.masked)
    weight = reference_weight()[0] if arm.weight is None else arm.weight.mean
    return Treated(
        trial=trial.key,
        arm=arm.id,
        what=arm_details(arm),
        **_given(arm.doses, weight),
        control=arm.control or "",
        days=tuple(time / _DAY for time in _sessions(arm)),
        told=told,
        against=tuple(against) if told in ("blinded", "masked") and arm.control is None else (),
        setting=arm.setting,
        background=arm.background,
        weight=weight,
        age=None if arm.age is None else arm.age.mean,
        n=arm.n,
        title=trial.title,
        source=trial.source or "",
    )


def _sessions(arm: Arm) -> tuple[float, ...]:
    """Sessions with the drug, h; of an arm that never gets it, those with the control."""
    starts: dict[int, float] = {}
    for dose in arm.doses:
        starts[dose.session] = min(dose.time, starts.get(dose.session, dose.time))
    return tuple(sorted(starts.values())) or arm.sessions


def of_course(course: Course, *, setting: str) -> Treated:
    """What a course gives.

    **Arguments:**

    - `course`: with a regimen. `setting`: that is simulated.
    """
    spread = None if course.population is None else course.population.weight
    weight = course.patient.weight if spread is None else spread.mean
    given = _given(course.regimen.doses, weight)
    blinded = course.mood.blinded
    return Treated(
        trial="",
        arm="",
        what="; ".join(course.regimen.describe()),
        **given,
        control="",
        days=tuple(time / _DAY for time in course.regimen.sessions),
        told="blinded" if blinded else "open",
        against=(USUAL_CONTROL[given["route"]],) if blinded else (),
        setting=setting,
        background=course.background,
        weight=weight,
        age=course.age,
    )


def _given(doses: tuple[Dose, ...], weight: float) -> dict[str, Any]:
    """Drug and route of the first dose, and mg of base of every session."""
    if not doses:
        return {"drug": "", "route": "", "unit": "", "doses": ()}
    first = min(doses, key=lambda dose: dose.time)
    amounts: dict[int, float] = {}
    for dose in doses:
        amounts[dose.session] = amounts.get(dose.session, 0.0) + dose.milligrams(weight)
    return {
        "drug": first.drug,
        "route": first.route,
        "unit": first.unit,
        "doses": tuple(amounts[session] for session in sorted(amounts)),
    }


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split()))
